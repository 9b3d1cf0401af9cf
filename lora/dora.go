package lora

import (
	"fmt"
	"math"

	"temper/dataset"
	"temper/internal/kernel"
	"temper/internal/quant"
	"temper/internal/safetensors"
)

// Squares are the squared lengths of w's rows. They are computed once: w is frozen. Rows are decoded one by one.
func Squares(w *quant.Tensor) []float64 {
	out := make([]float64, w.Rows)
	rows := make([]float32, kernel.Threads()*w.Cols)
	kernel.Parallel(w.Rows, max(1, 8192/max(1, w.Cols)), func(worker, lo, hi int) {
		row := rows[worker*w.Cols : (worker+1)*w.Cols]
		for r := lo; r < hi; r++ {
			w.Row(row, r, 0, w.Cols)
			for _, v := range row {
				out[r] += float64(v) * float64(v)
			}
		}
	})
	return out
}

// LengthsScratch is how many values Lengths works in.
func LengthsScratch(out, rank int) int { return 2*out*rank + rank*rank }

// Lengths writes to dst, (out), the lengths of the rows of W + s·B·A, which DoRA divides by, without that matrix:
//
//	‖w + s·b·A‖² = ‖w‖² + s·b·(2·A·w + s·(A·Aᵀ)·b)
//
// for a row w of W and b of B. squares are W's, b has a row of rank values for each of W's, and scratch LengthsScratch values.
// It reads W as one product with rank rows does, in its blocks.
// Source: Liu et al. 2024, arXiv:2402.09353, eq. 5; the gradient takes lengths for constants (§4.3).
func Lengths(dst []float32, w *quant.Tensor, squares []float64, a, b []float32, s float32, scratch []float32) {
	out, in := w.Rows, w.Cols
	r := len(a) / in
	if len(dst) != out || len(squares) != out || len(b) != out*r || len(scratch) < LengthsScratch(out, r) {
		panic(fmt.Sprintf("lora: lengths of %d rows for (%d, %d) of rank %d", len(dst), out, in, r))
	}
	aw, ab, gram := scratch[:r*out], scratch[r*out:2*r*out], scratch[2*r*out:2*r*out+r*r]
	kernel.MulT(aw, a, r, w, false)
	kernel.Gemm(r, r, in, a, in, 1, a, 1, in, gram, r, false)
	kernel.Gemm(out, r, r, b, r, 1, gram, r, 1, ab, r, false)
	kernel.Parallel(out, 256, func(_, lo, hi int) {
		for o := lo; o < hi; o++ {
			sum := 0.0
			for k := range r {
				sum += float64(b[o*r+k]) * (2*float64(aw[k*out+o]) + float64(s)*float64(ab[o*r+k]))
			}
			dst[o] = float32(math.Sqrt(max(0, squares[o]+float64(s)*sum)))
		}
	})
}

// Gains are what DoRA multiplies the rows of W + s·B·A with: their magnitudes by their lengths. w is the pair's own module.
func (p Pair) Gains(w *quant.Tensor, s float32) []float32 {
	g := make([]float32, p.Out)
	Lengths(g, w, Squares(w), p.A, p.B, s, make([]float32, LengthsScratch(p.Out, p.Rank())))
	for o, length := range g {
		g[o] = Gain(p.Magnitude[o], length)
	}
	return g
}

// Gain is magnitude by length; 0 for a row of zeros, which has no direction.
func Gain(magnitude, length float32) float32 {
	if length == 0 {
		return 0
	}
	return magnitude / length
}

// magnitude reads a pair's magnitudes.
func magnitude(f *safetensors.File, p Pair) ([]float32, error) {
	name := prefix + p.Name + magnitudeName
	t, ok := f.Tensor(name)
	if !ok {
		return nil, fmt.Errorf("use_dora is set, and tensor %s is missing: %w", name, dataset.ErrMalformed)
	}
	if len(t.Shape) != 1 || t.Shape[0] != p.Out {
		return nil, fmt.Errorf("tensor %s has shape %v for %d outputs: %w", name, t.Shape, p.Out, dataset.ErrMalformed)
	}
	return floats(t)
}
