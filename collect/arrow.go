package collect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v16/arrow"
	"github.com/apache/arrow/go/v16/arrow/ipc"
	"github.com/apache/arrow/go/v16/arrow/memory"

	"temper/dataset"
)

// Arrow reads files and streams of Arrow record batches, as datasets save them: the columns go by their names as the fields of a JSON
// object do; of nested ones only messages and conversations are read. A large file is many tasks, by record batches.
type Arrow struct {
	Root    string   `json:"root" doc:"folder, file or address; or a file named *.urls with addresses, one a line"`
	Include []string `json:"include,omitempty" doc:"file names to read" default:"*.arrow"`
	Text    string   `json:"text,omitempty" doc:"column of the text" default:"by name, as in jsonl"`
	License string   `json:"license,omitempty" doc:"SPDX identifier"`
}

func (a *Arrow) common() common {
	return common{&a.Root, &a.Include, &a.License, []string{"*.arrow"}}
}

func (a *Arrow) cuts(string) bool { return true }

func (a *Arrow) rows(in io.ReaderAt, size int64, _ string) rows {
	return &batches{in: in, size: size}
}

const (
	maxBatch = 512 << 20 // bytes of a record batch, and of all dictionaries
	maxRows  = 1 << 26   // of a record batch
)

// read reads the record batches that start in the task's parts.
func (a *Arrow) read(r *reader) error {
	for _, p := range r.task.Files {
		obj, err := r.open(p)
		if err != nil {
			return err
		}
		err = r.arrow(a, p, obj)
		obj.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) arrow(a *Arrow, p Part, obj dataset.Object) error {
	if err := verify(p, obj); err != nil {
		return err
	}
	in := &batches{in: obj, size: p.Size}
	for {
		s, ok, err := in.next()
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		if !ok || s.from >= p.Offset+p.Length {
			return nil
		}
		if s.from < p.Offset {
			continue
		}
		if s.reason == "" {
			s, err = r.batch(a, p, obj, in, s)
		}
		if err == nil && s.reason != "" {
			err = r.rejectSpan(p, s)
		}
		if err != nil {
			return err
		}
	}
}

// batch yields the rows of a record batch. Of one that is broken, those before that: the span says why, and is to be rejected.
func (r *reader) batch(a *Arrow, p Part, obj io.ReaderAt, in *batches, s span) (span, error) {
	var b *batch
	err := recovered(func() (err error) {
		b, err = decode(obj, in.head, s)
		return err
	})
	if b != nil {
		defer b.in.Release()
	}
	for from := 0; err == nil && from < b.rows; from += rowsAtATime {
		var list []fields
		err = recovered(func() error {
			list = b.fields(from, min(from+rowsAtATime, b.rows))
			return nil
		})
		for i, o := range list {
			if err := r.tableRow(p, dataset.TableRow{Row: s.row + int64(i), Fields: o}, a.Text); err != nil {
				return s, err
			}
		}
		s.row += int64(len(list))
	}
	var failed *readError
	if errors.As(err, &failed) {
		return s, fmt.Errorf("%s: %w", p.Name, failed.err)
	}
	if err != nil {
		s.reason = "a record batch that is broken: " + err.Error()
	}
	return s, nil
}

// recovered turns a panic of the library over broken data into an error.
func recovered(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return fn()
}

// rowsAtATime are the rows of a batch that are held as fields.
const rowsAtATime = 1024

// A batch is a record batch that has been read, as long as in is not released.
type batch struct {
	in   *ipc.Reader
	rec  arrow.Record
	rows int
}

// decode reads a record batch, given the frames before it that it needs.
func decode(obj io.ReaderAt, head []frame, s span) (*batch, error) {
	var parts []io.Reader
	for _, f := range head {
		parts = append(parts, io.NewSectionReader(obj, f.from, f.length))
	}
	parts = append(parts, io.NewSectionReader(obj, s.from, s.length), bytes.NewReader([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}))
	src := &failing{r: io.MultiReader(parts...)}
	rd, err := ipc.NewReader(src, ipc.WithAllocator(&purse{left: 2 * maxBatch}), ipc.WithDelayReadSchema(false))
	if err == nil && !rd.Next() {
		err = errors.Join(rd.Err(), errors.New("no rows"))
		rd.Release()
	}
	if src.err != nil {
		err = &readError{src.err}
	}
	if err != nil {
		return nil, err
	}
	rec := rd.Record()
	if n := rec.NumRows(); n > manyRows(s.length) {
		rd.Release()
		return nil, fmt.Errorf("%d rows in %d bytes", n, s.length)
	}
	return &batch{rd, rec, int(rec.NumRows())}, nil
}

// manyRows is more rows than so many bytes hold, unless they are all of nothing: a column of nulls takes no room.
func manyRows(bytes int64) int64 { return 1<<16 + min(bytes, 1<<40)<<10 }

// fields are the rows from one to another.
func (b *batch) fields(from, to int) []fields {
	list := make([]fields, to-from)
	for i := range list {
		list[i] = fields{}
	}
	for c, f := range b.rec.Schema().Fields() {
		if nested(f.Type) && f.Name != "messages" && f.Name != "conversations" {
			continue
		}
		col := b.rec.Column(c)
		for i := range list {
			if col.IsNull(from + i) {
				continue
			}
			v, err := json.Marshal(col.GetOneForMarshal(from + i))
			if err != nil { // not a number
				continue
			}
			list[i][f.Name] = v
		}
	}
	return list
}

// nested reports whether a column holds other columns.
func nested(t arrow.DataType) bool {
	_, ok := t.(arrow.NestedType)
	return ok
}

// A readError is one of reading the file, not of what is in it.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }

// failing remembers why reading failed.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// A purse gives so many bytes and no more, whatever forged metadata asks for: the library turns its panic into an error.
type purse struct{ left int }

func (p *purse) take(n int) {
	if p.left -= n; n < 0 || p.left < 0 {
		panic(fmt.Errorf("more than %d bytes", 2*maxBatch))
	}
}

// Allocate implements [memory.Allocator].
func (p *purse) Allocate(n int) []byte {
	p.take(n)
	return memory.DefaultAllocator.Allocate(n)
}

// Reallocate implements [memory.Allocator].
func (p *purse) Reallocate(n int, b []byte) []byte {
	p.take(n - len(b))
	return memory.DefaultAllocator.Reallocate(n, b)
}

// Free implements [memory.Allocator].
func (p *purse) Free(b []byte) {
	p.left += len(b)
	memory.DefaultAllocator.Free(b)
}
