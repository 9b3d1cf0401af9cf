package collect

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"temper/dataset"
)

var update = flag.Bool("update", false, "write the golden files anew")

// folder writes files by name below a new folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// archive reads the files of a txtar file.
func archive(t *testing.T, name string) map[string]string {
	t.Helper()
	a, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	return files
}

// A failer is a test, or a rapid.T.
type failer interface {
	Helper()
	Fatal(args ...any)
}

// What a source gives.
type reading struct {
	Records []dataset.Record
	Bad     []dataset.Bad
}

// read plans a source in tasks of taskBytes and reads them all.
func read(tb failer, s Source, taskBytes int64) reading {
	tb.Helper()
	return readFrom(tb, Local{}, s, taskBytes)
}

// readFrom is read from other files than this machine's.
func readFrom(tb failer, files Files, s Source, taskBytes int64) (got reading) {
	tb.Helper()
	tasks, err := Plan(context.Background(), files, s, taskBytes)
	if err != nil {
		tb.Fatal(err)
	}
	for _, task := range tasks {
		for rec, err := range Read(context.Background(), files, task, func(b dataset.Bad) error {
			got.Bad = append(got.Bad, b)
			return nil
		}) {
			if err != nil {
				tb.Fatal(err)
			}
			got.Records = append(got.Records, rec)
		}
	}
	return got
}
