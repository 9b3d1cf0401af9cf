package dataset

import (
	"fmt"
	"io"
	"iter"
	"strconv"

	"github.com/parquet-go/parquet-go"
)

// ParquetOptions sets how files of rows are cut. The zero value is what the pipeline writes.
type ParquetOptions struct {
	GroupRows  int   `json:"group_rows,omitempty" doc:"rows of a row group at most" default:"16384"`
	GroupBytes int64 `json:"group_bytes,omitempty" doc:"uncompressed bytes of a row group at most, but for one of a single row" default:"67108864"`
}

// WithDefaults fills in what is 0.
func (o ParquetOptions) WithDefaults() ParquetOptions {
	if o.GroupRows == 0 {
		o.GroupRows = 16384
	}
	if o.GroupBytes == 0 {
		o.GroupBytes = 64 << 20
	}
	return o
}

// WriteRows writes rows as one Parquet file: zstd, page index, a bloom filter on id in every row group, rows in the order they come, so
// that no order is claimed. The same rows give the same bytes. It returns how many it wrote. At most one row group is held in memory.
func WriteRows(w io.Writer, rows Rows, o ParquetOptions) (int64, error) {
	return writeParquet(w, rows, toColumns, rowBytes, o,
		parquet.SkipPageBounds("text"), parquet.SkipPageBounds("messages", "list", "element", "content"),
		parquet.SkipPageBounds("meta"), parquet.SkipPageBounds("signals"), parquet.KeyValueMetadata("huggingface", features))
}

// WriteRecords is WriteRows for records nothing was said about.
func WriteRecords(w io.Writer, recs Records, o ParquetOptions) (int64, error) {
	return WriteRows(w, Join(recs), o)
}

// WriteNotes writes notes as one Parquet file and returns how many.
func WriteNotes(w io.Writer, notes Notes) (int64, error) {
	return writeParquet(w, notes, toNote, noteBytes, ParquetOptions{},
		parquet.SkipPageBounds("signals"), parquet.SkipPageBounds("edits", "list", "element", "old"), parquet.SkipPageBounds("edits", "list", "element", "new"))
}

// rowBytes is what a row takes in a row group at most, uncompressed: for every value its length and a bit of levels, and texts of the
// columns with dictionaries as if no other row had them.
func rowBytes(c columns) int64 {
	n := 256 + len(c.ID) + len(c.Text) + len(c.Meta) + len(c.Signals) + len(c.Cluster) + len(c.Source.URI) + len(c.Source.SHA256) + len(c.Source.License)
	for _, p := range c.Parents {
		n += 8 + len(p)
	}
	for _, m := range c.Messages {
		n += 24 + len(m.Role) + len(m.Content)
	}
	if c.Verdict != nil {
		n += checkBytes([]checkGroup{*c.Verdict})
	}
	return int64(n + checkBytes(c.Checks))
}

func checkBytes(checks []checkGroup) (n int) {
	for _, k := range checks {
		n += 64 + len(k.Rule) + len(k.Op) + len(k.Detail)
	}
	return n
}

// noteBytes is what a note takes in a row group at most, uncompressed.
func noteBytes(c noteColumns) int64 {
	n := 64 + len(c.ID) + len(c.Signals) + checkBytes(c.Checks)
	for _, e := range c.Edits {
		n += 56 + len(e.Rule) + len(e.Old) + len(e.New)
	}
	return int64(n)
}

// writeParquet writes the stored form C of a stream of T.
func writeParquet[T, C any](w io.Writer, in iter.Seq2[T, error], store func(T) (C, error), size func(C) int64, o ParquetOptions, more ...parquet.WriterOption) (n int64, err error) {
	o = o.WithDefaults()
	pw := parquet.NewGenericWriter[C](w, append([]parquet.WriterOption{
		parquet.Compression(&parquet.Zstd), parquet.PageBufferSize(1 << 20), parquet.CreatedBy("temper", "1", "0"),
		parquet.MaxRowsPerRowGroup(int64(o.GroupRows)), parquet.BloomFilters(parquet.SplitBlockFilter(10, "id")),
		parquet.KeyValueMetadata("schema_version", strconv.Itoa(SchemaVersion)),
		parquet.DataPageStatistics(false), // the page index has them, and here they would hold whole texts
	}, more...)...)
	buf := make([]C, 0, 64)
	rows, bytes := 0, int64(0) // of the row group
	flush := func(end bool) error {
		_, err := pw.Write(buf)
		clear(buf)
		buf = buf[:0]
		if err == nil && end {
			rows, bytes = 0, 0
			err = pw.Flush()
		}
		return err
	}
	for v, err := range in {
		if err != nil {
			return n, err
		}
		c, err := store(v)
		if err != nil {
			return n, err
		}
		if end := rows > 0 && (rows >= o.GroupRows || bytes+size(c) > o.GroupBytes); end || len(buf) == cap(buf) {
			if err := flush(end); err != nil {
				return n, fmt.Errorf("write parquet: %w", err)
			}
		}
		n, rows, bytes = n+1, rows+1, bytes+size(c)
		buf = append(buf, c)
	}
	if err := flush(false); err != nil {
		return n, fmt.Errorf("write parquet: %w", err)
	}
	if err := pw.Close(); err != nil {
		return n, fmt.Errorf("write parquet: %w", err)
	}
	return n, nil
}

// ReadRows reads a Parquet file of rows. Columns a file lacks are zero in every row.
func ReadRows(r io.ReaderAt, size int64) Rows { return ReadRowsFrom(r, size, 0) }

// ReadRowsFrom reads as [ReadRows] does, from row from on, counted from 0; pages before it are not read. Past the end there are none.
func ReadRowsFrom(r io.ReaderAt, size, from int64) Rows {
	return readParquet(r, size, from, columns.row)
}

// ReadRecords reads the records of a Parquet file of rows.
func ReadRecords(r io.ReaderAt, size int64) Records {
	return func(yield func(Record, error) bool) {
		for row, err := range ReadRows(r, size) {
			if !yield(row.Record, err) || err != nil {
				return
			}
		}
	}
}

// ReadNotes reads a Parquet file of notes.
func ReadNotes(r io.ReaderAt, size int64) Notes {
	return readParquet(r, size, 0, noteColumns.note)
}

// readParquet reads the stored form C of a stream of T, from row from on.
func readParquet[T, C any](r io.ReaderAt, size, from int64, load func(C) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		f, err := openParquet(r, size)
		if err != nil {
			yield(zero, fmt.Errorf("read parquet: %w", err))
			return
		}
		for c, err := range scan[C](f, from) {
			var v T
			if err == nil {
				v, err = load(*c)
			}
			if err != nil {
				yield(zero, fmt.Errorf("read parquet: %w", err))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}
