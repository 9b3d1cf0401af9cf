package model

import (
	"fmt"

	"temper/internal/kernel"
	"temper/internal/quant"
	"temper/lora"
)

// fewRows is how many rows at most go through the matrix-vector kernels, which pack nothing.
const fewRows = 16

// A pass computes blocks forward, without gradients, over rows of one or several sequences with their key-value caches.
// It is not safe for concurrent use.
type pass struct {
	m      *Model
	attn   kernel.Attention
	pairs  [][Kinds]lora.Pair // by layer; A is nil where nothing is adapted
	rank   int
	scales [][Kinds]float32   // of the pairs
	gains  [][Kinds][]float32 // of the rows of what DoRA adapts; nil without
	rows   int                // capacity

	x, norm, q, k, v, o, gate, up, xa, inv, head []float32
	pos                                          []int32

	few     [][Kinds]*kernel.Few // by layer, for rows drawn one by one; nil: the matrices as they are
	fewHead *kernel.Few
	across  [][Kinds][]float32 // B of the pairs, (rank, out); nil without few

	ws           []*quant.Tensor
	fews         []*kernel.Few
	keys, values [][]float32 // of the sequences that continue by one row each
	lengths      []int
}

// newPass returns a pass for at most rows rows at once, with an adapter or nil.
func newPass(m *Model, a *lora.Adapter, rows int) (*pass, error) {
	p := &pass{m: m, rows: rows, attn: m.attention()}
	if a != nil {
		own, err := m.InRowOrder(a.Uniform())
		if err != nil {
			return nil, err
		}
		p.m = m.With(own.Saved)
		p.rank, p.scales, p.pairs = own.Rank, make([][Kinds]float32, len(m.Layers)), make([][Kinds]lora.Pair, len(m.Layers))
		p.gains = make([][Kinds][]float32, len(m.Layers))
		at := map[string]lora.Pair{}
		for _, pair := range own.Pairs {
			at[pair.Name] = pair
		}
		for i := range p.pairs {
			for _, module := range m.BlockModules(i) {
				pair := at[module.Name]
				for _, k := range module.Kinds {
					if pair.A == nil {
						continue
					}
					rows, cols := m.shape(k)
					part := lora.Pair{Module: lora.Module{Name: pair.Name, In: cols, Out: rows}, A: pair.A, B: pair.B[:rows*p.rank]}
					pair.B = pair.B[rows*p.rank:]
					p.scales[i][k] = own.ScaleOf(pair)
					if own.DoRA {
						part.Magnitude, pair.Magnitude = pair.Magnitude[:rows], pair.Magnitude[rows:]
						p.gains[i][k] = part.Gains(m.Layers[i].Linear[k], p.scales[i][k])
					}
					p.pairs[i][k] = part
				}
			}
		}
	}
	q, kv := m.Heads*m.HeadDim, m.KVHeads*m.HeadDim
	for _, b := range []struct {
		s *[]float32
		n int
	}{{&p.x, m.Dim}, {&p.norm, m.Dim}, {&p.q, q}, {&p.k, kv}, {&p.v, kv}, {&p.o, q}, {&p.gate, m.FF}, {&p.up, m.FF}, {&p.xa, p.rank}, {&p.inv, max(1, m.Heads)}} {
		*b.s = make([]float32, rows*b.n)
	}
	p.pos = make([]int32, rows)
	return p, nil
}

// arrange makes copies of the weights that few rows are multiplied with faster: for tokens that are drawn one by one.
func (p *pass) arrange() {
	p.few = make([][Kinds]*kernel.Few, len(p.m.Layers))
	for i := range p.few {
		for k, w := range p.m.Layers[i].Linear {
			if w != nil {
				p.few[i][k] = kernel.NewFew(w)
			}
		}
	}
	p.fewHead = kernel.NewFew(p.m.Head)
	if p.pairs == nil {
		return
	}
	p.across = make([][Kinds][]float32, len(p.pairs))
	for i := range p.pairs {
		for k, pair := range p.pairs[i] {
			b := make([]float32, len(pair.B))
			for at, v := range pair.B {
				b[at%p.rank*(len(b)/p.rank)+at/p.rank] = v
			}
			p.across[i][k] = b
		}
	}
}

func (m *Model) attention() kernel.Attention {
	return kernel.Attention{Heads: m.Heads, KVHeads: m.KVHeads, Dim: m.HeadDim, Scale: m.AttentionScale(), Cap: m.AttentionCap}
}

