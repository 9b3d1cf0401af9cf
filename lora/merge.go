package lora

import (
	"fmt"
	"math"

	"temper/internal/kernel"
)

// Forward returns y (n, Out) for x (n, In), of a pair without magnitudes: the pair's own part s·B·(A·x), to be added to W·x.
func (p Pair) Forward(x []float32, n int, s float32) []float32 {
	r := len(p.A) / p.In
	xa, y := make([]float32, n*r), make([]float32, n*p.Out)
	kernel.Gemm(n, r, p.In, x, p.In, 1, p.A, 1, p.In, xa, r, false)
	for i := range xa {
		xa[i] *= s
	}
	kernel.Gemm(n, p.Out, r, xa, r, 1, p.B, 1, r, y, p.Out, false)
	return y
}

// Merge adds the pair to w (Out, In), the weights of its module in the order of the Hugging Face model: w + s·B·A, its rows with DoRA
// as long as their magnitudes.
func (p Pair) Merge(w []float32, s float32) {
	if len(w) != p.Out*p.In {
		panic(fmt.Sprintf("lora: merge %s: %d weights for (%d, %d)", p.Name, len(w), p.Out, p.In))
	}
	r := len(p.A) / p.In
	sb := make([]float32, len(p.B))
	for i, b := range p.B {
		sb[i] = s * b
	}
	kernel.Gemm(p.Out, p.In, r, sb, r, 1, p.A, p.In, 1, w, p.In, true)
	if p.Magnitude == nil {
		return
	}
	for o, m := range p.Magnitude {
		Stretch(w[o*p.In:(o+1)*p.In], m)
	}
}

// Stretch makes a row as long as magnitude says.
func Stretch(row []float32, magnitude float32) {
	sum := 0.0
	for _, v := range row {
		sum += float64(v) * float64(v)
	}
	kernel.Scale(row, Gain(magnitude, float32(math.Sqrt(sum))))
}
