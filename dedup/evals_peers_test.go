package dedup

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"temper/dataset"
)

// shared is a file or folder of the shared data, or the test is skipped.
func shared(t testing.TB, path ...string) string {
	t.Helper()
	dir := os.Getenv("TEMPER_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	full := filepath.Join(append([]string{dir}, path...)...)
	if _, err := os.Stat(full); err != nil {
		t.Skip("set TEMPER_SHARED to the folder of the shared data: ", err)
	}
	return full
}

// rows reads JSONL, compressed or not.
func rows(t testing.TB, path string) []dataset.Record {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := dataset.Decompress(path, f)
	if err != nil {
		t.Fatal(err)
	}
	var out []dataset.Record
	for rec, err := range dataset.ReadJSONL(r, dataset.Source{URI: filepath.Base(path)}, nil) {
		if err != nil {
			t.Fatal(path, err)
		}
		out = append(out, rec)
	}
	return out
}

func files(t testing.TB, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatal(pattern, err)
	}
	return names
}

// prose are texts that no evaluation is in: 2,500 collections of news, less those that are there to be found, and Go's own files.
func prose(t testing.TB) []dataset.Record {
	t.Helper()
	return articles(t, 2500)
}

var every = flag.Int("every", 8, "TestBundledEvals takes each so many-th item; 1 takes all")

// TestBundledEvals: an item of decon's bundled evaluations, of HumanEval and of GSM8K that is put into prose is found, those of
// a few words too; and of prose alone, nearly none. It takes one item in eight, or all with -every 1.
func TestBundledEvals(t *testing.T) {
	if testing.Short() {
		t.Skip("86,000 items")
	}
	var items []dataset.Record
	sets := map[string][]dataset.Record{}
	paths := append(files(t, filepath.Join(shared(t, "decon", "bundled-evals"), "*.gz")), shared(t, "evals", "HumanEval.jsonl.gz"), shared(t, "evals", "gsm8k_test.jsonl"))
	for _, path := range paths {
		name, _, _ := strings.Cut(filepath.Base(path), "-")
		for i, rec := range rows(t, path) {
			if i%max(1, *every) != 0 {
				continue
			}
			rec.ID = filepath.Base(path) + "/" + rec.ID
			sets[name] = append(sets[name], rec)
			items = append(items, rec)
		}
	}
	e, err := NewEvals(all(items), Decontaminate{Against: []string{"all"}})
	if err != nil {
		t.Fatal(err)
	}
	around := prose(t)
	r := rand.New(rand.NewPCG(1, 2))
	names := make([]string, 0, len(sets))
	for name := range sets {
		names = append(names, name)
	}
	slices.Sort(names)
	total, found := 0, 0
	for _, name := range names {
		there, missed := 0, []string{}
		for _, rec := range sets[name] {
			question, answer, passage := partsOf(rec)
			if len(wordSpans(question)) < 5 && len(wordSpans(answer)) == 0 {
				continue
			}
			before, after := around[r.IntN(len(around))].Text, around[r.IntN(len(around))].Text
			planted := before[:min(len(before), 300)] + "\n" + strings.Join([]string{passage, question, answer}, "\n") + "\n" + after[:min(len(after), 300)]
			there++
			if len(e.scan(strings.ToValidUTF8(planted, ""), false)) == 0 {
				missed = append(missed, question+" | "+answer)
			}
		}
		t.Logf("%s: %d of %d items found in prose", name, there-len(missed), there)
		if len(missed) > 0 {
			t.Errorf("%s: missed %d, the first %.300q", name, len(missed), missed[0])
		}
		total, found = total+there, found+there-len(missed)
	}
	t.Logf("all: %d of %d, %d skipped", found, total, e.Skipped())
	for what, clean := range map[string][]dataset.Record{"news": around, "Go's files": goFiles(t), "Toolformer's rows": toolformer(t)} {
		texts, words, hits := 0, 0, []string{}
		for i := 0; i < len(clean); i += max(1, *every) {
			rec := clean[i]
			texts++
			words += len(wordSpans(textOf(rec)))
			for _, m := range e.scan(textOf(rec), false) {
				hits = append(hits, m.String())
			}
		}
		t.Logf("%s: %d of %d texts of %d words hold an item", what, len(hits), texts, words)
		for _, h := range hits {
			t.Log(h)
		}
		if len(hits) > 1+texts/2000 {
			t.Errorf("%s: %d of %d texts are said to hold an item", what, len(hits), texts)
		}
	}
}

func goFiles(t testing.TB) []dataset.Record {
	recs, _ := sources(t)
	return recs
}

func toolformer(t testing.TB) []dataset.Record {
	b, err := os.ReadFile(shared(t, "toolformer-dedup", "toolformer-dedupe-only.json"))
	if err != nil {
		t.Fatal(err)
	}
	var raw []map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	var out []dataset.Record
	for i, fields := range raw {
		rec, err := dataset.ReadObject(fields, dataset.Source{URI: "toolformer", Offset: int64(i)})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rec)
	}
	return out
}
