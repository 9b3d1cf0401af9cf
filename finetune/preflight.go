package finetune

import (
	"errors"
	"fmt"

	"temper/internal/graph"
	"temper/internal/kernel"
	"temper/lora"
	"temper/model"
)

// ErrMemory means that training would not fit the memory it may use. The error says what would.
var ErrMemory = errors.New("not enough memory")

// Memory is what training will hold, in bytes, by part. What the figures say is what is allocated.
type Memory struct {
	Checkpointing string `json:"checkpointing"` // none, selective or full
	Base          int64  `json:"base"`          // mapped weights
	Adapter       int64  `json:"adapter"`       // trained values, gradients and the optimizer's state
	Blocks        int64  `json:"blocks"`        // values kept from the forward to the backward pass
	Scratch       int64  `json:"scratch"`       // of one block's backward pass and of the threads
	Inputs        int64  `json:"inputs"`        // the residual stream at each block, and its gradient
	Head          int64  `json:"head"`          // output norm and loss
	Program       int64  `json:"program"`       // code, Go's runtime, tables made at the start, the tokenizer; an allowance, measured of temper tune
	Total         int64  `json:"total"`
}

const (
	headScratch = 24 << 20 // what the streamed loss holds of the vocabulary at most
	program     = 90 << 20
)

// beside is what a binary holds besides the program; see [Holds].
var beside int64

// Holds says how many bytes more than the lean program's a binary with more in it takes, when nothing is done yet. It is for a main
// function, before anything is trained.
func Holds(bytes int64) { beside = bytes }

// Preflight returns what training sequences of at most rows tokens will hold. auto chooses the fastest of none, selective and full that
// fits o.Memory. It refuses with ErrMemory what does not fit.
func Preflight(base *model.Model, a *lora.Adapter, rows int, o Options) (Memory, error) {
	o = o.WithDefaults()
	of := tiers
	if o.Checkpointing != "auto" {
		of = []string{o.Checkpointing}
	}
	var m Memory
	for _, tier := range of {
		if m = estimate(base, a, rows, o, tier); o.Memory == 0 || m.Total <= o.Memory {
			return m, nil
		}
	}
	return m, m.refused(base, a, rows, o)
}

func estimate(base *model.Model, a *lora.Adapter, rows int, o Options, tier string) Memory {
	cfg := shape(base, rows)
	cfg.Rank, cfg.Dropout, cfg.Magnitudes, cfg.Selective = a.Widest(), a.Dropout, a.DoRA, tier == selective
	for i := range base.Layers { // one block serves all
		for _, m := range base.BlockModules(i) {
			if _, ok := a.Pair(m.Name); ok {
				for _, k := range m.Kinds {
					cfg.Adapted[k] = true
				}
			}
		}
	}
	own, scratch := cfg.Bytes()
	layers, width := int64(len(base.Layers)), 4*int64(base.Dim)
	stream, piece := int64(rows)*width, int64(headPiece(base.Vocab, rows))
	m := Memory{Checkpointing: tier, Base: base.Bytes, Adapter: adapterBytes(a, o), Blocks: own, Scratch: scratch + working(cfg, o),
		Head: 3*piece*width + 4*piece*int64(base.Vocab), Program: program + beside}
	if tier == full {
		m.Inputs = (layers + 2) * stream
	} else {
		m.Blocks *= layers
		m.Inputs = 2 * stream
	}
	m.Total = m.Base + m.Adapter + m.Blocks + m.Scratch + m.Inputs + m.Head + m.Program
	return m
}

// working is what the kernels hold: the parts of each head's gradient of keys and values, and for each thread, twice, since attention
// works in products, a tile's scores with their gradients, its packed keys, and a packed stripe of weights.
func working(c graph.Config, o Options) int64 {
	const tile, stripe = 64, 1 << 19
	threads := o.Threads
	if threads == 0 {
		threads = kernel.Threads()
	}
	heads := 2 * c.Heads * c.HeadDim * c.Rows * 4
	return int64(heads + 2*threads*(c.Rows*(2*tile+c.HeadDim)*4+stripe))
}

// adapterBytes is what the adapter and its optimizer hold.
func adapterBytes(a *lora.Adapter, o Options) int64 {
	n := 0
	for _, p := range a.Pairs {
		n += (p.In + p.Out) * a.Widest()
		if a.DoRA {
			n += p.Out
		}
	}
	copies := int64(2)
	if o.Patience > 0 {
		copies++ // the best so far
	}
	parts, given := 2*len(a.Pairs)+len(a.Saved), 0
	for _, s := range a.Saved {
		n, given = n+s.Out*s.In, given+len(s.W)
	}
	return copies*4*int64(n) + 4*int64(given) + lengthsBytes(a) + graph.SolverBytes(o.solver(), n, parts)
}

// refused says what m exceeds and what would fit.
func (m Memory) refused(base *model.Model, a *lora.Adapter, rows int, o Options) error {
	hint := fmt.Sprintf("allow %d MiB", (m.Total+1<<20-1)>>20)
	for _, tier := range tiers {
		if estimate(base, a, rows, o, tier).Total <= o.Memory {
			hint = fmt.Sprintf("checkpointing: %s would fit, or %s", tier, hint)
			break
		}
	}
	for shorter := rows / 2; shorter >= 16; shorter /= 2 {
		if estimate(base, a, shorter, o, full).Total <= o.Memory {
			hint += fmt.Sprintf("; sequences of %d tokens would fit with checkpointing: full", shorter)
			break
		}
	}
	return fmt.Errorf("%w: training %d tokens at once with checkpointing %s needs %d MiB (%d of them the base) and may use %d MiB: %s",
		ErrMemory, rows, m.Checkpointing, m.Total>>20, m.Base>>20, o.Memory>>20, hint)
}
