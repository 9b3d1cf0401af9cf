package finetune

import (
	"fmt"
	"temper/internal/graph"
	"temper/internal/kernel"
	"temper/lora"
	"temper/model"
)

// A network is a base with an adapter, ready for losses and gradients of one sequence at a time.
type network struct {
	base    *model.Model
	params  *params
	rows    int
	keep    bool
	scratch *graph.Scratch
	blocks  []*graph.Block // one a layer, or one for all
	inputs  [][]float32    // of each layer and, last, the output: (rows, Dim)
	dy      []float32
	pos     []int32
	seg     []int32
	head    head
	noise   float64 // NEFTune's alpha; 0 for none
	onBlock func()  // nil, or called after every block
	compute kernel.Compute
}

// head is the buffers of the output norm and the loss, over the trained rows of a sequence.
type head struct {
	rows          []int32 // of the sequence
	targets       []int32
	h, norm, dh   []float32
	inv           []float32
	loss, weights []float32
}

// newNetwork prepares sequences of at most rows tokens. keep says to hold every block's values from the forward to the
// backward pass; otherwise they are computed again (gradient checkpointing).
func newNetwork(base *model.Model, a *lora.Adapter, rows int, keep bool) (*network, error) {
	p, err := newParams(base, a)
	if err != nil {
		return nil, err
	}
	if rows > base.Context {
		return nil, fmt.Errorf("sequences of %d tokens; the base's context is %d", rows, base.Context)
	}
	n := &network{base: p.model(), params: p, rows: rows, keep: keep, scratch: graph.NewScratch(), blocks: make([]*graph.Block, len(base.Layers))}
	cfg := blockConfig(base, p, rows)
	for i := range n.blocks {
		if i > 0 && !keep {
			n.blocks[i] = n.blocks[0]
			continue
		}
		if n.blocks[i], err = graph.New(cfg, n.scratch); err != nil {
			return nil, err
		}
	}
	size := rows * base.Dim
	n.inputs = make([][]float32, len(base.Layers)+1)
	n.inputs[0], n.dy = make([]float32, size), make([]float32, size)
	if !keep {
		for i := range base.Layers {
			n.inputs[i+1] = make([]float32, size)
		}
	}
	n.pos, n.seg = make([]int32, rows), make([]int32, rows)
	h := &n.head
	h.h, h.norm, h.dh = make([]float32, size), make([]float32, size), make([]float32, size)
	h.inv, h.loss, h.weights = make([]float32, rows), make([]float32, rows), make([]float32, rows)
	return n, nil
}

func blockConfig(m *model.Model, p *params, rows int) graph.Config {
	c := shape(m, rows)
	c.Rank, c.Scale, c.Adapted, c.Dropout, c.Magnitudes = p.wide.Rank, p.wide.Scale(), p.adapted(), p.like.Dropout, p.wide.DoRA
	return c
}

// shape is what a base determines of its blocks.
func shape(m *model.Model, rows int) graph.Config {
	return graph.Config{Dim: m.Dim, Heads: m.Heads, KVHeads: m.KVHeads, HeadDim: m.HeadDim, FF: m.FF, Rows: rows, Eps: m.Eps,
		AttentionScale: m.AttentionScale(), AttentionCap: m.AttentionCap, Window: m.Window, Interleaved: m.Interleaved,
		QKNorm: m.QKNorm, PostNorms: m.PostNorms, GELU: m.GELU, SharedA: m.Fused}
}

// close frees the graphs.
func (n *network) close() {
	for i, b := range n.blocks {
		if i == 0 || n.keep {
			b.Close()
		}
	}
}

