package dedup

import (
	"io"
	"maps"
	"os"
	"testing"

	"temper/dataset"
)

// tonight are the records of one of ten nights, to which the halves of pairs go that are seven apart.
func (p *plant) tonight(night int) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		at := 0
		for rec := range p.records() {
			pair, second := at/2, at%2
			if at++; (pair+3*second)%10 == night && !yield(rec, nil) {
				return
			}
		}
	}
}

// TestPlantedNights: a tenth of the planted corpus in ten nights, the halves of its pairs in several, drops what one pass drops.
func TestPlantedNights(t *testing.T) {
	o := Near{Keep: "first"}.WithDefaults()
	p := newPlant(*planted/10, 120, 1)
	var files []*Kept
	got, cpu, most := map[string]string{}, cpuSeconds(), 0
	for now := range 10 {
		recs := p.tonight(now)
		sigs := spooled(t, recs, o, 1)
		clusters, err := NearKnown(recs, sigs, files, o, scratchFile(t))
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(got, fates(clusters))
		files = append(files, keptFile(t, func(w io.Writer) (int64, error) { return WriteKept(w, recs, sigs, clusters, o, scratchFile(t)) }))
		most = max(most, len(files))
		if n := Merged(sizesOf(files)); n > 0 {
			newest := files[len(files)-n:]
			files = append(files[:len(files)-n:len(files)-n], keptFile(t, func(w io.Writer) (int64, error) { return MergeKept(w, newest) }))
		}
	}
	nights, held := cpuSeconds()-cpu, peak()
	whole := func(yield func(dataset.Record, error) bool) {
		for now := range 10 {
			for rec, err := range p.tonight(now) {
				if !yield(rec, err) {
					return
				}
			}
		}
	}
	cpu = cpuSeconds()
	clusters, err := NearClusters(whole, spooled(t, whole, o, 1), o, scratchFile(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d records, %d dropped: ten nights %.1f s of CPU, peak %d MB, at most %d files; one pass %.1f s, peak %d MB; with the making of the texts ten times over",
		p.n, len(got), nights, held, most, cpuSeconds()-cpu, peak())
	if want := fates(clusters); !maps.Equal(got, want) || len(want) < p.n/10 {
		t.Errorf("%d records dropped, one pass drops %d", len(got), len(want))
	}
}

func sizesOf(files []*Kept) (sizes []int64) {
	for _, f := range files {
		sizes = append(sizes, int64(f.Len()))
	}
	return sizes
}

// keptFile writes a file of kept records to the disk and opens it.
func keptFile(t *testing.T, write func(io.Writer) (int64, error)) *Kept {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	n, err := write(f)
	if err != nil {
		t.Fatal(err)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		t.Fatal(err)
	}
	k, err := OpenKept(f, size)
	if err != nil || int64(k.Len()) != n {
		t.Fatalf("%d records written, %v", n, err)
	}
	return k
}
