package graph

import (
	"math/rand/v2"
	"slices"

	"temper/internal/kernel"
	"temper/internal/quant"
)

// hand is the block written out by hand, forward and backward: the other path to the same numbers.
type hand struct {
	Config
	n1, q, k, v, o, lse, h, n2, gate, up, s, y, inv1, inv2 []float32
	xa                                                     [Linears][]float32
}

func (c *hand) linear(y, x []float32, in Input, i int, acc bool) {
	w, n, r := in.Layer.Linear[i], in.N, c.Rank
	kernel.MulT(y, x, n, w, acc)
	if !c.Adapted[i] {
		return
	}
	xa := make([]float32, n*r)
	kernel.Gemm(n, r, w.Cols, x, w.Cols, 1, in.Layer.a(c.Config, i), 1, w.Cols, xa, r, false)
	kernel.Scale(xa, c.Scale)
	kernel.Gemm(n, w.Rows, r, xa, r, 1, in.Layer.B[i], 1, r, y, w.Rows, true)
	c.xa[i] = xa
}

// a is the A factor of one linear layer.
func (l *Layer) a(c Config, i int) []float32 { return member(c, l.A, l.Linear[i].Cols, i) }

func (l *Layer) gradA(c Config, i int) []float32 { return member(c, l.GradA, l.Linear[i].Cols, i) }

func member(c Config, groups [Groups][]float32, in, i int) []float32 {
	for g, members := range Members {
		if !slices.Contains(members, i) {
			continue
		}
		slot := 0
		for _, m := range members {
			if m == i {
				return groups[g][slot*c.Rank*in : (slot+1)*c.Rank*in]
			}
			if c.Adapted[m] {
				slot++
			}
		}
	}
	panic("no such layer")
}

func (c *hand) rope(x []float32, in Input, heads int, inverse bool) {
	if c.Interleaved {
		c.Rope.ApplyInterleaved(x, x, in.Pos, in.N, heads, c.HeadDim, inverse)
		return
	}
	c.Rope.Apply(x, x, in.Pos, in.N, heads, c.HeadDim, inverse)
}

func (c *hand) forward(in Input) []float32 {
	n, l := in.N, in.Layer
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	f := func(k int) []float32 { return make([]float32, n*k) }
	c.n1, c.q, c.k, c.v, c.o, c.lse, c.h, c.n2 = f(c.Dim), f(q), f(kv), f(kv), f(q), f(c.Heads), f(c.Dim), f(c.Dim)
	c.gate, c.up, c.s, c.y, c.inv1, c.inv2 = f(c.FF), f(c.FF), f(c.FF), f(c.Dim), f(1), f(1)
	kernel.RMSNorm(c.n1, in.X[:n*c.Dim], l.AttnNorm, c.inv1, n, c.Dim, c.Eps)
	c.linear(c.q, c.n1, in, 0, false)
	c.linear(c.k, c.n1, in, 1, false)
	c.linear(c.v, c.n1, in, 2, false)
	c.rope(c.q, in, c.Heads, false)
	c.rope(c.k, in, c.KVHeads, false)
	c.attention().Forward(c.o, c.lse, c.q, c.k, c.v, in.Seg, n)
	copy(c.h, in.X)
	c.linear(c.h, c.o, in, 3, true)
	kernel.RMSNorm(c.n2, c.h, l.FFNNorm, c.inv2, n, c.Dim, c.Eps)
	c.linear(c.gate, c.n2, in, 4, false)
	c.linear(c.up, c.n2, in, 5, false)
	kernel.SwiGLU(c.s, c.gate, c.up)
	copy(c.y, c.h)
	c.linear(c.y, c.s, in, 6, true)
	return c.y
}

func (c *hand) attention() kernel.Attention {
	return kernel.Attention{Heads: c.Heads, KVHeads: c.KVHeads, Dim: c.HeadDim, Scale: c.AttentionScale}
}

// back adds one linear layer's part to dx and its gradients to the layer's.
func (c *hand) back(dx, dy, x []float32, in Input, i int) {
	w, n, r := in.Layer.Linear[i], in.N, c.Rank
	kernel.Mul(dx, dy, n, w, true)
	if !c.Adapted[i] {
		return
	}
	dxa := make([]float32, n*r)
	kernel.Gemm(w.Rows, r, n, dy, 1, w.Rows, c.xa[i], r, 1, in.Layer.GradB[i], r, true)
	kernel.Gemm(n, r, w.Rows, dy, w.Rows, 1, in.Layer.B[i], r, 1, dxa, r, false)
	kernel.Scale(dxa, c.Scale)
	kernel.Gemm(r, w.Cols, n, dxa, 1, r, x, w.Cols, 1, in.Layer.gradA(c.Config, i), w.Cols, true)
	kernel.Gemm(n, w.Cols, r, dxa, r, 1, in.Layer.a(c.Config, i), w.Cols, 1, dx, w.Cols, true)
}

