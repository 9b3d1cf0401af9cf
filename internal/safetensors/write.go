package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
)

// Write writes tensors in the given order. The header is padded to a multiple of eight bytes; the same input gives the same bytes.
func Write(w io.Writer, metadata map[string]string, tensors []Tensor) error {
	header, err := encodeHeader(metadata, tensors)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range tensors {
		if err := t.write(w); err != nil {
			return err
		}
	}
	return nil
}

// write writes the data, which must be as long as the shape says.
func (t Tensor) write(w io.Writer) error {
	n, err := t.size()
	if err == nil && int64(len(t.Data)) != n {
		err = fmt.Errorf("tensor %q of %s and shape %v has %d bytes: %w", t.Name, t.DType, t.Shape, len(t.Data), ErrFormat)
	}
	if err == nil {
		_, err = w.Write(t.Data)
	}
	return err
}

// encodeHeader is the header and its length before it. The place of a tensor's data comes from its shape.
func encodeHeader(metadata map[string]string, tensors []Tensor) ([]byte, error) {
	var h bytes.Buffer
	h.Write(make([]byte, 8))
	h.WriteByte('{')
	if len(metadata) > 0 {
		b, err := json.Marshal(metadata)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&h, `"__metadata__":%s,`, b)
	}
	at := int64(0)
	for _, t := range tensors {
		name, err := json.Marshal(t.Name)
		if err != nil {
			return nil, err
		}
		size, err := t.size()
		if err != nil {
			return nil, err
		}
		e := entry{DType: t.DType, Shape: append([]int{}, t.Shape...), Offsets: []int64{at, at + size}}
		if err := e.check(t.Name, math.MaxInt64); err != nil {
			return nil, err
		}
		b, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&h, "%s:%s,", name, b)
		at += size
	}
	header := append(bytes.TrimSuffix(h.Bytes(), []byte(",")), '}')
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	binary.LittleEndian.PutUint64(header, uint64(len(header)-8))
	return header, nil
}

// size is the bytes of the tensor's data by its shape.
func (t Tensor) size() (int64, error) {
	n := int64(sizes[t.DType])
	for _, d := range t.Shape {
		if d < 0 || d > 0 && n > math.MaxInt64/int64(d) {
			return 0, fmt.Errorf("tensor %q has shape %v: %w", t.Name, t.Shape, ErrFormat)
		}
		n *= int64(d)
	}
	return n, nil
}

// A Writer writes a file tensor by tensor and part by part, so that none need be in memory.
type Writer struct {
	w        io.WriteSeeker
	metadata map[string]string
	room     int
	done     []Tensor // without their data
	left     int64    // bytes of the last of them still to come
}

// NewWriter leaves room for the header of the planned tensors, whose Data is not looked at: those that are written may have other
// names and be smaller, but must not need a longer header.
func NewWriter(w io.WriteSeeker, metadata map[string]string, planned []Tensor) (*Writer, error) {
	header, err := encodeHeader(metadata, planned)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(make([]byte, len(header)))
	return &Writer{w: w, metadata: metadata, room: len(header)}, err
}

// Begin begins the next tensor, whose data Write brings; t.Data is not looked at.
func (w *Writer) Begin(t Tensor) error {
	if err := w.whole(); err != nil {
		return err
	}
	n, err := t.size()
	w.done, w.left = append(w.done, Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape}), n
	return err
}

// Write writes the next part of the tensor's data.
func (w *Writer) Write(p []byte) (int, error) {
	if int64(len(p)) > w.left {
		return 0, fmt.Errorf("tensor %q has %d bytes more than its shape says", w.done[len(w.done)-1].Name, int64(len(p))-w.left)
	}
	n, err := w.w.Write(p)
	w.left -= int64(n)
	return n, err
}

// Put writes the next tensor with its data.
func (w *Writer) Put(t Tensor) error {
	err := w.Begin(t)
	if err == nil {
		_, err = w.Write(t.Data)
	}
	if err == nil {
		err = w.whole()
	}
	return err
}

// whole says whether the last tensor's data came.
func (w *Writer) whole() error {
	if w.left == 0 {
		return nil
	}
	return fmt.Errorf("tensor %q lacks %d bytes", w.done[len(w.done)-1].Name, w.left)
}

// Close writes the header. It does not close the file.
func (w *Writer) Close() error {
	if err := w.whole(); err != nil {
		return err
	}
	header, err := encodeHeader(w.metadata, w.done)
	if err != nil {
		return err
	}
	if len(header) > w.room {
		return fmt.Errorf("the header has %d bytes, and room is for %d", len(header), w.room)
	}
	pad := bytes.Repeat([]byte{' '}, w.room-len(header))
	header = append(header, pad...)
	binary.LittleEndian.PutUint64(header, uint64(w.room-8))
	if _, err := w.w.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = w.w.Write(header)
	return err
}
