package graph

import (
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"temper/internal/kernel"
)

// compose builds Llama's block: x + o(attention(norm x)), then + down(swiglu(norm)); and those that differ from it: with norms of
// the heads, of the branches, with GeGLU.
func (b *Block) compose(g *G.ExprGraph) {
	c := b.cfg
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	b.x = b.matrix(g, "x", c.Rows, c.Dim)
	qkv := b.linear(0, b.norm(norms[0], b.x, func(l *Layer) []float32 { return l.AttnNorm }), c.Dim, q, kv, kv)
	if c.QKNorm {
		qkv = b.headNorms(qkv)
	}
	o := b.linear(1, b.attention(b.rope(qkv)), q, c.Dim)
	if c.PostNorms {
		o = b.norm("post-attention norm", o, func(l *Layer) []float32 { return l.PostAttnNorm })
	}
	h := b.residual(b.x, o, false)
	b.gateUp = b.linear(gateUp, b.norm(norms[1], h, func(l *Layer) []float32 { return l.FFNNorm }), c.Dim, c.FF, c.FF)
	down := b.linear(3, b.swiglu(b.gateUp), c.FF, c.Dim)
	if c.PostNorms {
		down = b.norm("post-feed-forward norm", down, func(l *Layer) []float32 { return l.PostFFNNorm })
	}
	b.y = b.residual(h, down, true)
}

// The norms of the stream, in whose places its gradient is summed.
var norms = []string{"attention norm", "feed-forward norm"}

// norm is RMSNorm with the layer's weights. Norms of branches share one place: only their sums are read again.
func (b *Block) norm(name string, x *G.Node, weights func(*Layer) []float32) *G.Node {
	rows, d := b.cfg.Rows, b.cfg.Dim
	inv := b.keep(rows, 1).Float32s()
	first, place := x == b.x, name
	if !slices.Contains(norms, name) {
		place = "branch norm"
	}
	o := b.op(name, 1, b.share(place, rows, d), func(in [][]float32, y []float32) {
		n := b.in.N
		kernel.RMSNorm(y[:n*d], in[0][:n*d], weights(b.in.Layer), inv[:n], n, d, b.cfg.Eps)
	})
	o.cheap = true
	o.diff = func(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		back := b.op(name+" backward", 2, o.out, func(in [][]float32, dx []float32) {
			if n := b.in.N; b.inputDX || !first {
				kernel.RMSNormBackward(dx[:n*d], in[1][:n*d], in[0][:n*d], weights(b.in.Layer), inv[:n], n, d)
			}
		})
		n, err := G.ApplyOp(back, in[0], grad)
		return G.Nodes{n}, err
	}
	return o.apply(x)
}

// headNorms is RMSNorm of each head's query and key; values pass.
func (b *Block) headNorms(qkv *G.Node) *G.Node {
	c := b.cfg
	width := c.Heads*c.HeadDim + 2*c.KVHeads*c.HeadDim
	inv := b.keep(c.Rows, c.Heads+c.KVHeads).Float32s()
	invQ, invK := inv[:c.Rows*c.Heads], inv[c.Rows*c.Heads:]
	o := b.op("head norms", 1, b.share("head norms", c.Rows, width), func(in [][]float32, y []float32) {
		n, l := b.in.N, b.in.Layer
		q, k, v := b.split(in[0])
		toQ, toK, toV := b.split(y)
		kernel.RMSNorm(toQ, q, l.QNorm, invQ, n*c.Heads, c.HeadDim, c.Eps)
		kernel.RMSNorm(toK, k, l.KNorm, invK, n*c.KVHeads, c.HeadDim, c.Eps)
		copy(toV, v)
	})
	o.cheap = true
	o.diff = func(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		back := b.op("head norms backward", 2, output(grad), func(in [][]float32, _ []float32) {
			n, l := b.in.N, b.in.Layer
			q, k, _ := b.split(in[0])
			dq, dk, _ := b.split(in[1])
			kernel.RMSNormBackward(dq, dq, q, l.QNorm, invQ, n*c.Heads, c.HeadDim)
			kernel.RMSNormBackward(dk, dk, k, l.KNorm, invK, n*c.KVHeads, c.HeadDim)
		})
		n, err := G.ApplyOp(back, in[0], grad)
		return G.Nodes{n}, err
	}
	return o.apply(qkv)
}

