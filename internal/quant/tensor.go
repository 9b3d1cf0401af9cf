// Package quant is the block formats of quantized weights: their layouts, their values, the way back from float32, and the files
// they lie in as memory.
//
// Layouts and values are ggml's (ggml-common.h, ggml-quants.c), with the type numbers of the GGUF file format, and those of
// bitsandbytes (NF4: Dettmers et al. 2023, arXiv:2305.14314, §3; int8: Dettmers et al. 2022, arXiv:2208.07339).
package quant

import "fmt"

// A Type is a storage format of weights, numbered as in GGUF.
type Type uint32

// The formats this build reads and computes with.
const (
	F32    Type = 0
	F16    Type = 1
	Q4_0   Type = 2
	Q4_1   Type = 3
	Q5_0   Type = 6
	Q5_1   Type = 7
	Q8_0   Type = 8
	Q2_K   Type = 10
	Q3_K   Type = 11
	Q4_K   Type = 12
	Q5_K   Type = 13
	Q6_K   Type = 14
	IQ4_NL Type = 20
	IQ4_XS Type = 23
	BF16   Type = 30
	TQ1_0  Type = 34
	TQ2_0  Type = 35
	MXFP4  Type = 39

	// The formats whose scales lie apart, in Tensor.Scales; GGUF does not have them, and the numbers are ours.
	NF4  Type = 64
	Int8 Type = 65

	Types = 66 // above every format's number
)

// A Tensor is a matrix of Rows × Cols weights in row-major order; a vector has Rows 1. For a linear layer Rows is its outputs
// and Cols its inputs; blocks run along Cols. Data may be a read-only memory map and must not be written.
type Tensor struct {
	Name string
	Type Type
	Rows int
	Cols int
	Data []byte // Rows × Type.RowBytes(Cols) bytes; of NF4 two values a byte, the first in the high half, rows one after the other

	Scales []float32 // of NF4 one for every Group values, of Int8 one a row; nil for the other types
	Group  int       // NF4: how many values share a scale, counted through the rows; an even number
	before int       // NF4: values in Data, and under the first scale, before the first row: of a Slice
}

// layout is a format's block: values in it and its bytes.
type layout struct {
	name  string
	block int // values
	bytes int // bytes a block
}

var layouts = [Types]layout{
	F32: {"F32", 1, 4}, F16: {"F16", 1, 2}, BF16: {"BF16", 1, 2},
	Q4_0: {"Q4_0", 32, 18}, Q4_1: {"Q4_1", 32, 20}, Q5_0: {"Q5_0", 32, 22}, Q5_1: {"Q5_1", 32, 24}, Q8_0: {"Q8_0", 32, 34},
	Q2_K: {"Q2_K", 256, 84}, Q3_K: {"Q3_K", 256, 110}, Q4_K: {"Q4_K", 256, 144}, Q5_K: {"Q5_K", 256, 176}, Q6_K: {"Q6_K", 256, 210},
	IQ4_NL: {"IQ4_NL", 32, 18}, IQ4_XS: {"IQ4_XS", 256, 136}, MXFP4: {"MXFP4", 32, 17},
	TQ1_0: {"TQ1_0", 256, 54}, TQ2_0: {"TQ2_0", 256, 66},
	NF4: {"NF4", 1, 0}, Int8: {"INT8", 1, 1},
}

// Known reports whether this build reads t.
func (t Type) Known() bool { return t < Types && layouts[t].block > 0 }

// InGGUF reports whether t is a format of GGUF files that this build reads.
func (t Type) InGGUF() bool { return t.Known() && t < NF4 }

// String is the format's name as ggml spells it, such as Q4_1.
func (t Type) String() string {
	if t.Known() {
		return layouts[t].name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// Block is the number of values in a block; a row's length is a multiple of it. It is 1 for the formats whose scales lie apart.
func (t Type) Block() int { return layouts[t].block }

// RowBytes is the size in bytes of a row of cols values; cols is a multiple of Block. A row of NF4 need not be whole bytes: it
// has none.
func (t Type) RowBytes(cols int) int { return cols / layouts[t].block * layouts[t].bytes }
