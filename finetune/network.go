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
	tier    string
	scratch *graph.Scratch
	blocks  []*graph.Block // one a layer, or with full one for all
	inputs  [][]float32    // of each layer and, last, the output: (rows, Dim)
	dy      []float32
	pos     []int32
	seg     []int32
	head    head
	noise   float64 // NEFTune's alpha; 0 for none
	onBlock func()  // nil, or called after every block
	compute kernel.Compute
}

// The tiers of gradient checkpointing, the fastest first: what is not kept from the forward to the backward pass is computed again.
// Each gives the same bytes.
const (
	none      = "none"      // all is kept, but for norms and the feed-forward's inner values
	selective = "selective" // and but for gate and up: half of the values and of the work, and no attention among it
	full      = "full"      // only the blocks' inputs are kept
)

var tiers = []string{none, selective, full}

// head is the buffers of the output norm and the loss, over the trained rows of a sequence.
type head struct {
	rows          []int32 // of the sequence
	targets       []int32
	loss, weights []float32

	piece       int // rows that the buffers below take at once
	h, norm, dh []float32
	inv         []float32
}

// headPiece is how many rows' logits the loss holds at once; see [kernel.CrossEntropy].
func headPiece(vocab, rows int) int { return min(rows, max(1, headScratch/4/vocab)) }

// newNetwork prepares sequences of at most rows tokens.
func newNetwork(base *model.Model, a *lora.Adapter, rows int, tier string) (*network, error) {
	p, err := newParams(base, a)
	if err != nil {
		return nil, err
	}
	if rows > base.Context {
		return nil, fmt.Errorf("sequences of %d tokens; the base's context is %d", rows, base.Context)
	}
	n := &network{base: p.model(), params: p, rows: rows, tier: tier, scratch: graph.NewScratch(), blocks: make([]*graph.Block, len(base.Layers))}
	cfg := blockConfig(base, p, rows)
	cfg.Selective = tier == selective
	for i := range n.blocks {
		if i > 0 && tier == full {
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
	if tier == full {
		for i := range base.Layers {
			n.inputs[i+1] = make([]float32, size)
		}
	}
	n.pos, n.seg = make([]int32, rows), make([]int32, rows)
	h := &n.head
	h.rows, h.targets, h.loss, h.weights = make([]int32, 0, rows), make([]int32, 0, rows), make([]float32, rows), make([]float32, rows)
	h.piece = headPiece(base.Vocab, rows)
	size = h.piece * base.Dim
	h.h, h.norm, h.dh, h.inv = make([]float32, size), make([]float32, size), make([]float32, size), make([]float32, h.piece)
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
		if i == 0 || n.tier != full {
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
		if n.tier != full {
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
	h, d := &n.head, n.base.Dim
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
	k := len(h.rows)
	if scale != 0 {
		clear(n.dy[:len(s.IDs)*d])
	}
	for at := 0; at < k; at += h.piece {
		n.lossesOf(at, min(k, at+h.piece), scale)
	}
	return h.loss[:k]
}

// lossesOf is losses for the trained rows [from,to), at most a piece of them.
func (n *network) lossesOf(from, to int, scale float32) {
	h, m, d, k := &n.head, n.base, n.base.Dim, to-from
	out := n.inputs[len(m.Layers)]
	for i, row := range h.rows[from:to] {
		copy(h.h[i*d:(i+1)*d], out[int(row)*d:])
	}
	hidden, norm := h.h[:k*d], h.norm[:k*d]
	kernel.RMSNorm(norm, hidden, m.OutputNorm, h.inv, k, d, m.Eps)
	var dh, dhead []float32
	if scale != 0 {
		dh, dhead = h.dh[:k*d], n.params.gradient(model.HeadModule)
	}
	kernel.CrossEntropyHead(dh, dhead, h.loss[from:to], norm, h.targets[from:to], h.weights[from:to], k, m.Head, scale, m.LogitCap)
	if scale == 0 {
		return
	}
	kernel.RMSNormBackward(norm, dh, hidden, m.OutputNorm, h.inv, k, d)
	for i, row := range h.rows[from:to] {
		copy(n.dy[int(row)*d:(int(row)+1)*d], norm[i*d:])
	}
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
