// Package lora is low-rank adapters: y = W·x + s·B·(A·x) beside each frozen linear layer W, with A (r, in), B (out, r) and
// s = α/r. It holds their arithmetic, their initialisation and the directory format of the PEFT library. With DoRA the rows of
// W + s·B·A have lengths of their own, which are trained: y = m/‖W + s·B·A‖ · (W + s·B·A)·x.
//
// Rows of B lie in the order of the Hugging Face model, as in PEFT files. A base read from GGUF keeps the rows of the
// llama architecture's query and key layers in another order; whoever computes with it converts a copy of B (see the
// model package), so that an adapter never depends on the file its base came from.
//
// Sources: Hu et al. 2021, arXiv:2106.09685, §4.1; Liu et al. 2024, arXiv:2402.09353, §4 (DoRA).
package lora

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Module is a linear layer that can carry a pair: its name in the Hugging Face model, such as
// model.layers.0.self_attn.q_proj, and its numbers of inputs and outputs.
type Module struct {
	Name    string
	In, Out int
}

// A Pair is the two factors beside one module: A is (r, In) and B is (Out, r), both row-major.
type Pair struct {
	Module
	Alpha float64 // of this module; 0 for the adapter's
	A, B  []float32

	Magnitude []float32 // (Out), of DoRA; nil before training, which then begins with the lengths of W's rows
}

// A Saved is a module that is trained whole, without a pair: the embedding or the head. W is (Out, In), which is the vocabulary and
// the width, in float32; nil before training, which then begins with the base's.
type Saved struct {
	Module
	W []float32
}

// An Adapter is the pairs of one model, in the model's order, and the modules that are trained whole.
type Adapter struct {
	Rank     int // of pairs without one of their own
	Alpha    float64
	RankRoot bool // s = α/√r (rank-stabilised, Kalajdzievski 2023, arXiv:2312.03732 §3) instead of α/r
	DoRA     bool // pairs have magnitudes
	Dropout  float64
	Base     string // what the base model calls itself; for people
	Pairs    []Pair
	Saved    []Saved
}

// Scale is s, the factor on B·A, of pairs without a rank or alpha of their own.
func (a *Adapter) Scale() float32 {
	if a.RankRoot {
		return float32(a.Alpha / math.Sqrt(float64(a.Rank)))
	}
	return float32(a.Alpha / float64(a.Rank))
}

// Pair returns the pair of the named module.
func (a *Adapter) Pair(module string) (Pair, bool) {
	for _, p := range a.Pairs {
		if p.Name == module {
			return p, true
		}
	}
	return Pair{}, false
}

// Parameters is the number of trained values.
func (a *Adapter) Parameters() int {
	n := 0
	for _, p := range a.Pairs {
		n += len(p.A) + len(p.B)
		if a.DoRA {
			n += p.Out
		}
	}
	for _, s := range a.Saved {
		n += s.Out * s.In
	}
	return n
}

// Clone returns a copy that shares nothing with a.
func (a *Adapter) Clone() *Adapter {
	c := *a
	c.Pairs, c.Saved = slices.Clone(a.Pairs), slices.Clone(a.Saved)
	for i, s := range c.Saved {
		c.Saved[i].W = slices.Clone(s.W)
	}
	for i, p := range c.Pairs {
		c.Pairs[i].A, c.Pairs[i].B = slices.Clone(p.A), slices.Clone(p.B)
		c.Pairs[i].Magnitude = slices.Clone(p.Magnitude)
	}
	return &c
}

// Fits returns an error naming the first module of a that a model with these modules does not have, or has in another shape.
func (a *Adapter) Fits(modules []Module) error {
	shapes := make(map[string]Module, len(modules))
	for _, m := range modules {
		shapes[m.Name] = m
	}
	for _, p := range a.modules() {
		m, ok := shapes[p.Name]
		if !ok {
			return fmt.Errorf("adapter has %s, which the base has not: it was trained for another model", p.Name)
		}
		if m != p {
			return fmt.Errorf("adapter has %s as (%d, %d), the base as (%d, %d): it was trained for another model",
				p.Name, p.Out, p.In, m.Out, m.In)
		}
	}
	return nil
}

// modules are those of pairs and those that are trained whole.
func (a *Adapter) modules() (all []Module) {
	for _, p := range a.Pairs {
		all = append(all, p.Module)
	}
	for _, s := range a.Saved {
		all = append(all, s.Module)
	}
	return all
}

// short is the last part of a module's name: q_proj of model.layers.0.self_attn.q_proj.
func short(module string) string { return module[strings.LastIndexByte(module, '.')+1:] }
