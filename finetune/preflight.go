package finetune

import (
	"errors"
	"fmt"

	"temper/internal/graph"
	"temper/lora"
	"temper/model"
)

// ErrMemory means that training would not fit the memory it may use. The error says what would.
var ErrMemory = errors.New("not enough memory")

// Memory is what training will hold, in bytes, by part. What the figures say is what is allocated.
type Memory struct {
	Checkpointing string `json:"checkpointing"` // none or full
	Base          int64  `json:"base"`          // mapped weights
	Adapter       int64  `json:"adapter"`       // trained values, gradients, the optimizer's state, and the adapter to start from
	Blocks        int64  `json:"blocks"`        // values kept from the forward to the backward pass
	Scratch       int64  `json:"scratch"`       // of one block's backward pass
	Inputs        int64  `json:"inputs"`        // the residual stream at each block, and its gradient
	Head          int64  `json:"head"`          // output norm and loss
	Program       int64  `json:"program"`       // code, runtime, kernels' packing buffers; an allowance
	Total         int64  `json:"total"`
}

const (
	headScratch = 24 << 20 // what the streamed loss holds of the vocabulary
	program     = 64 << 20
)

// Preflight returns what training sequences of at most rows tokens will hold. auto chooses none where that fits o.Memory, else
// full. It refuses with ErrMemory what does not fit.
func Preflight(base *model.Model, a *lora.Adapter, rows int, o Options) (Memory, error) {
	o = o.WithDefaults()
	if o.Checkpointing != "auto" {
		m := estimate(base, a, rows, o, o.Checkpointing)
		return m, m.within(base, a, rows, o)
	}
	m := estimate(base, a, rows, o, "none")
	if o.Memory > 0 && m.Total > o.Memory {
		m = estimate(base, a, rows, o, "full")
	}
	return m, m.within(base, a, rows, o)
}

func estimate(base *model.Model, a *lora.Adapter, rows int, o Options, checkpointing string) Memory {
	cfg := shape(base, rows)
	cfg.Rank, cfg.Dropout, cfg.Magnitudes = a.Widest(), a.Dropout, a.DoRA
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
	layers, stream := int64(len(base.Layers)), int64(rows)*int64(base.Dim)*4
	m := Memory{Checkpointing: checkpointing, Base: base.Bytes, Adapter: adapterBytes(a, o), Blocks: own, Scratch: scratch,
		Head: 3*stream + headScratch, Program: program}
	if checkpointing == "none" {
		m.Blocks *= layers
		m.Inputs = 2 * stream
	} else {
		m.Inputs = (layers + 2) * stream
	}
	m.Total = m.Base + m.Adapter + m.Blocks + m.Scratch + m.Inputs + m.Head + m.Program
	return m
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
	copies := int64(3)
	if o.Patience > 0 {
		copies++ // the best so far
	}
	parts, given := 2*len(a.Pairs)+len(a.Saved), 0
	for _, s := range a.Saved { // the third copy is the result
		n, given = n+s.Out*s.In, given+len(s.W)
	}
	return copies*4*int64(n) + 4*int64(given) + lengthsBytes(a) + graph.SolverBytes(o.solver(), n, parts)
}

// within refuses what does not fit, naming what would.
func (m Memory) within(base *model.Model, a *lora.Adapter, rows int, o Options) error {
	if o.Memory == 0 || m.Total <= o.Memory {
		return nil
	}
	hint := fmt.Sprintf("allow %d MiB", (m.Total+1<<20-1)>>20)
	if m.Checkpointing == "none" {
		if full := estimate(base, a, rows, o, "full"); full.Total <= o.Memory {
			hint = "checkpointing: full would fit, or " + hint
		}
	}
	for shorter := rows / 2; shorter >= 16; shorter /= 2 {
		if estimate(base, a, shorter, o, "full").Total <= o.Memory {
			hint += fmt.Sprintf("; sequences of %d tokens would fit with checkpointing: full", shorter)
			break
		}
	}
	return fmt.Errorf("%w: training %d tokens at once with checkpointing %s needs %d MiB (%d of them the base) and may use %d MiB: %s",
		ErrMemory, rows, m.Checkpointing, m.Total>>20, m.Base>>20, o.Memory>>20, hint)
}
