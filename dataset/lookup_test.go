package dataset_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"temper/dataset"
)

// letters are n random small letters.
func letters(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(r.IntN(26))
	}
	return string(b)
}

// layout writes rows of many sizes in small row groups.
func layout(t *testing.T, n int, o dataset.ParquetOptions) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 8))
	var b bytes.Buffer
	rows := func(yield func(dataset.Row, error) bool) {
		for i := range n {
			row := dataset.Row{Record: dataset.Record{ID: fmt.Sprintf("id%d", i), Text: letters(r, r.IntN(1000)), Source: dataset.Source{URI: fmt.Sprintf("file%d", i)}}}
			for range r.IntN(9) {
				row.Checks = append(row.Checks, dataset.Check{Rule: fmt.Sprintf("rule%d", r.IntN(1000)), Op: ">=", Detail: "d"})
			}
			if i%97 == 0 {
				row.Messages = []dataset.Message{{Role: "user", Content: strings.Repeat("long ", 5000)}}
			}
			if !yield(row, nil) {
				return
			}
		}
	}
	if _, err := dataset.WriteRows(&b, rows, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestLayout: no row group is larger than asked but by one row, every column has a page index and every group a bloom filter on id that
// knows its ids and hardly any other.
func TestLayout(t *testing.T) {
	const most = 256 << 10
	b := layout(t, 3000, dataset.ParquetOptions{GroupBytes: most})
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(f.RowGroups()); n < 5 {
		t.Fatalf("%d row groups", n)
	}
	leaf, _ := f.Schema().Lookup("id")
	row, wrong := 0, 0
	for i, g := range f.RowGroups() {
		if n := f.Metadata().RowGroups[i].TotalByteSize; n > most {
			t.Errorf("row group %d: %d bytes", i, n)
		}
		for k, c := range g.ColumnChunks() {
			_, err1 := c.OffsetIndex()
			_, err2 := c.ColumnIndex()
			if err1 != nil || err2 != nil {
				t.Errorf("row group %d, column %d: %v, %v", i, k, err1, err2)
			}
		}
		filter := g.ColumnChunks()[leaf.ColumnIndex].BloomFilter()
		if filter == nil {
			t.Fatalf("row group %d has no bloom filter", i)
		}
		for k := range 3000 {
			has, err := filter.Check(parquet.ValueOf(fmt.Sprintf("id%d", k)))
			inside := k >= row && k < row+int(g.NumRows())
			if err != nil || inside && !has {
				t.Fatalf("row group %d does not know id%d: %v", i, k, err)
			}
			if has && !inside {
				wrong++
			}
		}
		row += int(g.NumRows())
	}
	if all := 3000 * (len(f.RowGroups()) - 1); wrong*20 > all {
		t.Errorf("%d of %d asked in vain", wrong, all)
	}
}

// reading counts the bytes that are read.
type reading struct {
	io.ReaderAt
	n int
}

// ReadAt implements [io.ReaderAt].
func (r *reading) ReadAt(b []byte, off int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(b, off)
	r.n += n
	return n, err
}

// TestFindRow: every id finds its row, others find none, and an id that is not there reads next to nothing of a file.
func TestFindRow(t *testing.T) {
	b := layout(t, 3000, dataset.ParquetOptions{GroupBytes: 256 << 10})
	size := int64(len(b))
	for i := 0; i < 3000; i += 61 {
		id := fmt.Sprintf("id%d", i)
		row, found, err := dataset.FindRow(bytes.NewReader(b), size, id)
		if err != nil || !found || row.ID != id || row.Source.URI != fmt.Sprintf("file%d", i) || (len(row.Messages) > 0) != (i%97 == 0) {
			t.Errorf("%s: %v, %v, %s of %s", id, found, err, row.ID, row.Source.URI)
		}
	}
	least := len(b)
	for i := range 20 {
		r := &reading{ReaderAt: bytes.NewReader(b)}
		if _, found, err := dataset.FindRow(r, size, fmt.Sprintf("none%d", i)); err != nil || found {
			t.Errorf("none%d: %v, %v", i, found, err)
		}
		least = min(least, r.n)
	}
	if 2*least > len(b) {
		t.Errorf("%d bytes of %d are read", least, len(b))
	}
}
