package dataset_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"temper/dataset"
	"temper/internal/store"
)

var update = flag.Bool("update", false, "rewrite golden files")

func rowsOf(from, n int, verdict *dataset.Check) []dataset.Row {
	var rows []dataset.Row
	for i := from; i < from+n; i++ {
		rows = append(rows, dataset.Row{Record: dataset.Record{ID: fmt.Sprintf("r%d", i), Text: fmt.Sprintf("Text number %d.", i), Meta: dataset.Meta{"kind": "doc"},
			Source: dataset.Source{URI: "a.txt", Offset: int64(i), Length: 9, License: "MIT"}}, Signals: dataset.Signals{"words": float64(i), "language": "en"}, Verdict: verdict})
	}
	return rows
}

func putRows(t *testing.T, s dataset.Store, rows []dataset.Row) dataset.Ref {
	t.Helper()
	ref, err := dataset.PutBlob(t.Context(), s, ".parquet", func(w io.Writer) (int64, error) {
		return dataset.WriteRows(w, func(yield func(dataset.Row, error) bool) {
			for _, r := range rows {
				if !yield(r, nil) {
					return
				}
			}
		}, dataset.ParquetOptions{})
	})
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func publication(t *testing.T, s dataset.Store, rows int) dataset.Publication {
	return dataset.Publication{Name: "set", Recipe: "{}", Stages: []string{"k1", "k2"},
		Splits: []dataset.SplitRefs{
			{Name: "train", Refs: []dataset.Ref{putRows(t, s, rowsOf(0, rows, nil)), putRows(t, s, rowsOf(100, 5, nil))}},
			{Name: "test", Refs: []dataset.Ref{putRows(t, s, rowsOf(200, 2, nil))}}},
		Rejects: []dataset.Ref{putRows(t, s, rowsOf(300, 3, &dataset.Check{Rule: "words", Value: 1, Op: ">=", Threshold: 5, Drop: true}))}}
}

func keys(t *testing.T, s dataset.Store, prefix string) map[string]dataset.Info {
	t.Helper()
	m := map[string]dataset.Info{}
	for info, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		m[info.Key] = info
	}
	return m
}

// TestPublish: what is published is listed, verified and read back; the same input is the same version, written once.
func TestPublish(t *testing.T) {
	s := store.NewMem()
	m, err := dataset.Publish(t.Context(), s, publication(t, s, 4))
	if err != nil {
		t.Fatal(err)
	}
	if m.Records != 11 || len(m.Version) != 12 || m.Splits[0].Records != 9 || m.Splits[1].Records != 2 || m.Rejects[0].Records != 3 {
		t.Errorf("manifest: %+v", m)
	}
	dir := dataset.DatasetDir(m.Name, m.Version)
	before := keys(t, s, "datasets/")
	for _, path := range []string{"data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet", "rejects/rejects-00000-of-00001.parquet",
		"README.md", "stats.json", "manifest.json"} {
		if _, ok := before[dir+"/"+path]; !ok {
			t.Errorf("%s is not there", path)
		}
	}
	if again, err := dataset.Publish(t.Context(), s, publication(t, s, 4)); err != nil || cmp.Diff(m, again) != "" {
		t.Errorf("again: %v %s", err, cmp.Diff(m, again))
	}
	if d := cmp.Diff(before, keys(t, s, "datasets/")); d != "" {
		t.Errorf("the second time changed the store:\n%s", d)
	}
	other, err := dataset.Publish(t.Context(), s, publication(t, s, 5))
	if err != nil || other.Version == m.Version {
		t.Errorf("one row more: version %s, %v", other.Version, err)
	}
	if newest, err := dataset.LoadManifest(t.Context(), s, "set", ""); err != nil || newest.Version != other.Version {
		t.Errorf("newest: %s, %v, want %s", newest.Version, err, other.Version)
	}
	if list, err := dataset.ListDatasets(t.Context(), s); err != nil || len(list) != 2 {
		t.Errorf("list: %d, %v", len(list), err)
	}
	loaded, err := dataset.LoadManifest(t.Context(), s, "set", m.Version)
	if err != nil || cmp.Diff(m, loaded) != "" {
		t.Errorf("load: %v %s", err, cmp.Diff(m, loaded))
	}
	stats, err := dataset.LoadStats(t.Context(), s, dir)
	if err != nil || stats.Splits["train"].Records != 9 || stats.Splits["rejects"].Reasons["words"] != 3 {
		t.Errorf("stats: %+v, %v", stats, err)
	}
	var got []string
	for row, err := range dataset.DatasetRows(t.Context(), s, dir, m.Splits[0].Files) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row.ID)
	}
	if want := "r0 r1 r2 r3 r100 r101 r102 r103 r104"; strings.Join(got, " ") != want {
		t.Errorf("rows %s, want %s", got, want)
	}
}

