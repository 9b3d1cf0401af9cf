// Package gguf reads and writes GGUF files, versions 2 and 3: metadata and quantized tensors. Every length is bounded by the
// file's size before anything is allocated for it, and an error names the file and the offset. Format: ggml docs/gguf.md.
package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"syscall"

	"temper/dataset"
	"temper/internal/quant"
)

// ErrFormat means the bytes are not a GGUF file this package reads.
var ErrFormat = fmt.Errorf("not a valid GGUF file: %w", dataset.ErrMalformed)

// A File is an open file. Its tensors alias the file's memory map and are valid until Close.
type File struct {
	Path    string
	Version uint32
	Keys    []string // of the metadata, in file order
	Tensors []*quant.Tensor

	kv     map[string]any // uint64, int64, float64, bool, string, or a slice of one of them
	byName map[string]*quant.Tensor
	mapped []byte
}

// Open maps the file at path read-only and reads its directory.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() == 0 || info.Size() != int64(int(info.Size())) {
		return nil, fmt.Errorf("%s: %d bytes: %w", path, info.Size(), ErrFormat)
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	g, err := Parse(b, path)
	if err != nil {
		syscall.Munmap(b) //nolint:errcheck // the first error tells more
		return nil, err
	}
	g.mapped = b
	return g, nil
}

// Close unmaps the file: its tensors must not be used afterwards.
func (f *File) Close() error {
	if f.mapped == nil {
		return nil
	}
	b := f.mapped
	f.mapped = nil
	return syscall.Munmap(b)
}

// Tensor returns the tensor of that name.
func (f *File) Tensor(name string) (*quant.Tensor, bool) {
	t, ok := f.byName[name]
	return t, ok
}

// Uint returns a non-negative integer of the metadata.
func (f *File) Uint(key string) (uint64, bool) {
	switch v := f.kv[key].(type) {
	case uint64:
		return v, true
	case int64:
		return uint64(v), v >= 0
	}
	return 0, false
}

// Float returns a floating-point value of the metadata.
func (f *File) Float(key string) (float64, bool) { v, ok := f.kv[key].(float64); return v, ok }

// String returns a text of the metadata.
func (f *File) String(key string) (string, bool) { v, ok := f.kv[key].(string); return v, ok }

// Bool returns a truth value of the metadata.
func (f *File) Bool(key string) (bool, bool) { v, ok := f.kv[key].(bool); return v, ok }

// Strings returns a list of texts of the metadata.
func (f *File) Strings(key string) ([]string, bool) { v, ok := f.kv[key].([]string); return v, ok }

// Floats returns a list of floating-point values of the metadata.
func (f *File) Floats(key string) ([]float64, bool) { v, ok := f.kv[key].([]float64); return v, ok }

// Ints returns a list of integers of the metadata.
func (f *File) Ints(key string) ([]int64, bool) { v, ok := f.kv[key].([]int64); return v, ok }

// Value returns any value of the metadata: uint64, int64, float64, bool, string, or a slice of int64, float64, bool or string.
func (f *File) Value(key string) (any, bool) { v, ok := f.kv[key]; return v, ok }

// Parse reads a file held in b; name is for errors.
func Parse(b []byte, name string) (*File, error) {
	r := &reader{b: b}
	f := &File{Path: name, kv: map[string]any{}, byName: map[string]*quant.Tensor{}}
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
	if f.Version = r.u32(); f.Version != 2 && f.Version != 3 {
		r.fail("version %d; 2 and 3 are read", f.Version)
		return
	}
	tensors, pairs := r.count(24), r.count(13)
	for range pairs {
		key := r.text()
		v := r.value(r.u32())
		if r.err != nil {
			return
		}
		if _, twice := f.kv[key]; twice {
			r.fail("key %q twice", key)
			return
		}
		f.kv[key] = v
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

// tensor reads one entry of the directory.
func (f *File) tensor(r *reader) (*quant.Tensor, uint64) {
	t := &quant.Tensor{Name: r.text(), Rows: 1}
	dims := r.u32()
	if r.err == nil && (dims == 0 || dims > 4) {
		r.fail("tensor %s has %d dimensions", t.Name, dims)
	}
	for i := range dims {
		d := r.u64()
		if r.err == nil && (d == 0 || d > 1<<40) {
			r.fail("tensor %s has a dimension of %d", t.Name, d)
		}
		if r.err != nil {
			return t, 0
		}
		if i == 0 {
			t.Cols = int(d)
			continue
		}
		if uint64(t.Rows) > (1<<40)/d {
			r.fail("tensor %s is too large", t.Name)
			return t, 0
		}
		t.Rows *= int(d)
	}
	t.Type = quant.Type(r.u32())
	at := r.u64()
	if _, twice := f.byName[t.Name]; r.err == nil && twice {
		r.fail("tensor %s twice", t.Name)
	}
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
