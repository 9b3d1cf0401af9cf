// Package gguf reads and writes GGUF files, versions 2 and 3: metadata and quantized tensors. Every length is bounded by the
// file's size before anything is allocated for it, and an error names the file and the offset. Format: ggml docs/gguf.md.
package gguf

import (
	"fmt"

	"temper/dataset"
	"temper/internal/quant"
)

// ErrFormat means the bytes are not a GGUF file this package reads.
var ErrFormat = fmt.Errorf("not a valid GGUF file: %w", dataset.ErrMalformed)

// A File is an open file. Its tensors alias the file's memory map and are valid until Close.
type File struct {
	Path    string
	Parts   []string // all files of a model that is split, Path alone of one that is not
	Keys    []string // of the metadata, in file order
	Tensors []*quant.Tensor

	kv     map[string]any    // uint64, int64, float64, bool, string, or a slice of one of them
	raw    map[string][]byte // the same as it stands in the file: the type's number and the value
	byName map[string]*quant.Tensor
	dims   map[string][]uint64
	mapped quant.Maps
}

// Close unmaps the files: their tensors must not be used afterwards.
func (f *File) Close() error { return f.mapped.Close() }

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

// Raw returns a value of the metadata as it stands in the file, for NewWriter.
func (f *File) Raw(key string) ([]byte, bool) { v, ok := f.raw[key]; return v, ok }

// Dims are the sizes of a tensor's dimensions, the one that is consecutive in memory first. The first is its Cols, and the others
// multiply to its Rows.
func (f *File) Dims(name string) []uint64 { return f.dims[name] }

// Value returns any value of the metadata: uint64, int64, float64, bool, string, or a slice of int64, float64, bool or string.
func (f *File) Value(key string) (any, bool) { v, ok := f.kv[key]; return v, ok }
