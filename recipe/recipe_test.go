package recipe

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"temper/examples"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// Every mistake is named with its file, line, column and key, all of them at once, in the words of the golden files.
func TestWrong(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(filepath.Base(file), b, nil)
			var p Problems
			if !errors.As(err, &p) || len(p) == 0 {
				t.Fatalf("got %v, want problems", err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".err", []byte(p.Error()+"\n"))
		})
	}
}

// The recipe that comes with Temper is right, and what `recipe show` prints of it reads back as the same recipe.
func TestShowReadsBack(t *testing.T) {
	r, err := Parse("recipe.yaml", examples.GoDocs, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("shown.yaml", []byte(r.YAML()), nil)
	if err != nil {
		t.Fatalf("%v\nof\n%s", err, r.YAML())
	}
	if !reflect.DeepEqual(r, again) {
		t.Errorf("got\n%s\nwant\n%s", again.YAML(), r.YAML())
	}
}

// Overrides reach keys through lists by number and by step, make what is not there, and take away.
func TestSet(t *testing.T) {
	const base = "name: x\ncollect:\n  - jsonl: {root: a}\n  - text: {root: b}\nfilter:\n  - fix_text: {}\n  - language: {keep: [en]}\ntune: {base: tiny, train: {epochs: 2}}\n"
	tests := []struct {
		sets []string
		ok   func(r *Recipe) bool
	}{
		{[]string{"tune.train.lr=1e-3"}, func(r *Recipe) bool { return r.Tune.Train.LR == 1e-3 }},
		{[]string{"tune.train.epochs=", "tune.train.steps=7"}, func(r *Recipe) bool { return r.Tune.Train.Steps == 7 && r.Tune.Train.Epochs == 0 }},
		{[]string{"filter.language.min=0.9"}, func(r *Recipe) bool { return r.Filter[1].Language.Min == 0.9 }},
		{[]string{"filter.1.language.keep=[de, fr]"}, func(r *Recipe) bool { return len(r.Filter[1].Language.Keep) == 2 }},
		{[]string{"filter.language="}, func(r *Recipe) bool { return len(r.Filter) == 1 }},
		{[]string{"collect.0="}, func(r *Recipe) bool { return len(r.Collect) == 1 && r.Collect[0].Text != nil }},
		{[]string{"collect.text.split=paragraph"}, func(r *Recipe) bool { return r.Collect[1].Text.Split == "paragraph" }},
		{[]string{"tune="}, func(r *Recipe) bool { return r.Tune == nil }},
		{[]string{"gate.by=2.5%"}, func(r *Recipe) bool { return r.Gate.By == 2.5 }},
		{[]string{"tune.train.memory=1.5GiB"}, func(r *Recipe) bool { return r.Tune.Train.Memory == 3<<29 }},
	}
	for _, tt := range tests {
		r, err := Parse("r.yaml", []byte(base), tt.sets)
		if err != nil {
			t.Errorf("%v: %v", tt.sets, err)
		} else if !tt.ok(r) {
			t.Errorf("%v: got\n%s", tt.sets, r.YAML())
		}
	}
	for set, want := range map[string]string{
		"tune":                "KEY=VALUE",
		"tune.train.lrr=1":    "did you mean lr?",
		"filter.7.where=true": "no \"7\"",
		"filter.pii.action=x": "no \"pii\"",
		"name.first=x":        "has no keys",
		"tune.train.lr={":     "--set",
	} {
		if _, err := Parse("r.yaml", []byte(base), []string{set}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--set %s: got %v, want %q", set, err, want)
		}
	}
}

// Relative paths begin at the recipe's folder, addresses and names stay, $GOROOT is Go's root.
func TestLoadPaths(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GOROOT", "/go")
	file := filepath.Join(dir, "r.yaml")
	text := "name: x\ncollect:\n  - jsonl: {root: in}\n  - jsonl: {root: s3://b/k}\n  - go_doc: {root: $GOROOT/src}\n  - text: {root: /abs}\ndecontaminate: {against: [e.jsonl]}\ntune: {base: models/m.gguf}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{r.Collect[0].Root(), r.Collect[1].Root(), r.Collect[2].Root(), r.Collect[3].Root(), r.Decontaminate.Against[0], r.Tune.Base}
	want := []string{dir + "/in", "s3://b/k", "/go/src", "/abs", dir + "/e.jsonl", dir + "/models/m.gguf"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := Load(filepath.Join(dir, "none.yaml"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// The schema that editors read is the one these structs make.
func TestSchema(t *testing.T) {
	b, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "../docs/recipe.schema.json", b)
}

// No document panics, and one that is taken is shown as a document that is taken and shown alike.
func FuzzParse(f *testing.F) {
	f.Add(examples.GoDocs, "tune.train.lr=1")
	files, _ := filepath.Glob("testdata/wrong/*.yaml")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "a.b=c")
	}
	f.Fuzz(func(t *testing.T, b []byte, set string) {
		r, err := Parse("f.yaml", b, []string{set})
		if err != nil {
			if err.Error() == "" {
				t.Error("an error that says nothing")
			}
			return
		}
		shown := r.YAML()
		again, err := Parse("shown.yaml", []byte(shown), nil)
		if err != nil {
			t.Fatalf("%v\nof\n%s", err, shown)
		}
		if again.YAML() != shown {
			t.Errorf("got\n%s\nwant\n%s", again.YAML(), shown)
		}
	})
}