// forward computes the blocks. key is of the sequence's dropout masks and noise; 0 is for neither.
func (n *network) forward(s Sequence, key uint64) error {
	if err := n.base.Embed(n.inputs[0][:len(s.IDs)*n.base.Dim], s.IDs); err != nil {
		return err
	}
	if n.noise > 0 && key != 0 {
		n.perturb(s, key)
	}
	n.params.lengths.refresh()
	longest := 0
	for i := range s.Starts {
		from, to := s.sample(i)
		longest = max(longest, to-from)
		for at := from; at < to; at++ {
			n.pos[at], n.seg[at] = int32(at-from), int32(from)
		}
	}
	for i := range n.base.Layers {
		l := &n.params.layers[i]
		l.Rope = n.base.Rope(i, longest)
		l.Unrotated = l.Rope == nil
		y, err := n.blocks[i].Forward(n.input(i, len(s.IDs), key))
		if err != nil {
			return err
		}
		n.passed()
		if n.keep {
			n.inputs[i+1] = y // stays in the layer's own block
		} else {
			copy(n.inputs[i+1][:len(s.IDs)*n.base.Dim], y)
		}
	}
	return nil
}

// passed tells that a block is done.
func (n *network) passed() {
	if n.onBlock != nil {
		n.onBlock()
	}
}

func (n *network) input(layer, rows int, key uint64) graph.Input {
	return graph.Input{X: n.inputs[layer], N: rows, Pos: n.pos[:rows], Seg: n.seg[:rows], Layer: &n.params.layers[layer], Key: key, Compute: n.compute}
}

// losses returns the loss of every trained token, -log p, in order, after forward. With scale not 0 it leaves scale times
// their gradient, each token's times its sample's weight, in dy. The result is valid until the next call.
func (n *network) losses(s Sequence, scale float32) []float32 {
	h, m, d := &n.head, n.base, n.base.Dim
	h.rows, h.targets = h.rows[:0], h.targets[:0]
	for i := range s.Starts {
		from, to := s.sample(i)
		for at := from + 1; at < to; at++ {
			if s.Trained[at] {
				h.weights[len(h.rows)] = s.weight(i)
				h.rows, h.targets = append(h.rows, int32(at-1)), append(h.targets, s.IDs[at])
			}
		}
	}
	k, out := len(h.rows), n.inputs[len(m.Layers)]
	for i, row := range h.rows {
		copy(h.h[i*d:(i+1)*d], out[int(row)*d:])
	}
	hidden, norm := h.h[:k*d], h.norm[:k*d]
	kernel.RMSNorm(norm, hidden, m.OutputNorm, h.inv, k, d, m.Eps)
	if scale == 0 {
		kernel.CrossEntropy(nil, h.loss[:k], norm, h.targets, h.weights[:k], k, m.Head, 0, m.LogitCap)
		return h.loss[:k]
	}
	dh := h.dh[:k*d]
	kernel.CrossEntropyHead(dh, n.params.gradient(model.HeadModule), h.loss[:k], norm, h.targets, h.weights[:k], k, m.Head, scale, m.LogitCap)
	kernel.RMSNormBackward(norm, dh, hidden, m.OutputNorm, h.inv, k, d)
	clear(n.dy[:len(s.IDs)*d])
	for i, row := range h.rows {
		copy(n.dy[int(row)*d:(int(row)+1)*d], norm[i*d:])
	}
	return h.loss[:k]
}

// learn adds scale times the gradient of the sum of a sequence's losses, times their weights, to the parameters' gradients, and
// returns that sum.
func (n *network) learn(s Sequence, scale float32, key uint64) (float64, error) {
	if err := n.forward(s, key); err != nil {
		return 0, err
	}
	sum := 0.0
	for i, l := range n.losses(s, scale) {
		sum += float64(l) * float64(n.head.weights[i])
	}
	for i := len(n.base.Layers) - 1; i >= 0; i-- {
		dx := n.dy
		if i == 0 && n.params.gradient(model.EmbeddingModule) == nil {
			dx = nil
		}
		if err := n.blocks[i].Backward(n.input(i, len(s.IDs), key), dx, n.dy); err != nil {
			return 0, err
		}
		n.passed()
	}
	n.learnEmbedding(s)
	return sum, nil
}
