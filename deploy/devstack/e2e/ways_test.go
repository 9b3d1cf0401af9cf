package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"temper/cli"
	"temper/dataset"
	"temper/deploy/devstack/stack"
	"temper/worker"
	"temper/workflows"
)

// waysRecipe drops rows by a filter, as equal and as near ones, and mends some.
const waysRecipe = `name: ways
collect: [{jsonl: {root: rows.jsonl}}]
filter: [{fix_text: {}}, {where: "words > 70"}]
dedup: [{exact: {}}, {near: {similarity: 0.7}}]
split: {test: 10%}
`

// TestThreeWays: the same recipe keeps the same rows, with the same IDs and texts, as engines on files, as a workflow with one worker,
// and as one with seven workers and fifteen times as many tasks.
func TestThreeWays(t *testing.T) {
	dir := t.TempDir()
	rows, recipe := filepath.Join(dir, "rows.jsonl"), filepath.Join(dir, "recipe.yaml")
	plant(t, rows, 2000, 1)
	f, err := os.OpenFile(rows, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	mended := strings.Repeat("itâ€™s ten words of a row that is mended here ", 8)
	for range 2 { // equal once they are mended
		if err := json.NewEncoder(f).Encode(map[string]string{"text": mended}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recipe, []byte(waysRecipe), 0o644); err != nil {
		t.Fatal(err)
	}
	want := byEngines(t, dir, recipe)
	if len(want) < 500 || len(want) > 1500 || !slices.ContainsFunc(want, func(s string) bool { return strings.Contains(s, "it\u2019s ten words") }) {
		t.Fatalf("%d rows are kept of 2002", len(want))
	}
	for _, workers := range []int{1, 7} {
		in, err := cli.Compile(recipe, nil)
		if err != nil {
			t.Fatal(err)
		}
		if workers > 1 {
			in.Curate.Collect[0].TaskBytes = 100 << 10
		}
		scratch := t.TempDir()
		_, at := stackAt(t, t.TempDir())
		for range workers {
			workerAt(t, at, scratch, "", 0)
		}
		begin(t, at, "run", in)
		if got := published(t, at); !slices.Equal(got, want) {
			t.Errorf("%d workers keep %d rows, engines %d, and not the same", workers, len(got), len(want))
		}
	}
}

// byEngines is what temper's commands keep, one after the other, each on the files of the one before: IDs and texts, sorted.
func byEngines(t *testing.T, dir, recipe string) (kept []string) {
	t.Helper()
	raw, clean, unique := filepath.Join(dir, "raw"), filepath.Join(dir, "clean"), filepath.Join(dir, "unique.jsonl")
	for _, args := range [][]string{
		{"collect", "-r", recipe, "-o", raw}, {"filter", "-r", recipe, raw, "-o", clean}, {"dedup", "--exact", "--near", "0.7", clean, "-o", unique},
	} {
		var said bytes.Buffer
		if status := cli.Run(args, strings.NewReader(""), &said, &said); status != 0 {
			t.Fatalf("%v: status %d\n%s", args, status, said.Bytes())
		}
	}
	b, err := os.ReadFile(unique)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var row struct{ ID, Text string }
		if err := json.Unmarshal(line, &row); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, row.ID+" "+row.Text)
	}
	slices.Sort(kept)
	return kept
}

// published is what a run has published: IDs and texts, sorted.
func published(t *testing.T, at stack.Info) (kept []string) {
	t.Helper()
	ctx := t.Context()
	s, err := openStore(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	c, err := worker.Dial(ctx, at.Temporal, at.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var r workflows.PipelineResult
	if err := c.GetWorkflow(ctx, "run", "").Get(ctx, &r); err != nil {
		t.Fatal(err)
	}
	m, err := dataset.LoadManifest(ctx, s, r.Dataset.Name, r.Dataset.Version)
	if err != nil {
		t.Fatal(err)
	}
	for _, split := range m.Splits {
		for row, err := range dataset.DatasetRows(ctx, s, dataset.DatasetDir(m.Name, m.Version), split.Files) {
			if err != nil {
				t.Fatal(err)
			}
			kept = append(kept, row.ID+" "+row.Text)
		}
	}
	slices.Sort(kept)
	return kept
}
