package graph

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"temper/internal/kernel"
)

// A linearGroup is the linear layers that read one input, with their pairs:
//
//	yᵢ = x·Wᵢᵀ + s·(x'·Aᵢᵀ)·Bᵢᵀ    with x' = x after dropout
//
// or, with magnitudes, what magnitude.go says. Its output has the yᵢ one after the other, each (Rows, outᵢ); its A is the Aᵢ one
// below the other.
type linearGroup struct {
	block *Block
	group int
	in    int
	outs  []int // outputs of each member
	slots []int // of each member: its place among the adapted, or -1
	width int   // columns of x·Aᵀ: adapted members · rank
	last  bool  // the block's last projection, whose output no gradient needs
	xa    *tensor.Dense
	z     *tensor.Dense // with magnitudes: what they multiply, laid out as the output
}

// linear adds the linear layers of a group, reading x, (Rows, in).
func (b *Block) linear(group int, x *G.Node, in int, outs ...int) *G.Node {
	l := &linearGroup{block: b, group: group, in: in, outs: outs, last: group == Groups-1 && !b.cfg.PostNorms}
	total, adapted := 0, 0
	for i, m := range Members[group] {
		total += outs[i]
		l.slots = append(l.slots, -1)
		if b.cfg.Adapted[m] {
			l.slots[i] = adapted
			if adapted++; b.cfg.SharedA {
				l.slots[i], adapted = 0, 1
			}
		}
	}
	l.width = adapted * b.cfg.Rank
	args := G.Nodes{x}
	hold := b.hold(group)
	if adapted > 0 {
		if b.cfg.Magnitudes {
			l.z = hold(fmt.Sprintf("z%d", group), b.cfg.Rows, total)
		}
		l.xa = hold(fmt.Sprintf("xa%d", group), b.cfg.Rows, l.width)
		b.a[group] = b.matrix(x.Graph(), fmt.Sprintf("A%d", group), l.width, in)
		args = append(args, b.a[group])
		for i, m := range Members[group] {
			if l.slots[i] >= 0 {
				b.b[m] = b.matrix(x.Graph(), fmt.Sprintf("B%d", m), outs[i], b.cfg.columns())
				args = append(args, b.b[m])
			}
		}
	}
	o := b.op(fmt.Sprintf("linear%d", group), len(args), hold(fmt.Sprintf("linear%d", group), b.cfg.Rows, total), l.forward)
	o.cheap = b.again(group)
	o.diff = l.diff
	return o.apply(args...)
}

// each calls f for every member with its part of y and its B, nil if it has none.
func (l *linearGroup) each(y []float32, bs [][]float32, f func(member, slot int, y, b []float32)) {
	at, next := 0, 0
	for i, m := range Members[l.group] {
		var b []float32
		if l.slots[i] >= 0 {
			b = bs[next]
			next++
		}
		f(m, l.slots[i], y[at:at+l.block.in.N*l.outs[i]], b)
		at += l.block.cfg.Rows * l.outs[i]
	}
}

func (l *linearGroup) forward(in [][]float32, y []float32) {
	b, n, r := l.block, l.block.in.N, l.block.cfg.Rank
	x := in[0]
	var xa, dropped []float32
	if l.width > 0 {
		xa, dropped = l.xa.Float32s()[:n*l.width], l.dropped(x)
		kernel.Gemm(n, l.width, l.in, dropped, l.in, 1, in[1], 1, l.in, xa, l.width, false)
		l.scale(xa)
	}
	if l.z != nil {
		l.stretch(x, dropped, xa, in[2:], y)
	}
	if l.last && b.partly {
		return
	}
	p := &b.scratch.products
	l.each(y, in[min(2, len(in)):], func(member, slot int, y, pair []float32) {
		if pair != nil && l.z != nil {
			return
		}
		w := b.in.Layer.Linear[member]
		p.Into(y, n, w.Rows, w.Rows, false)
		p.MulT(b.in.Compute, x[:n*l.in], w)
		if bias := b.in.Layer.Bias[member]; bias != nil {
			p.AddRow(bias)
		}
		if pair != nil {
			p.Gemm(r, xa[slot*r:], l.width, 1, pair, 1, r)
		}
	})
	p.Run()
}

