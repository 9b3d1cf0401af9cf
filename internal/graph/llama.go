package graph

import (
	G "gorgonia.org/gorgonia"

	"temper/internal/kernel"
)

// compose builds Llama's block: x + o(attention(norm x)), then + down(swiglu(norm)).
func (b *Block) compose(g *G.ExprGraph) {
	c := b.cfg
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	b.x = b.matrix(g, "x", c.Rows, c.Dim)
	qkv := b.linear(0, b.norm("attention norm", b.x, func(l *Layer) []float32 { return l.AttnNorm }), c.Dim, q, kv, kv)
	h := b.residual(b.x, b.linear(1, b.attention(b.rope(qkv)), q, c.Dim))
	gateUp := b.linear(2, b.norm("feed-forward norm", h, func(l *Layer) []float32 { return l.FFNNorm }), c.Dim, c.FF, c.FF)
	b.y = b.residual(h, b.linear(3, b.swiglu(gateUp), c.FF, c.Dim))
}

// norm is RMSNorm with the layer's weights.
func (b *Block) norm(name string, x *G.Node, weights func(*Layer) []float32) *G.Node {
	rows, d := b.cfg.Rows, b.cfg.Dim
	inv := b.keep(rows, 1).Float32s()
	first := x == b.x
	o := b.op(name, 1, b.share(name, rows, d), func(in [][]float32, y []float32) {
		n := b.in.N
		kernel.RMSNorm(y[:n*d], in[0][:n*d], weights(b.in.Layer), inv[:n], n, d, b.cfg.Eps)
	})
	o.cheap = true
	o.diff = func(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		back := b.op(name+" backward", 2, b.share("norm backward", rows, d), func(in [][]float32, dx []float32) {
			if n := b.in.N; b.inputDX || !first {
				kernel.RMSNormBackward(dx[:n*d], in[1][:n*d], in[0][:n*d], weights(b.in.Layer), inv[:n], n, d)
			}
		})
		n, err := G.ApplyOp(back, in[0], grad)
		return G.Nodes{n}, err
	}
	return o.apply(x)
}

// rope turns queries and keys by their positions, in place; values pass.
func (b *Block) rope(qkv *G.Node) *G.Node {
	turn := func(qkv []float32, inverse bool) {
		c := b.cfg
		apply := c.Rope.Apply
		if c.Interleaved {
			apply = c.Rope.ApplyInterleaved
		}
		q, k, _ := b.split(qkv)
		apply(q, q, b.in.Pos, b.in.N, c.Heads, c.HeadDim, inverse)
		apply(k, k, b.in.Pos, b.in.N, c.KVHeads, c.HeadDim, inverse)
	}
	o := b.op("rope", 1, output(qkv), func(in [][]float32, _ []float32) { turn(in[0], false) })
	o.diff = func(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		back := b.op("rope backward", 1, output(grad), func(in [][]float32, _ []float32) { turn(in[0], true) })
		n, err := G.ApplyOp(back, grad)
		return G.Nodes{n}, err
	}
	return o.apply(qkv)
}

// split is the queries, keys and values of a group's output.
func (b *Block) split(qkv []float32) (q, k, v []float32) {
	c := b.cfg
	w, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	at := c.Rows * w
	return qkv[:b.in.N*w], qkv[at : at+b.in.N*kv], qkv[at+c.Rows*kv : at+c.Rows*kv+b.in.N*kv]
}

// attention is causal attention inside documents, with grouped queries.
func (b *Block) attention(qkv *G.Node) *G.Node {
	c := b.cfg
	a := kernel.Attention{Heads: c.Heads, KVHeads: c.KVHeads, Dim: c.HeadDim, Scale: c.AttentionScale}
	w := c.Heads * c.HeadDim
	lse := b.keep(c.Rows, c.Heads).Float32s()
	o := b.op("attention", 1, b.keep(c.Rows, w), func(in [][]float32, y []float32) {
		n := b.in.N
		q, k, v := b.split(in[0])
		a.Forward(y[:n*w], lse[:n*c.Heads], q, k, v, b.in.Seg, n)
	})
	o.diff = func(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
		d := b.share("dqkv", c.Rows, w+2*c.KVHeads*c.HeadDim)
		back := b.op("attention backward", 3, d, func(in [][]float32, d []float32) {
			n := b.in.N
			q, k, v := b.split(in[0])
			dq, dk, dv := b.split(d)
			a.Backward(dq, dk, dv, in[2][:n*w], q, k, v, in[1][:n*w], lse[:n*c.Heads], b.in.Seg, n)
		})
		n, err := G.ApplyOp(back, in[0], out, grad)
		return G.Nodes{n}, err
	}
	return o.apply(qkv)
}

// swiglu is silu(gate)·up.
func (b *Block) swiglu(gateUp *G.Node) *G.Node {
	rows, ff := b.cfg.Rows, b.cfg.FF
	halves := func(x []float32) (gate, up []float32) { return x[:b.in.N*ff], x[rows*ff : rows*ff+b.in.N*ff] }
	o := b.op("swiglu", 1, b.share("swiglu", rows, ff), func(in [][]float32, y []float32) {
		gate, up := halves(in[0])
		kernel.SwiGLU(y[:b.in.N*ff], gate, up)
	})
	o.cheap = true
	o.diff = func(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		back := b.op("swiglu backward", 2, b.share("dgate dup", rows, 2*ff), func(in [][]float32, d []float32) {
			gate, up := halves(in[0])
			dgate, dup := halves(d)
			kernel.SwiGLUBackward(dgate, dup, in[1][:b.in.N*ff], gate, up)
		})
		n, err := G.ApplyOp(back, in[0], grad)
		return G.Nodes{n}, err
	}
	return o.apply(gateUp)
}

// residual adds a branch to the stream, in place of the branch.
func (b *Block) residual(stream, branch *G.Node) *G.Node {
	d := b.cfg.Dim
	last := branch.Op().(forwardOp).name == "linear3"
	o := b.op("residual", 2, output(branch), func(in [][]float32, y []float32) {
		if n := b.in.N * d; !last || !b.again {
			kernel.Add(y[:n], y[:n], in[0][:n])
		}
	})
	o.diff = func(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) { return G.Nodes{grad, grad}, nil }
	return o.apply(stream, branch)
}
