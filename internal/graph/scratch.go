package graph

import (
	"gorgonia.org/tensor"

	"temper/internal/kernel"
)

// Scratch is the buffers of backward passes, and of values that are cheap to compute again for them. Blocks share one: only one of them runs at a time.
type Scratch struct {
	buffers map[string]*tensor.Dense
	bytes   int64
}

// NewScratch returns an empty scratch, which the first block fills.
func NewScratch() *Scratch { return &Scratch{buffers: map[string]*tensor.Dense{}} }

// keep allocates a buffer that holds a value from the forward pass to the backward pass.
func (b *Block) keep(rows, cols int) *tensor.Dense {
	b.bytes += int64(rows) * int64(cols) * 4
	return b.dense(rows, cols)
}

// share returns the scratch buffer of that name.
func (b *Block) share(name string, rows, cols int) *tensor.Dense {
	t := b.scratch.buffers[name]
	if t == nil {
		t = b.dense(rows, cols)
		b.scratch.buffers[name] = t
		b.scratch.bytes += int64(rows) * int64(cols) * 4
	}
	// Its own header: a tape machine puts its engine, and with it its block, into every value it sees.
	return view(t.Float32s(), rows, cols)
}

func (b *Block) dense(rows, cols int) *tensor.Dense {
	return tensor.New(tensor.WithShape(rows, cols), tensor.Of(tensor.Float32))
}

// Bytes is the memory of the block's own buffers and of the shared scratch.
func (b *Block) Bytes() (own, scratch int64) { return b.bytes, b.scratch.bytes }

// An engine is tensor's standard one, except that sums of gradients (where a value has two readers, gorgonia adds with its
// own operation) go through our kernel into scratch buffers instead of fresh memory.
type engine struct {
	tensor.StdEng
	block *Block
}

// Add computes a + c: into a where gorgonia says that nothing reads it after, else into the scratch.
func (e *engine) Add(a, c tensor.Tensor, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	b := e.block
	rows, cols := b.cfg.Rows, b.cfg.Dim
	o := tensor.ParseFuncOpts(opts...)
	if o.Reuse() != nil || o.Incr() != nil || a.DataSize() != rows*cols || c.DataSize() != rows*cols {
		return e.StdEng.Add(a, c, opts...)
	}
	out := a.(*tensor.Dense)
	if o.Safe() {
		out = b.share("sum", rows, cols)
	}
	n := b.in.N * cols
	kernel.Add(out.Float32s()[:n], a.(*tensor.Dense).Float32s()[:n], c.(*tensor.Dense).Float32s()[:n])
	return out, nil
}

// outs is how many outputs each linear layer has.
func (c Config) outs() [Linears]int {
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	return [Linears]int{q, kv, kv, c.Dim, c.FF, c.FF, c.Dim}
}

// Bytes is what a block of this shape will keep for itself, and what its scratch will hold.
func (c Config) Bytes() (own, scratch int64) {
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	in := [Groups]int{c.Dim, q, c.Dim, c.FF}
	outs := c.outs()
	perRow := 2 + q + c.Heads                                      // norms' 1/rms, attention
	shared := 2*c.Dim + c.FF + c.Dim + (q + 2*kv) + 2*c.FF + c.Dim // norms, swiglu; gradients of norm, attention, swiglu; sum
	if c.QKNorm {
		perRow += c.Heads + c.KVHeads
		shared += q + 2*kv
	}
	if c.PostNorms { // norms and sum of branches, gradient of norm; the block's output
		perRow += 2 + c.Dim
		shared += 4 * c.Dim
	}
	fixed := 0
	for g, members := range Members {
		width := 0
		for _, m := range members {
			perRow += outs[m]
			if c.Adapted[m] {
				if width += c.Rank; c.SharedA {
					width = c.Rank
				}
				fixed += outs[m] * c.columns()
			}
		}
		perRow += width
		if c.Magnitudes && width > 0 {
			for _, m := range members {
				perRow += outs[m]
			}
		}
		shared += in[g] + width
		fixed += width * in[g]
	}
	shared += c.unstretched()
	if c.Dropout > 0 {
		shared += max(c.Dim, c.FF, q)
	}
	return 4 * int64(c.Rows) * int64(perRow), 4 * (int64(c.Rows)*int64(shared) + int64(fixed))
}
