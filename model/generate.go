package model

import (
	"fmt"
	"slices"

	"temper/internal/kernel"
	"temper/lora"
)

// A Generator continues prompts, several at once. It keeps its buffers between calls and is not safe for concurrent use.
type Generator struct {
	m       *Model
	pass    *pass
	context int
	free    []*cache // of finished answers, for the next prompts
	sizes   map[*cache]int
}

// NewGenerator returns a generator for m with an adapter or nil. maxContext bounds prompt and answer together, in tokens;
// 0 means the model's own context.
func NewGenerator(m *Model, a *lora.Adapter, maxContext int) (*Generator, error) {
	if maxContext == 0 || maxContext > m.Context {
		maxContext = m.Context
	}
	p, err := newPass(m, a, max(fewRows, min(prefillRows, maxContext)))
	if err != nil {
		return nil, err
	}
	p.arrange()
	return &Generator{m: p.m, pass: p, context: maxContext, sizes: map[*cache]int{}}, nil
}

// An answer is one prompt being continued.
type answer struct {
	*cache
	prompt int
	last   int32 // the token drawn last, not yet in the cache
}

// together is how many prompts are continued at a time: each has a cache of its own.
const together = 8

// Generate continues every prompt until a stop token, MaxTokens or the end of the context, up to eight prompts at a time.
// onToken, if not nil, sees every token as it is drawn, with its prompt's number; an error it returns ends the call.
// Prompts must not be empty, and must leave room for one token.
func (g *Generator) Generate(prompts [][]int32, s Sampling, onToken func(prompt int, id int32) error) ([][]int32, error) {
	s = s.WithDefaults()
	if err := s.Validate(); err != nil {
		return nil, err
	}
	draw := &sampler{Sampling: s}
	out := make([][]int32, len(prompts))
	take := func(a *answer, logits []float32) (done bool, err error) {
		id := draw.draw(logits, a.prompt, len(out[a.prompt]))
		if slices.Contains(s.Stop, id) {
			return true, nil
		}
		out[a.prompt], a.last = append(out[a.prompt], id), id
		if onToken != nil {
			if err := onToken(a.prompt, id); err != nil {
				return true, err
			}
		}
		return len(out[a.prompt]) >= s.MaxTokens || a.n >= a.limit, nil
	}
	var live []*answer
	for next := 0; next < len(prompts) || len(live) > 0; {
		for ; next < len(prompts) && len(live) < together; next++ {
			a, logits, err := g.begin(next, prompts[next], s.MaxTokens)
			if err != nil {
				return nil, err
			}
			done, err := take(a, logits)
			if err != nil {
				return nil, err
			}
			if done {
				g.release(a.cache)
				continue
			}
			live = append(live, a)
		}
		if len(live) == 0 {
			continue
		}
		var err error
		if live, err = g.step(live, take); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// begin reads a prompt and returns the logits after it.
func (g *Generator) begin(number int, prompt []int32, maxTokens int) (*answer, []float32, error) {
	if len(prompt) == 0 || len(prompt) >= g.context {
		return nil, nil, fmt.Errorf("prompt %d has %d tokens; it must have 1 to %d (context %d)", number, len(prompt), g.context-1, g.context)
	}
	limit := min(len(prompt)+maxTokens, g.context)
	a := &answer{cache: g.cache(limit), prompt: number}
	var last []float32
	for h, err := range g.pass.hidden(prompt, a.cache) {
		if err != nil {
			return nil, nil, fmt.Errorf("prompt %d: %w", number, err)
		}
		last = h[len(h)-g.m.Dim:]
	}
	return a, g.pass.logits(last), nil
}

// step draws one more token for every live answer and returns those that go on.
func (g *Generator) step(live []*answer, take func(*answer, []float32) (bool, error)) ([]*answer, error) {
	ids, spans := make([]int32, len(live)), make([]span, len(live))
	for i, a := range live {
		ids[i], spans[i] = a.last, span{a.cache, 1}
	}
	x, err := g.pass.forward(ids, spans)
	if err != nil {
		return nil, err
	}
	p, d := g.pass, g.m.Dim
	kernel.RMSNorm(p.norm[:len(x)], x, g.m.OutputNorm, p.inv, len(live), d, g.m.Eps)
	logits := p.logits(p.norm[:len(x)])
	on := live[:0]
	for i, a := range live {
		done, err := take(a, logits[i*g.m.Vocab:(i+1)*g.m.Vocab])
		if err != nil {
			return nil, err
		}
		if done {
			g.release(a.cache)
			continue
		}
		on = append(on, a)
	}
	return on, nil
}

// cache returns an empty cache for tokens tokens, an old one if one is large enough. Sizes are rounded up, so that prompts of
// about one length share them.
func (g *Generator) cache(tokens int) *cache {
	limit := tokens
	tokens = min((tokens+255)/256*256, g.context)
	for i, c := range g.free {
		if g.sizes[c] >= tokens {
			g.free = slices.Delete(g.free, i, i+1)
			c.n, c.limit = 0, limit
			return c
		}
	}
	if n := len(g.free); n > 0 { // all too small: give one up
		delete(g.sizes, g.free[n-1])
		g.free = g.free[:n-1]
	}
	c := g.m.newCache(tokens)
	g.sizes[c], c.limit = tokens, limit
	return c
}

func (g *Generator) release(c *cache) { g.free = append(g.free, c) }
