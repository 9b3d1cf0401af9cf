package dataset

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// idColumn is the one column that a search for ids reads.
type idColumn struct {
	ID string `parquet:"id"`
}

// FindRow returns the row of a Parquet file that has the id, if there is one. Of row groups whose bloom filter has not seen the id nothing
// is read; of the others the ids, and then, by the page index, the pages that hold the row.
func FindRow(r io.ReaderAt, size int64, id string) (row Row, found bool, err error) {
	f, err := openFile(r, size, true)
	if err != nil {
		return row, false, fmt.Errorf("read parquet: %w", err)
	}
	from := int64(0)
	for _, g := range f.RowGroups() {
		n := g.NumRows()
		maybe := false
		err := f.from.guard(func() (err error) {
			maybe, err = mayHold(g, size, id)
			return err
		})
		if err != nil {
			return row, false, fmt.Errorf("read parquet: bloom filter: %w", err)
		}
		if maybe {
			at, err := f.position(from, n, id)
			if err != nil {
				return row, false, fmt.Errorf("read parquet: %w", err)
			}
			if at >= 0 {
				return f.rowAt(at)
			}
		}
		from += n
	}
	return row, false, nil
}

// mayHold asks a row group's bloom filter for an id; a group without one may hold any.
func mayHold(g parquet.RowGroup, size int64, id string) (bool, error) {
	leaf, ok := g.Schema().Lookup("id")
	if !ok {
		return false, nil
	}
	filter := g.ColumnChunks()[leaf.ColumnIndex].BloomFilter()
	if filter == nil || filter.Size() <= 0 || filter.Size() > size {
		return true, nil
	}
	return filter.Check(parquet.ValueOf(id))
}

// position returns the number of the row with the id among the n from from on, or -1.
func (f parquetFile) position(from, n int64, id string) (int64, error) {
	at := from
	for c, err := range scan[idColumn](f, from) {
		if err != nil {
			return 0, err
		}
		if at == from+n {
			break
		}
		if c.ID == id {
			return at, nil
		}
		at++
	}
	return -1, nil
}

// rowAt reads one row.
func (f parquetFile) rowAt(at int64) (row Row, found bool, err error) {
	next, stop := iter.Pull2(scan[columns](f, at))
	defer stop()
	c, err, ok := next()
	if !ok {
		err = fmt.Errorf("no row %d: %w", at, ErrMalformed)
	}
	if err == nil {
		row, err = c.row()
	}
	if err != nil {
		return Row{}, false, fmt.Errorf("read parquet: %w", err)
	}
	return row, true, nil
}

// FindDatasetRow returns the row of an id among files of the dataset below dir, kept or dropped; see [FindRow].
func FindDatasetRow(ctx context.Context, s Store, dir string, files []File, id string) (row Row, found bool, err error) {
	for _, f := range files {
		obj, err := s.Open(ctx, strings.TrimPrefix(dir+"/"+f.Path, "/"))
		if err != nil {
			return row, false, err
		}
		row, found, err = FindRow(obj, obj.Info().Size, id)
		obj.Close()
		if err != nil {
			return row, false, fmt.Errorf("%s: %w", f.Path, err)
		}
		if found {
			return row, true, nil
		}
	}
	return row, false, nil
}

// DatasetIDs streams the ids of the rows of files, in order; no other column is read.
func DatasetIDs(ctx context.Context, s Store, dir string, files []File) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, f := range files {
			obj, err := s.Open(ctx, strings.TrimPrefix(dir+"/"+f.Path, "/"))
			if err != nil {
				yield("", err)
				return
			}
			for id, err := range readParquet(obj, obj.Info().Size, 0, func(c idColumn) (string, error) { return c.ID, nil }) {
				if !yield(id, err) || err != nil {
					obj.Close()
					return
				}
			}
			obj.Close()
		}
	}
}
