package graph

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"temper/internal/kernel"
)

// SolverOptions choose an optimizer.
type SolverOptions struct {
	Rule        string  // adamw, adamw8bit, sgd or lion
	WeightDecay float32 // decoupled: times the learning rate, of the value itself
	Momentum    float32 // of sgd; 0 keeps no state
}

// A Solver is gorgonia's Solver with decoupled weight decay and state that can be saved: the library's own AdamW does not learn,
// and its Adam keeps its moments to itself. A rule changes each value by its own gradient and state (adamw8bit: by those of its
// block), so the result does not depend on threads.
type Solver struct {
	Steps     int     // taken
	LR        float32 // of the next step
	GradScale float32 // on every gradient, for clipping by the global norm

	sizes  []int // of the parameters
	rule   rule
	floats [][]float32
	codes  [][]byte
}

var _ G.Solver = (*Solver)(nil)

// A rule changes values p by gradients g times the solver's scale; i is the parameter's number and at its place among all values.
type rule interface {
	update(s *Solver, i, at int, p, g []float32, lr float32)
}

// NewSolver returns a solver for parameters of the given sizes.
func NewSolver(o SolverOptions, sizes []int) (*Solver, error) {
	n := 0
	for _, k := range sizes {
		n += k
	}
	s := &Solver{GradScale: 1, sizes: sizes}
	moments := func(k int) {
		for range k {
			s.floats = append(s.floats, make([]float32, n))
		}
	}
	switch o.Rule {
	case "adamw":
		moments(2)
		s.rule = adamw{kernel.AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: o.WeightDecay}}
	case "adamw8bit":
		s.rule = newAdamW8(s, o.WeightDecay)
	case "sgd":
		if o.Momentum > 0 {
			moments(1)
		}
		s.rule = sgd{o.Momentum, o.WeightDecay}
	case "lion":
		moments(1)
		s.rule = lion{o.WeightDecay}
	default:
		return nil, fmt.Errorf("optimizer is %q; it must be adamw, adamw8bit, sgd or lion", o.Rule)
	}
	return s, nil
}

// SolverBytes is what a solver holds for n values, in at most parts parameters.
func SolverBytes(o SolverOptions, n, parts int) int64 {
	switch {
	case o.Rule == "adamw":
		return 8 * int64(n)
	case o.Rule == "adamw8bit":
		return 2*int64(n) + 8*int64(n/codeBlock+parts)
	case o.Rule == "sgd" && o.Momentum == 0:
		return 0
	}
	return 4 * int64(n)
}

// State is what the solver remembers besides Steps, in an order that its rule fixes. It is the solver's own memory: what is copied
// into it is restored.
func (s *Solver) State() (floats [][]float32, codes [][]byte) { return s.floats, s.codes }

// Step changes every parameter by its gradient. Parameters come in the order and sizes the solver was made for.
func (s *Solver) Step(params []G.ValueGrad) error {
	if len(params) != len(s.sizes) {
		return fmt.Errorf("%d parameters; the solver is for %d", len(params), len(s.sizes))
	}
	s.Steps++
	at := 0
	for i, p := range params {
		grad, err := p.Grad()
		if err != nil {
			return fmt.Errorf("parameter %d: %w", i, err)
		}
		v, g := floats(p.Value()), floats(grad)
		if len(v) != s.sizes[i] || len(g) != len(v) {
			return fmt.Errorf("parameter %d has %d values and %d gradients; the solver is for %d", i, len(v), len(g), s.sizes[i])
		}
		lr := s.LR
		if own, ok := p.(*Param); ok {
			lr *= own.rate
		}
		s.rule.update(s, i, at, v, g, lr)
		at += len(v)
	}
	return nil
}

// Params are parameters as a Solver takes them.
type Params = []G.ValueGrad

// A Param is values with their gradient, as a Solver takes them.
type Param struct {
	value, grad *tensor.Dense
	rate        float32
}

// NewParam wraps a value and its gradient, without copies. rate multiplies the solver's learning rate.
func NewParam(value, grad []float32, rate float32) *Param {
	return &Param{view(value, 1, len(value)), view(grad, 1, len(grad)), rate}
}

// Value is the parameter.
func (p *Param) Value() G.Value { return p.value }

// Grad is the parameter's gradient.
func (p *Param) Grad() (G.Value, error) { return p.grad, nil }

// updateChunk is how many values a thread takes at once: a multiple of codeBlock.
const updateChunk = 1 << 14

// adamw is Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2.
type adamw struct{ kernel.AdamW }

func (a adamw) update(s *Solver, _, at int, p, g []float32, lr float32) {
	a.LR = lr
	a.Step(p, g, s.floats[0][at:at+len(p)], s.floats[1][at:at+len(p)], s.Steps, s.GradScale)
}

// sgd is stochastic gradient descent with heavy-ball momentum: b ← μ·b + g, p ← p − lr·(b + decay·p).
type sgd struct{ momentum, decay float32 }

func (o sgd) update(s *Solver, _, at int, p, g []float32, lr float32) {
	kernel.Parallel(len(p), updateChunk, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			d := g[i] * s.GradScale
			if o.momentum > 0 {
				b := &s.floats[0][at+i]
				*b = *b*o.momentum + d
				d = *b
			}
			p[i] -= lr * (d + o.decay*p[i])
		}
	})
}

// lion is Chen et al. 2023, arXiv:2302.06675, algorithm 2, with its β of 0.9 and 0.99.
type lion struct{ decay float32 }

func (o lion) update(s *Solver, _, at int, p, g []float32, lr float32) {
	kernel.Parallel(len(p), updateChunk, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			x, m := g[i]*s.GradScale, &s.floats[0][at+i]
			d := float32(0)
			if c := 0.9**m + (1-0.9)*x; c > 0 {
				d = 1
			} else if c < 0 {
				d = -1
			}
			p[i] -= lr * (d + o.decay*p[i])
			*m = 0.99**m + (1-0.99)*x
		}
	})
}
