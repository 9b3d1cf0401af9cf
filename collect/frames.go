package collect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxMetadata bounds the metadata of an Arrow message.
const maxMetadata = 64 << 20

// A frame is one message of an Arrow stream: its metadata and body.
type frame struct {
	from, length int64
	kind         byte  // 1 schema, 2 dictionary, 3 record batch
	rows         int64 // of a record batch
}

// batches finds the record batches of an Arrow file or stream. A file is a stream between a mark and a footer, which is not needed.
// Source: Arrow columnar format 1.5, "Serialization and Interprocess Communication".
type batches struct {
	in   io.ReaderAt
	size int64
	at   int64
	row  int64 // rows before at
	held int64 // bytes of head
	head []frame
	done bool
}

func (b *batches) next() (span, bool, error) {
	if b.at == 0 {
		if err := b.begin(); err != nil {
			return span{}, false, err
		}
	}
	for !b.done && b.at < b.size {
		f, ok, err := b.frame()
		var failed *readError
		if errors.As(err, &failed) {
			return span{}, false, failed.err
		}
		if err != nil { // where the next one starts cannot be told
			b.done = true
			return span{from: b.at, length: b.size - b.at, row: b.row + 1, reason: err.Error()}, true, nil
		}
		if !ok {
			break
		}
		b.at += f.length
		if f.kind != 3 {
			b.head = append(b.head, f)
			continue
		}
		s := span{from: f.from, length: f.length, row: b.row + 1}
		b.row += f.rows
		return s, true, nil
	}
	b.done = true
	return span{}, false, nil
}

// begin looks whether it is a file, and where its footer starts: not all writers mark the end of the messages.
func (b *batches) begin() error {
	var mark [10]byte
	if _, err := b.in.ReadAt(mark[:min(8, b.size)], 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if string(mark[:6]) != "ARROW1" {
		return nil
	}
	b.at = 8
	if b.size < 18 {
		return nil
	}
	if n, err := b.in.ReadAt(mark[:], b.size-10); n < len(mark) {
		return err
	}
	if end := b.size - 10 - int64(binary.LittleEndian.Uint32(mark[:])); string(mark[4:]) == "ARROW1" && end >= b.at {
		b.size = end
	}
	return nil
}

// frame reads the message at b.at; not ok at the end of the stream.
func (b *batches) frame() (f frame, ok bool, err error) {
	var start [8]byte
	n, err := b.in.ReadAt(start[:min(8, b.size-b.at)], b.at)
	if err != nil && !errors.Is(err, io.EOF) {
		return f, false, &readError{err}
	}
	if n < 8 {
		return f, false, errors.New("a message that breaks off")
	}
	length, lead := int64(binary.LittleEndian.Uint32(start[:])), int64(4)
	if length == 0xffffffff {
		length, lead = int64(binary.LittleEndian.Uint32(start[4:])), 8
	}
	if length == 0 {
		return f, false, nil
	}
	if length > maxMetadata || length > b.size-b.at-lead {
		return f, false, fmt.Errorf("a message with %d bytes of metadata", length)
	}
	meta := make([]byte, length)
	if n, err := b.in.ReadAt(meta, b.at+lead); int64(n) < length {
		return f, false, &readError{err}
	}
	m := flat(meta)
	root, _ := m.uint(0, 4)
	header, _ := m.field(root, 1)
	body, _ := m.field(root, 3)
	f = frame{from: b.at}
	if kind, ok := m.uint(header, 1); ok && header > 0 {
		f.kind = byte(kind)
	}
	size, sized := m.uint(body, 8)
	if body == 0 {
		size, sized = 0, true
	}
	if !sized || f.kind < 1 || f.kind > 3 || size < 0 || size > b.size-b.at-lead-length {
		return f, false, fmt.Errorf("a message of kind %d with a body of %d bytes", f.kind, size)
	}
	f.length = lead + length + size
	if f.kind != 3 {
		b.held += f.length
	}
	if f.kind == 3 {
		at, _ := m.field(root, 2)
		table, _ := m.uint(at, 4)
		rows, _ := m.field(at+table, 0)
		f.rows, _ = m.uint(rows, 8)
		if rows == 0 {
			f.rows = 0
		}
	}
	if f.rows < 0 || f.rows > maxRows || f.length > maxBatch || b.held > maxBatch {
		return f, false, fmt.Errorf("a message of %d bytes and %d rows", f.length, f.rows)
	}
	return f, true, nil
}

// flat is a flatbuffer, whose tables are read with care. Source: flatbuffers.dev, "FlatBuffers internals".
type flat []byte

// uint is a little-endian number of n bytes at a place.
func (b flat) uint(at int64, n int) (v int64, ok bool) {
	if at < 0 || at > int64(len(b))-int64(n) {
		return 0, false
	}
	for i := n - 1; i >= 0; i-- {
		v = v<<8 | int64(b[at+int64(i)])
	}
	return v, true
}

// field is the place of a table's field, 0 if the table does not have it.
func (b flat) field(table int64, i int64) (at int64, ok bool) {
	back, ok := b.uint(table, 4)
	if !ok {
		return 0, false
	}
	vtable := table - int64(int32(back))
	size, ok := b.uint(vtable, 2)
	if !ok || 4+2*i >= size {
		return 0, ok
	}
	offset, ok := b.uint(vtable+4+2*i, 2)
	if !ok || offset == 0 {
		return 0, ok
	}
	return table + offset, true
}