// rope turns queries and keys by their positions, in place; values pass.
func (b *Block) rope(qkv *G.Node) *G.Node {
	turn := func(qkv []float32, inverse bool) {
		c, rope := b.cfg, b.cfg.Rope
		if b.in.Layer.Unrotated {
			return
		}
		if b.in.Layer.Rope != nil {
			rope = b.in.Layer.Rope
		}
		apply := rope.Apply
		if c.Interleaved {
			apply = rope.ApplyInterleaved
		}
		q, k, _ := b.split(qkv)
		apply(q, q, b.in.Pos, b.in.N, c.Heads, c.HeadDim, inverse)
		apply(k, k, b.in.Pos, b.in.N, c.KVHeads, c.HeadDim, inverse)
	}
	o := b.op("rope", 1, output(qkv), func(in [][]float32, _ []float32) { turn(in[0], false) })
	o.cheap = b.cfg.QKNorm // in place of what is computed again
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
	kernels := func() kernel.Attention {
		a := kernel.Attention{Heads: c.Heads, KVHeads: c.KVHeads, Dim: c.HeadDim, Scale: c.AttentionScale, Cap: c.AttentionCap}
		if b.in.Layer.Local {
			a.Window = c.Window
		}
		return a
	}
	w := c.Heads * c.HeadDim
	lse := b.keep(c.Rows, c.Heads).Float32s()
	o := b.op("attention", 1, b.keep(c.Rows, w), func(in [][]float32, y []float32) {
		n := b.in.N
		q, k, v := b.split(in[0])
		kernels().Forward(y[:n*w], lse[:n*c.Heads], q, k, v, b.in.Seg, n)
	})
	o.diff = func(in G.Nodes, out, grad *G.Node) (G.Nodes, error) {
		d := b.besides(w + 2*c.KVHeads*c.HeadDim)
		back := b.op("attention backward", 3, d, func(in [][]float32, d []float32) {
			n := b.in.N
			q, k, v := b.split(in[0])
			dq, dk, dv := b.split(d)
			kernels().Backward(dq, dk, dv, in[2][:n*w], q, k, v, in[1][:n*w], lse[:n*c.Heads], b.in.Seg, n)
		})
		n, err := G.ApplyOp(back, in[0], out, grad)
		return G.Nodes{n}, err
	}
	return o.apply(qkv)
}

// besides is the place of the gradient of queries, keys and values: that of gate and up, whose gradients are read by then.
func (b *Block) besides(width int) *tensor.Dense {
	rows := b.cfg.Rows
	if !fits(width, b.cfg.FF) {
		return b.share("dqkv", rows, width)
	}
	return view(output(b.gateUp).Float32s()[:rows*width], rows, width)
}

// fits says whether so many values a row have a place where gate and up are.
func fits(width, ff int) bool { return width <= 2*ff }

// swiglu is silu(gate)·up, or gelu(gate)·up. Their gradients take the places of gate and up.
func (b *Block) swiglu(gateUp *G.Node) *G.Node {
	rows, ff := b.cfg.Rows, b.cfg.FF
	halves := func(x []float32) (gate, up []float32) { return x[:b.in.N*ff], x[rows*ff : rows*ff+b.in.N*ff] }
	forward, backward := kernel.SwiGLU, kernel.SwiGLUBackward
	if b.cfg.GELU {
		forward, backward = kernel.GeGLU, kernel.GeGLUBackward
	}
	o := b.op("swiglu", 1, b.work(ff), func(in [][]float32, y []float32) {
		gate, up := halves(in[0])
		forward(y[:b.in.N*ff], gate, up)
	})
	o.cheap = true
	o.diff = func(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
		back := b.op("swiglu backward", 2, output(gateUp), func(in [][]float32, _ []float32) {
			gate, up := halves(in[0])
			pieces := b.scratch.ofThreads()
			kernel.Parallel(len(gate), piece, func(worker, lo, hi int) {
				for lo := lo; lo < hi; lo += piece { // one thread has all in one chunk
					hi := min(hi, lo+piece)
					dup := pieces[worker][:hi-lo] // up is read after dup is written
					backward(gate[lo:hi], dup, in[1][lo:hi], gate[lo:hi], up[lo:hi])
					copy(up[lo:hi], dup)
				}
			})
		})
		n, err := G.ApplyOp(back, in[0], grad)
		return G.Nodes{n}, err
	}
	return o.apply(gateUp)
}

// residual adds a branch to the stream, in place of the branch; what is normalized before has no place of its own, and the first
// sum is computed again with it. The block's output is not.
func (b *Block) residual(stream, branch *G.Node, last bool) *G.Node {
	rows, d := b.cfg.Rows, b.cfg.Dim
	out := output(branch)
	if b.cfg.PostNorms && last {
		out = b.keep(rows, d)
	} else if b.cfg.PostNorms {
		out = b.share("residual", rows, d)
	}
	o := b.op("residual", 2, out, func(in [][]float32, y []float32) {
		if n := b.in.N * d; !last || !b.partly {
			kernel.Add(y[:n], in[1][:n], in[0][:n])
		}
	})
	o.cheap = b.cfg.PostNorms && !last
	o.diff = func(_ G.Nodes, _, grad *G.Node) (G.Nodes, error) { return G.Nodes{grad, grad}, nil }
	return o.apply(stream, branch)
}
