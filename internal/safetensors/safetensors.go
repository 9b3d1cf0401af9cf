// Package safetensors reads and writes safetensors files, whole or sharded. Format: huggingface/safetensors README.
package safetensors

import (
	"fmt"
	"slices"

	"temper/dataset"
	"temper/internal/quant"
)

// ErrFormat means the bytes are not a valid safetensors file.
var ErrFormat = fmt.Errorf("not a valid safetensors file: %w", dataset.ErrMalformed)

// maxHeader is the longest header read, in bytes, as in the reference implementation.
const maxHeader = 100_000_000

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
	mapped   quant.Maps
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

// Close unmaps what OpenDir mapped: its tensors must not be used afterwards.
func (f *File) Close() error { return f.mapped.Close() }
