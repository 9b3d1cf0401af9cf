package dataset

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v16/arrow"
	"github.com/apache/arrow/go/v16/arrow/array"
	"github.com/apache/arrow/go/v16/arrow/ipc"
	"github.com/apache/arrow/go/v16/arrow/memory"
)

// arrowBatch is the records of a batch.
const arrowBatch = 1024

// arrowSchema has the columns of a file of rows that are the record's own, with the same names and shapes as in Parquet.
var arrowSchema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.BinaryTypes.String},
	{Name: "text", Type: arrow.BinaryTypes.String},
	{Name: "messages", Type: arrow.ListOfNonNullable(arrow.StructOf(
		arrow.Field{Name: "role", Type: arrow.BinaryTypes.String}, arrow.Field{Name: "content", Type: arrow.BinaryTypes.String}))},
	{Name: "meta", Type: arrow.BinaryTypes.String},
	{Name: "source", Type: arrow.StructOf(
		arrow.Field{Name: "uri", Type: arrow.BinaryTypes.String}, arrow.Field{Name: "offset", Type: arrow.PrimitiveTypes.Int64},
		arrow.Field{Name: "length", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "row", Type: arrow.PrimitiveTypes.Int64},
		arrow.Field{Name: "sha256", Type: arrow.BinaryTypes.String}, arrow.Field{Name: "license", Type: arrow.BinaryTypes.String})},
	{Name: "parents", Type: arrow.ListOfNonNullable(arrow.BinaryTypes.String)},
	{Name: "cluster", Type: arrow.BinaryTypes.String},
}, nil)

// WriteArrow writes records as one Arrow IPC file, uncompressed, so that it can be memory-mapped, and returns how many.
func WriteArrow(w io.Writer, recs Records) (n int64, err error) {
	fw, err := ipc.NewFileWriter(&position{w: w}, ipc.WithSchema(arrowSchema))
	if err != nil {
		return 0, fmt.Errorf("write arrow: %w", err)
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrowSchema)
	defer b.Release()
	flush := func() error {
		batch := b.NewRecord()
		defer batch.Release()
		return fw.Write(batch)
	}
	for rec, err := range recs {
		if err != nil {
			return n, err
		}
		if err := appendArrow(b, rec); err != nil {
			return n, fmt.Errorf("record %s: %w", rec.ID, err)
		}
		if n++; n%arrowBatch == 0 {
			if err := flush(); err != nil {
				return n, fmt.Errorf("write arrow: %w", err)
			}
		}
	}
	if n%arrowBatch != 0 {
		if err := flush(); err != nil {
			return n, fmt.Errorf("write arrow: %w", err)
		}
	}
	if err := fw.Close(); err != nil {
		return n, fmt.Errorf("write arrow: %w", err)
	}
	return n, nil
}

// position tells the library how far it has written, all it asks of a seeker.
type position struct {
	w  io.Writer
	at int64
}

func (p *position) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	p.at += int64(n)
	return n, err
}

func (p *position) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, fmt.Errorf("seek to %d from %d: this writer cannot", offset, whence)
	}
	return p.at, nil
}

// appendArrow adds one record to the batch.
func appendArrow(b *array.RecordBuilder, rec Record) error {
	meta, err := encodeObject(rec.Meta)
	if err != nil {
		return err
	}
	text := func(i int, s string) { b.Field(i).(*array.StringBuilder).Append(s) }
	text(0, rec.ID)
	text(1, rec.Text)
	list := b.Field(2).(*array.ListBuilder)
	list.Append(true)
	turn := list.ValueBuilder().(*array.StructBuilder)
	for _, m := range rec.Messages {
		turn.Append(true)
		turn.FieldBuilder(0).(*array.StringBuilder).Append(m.Role)
		turn.FieldBuilder(1).(*array.StringBuilder).Append(m.Content)
	}
	text(3, meta)
	src := b.Field(4).(*array.StructBuilder)
	src.Append(true)
	for i, v := range []any{rec.Source.URI, rec.Source.Offset, rec.Source.Length, rec.Source.Row, rec.Source.SHA256, rec.Source.License} {
		switch v := v.(type) {
		case string:
			src.FieldBuilder(i).(*array.StringBuilder).Append(v)
		case int64:
			src.FieldBuilder(i).(*array.Int64Builder).Append(v)
		}
	}
	parents := b.Field(5).(*array.ListBuilder)
	parents.Append(true)
	for _, p := range rec.Parents {
		parents.ValueBuilder().(*array.StringBuilder).Append(p)
	}
	text(6, rec.Cluster)
	return nil
}

// ReadArrow reads a file of [WriteArrow], one batch at a time. It is for bytes of our own, told by their digest: a cut file is
// ErrMalformed, but the library does not bound the memory that forged metadata asks for. Foreign data comes as JSONL or Parquet.
func ReadArrow(r io.ReaderAt, size int64) Records {
	return func(yield func(Record, error) bool) {
		from := &sourceAt{r: r, size: size}
		var fr *ipc.FileReader
		err := from.guard(func() (err error) {
			if fr, err = ipc.NewFileReader(io.NewSectionReader(from, 0, size), ipc.WithSchema(arrowSchema)); err != nil {
				return err
			}
			if !fr.Schema().Equal(arrowSchema) {
				return fmt.Errorf("its columns are not a record's: %s", fr.Schema())
			}
			return nil
		})
		if err != nil {
			yield(Record{}, fmt.Errorf("read arrow: %w", err))
			return
		}
		defer fr.Close()
		for i := range fr.NumRecords() {
			var recs []Record
			err := from.guard(func() (err error) {
				recs, err = batchRecords(fr, i)
				return err
			})
			if err != nil {
				yield(Record{}, fmt.Errorf("read arrow: batch %d: %w", i, err))
				return
			}
			for _, rec := range recs {
				if !yield(rec, nil) {
					return
				}
			}
		}
	}
}

// batchRecords decodes one batch. The strings are copies: the batch's memory is given back.
func batchRecords(fr *ipc.FileReader, i int) ([]Record, error) {
	batch, err := fr.RecordAt(i)
	if err != nil {
		return nil, err
	}
	defer batch.Release()
	text := func(a arrow.Array, i int) string { return string([]byte(a.(*array.String).Value(i))) }
	turns, parents := batch.Column(2).(*array.List), batch.Column(5).(*array.List)
	turn, src := turns.ListValues().(*array.Struct), batch.Column(4).(*array.Struct)
	number := func(f, i int) int64 { return src.Field(f).(*array.Int64).Value(i) }
	recs := make([]Record, batch.NumRows())
	for i := range recs {
		rec := &recs[i]
		rec.ID, rec.Text, rec.Cluster = text(batch.Column(0), i), text(batch.Column(1), i), text(batch.Column(6), i)
		for from, to := turns.ValueOffsets(i); from < to; from++ {
			rec.Messages = append(rec.Messages, Message{text(turn.Field(0), int(from)), text(turn.Field(1), int(from))})
		}
		for from, to := parents.ValueOffsets(i); from < to; from++ {
			rec.Parents = append(rec.Parents, text(parents.ListValues(), int(from)))
		}
		rec.Source = Source{URI: text(src.Field(0), i), Offset: number(1, i), Length: number(2, i), Row: number(3, i),
			SHA256: text(src.Field(4), i), License: text(src.Field(5), i)}
		if err := decodeObject(text(batch.Column(3), i), &rec.Meta); err != nil {
			return nil, fmt.Errorf("record %s: meta: %w", rec.ID, err)
		}
	}
	return recs, nil
}
