// Package safetensors reads and writes safetensors files, whole or sharded. Format: huggingface/safetensors README.
package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"temper/dataset"
	"temper/internal/quant"
)

// ErrFormat means the bytes are not a valid safetensors file.
var ErrFormat = fmt.Errorf("not a valid safetensors file: %w", dataset.ErrMalformed)

const (
	maxHeader = 100_000_000 // bytes, as the reference implementation
	maxShards = 1024
)

// sizes are the bytes of one value of each data type.
var sizes = map[string]int{"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
	"I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8}

// A Tensor is one named array, row-major and little-endian.
type Tensor struct {
	Name  string
	DType string // F32, F16, BF16, ...
	Shape []int
	Data  []byte
}

// A File is the tensors of one file, or of all shards of a model.
type File struct {
	Metadata map[string]string
	tensors  map[string]Tensor
}

// Names are the tensors' names, sorted.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.tensors))
	for n := range f.tensors {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Tensor returns the tensor of that name.
func (f *File) Tensor(name string) (Tensor, bool) {
	t, ok := f.tensors[name]
	return t, ok
}

// Close forgets the tensors.
func (f *File) Close() error { return nil }

// Quant returns a tensor of at most two dimensions for computing with: F32, F16 or BF16.
func (t Tensor) Quant() (*quant.Tensor, error) {
	kinds := map[string]quant.Type{"F32": quant.F32, "F16": quant.F16, "BF16": quant.BF16}
	kind, ok := kinds[t.DType]
	if !ok || len(t.Shape) == 0 || len(t.Shape) > 2 {
		return nil, fmt.Errorf("tensor %s of %s and shape %v cannot be computed with: F32, F16 and BF16 of one or two dimensions can", t.Name, t.DType, t.Shape)
	}
	q := &quant.Tensor{Name: t.Name, Type: kind, Rows: 1, Cols: t.Shape[len(t.Shape)-1], Data: t.Data}
	if len(t.Shape) == 2 {
		q.Rows = t.Shape[0]
	}
	return q, q.Check()
}

// OpenDir reads model.safetensors of dir, or the shards model.safetensors.index.json names.
func OpenDir(dir string) (*File, error) {
	b, err := os.ReadFile(filepath.Join(dir, "model.safetensors.index.json"))
	if errors.Is(err, os.ErrNotExist) {
		return openFile(filepath.Join(dir, "model.safetensors"))
	}
	if err != nil {
		return nil, err
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(b, &index); err != nil {
		return nil, fmt.Errorf("%s/model.safetensors.index.json: %w: %w", dir, err, ErrFormat)
	}
	all := &File{Metadata: map[string]string{}, tensors: map[string]Tensor{}}
	shards := map[string]*File{}
	for name, shard := range index.WeightMap {
		if shards[shard] == nil {
			if len(shards) == maxShards || shard != filepath.Base(shard) {
				return nil, fmt.Errorf("%s: shard %q: %w", dir, shard, ErrFormat)
			}
			if shards[shard], err = openFile(filepath.Join(dir, shard)); err != nil {
				return nil, err
			}
		}
		t, ok := shards[shard].Tensor(name)
		if !ok {
			return nil, fmt.Errorf("%s: the index says %s has tensor %s, and it has not: %w", dir, shard, name, ErrFormat)
		}
		all.tensors[name] = t
	}
	return all, nil
}

func openFile(path string) (*File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// entry is a tensor's description in the header.
type entry struct {
	DType   string  `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// Parse reads a file held in b; its tensors alias b.
func Parse(b []byte) (*File, error) {
	header, data, err := split(b)
	if err != nil {
		return nil, err
	}
	f := &File{tensors: map[string]Tensor{}}
	entries, err := f.entries(header)
	if err != nil {
		return nil, err
	}
	type piece struct{ from, to int64 }
	var pieces []piece
	for name, e := range entries {
		if err := e.check(name, int64(len(data))); err != nil {
			return nil, err
		}
		from, to := e.Offsets[0], e.Offsets[1]
		f.tensors[name] = Tensor{Name: name, DType: e.DType, Shape: e.Shape, Data: data[from:to:to]}
		pieces = append(pieces, piece{from, to})
	}
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	at := int64(0)
	for _, p := range pieces {
		if p.from != at {
			return nil, fmt.Errorf("data offset %d: a hole or an overlap: %w", at, ErrFormat)
		}
		at = p.to
	}
	if at != int64(len(data)) {
		return nil, fmt.Errorf("%d bytes of data, and the tensors cover %d: %w", len(data), at, ErrFormat)
	}
	return f, nil
}

// split parts the header from the data.
func split(b []byte) (header, data []byte, err error) {
	if len(b) < 8 {
		return nil, nil, fmt.Errorf("%d bytes: %w", len(b), ErrFormat)
	}
	n := binary.LittleEndian.Uint64(b)
	if n > maxHeader || n > uint64(len(b)-8) {
		return nil, nil, fmt.Errorf("offset 0: a header of %d bytes in a file of %d: %w", n, len(b), ErrFormat)
	}
	header = b[8 : 8+n]
	if len(header) == 0 || header[0] != '{' || !utf8.Valid(header) {
		return nil, nil, fmt.Errorf("offset 8: the header is no JSON object: %w", ErrFormat)
	}
	return header, b[8+n:], nil
}

// entries decodes the header. A name that stands twice is an error.
func (f *File) entries(header []byte) (map[string]entry, error) {
	dec := json.NewDecoder(bytes.NewReader(header))
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("header: %w: %w", err, ErrFormat)
	}
	entries := map[string]entry{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("header: %w: %w", err, ErrFormat)
		}
		name, _ := key.(string)
		if name == "__metadata__" {
			if err := dec.Decode(&f.Metadata); err != nil {
				return nil, fmt.Errorf("header: __metadata__: %w: %w", err, ErrFormat)
			}
			continue
		}
		var e entry
		if err := dec.Decode(&e); err != nil {
			return nil, fmt.Errorf("header: tensor %q: %w: %w", name, err, ErrFormat)
		}
		if _, twice := entries[name]; twice {
			return nil, fmt.Errorf("header: tensor %q twice: %w", name, ErrFormat)
		}
		entries[name] = e
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("header: %w: %w", err, ErrFormat)
	}
	if rest, _ := io.ReadAll(dec.Buffered()); strings.TrimRight(string(rest), " ") != "" {
		return nil, fmt.Errorf("header: more than one JSON object: %w", ErrFormat)
	}
	return entries, nil
}

// check bounds an entry by the data there is.
func (e entry) check(name string, data int64) error {
	size, ok := sizes[e.DType]
	if !ok {
		return fmt.Errorf("tensor %q has data type %q: %w", name, e.DType, ErrFormat)
	}
	n := int64(size)
	for _, d := range e.Shape {
		if d < 0 || d > 0 && n > math.MaxInt64/int64(d) {
			return fmt.Errorf("tensor %q has shape %v: %w", name, e.Shape, ErrFormat)
		}
		n *= int64(d)
	}
	if len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] > data || e.Offsets[1]-e.Offsets[0] != n {
		return fmt.Errorf("tensor %q of %s and shape %v has offsets %v in %d bytes of data: %w", name, e.DType, e.Shape, e.Offsets, data, ErrFormat)
	}
	return nil
}

// Write writes tensors in the given order. The header is padded to a multiple of eight bytes; the same input gives the same bytes.
func Write(w io.Writer, metadata map[string]string, tensors []Tensor) error {
	var h bytes.Buffer
	h.WriteByte('{')
	if len(metadata) > 0 {
		b, err := json.Marshal(metadata)
		if err != nil {
			return err
		}
		fmt.Fprintf(&h, `"__metadata__":%s,`, b)
	}
	at := int64(0)
	for _, t := range tensors {
		name, err := json.Marshal(t.Name)
		if err != nil {
			return err
		}
		e := entry{DType: t.DType, Shape: append([]int{}, t.Shape...), Offsets: []int64{at, at + int64(len(t.Data))}}
		if err := e.check(t.Name, math.MaxInt64); err != nil {
			return err
		}
		b, err := json.Marshal(e)
		if err != nil {
			return err
		}
		fmt.Fprintf(&h, "%s:%s,", name, b)
		at += int64(len(t.Data))
	}
	header := append(bytes.TrimSuffix(h.Bytes(), []byte(",")), '}')
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)); err != nil {
		return err
	}
	for _, t := range tensors {
		if _, err := w.Write(t.Data); err != nil {
			return err
		}
	}
	return nil
}
