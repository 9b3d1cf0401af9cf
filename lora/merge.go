package lora

import (
	"fmt"

	"temper/internal/kernel"
)

// Forward returns y (n, Out) for x (n, In): the pair's own part s·B·(A·x), to be added to W·x.
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

// Merge adds the pair to w (Out, In), the weights of its module in the order of the Hugging Face model: w + s·B·A.
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
}
