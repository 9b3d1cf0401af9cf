package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"iter"
	"strings"
	"testing"

	"temper/collect"
	"temper/dataset"
	"temper/internal/store"
)

// fleeting are sources that another look finds changed, or gone.
type fleeting struct {
	texts map[string]string
	store dataset.Store
}

func (f *fleeting) List(_ context.Context, root string) iter.Seq2[collect.FileInfo, error] {
	return func(yield func(collect.FileInfo, error) bool) {
		yield(collect.FileInfo{URI: root, Size: int64(len(f.texts[root]))}, nil)
	}
}

func (f *fleeting) Open(ctx context.Context, uri string) (dataset.Object, error) {
	text, ok := f.texts[uri]
	if !ok {
		return nil, fs.ErrNotExist
	}
	if _, err := f.store.Put(ctx, "o", strings.NewReader(text), int64(len(text))); err != nil {
		return nil, err
	}
	return f.store.Open(ctx, "o")
}

func (f *fleeting) Ask(context.Context, collect.SQL) (collect.FileInfo, error) {
	text := "{\"text\":\"a row\"}\n"
	sum := sha256.Sum256([]byte(text))
	uri := collect.RowsScheme + hex.EncodeToString(sum[:])
	f.texts[uri] = text
	return collect.FileInfo{URI: uri, Size: int64(len(text))}, nil
}

// TestKept: the rows of a query, and what the web had when a run was planned, are read from the store by whichever worker reads them,
// whatever is there by then; a plan that only looks up keeps nothing.
func TestKept(t *testing.T) {
	const web = "https://host/a.jsonl"
	for name, s := range map[string]collect.Source{"web": {JSONL: &collect.JSONL{Root: web}}, "sql": {SQL: &collect.SQL{Connection: "A", Query: "SELECT 1"}}} {
		files := &fleeting{texts: map[string]string{web: "{\"text\":\"a row\"}\n"}, store: store.NewMem()}
		w := newWorld(t, store.NewMem())
		w.a.Sources = files
		looked, err := LookUp(w.a).PlanCollect(t.Context(), PlanInput{Source: s})
		if err != nil {
			t.Fatal(err)
		}
		if n := blobs(t, w.a.Store); n != 0 {
			t.Errorf("%s: looking up stored %d blobs", name, n)
		}
		plan := must(w, w.a.PlanCollect, PlanInput{Source: s})
		if plan != looked {
			t.Errorf("%s: the plan is %+v, looked up %+v", name, plan, looked)
		}
		files.texts = map[string]string{web: "{\"text\":\"another\"}\n"}
		r := must(w, w.a.Collect, CollectInput{Plan: plan.Plan})
		for rec, err := range dataset.BlobRecords(t.Context(), w.a.Store, r.Out("records")) {
			if err != nil || rec.Text != "a row" {
				t.Errorf("%s: %q, %v", name, rec.Text, err)
			}
		}
		if r.Counts.Out != 1 {
			t.Errorf("%s: %+v", name, r.Counts)
		}
	}
}

// blobs counts what is on a store.
func blobs(t *testing.T, s dataset.Store) (n int) {
	for _, err := range s.List(t.Context(), "") {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	return n
}
