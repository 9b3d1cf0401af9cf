package gguf

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"temper/internal/quant"
)

// A Pair is a key of the metadata and its value as it stands in a file.
type Pair struct {
	Key   string
	Value []byte // the type's number and the value: of File.Raw, or of Text, Uint32, …
}

var le = binary.LittleEndian

// appendText is the length of s and s.
func appendText(b []byte, s string) []byte { return append(le.AppendUint64(b, uint64(len(s))), s...) }

// list begins the value of a list of n of the numbered type.
func list(kind uint32, n int) []byte {
	return le.AppendUint64(le.AppendUint32(le.AppendUint32(nil, 9), kind), uint64(n))
}

// Uint32 is the value v.
func Uint32(v uint32) []byte { return le.AppendUint32(le.AppendUint32(nil, 4), v) }

// Float32 is the value v.
func Float32(v float32) []byte { return le.AppendUint32(le.AppendUint32(nil, 6), math.Float32bits(v)) }

// Bool is the value v.
func Bool(v bool) []byte {
	b := le.AppendUint32(nil, 7)
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// Text is the value s.
func Text(s string) []byte { return appendText(le.AppendUint32(nil, 8), s) }

// Texts is a list of texts.
func Texts(s []string) []byte {
	b := list(8, len(s))
	for _, one := range s {
		b = appendText(b, one)
	}
	return b
}

// Int32s is a list of integers.
func Int32s(v []int32) []byte {
	b := list(5, len(v))
	for _, one := range v {
		b = le.AppendUint32(b, uint32(one))
	}
	return b
}

// Float32s is a list of floating-point values.
func Float32s(v []float32) []byte {
	b := list(6, len(v))
	for _, one := range v {
		b = le.AppendUint32(b, math.Float32bits(one))
	}
	return b
}

// An Info is what the directory says of a tensor.
type Info struct {
	Name string
	Type quant.Type
	Dims []uint64 // as File.Dims gives them: one to four
}

// bytes is the size of the tensor's data.
func (i Info) bytes() (uint64, error) {
	if !i.Type.InGGUF() || len(i.Dims) == 0 || len(i.Dims) > 4 || i.Dims[0]%uint64(i.Type.Block()) != 0 {
		return 0, fmt.Errorf("tensor %s of %v and dimensions %v has no place in a GGUF file", i.Name, i.Type, i.Dims)
	}
	n := uint64(i.Type.RowBytes(int(i.Dims[0])))
	for _, d := range i.Dims[1:] {
		if d > 0 && n > math.MaxInt64/d {
			return 0, fmt.Errorf("tensor %s of dimensions %v is too large", i.Name, i.Dims)
		}
		n *= d
	}
	return n, nil
}

const alignment = 32 // of tensors in files we write, in bytes: what readers expect of a file that names none

// A Writer writes a file of version 3: the directory first, and then the tensors' data in its order.
type Writer struct {
	w     io.Writer
	sizes []uint64 // of the tensors still to come, the current one less what was written
	names []string
	pad   int // after the current tensor
}

// NewWriter writes everything before the data. A pair of general.alignment is left out: tensors lie at multiples of 32 bytes.
func NewWriter(w io.Writer, pairs []Pair, tensors []Info) (*Writer, error) {
	out := &Writer{w: w}
	keys := 0
	var b []byte
	for _, p := range pairs {
		if p.Key == "general.alignment" {
			continue
		}
		keys++
		b = append(appendText(b, p.Key), p.Value...)
	}
	at := uint64(0)
	for _, t := range tensors {
		size, err := t.bytes()
		if err != nil {
			return nil, err
		}
		b = le.AppendUint32(appendText(b, t.Name), uint32(len(t.Dims)))
		for _, d := range t.Dims {
			b = le.AppendUint64(b, d)
		}
		b = le.AppendUint64(le.AppendUint32(b, uint32(t.Type)), at)
		at += (size + alignment - 1) / alignment * alignment
		out.sizes, out.names = append(out.sizes, size), append(out.names, t.Name)
	}
	head := append([]byte("GGUF"), 3, 0, 0, 0)
	head = le.AppendUint64(le.AppendUint64(head, uint64(len(tensors))), uint64(keys))
	b = append(head, b...)
	b = append(b, make([]byte, (alignment-len(b)%alignment)%alignment)...)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	out.begin()
	return out, nil
}

// begin notes the padding of the current tensor.
func (w *Writer) begin() {
	if len(w.sizes) > 0 {
		w.pad = int((alignment - w.sizes[0]%alignment) % alignment)
	}
}

// Write writes the next part of the current tensor's data; the next tensor begins where one is complete.
func (w *Writer) Write(p []byte) (int, error) {
	if len(w.sizes) == 0 || uint64(len(p)) > w.sizes[0] {
		return 0, fmt.Errorf("%d bytes more than the directory says", len(p))
	}
	n, err := w.w.Write(p)
	w.sizes[0] -= uint64(n)
	if err == nil && w.sizes[0] == 0 {
		_, err = w.w.Write(make([]byte, w.pad))
		w.sizes, w.names = w.sizes[1:], w.names[1:]
		w.begin()
	}
	return n, err
}

// Close says whether all tensors came. It does not close the file.
func (w *Writer) Close() error {
	if len(w.sizes) > 0 {
		return fmt.Errorf("tensor %s lacks %d bytes", w.names[0], w.sizes[0])
	}
	return nil
}
