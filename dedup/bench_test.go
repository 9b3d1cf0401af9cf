package dedup

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"temper/dataset"
)

// sources are Go's own files, at most 20 MB: text that any machine with a toolchain has.
func sources(t testing.TB) (recs []dataset.Record, size int64) {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("no go command: ", err)
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "src")
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || size > 20e6 {
			return err
		}
		b, err := os.ReadFile(path)
		recs, size = append(recs, dataset.Record{ID: path[len(root):], Text: string(b)}), size+int64(len(b))
		return err
	})
	if err != nil || len(recs) == 0 {
		t.Skip("no sources of Go: ", err)
	}
	return recs, size
}

func BenchmarkSign(b *testing.B) {
	recs, size := sources(b)
	for _, o := range []Near{{}, {Bands: 14, Rows: 8}, {Unit: unitCharacters}, {Unit: unitTokens}, {Method: methodSimHash}} {
		o = o.WithDefaults()
		bands, rows := o.Layout()
		b.Run(strings.Join([]string{o.Method, o.Unit, fmt.Sprintf("%dx%d", bands, rows)}, "-"), func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				for _, err := range Sign(all(recs), o, 1) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkNear(b *testing.B) {
	recs, size := sources(b)
	b.SetBytes(size)
	for b.Loop() {
		clustersOf(b, recs, Near{})
	}
}

func BenchmarkExact(b *testing.B) {
	recs, size := sources(b)
	for _, o := range []Exact{{}, {Normalize: true}, {Paragraphs: true, Lines: true}, {Substring: 50}} {
		b.Run(fmt.Sprintf("%+v", o), func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				notes(b, ExactNotes(all(recs), o))
			}
		})
	}
}

func BenchmarkEvals(b *testing.B) {
	recs, size := sources(b)
	e, err := NewEvals(all(rows(b, shared(b, "evals", "gsm8k_test.jsonl"))), Decontaminate{Against: []string{"x"}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	for b.Loop() {
		notes(b, e.Notes(all(recs), nil))
	}
}
