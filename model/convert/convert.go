// Package convert turns base weights from one storage format into another: any that package quant reads into a GGUF file of one
// block format, or into a folder in Hugging Face's form with NF4 or int8 weights as bitsandbytes lays them out. It reads, quantizes
// and writes a part of a tensor at a time, and measures the error that it brings.
//
// Which tensors stay as they are, and what stands in where rows do not divide into blocks, follows llama.cpp's quantize tool and
// transformers' bitsandbytes integration.
package convert

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"temper/internal/gguf"
	"temper/internal/quant"
	"temper/internal/safetensors"
	"temper/lora"
)

// A Target is what weights are turned into.
type Target struct {
	Type   quant.Type
	Nested bool // NF4: the scales are quantized too
	Keep   bool // every tensor in the type it has, where the output can hold that; Type is not read
	Pure   bool // GGUF: the head in the same type as the rest, rather than in Q6_K below six bits a weight
}

// Names are the targets there are, as ParseTarget reads them.
var Names = []string{"f32", "f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q4_k", "q5_k", "q6_k", "nf4", "nf4-dq", "int8"}

// ParseTarget reads one of Names, in any case.
func ParseTarget(name string) (Target, error) {
	low := strings.ToLower(name)
	if !slices.Contains(Names, low) {
		return Target{}, fmt.Errorf("weights cannot be turned into %q; into %s they can", name, strings.Join(Names, ", "))
	}
	base, nested := strings.CutSuffix(low, "-dq")
	for i := range quant.Types {
		t := quant.Type(i)
		if strings.EqualFold(t.String(), base) {
			return Target{Type: t, Nested: nested}, nil
		}
	}
	panic("convert: no type is called " + base)
}

// Folder reports whether the output is a folder rather than a GGUF file.
func (t Target) Folder() bool { return !t.Keep && !t.Type.InGGUF() }

// A Change is what became of one tensor.
type Change struct {
	Name   string  `json:"name"` // in the output
	From   string  `json:"from"` // the type
	To     string  `json:"to"`
	Rows   int     `json:"rows"`
	Cols   int     `json:"cols"`
	Bytes  int64   `json:"bytes"` // of the output
	RMSE   float64 `json:"rmse"`  // root of the mean squared difference to the input's values
	Max    float64 `json:"max"`   // largest difference
	Signal float64 `json:"rms"`   // root of the input's mean square, to compare RMSE with
}

// Values is how many the tensor has.
func (c Change) Values() int64 { return int64(c.Rows) * int64(c.Cols) }

// Total sums changes up: the root mean squares over all their values, and the largest difference.
func Total(changes []Change) (sum Change) {
	var n, squares, signal float64
	for _, c := range changes {
		v := float64(c.Values())
		n, squares, signal = n+v, squares+v*c.RMSE*c.RMSE, signal+v*c.Signal*c.Signal
		sum.Bytes += c.Bytes
		sum.Max = max(sum.Max, c.Max)
	}
	if n > 0 {
		sum.RMSE, sum.Signal = math.Sqrt(squares/n), math.Sqrt(signal/n)
	}
	return sum
}

// Progress is told how many of all values are done.
type Progress func(done, total int64)

// A Source is an open base to convert.
type Source struct {
	path   string
	gguf   *gguf.File        // or nil
	folder *safetensors.File // or nil

	deltas      map[string]*delta // by the name in a folder
	headDim     int
	interleaved bool // rows of rotary layers in the GGUF file
	saved       []lora.Saved
	tied        bool // embedding and head of the base are one
}

// Open opens a GGUF file, the first file of a split one, or a folder in Hugging Face's form.
func Open(path string) (*Source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	s := &Source{path: path}
	if info.IsDir() {
		s.folder, err = safetensors.OpenDir(path)
	} else {
		s.gguf, err = gguf.Open(path)
	}
	return s, err
}

// Close closes the base.
func (s *Source) Close() error {
	if s.gguf != nil {
		return s.gguf.Close()
	}
	return s.folder.Close()
}

// An item is a tensor on its way.
type item struct {
	name string // in the output
	from *quant.Tensor
	to   quant.Type
	dims []uint64        // of a GGUF file, the fastest first
	row  func(r int) int // the input's row of the output's row r; nil where they are the same

	delta *delta          // or nil
	own   func(r int) int // the delta's row of the output's row r
}

// A job is the conversion of all tensors of a base.
type job struct {
	ctx         context.Context
	items       []item
	done, total int64
	progress    Progress
	changes     []Change
}

// plan counts the values.
func (j *job) plan() {
	for _, it := range j.items {
		j.total += int64(it.from.Rows) * int64(it.from.Cols)
	}
}
