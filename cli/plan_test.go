package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"temper/activities"
	"temper/internal/store"
	"temper/workflows"
)

// planRecipe is a run of every kind of stage over files of src, with a training of a second.
const planRecipe = `
name: small
collect:
  - jsonl: {root: src}
filter:
  - fix_text: {}
  - where: "words > 5"
dedup:
  - exact: {}
  - near: {}
decontaminate: {against: [eval.jsonl]}
synthesize:
  - pairs: {templates: [{name: about, ask: ["What is {{.title}}?"], answer: "{{.summary}}"}]}
  - questions_from_text: {records: 2, max_tokens: 8, max_text: 150, model: {base: self}}
split: {test: 20%}
tune: {base: tiny, lora: {rank: 2}, train: {steps: 2, sequence: 128, batch: 1}}
`

// planWorld writes the recipe and its files and returns their folder.
func planWorld(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	t.Setenv("HOME", dir)
	for _, name := range []string{"TEMPER_STORE", "TEMPER_DIR", "TEMPER_MODELS"} {
		t.Setenv(name, "")
	}
	write(t, filepath.Join(dir, "recipe.yaml"), planRecipe)
	write(t, filepath.Join(dir, "eval.jsonl"), `{"question": "How many litres of water does the old mill by the river move in one long hour of work?", "answer": "four hundred"}`+"\n")
	for f := range 3 {
		var b strings.Builder
		for i := f * 20; i < f*20+20; i++ {
			text := ""
			for j := range 20 {
				text += fmt.Sprintf("Word %d of document %d says %d. ", j, i, (j*7+i*13)%101)
			}
			fmt.Fprintf(&b, `{"text": %q, "title": "document %d", "summary": "Document %d has twenty sentences about words."}`+"\n", text, i, i)
		}
		write(t, filepath.Join(dir, "src", fmt.Sprintf("%d.jsonl", f)), b.String())
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// runAll runs the recipe as a worker does, on the store in dir.
func runAll(t *testing.T, dir string) workflows.PipelineResult {
	t.Helper()
	in, err := Compile(filepath.Join(dir, "recipe.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.NewDir(filepath.Join(dir, "store"))
	if err != nil {
		t.Fatal(err)
	}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(2 * time.Minute)
	workflows.Register(env)
	env.RegisterActivity(&activities.Activities{Store: s, Sources: sources{}, Scratch: t.TempDir(), Threads: 1})
	env.ExecuteWorkflow(workflows.Pipeline, in)
	var out workflows.PipelineResult
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// plan runs the command and returns the stages by name.
func plan(t *testing.T, dir string, more ...string) map[string]activities.Planned {
	t.Helper()
	var out, stderr bytes.Buffer
	args := append([]string{"plan", filepath.Join(dir, "recipe.yaml"), "--store", filepath.Join(dir, "store"), "--json"}, more...)
	if status := Run(args, nil, &out, &stderr); status != done {
		t.Fatalf("%v: status %d: %s", args, status, stderr.String())
	}
	var p planView
	if err := json.Unmarshal(out.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if p.Unseen != "" {
		t.Fatal(p.Unseen)
	}
	stages := map[string]activities.Planned{}
	for _, s := range p.Stages {
		stages[s.Name] = s
	}
	return stages
}

// snapshot is the names and sizes of all files below dir.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&b, path, info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPlanAgreesWithRuns: what a run has done is cached in the plan, with the run's counts; a change makes the stages that depend on it
// to run, and no other; and planning leaves the store as it was.
func TestPlanAgreesWithRuns(t *testing.T) {
	dir := planWorld(t)
	if err := os.MkdirAll(filepath.Join(dir, "store"), 0o755); err != nil {
		t.Fatal(err)
	}
	before := plan(t, dir)
	for name, s := range before {
		if s.State != activities.StateToRun {
			t.Errorf("before: %s is %s", name, s.State)
		}
	}
	ran := runAll(t, dir)
	files := snapshot(t, filepath.Join(dir, "store"))

	after := plan(t, dir)
	for _, name := range []string{"base", "collect", "score", "filter", "exact", "sign", "cluster", "near", "decontaminate", "pairs", "questions_from_text",
		"split", "tokenize train", "tokenize test", "train", "evaluate base", "evaluate challenger", "evaluate champion", "answers"} {
		if s := after[name]; s.State != activities.StateCached {
			t.Errorf("after: %s is %q", name, s.State)
		}
	}
	for _, r := range ran.Stages {
		s, ok := after[r.Name]
		if ok && r.Name != "train" && r.Name != "base" && r.Name != "answers" && (s.Out != activities.Expected{N: r.Counts.Out, Bound: activities.Exactly}) {
			t.Errorf("%s: %d rows came out, planned %+v", r.Name, r.Counts.Out, s.Out)
		}
		if !ok && r.Name != "gate" {
			t.Errorf("%s ran and is not in the plan", r.Name)
		}
	}

	changes := []struct {
		name, set string
		same, new []string
	}{
		{"a threshold", `filter.where=words > 7`, []string{"collect", "score"}, []string{"filter", "exact", "split", "train", "answers"}},
		{"a step", "filter.fix_text.normalize=none", []string{"collect"}, []string{"score", "filter", "train"}},
		{"the learning rate", "tune.train.lr=1e-3", []string{"near", "split", "tokenize train", "evaluate base"}, []string{"train", "evaluate challenger"}},
		{"what no key has", "tune.train.memory=8GiB", []string{"train", "answers"}, nil},
	}
	for _, c := range changes {
		now := plan(t, dir, "--set", c.set)
		for _, name := range c.same {
			if now[name].State != activities.StateCached {
				t.Errorf("%s changed: %s is %s", c.name, name, now[name].State)
			}
		}
		for _, name := range c.new {
			if now[name].State != activities.StateToRun {
				t.Errorf("%s changed: %s is %s", c.name, name, now[name].State)
			}
		}
	}
	if at := plan(t, dir, "--set", "filter.where=words > 7")["filter"].Out; (at != activities.Expected{N: 60, Bound: activities.AtMost}) {
		t.Errorf("a threshold changed: rows out %+v, want at most 60", at)
	}
	if train := plan(t, dir, "--set", "tune.train.lr=1e-3")["train"]; train.Seconds == nil || *train.Seconds <= 0 || train.Tokens.N != 256 {
		t.Errorf("a training like one that was made: %+v", train)
	}
	if snapshot(t, filepath.Join(dir, "store")) != files {
		t.Error("planning changed the store")
	}
}