// backward follows forward for the same input.
func (c *hand) backward(in Input, dy []float32) []float32 {
	n, l := in.N, in.Layer
	f := func(k int) []float32 { return make([]float32, n*k) }
	dy = dy[:n*c.Dim]
	ds, dgate, dup, dn2, dh, do := f(c.FF), f(c.FF), f(c.FF), f(c.Dim), f(c.Dim), f(c.Heads*c.HeadDim)
	c.back(ds, dy, c.s, in, 6)
	kernel.SwiGLUBackward(dgate, dup, ds, c.gate, c.up)
	c.back(dn2, dgate, c.n2, in, 4)
	c.back(dn2, dup, c.n2, in, 5)
	kernel.RMSNormBackward(dh, dn2, c.h, l.FFNNorm, c.inv2, n, c.Dim)
	kernel.Axpy(dh, 1, dy)
	c.back(do, dh, c.o, in, 3)
	dq, dk, dv, dn1, dx := f(c.Heads*c.HeadDim), f(c.KVHeads*c.HeadDim), f(c.KVHeads*c.HeadDim), f(c.Dim), f(c.Dim)
	c.attention().Backward(dq, dk, dv, do, c.q, c.k, c.v, c.o, c.lse, in.Seg, n)
	c.rope(dq, in, c.Heads, true)
	c.rope(dk, in, c.KVHeads, true)
	c.back(dn1, dq, c.n1, in, 0)
	c.back(dn1, dk, c.n1, in, 1)
	c.back(dn1, dv, c.n1, in, 2)
	kernel.RMSNormBackward(dx, dn1, in.X[:n*c.Dim], l.AttnNorm, c.inv1, n, c.Dim)
	kernel.Axpy(dx, 1, dh)
	return dx
}

// small is a block in which no two widths are alike.
func small() Config {
	return Config{Dim: 32, Heads: 4, KVHeads: 2, HeadDim: 12, FF: 40, Rows: 13, Rank: 3, Scale: 2, Adapted: [Linears]bool{true, true, true, true, true, true, true},
		Eps: 1e-5, AttentionScale: 0.29, Rope: kernel.NewRope(64, 12, 10000, nil)}
}

func random(r *rand.Rand, n int, scale float32) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64()) * scale
	}
	return x
}

// newLayer makes a layer with random weights and pairs.
func newLayer(c Config, index int) *Layer {
	r := rand.New(rand.NewPCG(7, uint64(index)))
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	in := [Linears]int{c.Dim, c.Dim, c.Dim, q, c.Dim, c.Dim, c.FF}
	out := [Linears]int{q, kv, kv, c.Dim, c.FF, c.FF, c.Dim}
	l := &Layer{Index: index, AttnNorm: random(r, c.Dim, 0.2), FFNNorm: random(r, c.Dim, 0.2)}
	for i := range c.Dim {
		l.AttnNorm[i]++
		l.FFNNorm[i]++
	}
	for g, members := range Members {
		for _, i := range members {
			l.Linear[i] = quant.F32Tensor("w", out[i], in[i], random(r, out[i]*in[i], 0.2))
			if c.Adapted[i] {
				l.A[g] = append(l.A[g], random(r, c.Rank*in[i], 0.2)...)
				l.B[i] = random(r, out[i]*c.Rank, 0.2)
				l.GradB[i] = make([]float32, len(l.B[i]))
			}
		}
		if l.A[g] != nil {
			l.GradA[g] = make([]float32, len(l.A[g]))
		}
	}
	return l
}

// newInput makes two documents in a sequence that does not fill the block.
func newInput(c Config, l *Layer) Input {
	r := rand.New(rand.NewPCG(8, 9))
	return Input{X: random(r, c.Rows*c.Dim, 1), N: 11, Layer: l,
		Pos: []int32{0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6}, Seg: []int32{0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4}}
}

// zero clears a layer's gradients, and grads lists them.
func (l *Layer) zero() {
	for _, g := range l.grads() {
		clear(g)
	}
}

func (l *Layer) grads() (out [][]float32) {
	for g := range l.GradA {
		out = append(out, l.GradA[g])
	}
	for i := range l.GradB {
		out = append(out, l.GradB[i])
	}
	return out
}

func (l *Layer) values() (out [][]float32) {
	for g := range l.A {
		out = append(out, l.A[g])
	}
	for i := range l.B {
		out = append(out, l.B[i])
	}
	return out
}