// A cache holds the keys and values of one sequence, layer by layer.
type cache struct {
	k, v  [][]float32 // by layer: (capacity, KVHeads·HeadDim)
	n     int         // tokens in it
	limit int         // tokens the sequence may get
}

// newCache returns a cache for at most tokens tokens.
func (m *Model) newCache(tokens int) *cache {
	kv := m.KVHeads * m.HeadDim * tokens
	c := &cache{k: make([][]float32, len(m.Layers)), v: make([][]float32, len(m.Layers)), limit: tokens}
	for i := range c.k {
		c.k[i], c.v[i] = make([]float32, kv), make([]float32, kv)
	}
	return c
}

// A span is a run of consecutive rows that continue one sequence.
type span struct {
	*cache
	rows int
}

// forward computes the blocks for ids, the new tokens of the spans one after the other, and appends to their caches.
// The result, (len(ids), Dim), is before the output norm and valid until the next call.
func (p *pass) forward(ids []int32, spans []span) ([]float32, error) {
	m, n := p.m, len(ids)
	if n > p.rows {
		panic(fmt.Sprintf("model: %d rows in a pass for %d", n, p.rows))
	}
	at := 0
	for _, s := range spans {
		for i := range s.rows {
			p.pos[at] = int32(s.n + i)
			at++
		}
		if s.n+s.rows > m.Context {
			return nil, fmt.Errorf("sequence of %d tokens; the model's context is %d", s.n+s.rows, m.Context)
		}
	}
	x := p.x[:n*m.Dim]
	if err := m.Embed(x, ids); err != nil {
		return nil, err
	}
	for i := range m.Layers {
		p.block(i, x, n, spans)
	}
	for _, s := range spans {
		s.n += s.rows
	}
	return x, nil
}

// Embed copies the embeddings of ids, scaled as the model has it, to x, (len(ids), Dim). It fails on an id outside the vocabulary.
func (m *Model) Embed(x []float32, ids []int32) error {
	for i, id := range ids {
		if id < 0 || int(id) >= m.Vocab {
			return fmt.Errorf("token %d at position %d is outside the vocabulary of %d", id, i, m.Vocab)
		}
		m.Embedding.Row(x[i*m.Dim:(i+1)*m.Dim], int(id), 0, m.Dim)
	}
	if m.EmbeddingScale != 0 {
		kernel.Scale(x[:len(ids)*m.Dim], m.EmbeddingScale)
	}
	return nil
}

// block adds one block's two branches to x.
func (p *pass) block(i int, x []float32, n int, spans []span) {
	m, l := p.m, &p.m.Layers[i]
	norm := p.norm[:n*m.Dim]
	q, kv := m.Heads*m.HeadDim, m.KVHeads*m.HeadDim
	kernel.RMSNorm(norm, x, l.AttnNorm, p.inv, n, m.Dim, m.Eps)
	p.linear(norm, n, i, []Kind{Q, K, V}, p.q, p.k, p.v)
	if m.QKNorm {
		kernel.RMSNorm(p.q, p.q, l.QNorm, p.inv, n*m.Heads, m.HeadDim, m.Eps)
		kernel.RMSNorm(p.k, p.k, l.KNorm, p.inv, n*m.KVHeads, m.HeadDim, m.Eps)
	}
	p.rotate(i, n, spans)
	if p.attn.Window = 0; l.Local {
		p.attn.Window = m.Window
	}
	at := 0
	p.keys, p.values, p.lengths = p.keys[:0], p.values[:0], p.lengths[:0]
	for _, s := range spans {
		copy(s.k[i][s.n*kv:], p.k[at*kv:(at+s.rows)*kv])
		copy(s.v[i][s.n*kv:], p.v[at*kv:(at+s.rows)*kv])
		if s.rows == 1 && n == len(spans) {
			p.keys, p.values, p.lengths = append(p.keys, s.k[i]), append(p.values, s.v[i]), append(p.lengths, s.n+1)
		} else {
			p.attn.Decode(p.o[at*q:(at+s.rows)*q], p.q[at*q:(at+s.rows)*q], s.k[i], s.v[i], s.rows, s.n)
		}
		at += s.rows
	}
	if len(p.lengths) > 0 {
		p.attn.DecodeEach(p.o[:n*q], p.q[:n*q], p.keys, p.values, p.lengths)
	}
	p.linear(p.o, n, i, []Kind{O}, norm)
	p.add(x, norm, l.PostAttnNorm, n)
	kernel.RMSNorm(norm, x, l.FFNNorm, p.inv, n, m.Dim, m.Eps)
	p.linear(norm, n, i, []Kind{Gate, Up}, p.gate, p.up)
	gate, up := p.gate[:n*m.FF], p.up[:n*m.FF]
	if m.GELU {
		kernel.GeGLU(gate, gate, up)
	} else {
		kernel.SwiGLU(gate, gate, up)
	}
	p.linear(gate, n, i, []Kind{Down}, norm)
	p.add(x, norm, l.PostFFNNorm, n)
}

