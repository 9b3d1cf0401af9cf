package model

import (
	"iter"
	"math"

	"temper/internal/kernel"
	"temper/lora"
)

// AttentionScale is the factor on the products of queries and keys.
func (c *Config) AttentionScale() float32 {
	if c.QueryScale != 0 {
		return c.QueryScale
	}
	return float32(1 / math.Sqrt(float64(c.HeadDim)))
}

const (
	prefillRows = 512 // tokens a pass takes at once: enough for the kernels to run at full speed
	headRows    = 16  // rows of logits held at once
)

// hidden yields the normalised last hidden states of ids as blocks of at most prefillRows rows, (n, Dim).
func (p *pass) hidden(ids []int32, c *cache) iter.Seq2[[]float32, error] {
	return func(yield func([]float32, error) bool) {
		for at := 0; at < len(ids); {
			n := min(p.rows, len(ids)-at)
			x, err := p.forward(ids[at:at+n], []span{{c, n}})
			if err != nil {
				yield(nil, err)
				return
			}
			h := p.norm[:n*p.m.Dim]
			kernel.RMSNorm(h, x, p.m.OutputNorm, p.inv, n, p.m.Dim, p.m.Eps)
			if !yield(h, nil) {
				return
			}
			at += n
		}
	}
}

// logits returns the head's output for rows h, (n, Dim); valid until the next call.
func (p *pass) logits(h []float32) []float32 {
	n := len(h) / p.m.Dim
	if len(p.head) < n*p.m.Vocab {
		p.head = make([]float32, n*p.m.Vocab)
	}
	y := p.head[:n*p.m.Vocab]
	switch {
	case n > fewRows:
		kernel.MulT(y, h, n, p.m.Head, false)
	case p.fewHead != nil:
		kernel.FewProducts([][]float32{y}, h, n, []*kernel.Few{p.fewHead})
	default:
		kernel.MatVec(y, h, n, p.m.Head)
	}
	if p.m.LogitCap > 0 {
		kernel.Cap(y, p.m.LogitCap)
	}
	return y
}

// Logits yields the logits, (Vocab), that follow each of ids in turn, with an adapter or nil. A row is valid until the next.
func (m *Model) Logits(ids []int32, a *lora.Adapter) iter.Seq2[[]float32, error] {
	return func(yield func([]float32, error) bool) {
		p, err := newPass(m, a, min(prefillRows, max(1, len(ids))))
		if err != nil {
			yield(nil, err)
			return
		}
		for h, err := range p.hidden(ids, m.newCache(len(ids))) {
			if err != nil {
				yield(nil, err)
				return
			}
			for len(h) > 0 {
				n := min(headRows*m.Dim, len(h))
				rows := p.logits(h[:n])
				for ; len(rows) > 0; rows = rows[m.Vocab:] {
					if !yield(rows[:m.Vocab], nil) {
						return
					}
				}
				h = h[n:]
			}
		}
	}
}
