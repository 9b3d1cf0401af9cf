// Package lora is low-rank adapters: y = W·x + s·B·(A·x) beside each frozen linear layer W, with A (r, in), B (out, r) and
// s = α/r. It holds their arithmetic, their initialisation and the directory format of the PEFT library.
//
// Rows of B lie in the order of the Hugging Face model, as in PEFT files. A base read from GGUF keeps the rows of the
// llama architecture's query and key layers in another order; whoever computes with it converts a copy of B (see the
// model package), so that an adapter never depends on the file its base came from.
//
// Source: Hu et al. 2021, arXiv:2106.09685, §4.1.
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
}

// An Adapter is the pairs of one model, in the model's order.
type Adapter struct {
	Rank     int // of pairs without one of their own
	Alpha    float64
	RankRoot bool // s = α/√r (rank-stabilised, Kalajdzievski 2023, arXiv:2312.03732 §3) instead of α/r
	Dropout  float64
	Base     string // what the base model calls itself; for people
	Pairs    []Pair
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
	}
	return n
}

// Clone returns a copy that shares nothing with a.
func (a *Adapter) Clone() *Adapter {
	c := *a
	c.Pairs = slices.Clone(a.Pairs)
	for i, p := range c.Pairs {
		c.Pairs[i].A, c.Pairs[i].B = slices.Clone(p.A), slices.Clone(p.B)
	}
	return &c
}

// Fits returns an error naming the first module of a that a model with these modules does not have, or has in another shape.
func (a *Adapter) Fits(modules []Module) error {
	shapes := make(map[string]Module, len(modules))
	for _, m := range modules {
		shapes[m.Name] = m
	}
	for _, p := range a.Pairs {
		m, ok := shapes[p.Name]
		if !ok {
			return fmt.Errorf("adapter has %s, which the base has not: it was trained for another model", p.Name)
		}
		if m != p.Module {
			return fmt.Errorf("adapter has %s as (%d, %d), the base as (%d, %d): it was trained for another model",
				p.Name, p.Out, p.In, m.Out, m.In)
		}
	}
	return nil
}

// short is the last part of a module's name: q_proj of model.layers.0.self_attn.q_proj.
func short(module string) string { return module[strings.LastIndexByte(module, '.')+1:] }
