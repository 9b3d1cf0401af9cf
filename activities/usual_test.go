package activities

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"temper/dataset"
	"temper/filter"
	"temper/filter/ngram"
	"temper/internal/store"
)

// usualFile writes a model that knows number texts.
func usualFile(t *testing.T, file string, number int) {
	t.Helper()
	var scratch [2]*os.File
	for i := range scratch {
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		scratch[i] = f
	}
	tr := ngram.NewTrainer(ngram.Options{Order: 2, Held: 3}, scratch[0], scratch[1])
	for i := range number {
		if err := tr.Add(fmt.Sprintf("The boat of number %d lies in the harbour.", i)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := tr.Fit()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestPerplexityStage: what an n-gram model holds is part of a stage's key, where it lies is not; a model that is missing or broken
// ends the run at once; a look finds what is done.
func TestPerplexityStage(t *testing.T) {
	w := newWorld(t, store.NewMem())
	shard, err := w.a.putRows(t.Context(), all([]dataset.Row{{Record: dataset.Record{ID: "a", Text: "The boat lies in the harbour."}}}))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	first, same, other := filepath.Join(dir, "a.ngram"), filepath.Join(dir, "b.ngram"), filepath.Join(dir, "c.ngram")
	usualFile(t, first, 30)
	usualFile(t, same, 30)
	usualFile(t, other, 40)
	in := func(file string) FilterInput {
		return FilterInput{Shard: shard, Steps: []filter.Step{{Perplexity: &filter.Perplexity{File: file, Max: 1000}}}}
	}
	if _, err := LookUp(w.a).Score(t.Context(), in(first)); !errors.Is(err, ErrNotDone) {
		t.Errorf("looked up before: %v", err)
	}
	done := must(w, w.a.Score, in(first))
	for note, err := range dataset.BlobNotes(t.Context(), w.a.store(), done.Out("notes")) {
		if v, _ := note.Signals["perplexity"].(float64); err != nil || !(v > 1 && v < 1000) {
			t.Errorf("signals %v, %v", note.Signals, err)
		}
	}
	if again := must(w, w.a.Score, in(same)); !again.Cached || again.Key != done.Key {
		t.Errorf("the same model elsewhere: cached %v", again.Cached)
	}
	if looked, err := LookUp(w.a).Score(t.Context(), in(first)); err != nil || looked.Key != done.Key {
		t.Errorf("looked up after: %v", err)
	}
	if fresh := must(w, w.a.Score, in(other)); fresh.Cached || fresh.Key == done.Key {
		t.Error("another model gives the same stage")
	}
	usualFile(t, first, 40)
	if fresh := must(w, w.a.Score, in(first)); !fresh.Cached || fresh.Key == done.Key {
		t.Error("a file that changed is not read again")
	}
	if err := os.WriteFile(other, []byte("no model"), 0o644); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{other: TypeInput, filepath.Join(dir, "none"): TypeMissing} {
		_, err := do(w, w.a.Score, in(file))
		if k, again := kind(err); k != want || again {
			t.Errorf("%s: kind %q, retried %v: %v", filepath.Base(file), k, again, err)
		}
	}
}
