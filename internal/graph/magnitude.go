package graph

import (
	"iter"

	"gorgonia.org/tensor"

	"temper/internal/kernel"
)

// With magnitudes (DoRA) a linear layer with a pair computes, row by row of W,
//
//	y = m/‖W + s·B·A‖ · z + W·(x - x') + bias    with z = W·x' + s·B·A·x'
//
// where x' is x after dropout, as in PEFT. The length is a constant to the gradient, so that the gradients of W's and the pair's
// products are those without magnitudes for dz = m/‖W + s·B·A‖·dy, and that of m is the sum of dy·z over the length. z is kept from
// the forward to the backward pass. m lies behind B. Source: Liu et al. 2024, arXiv:2402.09353, §4.

// columns is how many values a row of B's node has.
func (c Config) columns() int {
	if c.Magnitudes {
		return c.Rank + 1
	}
	return c.Rank
}

// A stretched is a linear layer with a pair and magnitudes.
type stretched struct {
	member, slot int
	at, out      int       // where its values begin in a group's output, and how many a row has
	b, m         []float32 // B and the magnitudes; nodes that hold their gradients have them in the same places
}

// stretched lists the adapted members of the group, whose B, or gradients of it, are bs.
func (l *linearGroup) stretched(bs [][]float32) iter.Seq[stretched] {
	return func(yield func(stretched) bool) {
		at, next, r := 0, 0, l.block.cfg.Rank
		for i, m := range Members[l.group] {
			out := l.outs[i]
			if l.slots[i] >= 0 {
				b := bs[next]
				next++
				if !yield(stretched{m, l.slots[i], at, out, b[:out*r], b[out*r:]}) {
					return
				}
			}
			at += l.block.cfg.Rows * out
		}
	}
}

// of is the layer's part of x, which is laid out as the group's output.
func (s stretched) of(x []float32, n int) []float32 { return x[s.at : s.at+n*s.out] }

// stretch computes z, and unless only the backward pass needs it, y, of all adapted members. It uses up what is dropped.
func (l *linearGroup) stretch(x, dropped, xa []float32, pairs [][]float32, y []float32) {
	b, n, r := l.block, l.block.in.N, l.block.cfg.Rank
	all := l.z.Float32s()
	for s := range l.stretched(pairs) {
		z := s.of(all, n)
		b.in.Compute.MulT(z, dropped[:n*l.in], n, b.in.Layer.Linear[s.member], false)
		kernel.Gemm(n, s.out, r, xa[s.slot*r:], l.width, 1, s.b, 1, r, z, s.out, true)
	}
	if l.last && b.partly {
		return
	}
	drops := b.drops()
	if drops { // what dropout takes away goes through W alone
		for i, v := range x[:n*l.in] {
			dropped[i] = v - dropped[i]
		}
	}
	for s := range l.stretched(pairs) {
		to, in := s.of(y, n), b.in.Layer
		if drops {
			b.in.Compute.MulT(to, dropped[:n*l.in], n, in.Linear[s.member], false)
		}
		kernel.Magnitude(to, s.of(all, n), s.m, in.Length[s.member], in.Bias[s.member], n, drops)
	}
}

// unstretch returns dz, laid out as dy, and writes the gradients of the magnitudes behind those of B in side. It lies in dy's place
// where nothing else reads that: the others' is the gradient of the residual stream, and dropout needs dy itself.
func (l *linearGroup) unstretch(dy []float32, pairs [][]float32, side []*tensor.Dense) []float32 {
	b, n := l.block, l.block.in.N
	dz := dy
	if b.cfg.Dropout > 0 || l.group != 0 && l.group != gateUp {
		dz = b.share("dz", b.cfg.Rows, b.cfg.unstretched()).Float32s()
		copy(dz, dy)
	}
	next := 0
	for s := range l.stretched(pairs) {
		dm := side[next].Float32s()[len(s.b):]
		next++
		kernel.MagnitudeBackward(s.of(dz, n), dm, s.of(dy, n), s.of(l.z.Float32s(), n), s.m, b.in.Layer.Length[s.member], n)
	}
	return dz
}

// differ computes, for the adapted members, Σ (dz - dy)·W: the gradient of x' through W, beyond that of x. It uses up dz.
func (l *linearGroup) differ(dx, dz, dy []float32, pairs [][]float32) {
	b, n := l.block, l.block.in.N
	first := true
	for s := range l.stretched(pairs) {
		d := s.of(dz, n)
		kernel.Axpy(d, -1, s.of(dy, n))
		b.in.Compute.Mul(dx, d, n, b.in.Layer.Linear[s.member], !first)
		first = false
	}
}

// unstretched is how many values a row of dz has where it has a place of its own.
func (c Config) unstretched() (widest int) {
	if !c.Magnitudes {
		return 0
	}
	outs := c.outs()
	for g, members := range Members {
		adapted, total := false, 0
		for _, m := range members {
			adapted, total = adapted || c.Adapted[m], total+outs[m]
		}
		if adapted && (c.Dropout > 0 || g != 0 && g != gateUp) {
			widest = max(widest, total)
		}
	}
	return widest
}
