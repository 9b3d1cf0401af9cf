package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"temper/internal/quant"
)

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

// The endings of the names of what lies beside a weight that bitsandbytes quantized.
const (
	absmax      = ".absmax"
	quantMap    = ".quant_map"
	nestedMax   = ".nested_absmax"
	nestedMap   = ".nested_quant_map"
	quantState  = ".quant_state.bitsandbytes__"
	rowScales   = "SCB"           // after the module's name
	rowOrdering = "weight_format" // after the module's name
)

// Matrix returns a weight for computing with: what Quant does, and what bitsandbytes writes beside one in four bits (NF4, with
// its scales in float32 or quantized too) or eight (int8 rows with their scales). Data stays where it is; scales that are
// quantized or not aligned are copied. False means there is no tensor of that name.
func (f *File) Matrix(name string) (*quant.Tensor, bool, error) {
	t, ok := f.tensors[name]
	if !ok {
		return nil, false, nil
	}
	var q *quant.Tensor
	var err error
	module := strings.TrimSuffix(name, "weight")
	switch _, int8 := f.tensors[module+rowScales]; {
	case f.has(name + quantState + "nf4"):
		q, err = f.nf4(t)
	case f.has(name + quantState + "fp4"):
		err = fmt.Errorf("tensor %s is in FP4; NF4 is read", name)
	case t.DType == "I8" && int8:
		q, err = f.int8(t, module)
	default:
		q, err = t.Quant()
	}
	if err != nil {
		return nil, true, fmt.Errorf("tensor %s: %w", name, err)
	}
	return q, true, nil
}

func (f *File) has(name string) bool { _, ok := f.tensors[name]; return ok }

// A state is the JSON beside a weight in NF4.
type state struct {
	QuantType    string  `json:"quant_type"`
	Group        int     `json:"blocksize"`
	DType        string  `json:"dtype"`
	Shape        []int   `json:"shape"`
	NestedGroup  int     `json:"nested_blocksize,omitempty"`
	NestedDType  string  `json:"nested_dtype,omitempty"`
	NestedOffset float64 `json:"nested_offset,omitempty"`
}

// maxSide bounds the dimensions of a weight in NF4, whose values need no bytes of their own in the header's sum.
const maxSide = 1 << 30

// nf4 reads a weight in NF4.
func (f *File) nf4(t Tensor) (*quant.Tensor, error) {
	var s state
	if err := json.Unmarshal(f.tensors[t.Name+quantState+"nf4"].Data, &s); err != nil {
		return nil, fmt.Errorf("its state: %w: %w", err, ErrFormat)
	}
	if s.QuantType != "nf4" || len(s.Shape) != 2 || s.Group < 1 {
		return nil, fmt.Errorf("its state is %+v: %w", s, ErrFormat)
	}
	if s.Shape[0] < 0 || s.Shape[0] > maxSide || s.Shape[1] < 0 || s.Shape[1] > maxSide {
		return nil, fmt.Errorf("its shape is %v: %w", s.Shape, ErrFormat)
	}
	if code, err := f.floats(t.Name + quantMap); err != nil || !slices.Equal(code, quant.NF4Values()) {
		return nil, fmt.Errorf("its codes stand for other values than those of NF4: %w", ErrFormat)
	}
	q := &quant.Tensor{Name: t.Name, Type: quant.NF4, Rows: s.Shape[0], Cols: s.Shape[1], Group: s.Group, Data: t.Data}
	var err error
	if scales := f.tensors[t.Name+absmax]; scales.DType == "U8" {
		n := &quant.Nested{Codes: scales.Data, Group: s.NestedGroup, Offset: float32(s.NestedOffset)}
		if n.Values, err = f.floats(t.Name + nestedMap); err != nil {
			return nil, err
		}
		if n.Scales, err = f.floats(t.Name + nestedMax); err != nil {
			return nil, err
		}
		q.Scales, err = n.Decode()
	} else {
		q.Scales, err = f.floats(t.Name + absmax)
	}
	if err != nil {
		return nil, err
	}
	return q, q.Check()
}

// int8 reads a weight of int8 rows.
func (f *File) int8(t Tensor, module string) (*quant.Tensor, error) {
	if format, ok := f.tensors[module+rowOrdering]; ok && (len(format.Data) != 1 || format.Data[0] != 0) {
		return nil, fmt.Errorf("its rows are not one after the other (%s is not 0): %w", module+rowOrdering, ErrFormat)
	}
	if len(t.Shape) != 2 {
		return nil, fmt.Errorf("its shape is %v: %w", t.Shape, ErrFormat)
	}
	scales, err := f.floats(module + rowScales)
	if err != nil {
		return nil, err
	}
	q := &quant.Tensor{Name: t.Name, Type: quant.Int8, Rows: t.Shape[0], Cols: t.Shape[1], Data: t.Data, Scales: scales}
	return q, q.Check()
}

// floats is a tensor of float32, in place where it is aligned.
func (f *File) floats(name string) ([]float32, error) {
	t, ok := f.tensors[name]
	if !ok || t.DType != "F32" {
		return nil, fmt.Errorf("%s of F32 is missing: %w", name, ErrFormat)
	}
	if v, ok := quant.Floats(t.Data); ok {
		return v, nil
	}
	out := make([]float32, len(t.Data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
	}
	return out, nil
}

// Beside reports whether a tensor belongs to a weight that bitsandbytes quantized, and is none of its own.
func (f *File) Beside(name string) bool {
	for _, ending := range []string{absmax, quantMap, nestedMax, nestedMap, quantState + "nf4", quantState + "fp4"} {
		if of, ok := strings.CutSuffix(name, ending); ok && f.has(of) {
			return true
		}
	}
	for _, ending := range []string{rowScales, rowOrdering} {
		if module, ok := strings.CutSuffix(name, ending); ok && f.has(module+"weight") {
			return true
		}
	}
	return false
}
