package model

import (
	"slices"

	"temper/lora"
)

// InRowOrder returns the adapter with the rows of B, and magnitudes, in the order of m's own query and key layers; see the lora package.
// The pairs share what need not change with a. It fails if a is not an adapter for m.
func (m *Model) InRowOrder(a *lora.Adapter) (*lora.Adapter, error) {
	return m.reorder(a, interleave)
}

// FromRowOrder undoes InRowOrder.
func (m *Model) FromRowOrder(a *lora.Adapter) (*lora.Adapter, error) {
	return m.reorder(a, deinterleave)
}

func (m *Model) reorder(a *lora.Adapter, permute func(dst, src []float32, headDim, cols int)) (*lora.Adapter, error) {
	if err := a.Fits(m.Modules()); err != nil {
		return nil, err
	}
	out := *a
	if !m.Interleaved {
		return &out, nil
	}
	rotary := map[string]bool{}
	for i := range m.Layers {
		rotary[Q.Module(i)], rotary[K.Module(i)] = true, true
	}
	out.Pairs = slices.Clone(a.Pairs)
	for i, p := range out.Pairs {
		if rotary[p.Name] {
			out.Pairs[i].B = make([]float32, len(p.B))
			permute(out.Pairs[i].B, p.B, m.HeadDim, p.Rank())
			if p.Magnitude != nil {
				out.Pairs[i].Magnitude = make([]float32, p.Out)
				permute(out.Pairs[i].Magnitude, p.Magnitude, m.HeadDim, 1)
			}
		}
	}
	return &out, nil
}

// interleave copies the rows of src, cols values each, head by head: row i of a head's first half goes to row 2i and row i
// of its second half to row 2i+1, as llama.cpp's conversion of the llama architecture does with query and key weights.
func interleave(dst, src []float32, headDim, cols int) {
	half := headDim / 2
	for head := 0; head < len(src); head += headDim * cols {
		for i := range headDim {
			to := head + (i%half*2+i/half)*cols
			copy(dst[to:to+cols], src[head+i*cols:])
		}
	}
}

// deinterleave undoes interleave.
func deinterleave(dst, src []float32, headDim, cols int) {
	half := headDim / 2
	for head := 0; head < len(src); head += headDim * cols {
		for i := range headDim {
			from := head + (i%half*2+i/half)*cols
			copy(dst[head+i*cols:head+(i+1)*cols], src[from:])
		}
	}
}
