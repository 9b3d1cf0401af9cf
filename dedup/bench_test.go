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

// perCPU reports MB a second of processor time, whatever else the machine does.
func perCPU(b *testing.B, size int64) func() {
	b.SetBytes(size)
	start := cpuSeconds()
	return func() { b.ReportMetric(float64(size)*float64(b.N)/1e6/(cpuSeconds()-start), "MB/CPU-s") }
}

// BenchmarkSignShort has texts of about 330 bytes, as Go's doc comments are.
func BenchmarkSignShort(b *testing.B) {
	recs, size := sources(b)
	var short []dataset.Record
	for _, rec := range recs {
		for i := 0; i < len(rec.Text); i += 330 {
			short = append(short, dataset.Record{Text: rec.Text[i:min(len(rec.Text), i+330)]})
		}
	}
	defer perCPU(b, size)()
	for b.Loop() {
		for _, err := range Sign(all(short), Near{}, 1) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkSign(b *testing.B) {
	recs, size := sources(b)
	for _, o := range []Near{{}, {Bands: 14, Rows: 8}, {Unit: unitCharacters}, {Unit: unitTokens}, {Method: methodSimHash}} {
		o = o.WithDefaults()
		bands, rows := o.Layout()
		b.Run(strings.Join([]string{o.Method, o.Unit, fmt.Sprintf("%dx%d", bands, rows)}, "-"), func(b *testing.B) {
			defer perCPU(b, size)()
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
	defer perCPU(b, size)()
	for b.Loop() {
		clustersOf(b, recs, Near{})
	}
}

func BenchmarkExact(b *testing.B) {
	recs, size := sources(b)
	for _, o := range []Exact{{}, {Normalize: true}, {Paragraphs: true, Lines: true}, {Substring: 50}} {
		b.Run(fmt.Sprintf("%+v", o), func(b *testing.B) {
			defer perCPU(b, size)()
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
	defer perCPU(b, size)()
	for b.Loop() {
		notes(b, e.Notes(all(recs), nil))
	}
}
