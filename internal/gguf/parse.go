package gguf

import (
	"encoding/binary"
	"fmt"
	"math"

	"temper/internal/quant"
)

// Parse reads a file held in b; name is for errors.
func Parse(b []byte, name string) (*File, error) {
	r := &reader{b: b}
	f := &File{Path: name, Parts: []string{name}, kv: map[string]any{}, raw: map[string][]byte{}, byName: map[string]*quant.Tensor{}, dims: map[string][]uint64{}}
	f.read(r)
	if r.err != nil {
		return nil, fmt.Errorf("%s: offset %d: %w: %w", name, r.at, r.err, ErrFormat)
	}
	return f, nil
}

func (f *File) read(r *reader) {
	if string(r.bytes(4)) != "GGUF" {
		r.fail("it does not start with GGUF")
		return
	}
	if version := r.u32(); version != 2 && version != 3 {
		r.fail("version %d; 2 and 3 are read", version)
		return
	}
	tensors, pairs := r.count(24), r.count(13)
	for range pairs {
		key := r.text()
		from := r.at
		v := r.value(r.u32())
		if r.err != nil {
			return
		}
		if _, twice := f.kv[key]; twice {
			r.fail("key %q twice", key)
			return
		}
		f.kv[key], f.raw[key] = v, r.b[from:r.at:r.at]
		f.Keys = append(f.Keys, key)
	}
	align := uint64(32)
	if a, ok := f.Uint("general.alignment"); ok {
		align = a
	}
	if align == 0 || align > 1<<20 || align&(align-1) != 0 {
		r.fail("alignment %d", align)
		return
	}
	offsets := make([]uint64, 0, tensors)
	for range tensors {
		t, at := f.tensor(r)
		if r.err != nil {
			return
		}
		f.Tensors, offsets = append(f.Tensors, t), append(offsets, at)
		f.byName[t.Name] = t
	}
	data := (uint64(r.at) + align - 1) / align * align
	for i, t := range f.Tensors {
		size := uint64(t.Rows) * uint64(t.Type.RowBytes(t.Cols))
		if offsets[i]%align != 0 || data > uint64(len(r.b)) || offsets[i] > uint64(len(r.b))-data || size > uint64(len(r.b))-data-offsets[i] {
			r.fail("tensor %s needs bytes %d to %d of a file of %d: it is cut off", t.Name, data+offsets[i], data+offsets[i]+size, len(r.b))
			return
		}
		t.Data = r.b[data+offsets[i]:][:size:size]
	}
}

// maxValues bounds a tensor, so that no product of its dimensions and a block's size overflows.
const maxValues = 1 << 40

// tensor reads one entry of the directory.
func (f *File) tensor(r *reader) (*quant.Tensor, uint64) {
	t := &quant.Tensor{Name: r.text(), Rows: 1}
	if _, twice := f.byName[t.Name]; r.err == nil && twice {
		r.fail("tensor %s twice", t.Name)
	}
	dims := r.u32()
	if r.err == nil && (dims == 0 || dims > 4) {
		r.fail("tensor %s has %d dimensions", t.Name, dims)
	}
	values := uint64(1)
	for i := range dims {
		d := r.u64()
		if r.err == nil && (d == 0 || d > maxValues/values) {
			r.fail("tensor %s has a dimension of %d", t.Name, d)
		}
		if r.err != nil {
			return t, 0
		}
		values *= d
		f.dims[t.Name] = append(f.dims[t.Name], d)
		if i == 0 {
			t.Cols = int(d)
			continue
		}
		t.Rows *= int(d)
	}
	t.Type = quant.Type(r.u32())
	at := r.u64()
	if r.err == nil && !t.Type.InGGUF() {
		r.fail("tensor %s has %s, which this build does not read", t.Name, t.Type)
	}
	if r.err == nil && t.Cols%t.Type.Block() != 0 {
		r.fail("tensor %s of %s has rows of %d values, no multiple of %d", t.Name, t.Type, t.Cols, t.Type.Block())
	}
	return t, at
}

// A reader takes values off b and remembers the first failure.
type reader struct {
	b   []byte
	at  int
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) bytes(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b)-r.at {
		r.fail("the file ends within a value")
		return make([]byte, min(max(n, 0), 8))
	}
	b := r.b[r.at : r.at+n]
	r.at += n
	return b
}

func (r *reader) u32() uint32 { return binary.LittleEndian.Uint32(r.bytes(4)) }
func (r *reader) u64() uint64 { return binary.LittleEndian.Uint64(r.bytes(8)) }

// count reads a number of things of at least size bytes each: more than the rest of the file can hold is an error.
func (r *reader) count(size int) int {
	n := r.u64()
	if n > uint64((len(r.b)-r.at)/size) {
		r.fail("%d entries do not fit in the file", n)
		return 0
	}
	return int(n)
}

func (r *reader) text() string { return string(r.bytes(r.count(1))) }

// sizes of the fixed metadata types, by their number.
var sizes = map[uint32]int{0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}

// value reads a value of the numbered type.
func (r *reader) value(kind uint32) any {
	switch kind {
	case 8:
		return r.text()
	case 9:
		return r.array(r.u32())
	}
	n, ok := sizes[kind]
	if !ok {
		r.fail("metadata type %d", kind)
		return nil
	}
	return fixed(kind, r.bytes(n))
}

// fixed decodes a value of fixed size.
func fixed(kind uint32, b []byte) any {
	var u uint64
	for i := len(b) - 1; i >= 0; i-- {
		u = u<<8 | uint64(b[i])
	}
	shift := 64 - 8*len(b)
	switch kind {
	case 1, 3, 5, 11:
		return int64(u<<shift) >> shift
	case 6:
		return float64(math.Float32frombits(uint32(u)))
	case 7:
		return u != 0
	case 12:
		return math.Float64frombits(u)
	}
	return u
}

// array reads a list: of texts, floating-point values, truth values or integers. Lists of lists are refused.
func (r *reader) array(kind uint32) any {
	if kind == 8 {
		out := make([]string, r.count(8))
		for i := range out {
			out[i] = r.text()
		}
		return out
	}
	size, ok := sizes[kind]
	if !ok {
		r.fail("a list of metadata type %d", kind)
		return nil
	}
	n := r.count(size)
	var floats []float64
	var ints []int64
	var bools []bool
	for range n {
		switch v := fixed(kind, r.bytes(size)).(type) {
		case float64:
			floats = append(floats, v)
		case int64:
			ints = append(ints, v)
		case uint64:
			ints = append(ints, int64(v))
		case bool:
			bools = append(bools, v)
		}
	}
	switch kind {
	case 6, 12:
		return floats
	case 7:
		return bools
	}
	return ints
}
