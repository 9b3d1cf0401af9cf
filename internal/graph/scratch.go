package graph

import (
	"gorgonia.org/tensor"

	"temper/internal/kernel"
)

// Scratch is the buffers of backward passes, and of values that are computed again for them. Blocks share one: only one of them
// runs at a time.
//
// A backward pass writes where what it reads last has lain: the gradient of a group's input goes to the place of the feed-forward's
// inner values, the gradients of gate and up, and later of queries, keys and values, to that of gate and up, and the gradient of a
// norm, and the stream's sum with it, to that of the norm's output.
type Scratch struct {
	buffers map[string]*tensor.Dense
	bytes   int64
	holder  *Block // whose forward pass the buffers hold; nil if nobody's
	pieces  [][]float32

	products kernel.Products
}

// piece is how many values of a gradient wait for their place, few enough for a thread's first-level cache.
const piece = 2048

// ofThreads is a piece for each thread.
func (s *Scratch) ofThreads() [][]float32 {
	for len(s.pieces) < kernel.Threads() {
		s.pieces = append(s.pieces, make([]float32, piece))
	}
	return s.pieces
}

// NewScratch returns an empty scratch, which the first block fills.
func NewScratch() *Scratch { return &Scratch{buffers: map[string]*tensor.Dense{}} }

// keep allocates a buffer that holds a value from the forward pass to the backward pass.
func (b *Block) keep(rows, cols int) *tensor.Dense {
	b.bytes += int64(rows) * int64(cols) * 4
	return b.dense(rows, cols)
}

// again says whether the outputs of a group of linear layers are computed again for the backward pass.
func (b *Block) again(group int) bool { return b.cfg.Selective && group == gateUp }

// hold returns what gives the values of a group of linear layers their place.
func (b *Block) hold(group int) func(name string, rows, cols int) *tensor.Dense {
	if b.again(group) {
		return b.share
	}
	return func(_ string, rows, cols int) *tensor.Dense { return b.keep(rows, cols) }
}

// work is the scratch of the feed-forward's inner values, and later of the gradient of each group's input.
func (b *Block) work(cols int) *tensor.Dense {
	return view(b.share("work", b.cfg.Rows, b.widest()).Float32s()[:b.cfg.Rows*cols], b.cfg.Rows, cols)
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
		out = b.spent(c.(*tensor.Dense), out)
	}
	n := b.in.N * cols
	kernel.Add(out.Float32s()[:n], a.(*tensor.Dense).Float32s()[:n], c.(*tensor.Dense).Float32s()[:n])
	return out, nil
}

// spent is the place of a sum: that of the first of its terms which is a norm's gradient, or a sum in such a place, since nothing
// else reads those.
func (b *Block) spent(terms ...*tensor.Dense) *tensor.Dense {
	for _, t := range terms {
		for _, name := range norms {
			place := b.scratch.buffers[name]
			if place != nil && &place.Float32s()[0] == &t.Float32s()[0] {
				return view(place.Float32s(), b.cfg.Rows, b.cfg.Dim)
			}
		}
	}
	return b.share("sum", b.cfg.Rows, b.cfg.Dim)
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
	perRow := 2 + q + c.Heads               // norms' 1/rms, attention
	shared := 2*c.Dim + max(c.Dim, c.FF, q) // norms, the widest input
	if !fits(q+2*kv, c.FF) {
		shared += q + 2*kv // gradients of attention
	}
	if c.QKNorm {
		perRow += c.Heads + c.KVHeads
		shared += q + 2*kv
	}
	if c.PostNorms { // norms of branches, first sum; the block's output
		perRow += 2 + c.Dim
		shared += 2 * c.Dim
	}
	fixed := 0
	for g, members := range Members {
		width, held := 0, &perRow
		if c.Selective && g == gateUp {
			held = &shared
		}
		for _, m := range members {
			*held += outs[m]
			if c.Adapted[m] {
				if width += c.Rank; c.SharedA {
					width = c.Rank
				}
				fixed += outs[m] * c.columns()
			}
		}
		*held += width
		if c.Magnitudes && width > 0 {
			for _, m := range members {
				*held += outs[m]
			}
		}
		shared += width
		fixed += width * in[g]
	}
	shared += c.unstretched()
	if c.Dropout > 0 {
		shared += max(c.Dim, c.FF, q)
	}
	return 4 * int64(c.Rows) * int64(perRow), 4 * (int64(c.Rows)*int64(shared) + int64(fixed))
}