// scale multiplies the columns of x, (rows, width), by the scales of the pairs they belong to.
func (l *linearGroup) scale(x []float32) {
	b := l.block
	var of [Linears]float32 // by slot
	slots, same := 0, true
	for i, m := range Members[l.group] {
		if l.slots[i] < 0 {
			continue
		}
		s := b.in.Layer.Scale[m]
		if s == 0 {
			s = b.cfg.Scale
		}
		of[l.slots[i]], slots = s, max(slots, l.slots[i]+1)
		same = same && s == of[0]
	}
	if same {
		kernel.Scale(x, of[0])
		return
	}
	for at := 0; at < len(x); at += l.width {
		for slot := range slots {
			kernel.Scale(x[at+slot*b.cfg.Rank:at+(slot+1)*b.cfg.Rank], of[slot])
		}
	}
}

func (l *linearGroup) diff(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	b := l.block
	side := make([]*tensor.Dense, len(in)) // gradients of A and of each B
	for i, n := range in[1:] {
		side[i+1] = b.share(fmt.Sprintf("d%s", n.Name()), n.Shape()[0], n.Shape()[1])
	}
	dx := b.work(l.in)
	o := b.op(fmt.Sprintf("linear%d backward", l.group), len(in)+1, dx, func(in [][]float32, dx []float32) {
		l.backward(in, dx, side)
	})
	n, err := G.ApplyOp(o, append(append(G.Nodes{}, in...), grad)...)
	if err != nil {
		return nil, err
	}
	out := G.Nodes{n}
	for i, t := range side[1:] {
		s, err := b.side(n, fmt.Sprintf("d%s", in[i+1].Name()), t)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// backward computes, for dyᵢ in the last input: dBᵢ = dyᵢᵀ·s·xAᵢᵀ, dA = s·(dy·B)ᵀ·x', dx = Σ dyᵢ·Wᵢ + s·(dy·B)·A. dx may lie in
// x's place: it is written last.
func (l *linearGroup) backward(in [][]float32, dx []float32, side []*tensor.Dense) {
	b, n := l.block, l.block.in.N
	x, dy, pairs := in[0], in[len(in)-1], in[min(2, len(in)-1):len(in)-1]
	dz, dxa := dy, []float32(nil) // dz: gradients of what magnitudes multiply
	if l.z != nil {
		dz = l.unstretch(dy, pairs, side[2:])
	}
	if l.width > 0 {
		dxa = b.share(fmt.Sprintf("dxa%d", l.group), b.cfg.Rows, l.width).Float32s()[:n*l.width]
		l.pairsBackward(dz, pairs, dxa, side[2:])
		l.scale(dxa)
		kernel.Gemm(l.width, l.in, n, dxa, 1, l.width, l.dropped(x), l.in, 1, side[1].Float32s(), l.in, false)
	}
	if !b.inputDX && l.group == 0 {
		return
	}
	through := dz
	if b.drops() {
		through = dy
	}
	p := &b.scratch.products
	p.Into(dx[:n*l.in], n, l.in, l.in, false)
	l.each(through, pairs, func(member, _ int, dy, _ []float32) { p.Mul(b.in.Compute, dy, b.in.Layer.Linear[member]) })
	if l.width > 0 && !b.drops() {
		p.Gemm(l.width, dxa, l.width, 1, in[1], l.in, 1)
	}
	p.Run()
	if l.width > 0 && b.drops() {
		part := b.share("dropout", b.cfg.Rows, b.widest()).Float32s()[:n*l.in]
		if l.z != nil {
			l.differ(part, dz, dy, pairs)
		}
		kernel.Gemm(n, l.in, l.width, dxa, l.width, 1, in[1], l.in, 1, part, l.in, l.z != nil)
		l.mask(part, part)
		kernel.Add(dx[:n*l.in], dx[:n*l.in], part)
	}
}

// pairsBackward computes dxa, the Σ dyᵢ·Bᵢ of each A, and into side the gradients of the Bᵢ but for their scales, which x·Aᵀ has.
func (l *linearGroup) pairsBackward(dy []float32, pairs [][]float32, dxa []float32, side []*tensor.Dense) {
	b, n, r := l.block, l.block.in.N, l.block.cfg.Rank
	p, xa, begun, next := &b.scratch.products, l.xa.Float32s(), -1, 0
	l.each(dy, pairs, func(member, slot int, dy, pair []float32) {
		if pair == nil {
			return
		}
		out := b.in.Layer.Linear[member].Rows
		if slot != begun {
			p.Into(dxa[slot*r:], n, r, l.width, false)
			begun = slot
		}
		p.Gemm(out, dy, out, 1, pair, r, 1)
	})
	l.each(dy, pairs, func(member, slot int, dy, pair []float32) {
		if pair == nil {
			return
		}
		out := b.in.Layer.Linear[member].Rows
		p.Into(side[next].Float32s(), out, r, r, false)
		p.Gemm(n, dy, 1, out, xa[slot*r:], l.width, 1)
		next++
	})
	p.Run()
}
