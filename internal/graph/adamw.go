package graph

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"temper/internal/kernel"
)

// AdamW is gorgonia's Solver with decoupled weight decay and state that can be saved: the library's own AdamW does not learn,
// and its Adam keeps its moments to itself. Source: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2.
type AdamW struct {
	kernel.AdamW
	Steps     int       // taken
	GradScale float32   // on every gradient, for clipping by the global norm
	M, V      []float32 // first and second moments, the parameters one after the other
}

var _ G.Solver = (*AdamW)(nil)

// Step changes every parameter by its gradient. Parameters come in the same order each time.
func (a *AdamW) Step(params []G.ValueGrad) error {
	a.Steps++
	at := 0
	for i, p := range params {
		grad, err := p.Grad()
		if err != nil {
			return fmt.Errorf("parameter %d: %w", i, err)
		}
		v, g := floats(p.Value()), floats(grad)
		if at+len(v) > len(a.M) {
			return fmt.Errorf("parameter %d ends at %d; there are moments for %d values", i, at+len(v), len(a.M))
		}
		a.AdamW.Step(v, g, a.M[at:at+len(v)], a.V[at:at+len(v)], a.Steps, a.GradScale)
		at += len(v)
	}
	return nil
}

// A Param is values with their gradient, as a Solver takes them.
type Param struct{ value, grad *tensor.Dense }

// NewParam wraps a value and its gradient, without copies.
func NewParam(value, grad []float32) *Param {
	return &Param{view(value, 1, len(value)), view(grad, 1, len(grad))}
}

// Value is the parameter.
func (p *Param) Value() G.Value { return p.value }

// Grad is the parameter's gradient.
func (p *Param) Grad() (G.Value, error) { return p.grad, nil }

// StepAll changes one flat parameter by its gradient through the Solver interface.
func (a *AdamW) StepAll(value, grad []float32) error {
	return G.Solver(a).Step([]G.ValueGrad{NewParam(value, grad)})
}