// TestVerifyDataset: a changed, a cut and a missing file are all named.
func TestVerifyDataset(t *testing.T) {
	s := store.NewMem()
	m, err := dataset.Publish(t.Context(), s, publication(t, s, 4))
	if err != nil {
		t.Fatal(err)
	}
	dir := dataset.DatasetDir(m.Name, m.Version)
	if err := dataset.VerifyDataset(t.Context(), s, dir, m); err != nil {
		t.Fatal(err)
	}
	key := func(f dataset.File) string { return dir + "/" + f.Path }
	train, test, rejects := m.Splits[0].Files[0], m.Splits[1].Files[0], m.Rejects[0]
	for k, body := range map[string]string{key(train): strings.Repeat("x", int(train.Bytes)), key(test): "short"} {
		if _, err := s.Put(t.Context(), k, strings.NewReader(body), int64(len(body))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete(t.Context(), key(rejects)); err != nil {
		t.Fatal(err)
	}
	err = dataset.VerifyDataset(t.Context(), s, dir, m)
	if !errors.Is(err, dataset.ErrMalformed) || !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	for _, f := range []dataset.File{train, test, rejects} {
		if !strings.Contains(err.Error(), f.Path) {
			t.Errorf("%s is not named in %v", f.Path, err)
		}
	}
}

// TestManifestStaysInside: a manifest cannot name files outside of its folder, nor a name one outside of the store.
func TestManifestStaysInside(t *testing.T) {
	s := store.NewMem()
	doc := []byte(`{"schema_version":1,"name":"x","version":"v","splits":[{"name":"train","files":[{"path":"../../secret"}]}]}`)
	if _, err := s.PutIf(t.Context(), "datasets/x/v/manifest.json", doc, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := dataset.LoadManifest(t.Context(), s, "x", "v"); !errors.Is(err, dataset.ErrMalformed) {
		t.Errorf("got %v, want ErrMalformed", err)
	}
	for _, name := range []string{"", "..", "a/b", "a b", strings.Repeat("n", 101)} {
		if _, err := dataset.LoadManifest(t.Context(), s, name, "v"); err == nil {
			t.Errorf("name %q: no error", name)
		}
		if _, err := dataset.Publish(t.Context(), s, dataset.Publication{Name: name}); err == nil {
			t.Errorf("publish %q: no error", name)
		}
	}
}

// TestWriteDataset: a dataset folder on disk has the files of a published version and nothing else, and its card is as it was.
func TestWriteDataset(t *testing.T) {
	from := store.NewMem()
	dir := t.TempDir()
	to, err := store.NewDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := publication(t, from, 4)
	m, err := dataset.WriteDataset(t.Context(), from, to, "out", p)
	if err != nil {
		t.Fatal(err)
	}
	if err := dataset.VerifyDataset(t.Context(), to, "out", m); err != nil {
		t.Error(err)
	}
	var files []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(dir, path); !d.IsDir() {
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	want := []string{"out/README.md", "out/data/test-00000-of-00001.parquet", "out/data/train-00000-of-00001.parquet", "out/manifest.json",
		"out/rejects/rejects-00000-of-00001.parquet", "out/stats.json"}
	if d := cmp.Diff(want, files); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	for _, name := range []string{"README.md", "stats.json", "manifest.json"} {
		golden(t, name, filepath.Join(dir, "out", name))
	}
	if _, err := dataset.WriteDataset(t.Context(), from, to, "out", publication(t, from, 5)); !errors.Is(err, dataset.ErrConflict) {
		t.Errorf("over another dataset: got %v, want ErrConflict", err)
	}
}

// TestWriteDatasetAtTop: a dataset can be a store's whole content.
func TestWriteDatasetAtTop(t *testing.T) {
	from, to := store.NewMem(), store.NewMem()
	m, err := dataset.WriteDataset(t.Context(), from, to, "", publication(t, from, 4))
	if err != nil {
		t.Fatal(err)
	}
	if err := dataset.VerifyDataset(t.Context(), to, "", m); err != nil {
		t.Error(err)
	}
	if got, err := dataset.ReadManifest(t.Context(), to, ""); err != nil || got.Version != m.Version {
		t.Errorf("read back: version %q, %v; want %q", got.Version, err, m.Version)
	}
}

// TestEmptySplits: a split without rows has a file with columns, and is not in the card, where it would make the rest unreadable.
func TestEmptySplits(t *testing.T) {
	s := store.NewMem()
	p := publication(t, s, 4)
	p.Splits[1].Refs, p.Rejects = nil, nil
	m, err := dataset.Publish(t.Context(), s, p)
	if err != nil {
		t.Fatal(err)
	}
	dir := dataset.DatasetDir(m.Name, m.Version)
	if err := dataset.VerifyDataset(t.Context(), s, dir, m); err != nil || len(m.Splits[1].Files) != 1 {
		t.Errorf("%d files, %v", len(m.Splits[1].Files), err)
	}
	obj, err := s.Open(t.Context(), dir+"/README.md")
	if err != nil {
		t.Fatal(err)
	}
	card, err := io.ReadAll(io.NewSectionReader(obj, 0, obj.Info().Size))
	if head, _, _ := strings.Cut(string(card), "\n---\n"); err != nil || strings.Contains(head, "data/test") || strings.Contains(head, "rejects") || !strings.Contains(head, "data/train") {
		t.Errorf("%v, front matter:\n%s", err, head)
	}
}

// golden compares a file with testdata/<name>.
func golden(t *testing.T, name, path string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s: want -, got + (go test -update rewrites it):\n%s", name, d)
	}
}