// add adds a branch to x, normalized before if the model has weights for that.
func (p *pass) add(x, branch, weights []float32, n int) {
	if weights != nil {
		kernel.RMSNorm(branch, branch, weights, p.inv, n, p.m.Dim, p.m.Eps)
	}
	kernel.Add(x, x, branch)
}

// rotate turns the queries and keys of a layer by the rows' positions. All rows turn at once where the length of a sequence does
// not choose between tables.
func (p *pass) rotate(layer, n int, spans []span) {
	m := p.m
	turn := func(r *kernel.Rope, from, rows int) {
		if r == nil {
			return
		}
		apply := r.Apply
		if m.Interleaved {
			apply = r.ApplyInterleaved
		}
		q, k, pos := p.q[from*m.Heads*m.HeadDim:], p.k[from*m.KVHeads*m.HeadDim:], p.pos[from:]
		apply(q, q, pos, rows, m.Heads, m.HeadDim, false)
		apply(k, k, pos, rows, m.KVHeads, m.HeadDim, false)
	}
	if m.LongFactors == nil {
		turn(m.Rope(layer, 0), 0, n)
		return
	}
	at := 0
	for _, s := range spans {
		turn(m.Rope(layer, s.limit), at, s.rows)
		at += s.rows
	}
}

// linear computes y (n, out) = x (n, in)·Wᵀ, and the adapter's part, for each of the linear layers that read x. Few rows go through
// all of them at once, so that threads meet once.
func (p *pass) linear(x []float32, n, layer int, kinds []Kind, ys ...[]float32) {
	l := &p.m.Layers[layer]
	p.ws = p.ws[:0]
	for _, k := range kinds {
		p.ws = append(p.ws, l.Linear[k])
	}
	switch {
	case n <= fewRows && p.few != nil:
		p.fews = p.fews[:0]
		for _, k := range kinds {
			p.fews = append(p.fews, p.few[layer][k])
		}
		kernel.FewProducts(ys, x[:n*p.ws[0].Cols], n, p.fews)
	case n <= fewRows:
		kernel.MatVecs(ys, x[:n*p.ws[0].Cols], n, p.ws)
	}
	for i, k := range kinds {
		w := p.ws[i]
		if n > fewRows {
			kernel.MulT(ys[i][:n*w.Rows], x[:n*w.Cols], n, w, false)
		}
		var gains []float32
		if p.gains != nil {
			gains = p.gains[layer][k]
		}
		if gains != nil { // they are of the weights alone
			p.adapt(ys[i], x, n, layer, k)
			kernel.MulRow(ys[i], gains, n)
		}
		if b := l.Bias[k]; b != nil {
			kernel.AddRow(ys[i], b, n)
		}
		if gains == nil {
			p.adapt(ys[i], x, n, layer, k)
		}
	}
}

// adapt adds the adapter's part of a linear layer to y.
func (p *pass) adapt(y, x []float32, n, layer int, k Kind) {
	w := p.m.Layers[layer].Linear[k]
	if p.pairs == nil || p.pairs[layer][k].A == nil {
		return
	}
	pair, r := &p.pairs[layer][k], p.rank
	if n <= fewRows && p.across != nil {
		kernel.AddLowRank(y, x, n, pair.A, p.across[layer][k], r, w.Cols, w.Rows, p.scales[layer][k])
		return
	}
	xa := p.xa[:n*r]
	kernel.Gemm(n, r, w.Cols, x, w.Cols, 1, pair.A, 1, w.Cols, xa, r, false)
	kernel.Scale(xa, p.scales[layer][k])
	kernel.Gemm(n, w.Rows, r, xa, r, 1, pair.B, 1, r, y, w.Rows, true)
}
