package convert

import (
	"fmt"
	"iter"
	"math"

	"temper/lora"
	"temper/model"
)

// A Proof is how what was exported computes against what was trained, on held-out text.
type Proof struct {
	Tokens    int     `json:"tokens"`
	Largest   float64 `json:"largest_difference"` // of a logit
	Agreement float64 `json:"top1_agreement"`     // share of the tokens after which both say the same next one
	Moved     float64 `json:"moved"`              // root mean square of what the adapter changes in the base's logits
	Lost      float64 `json:"lost"`               // root mean square of the differences, as a share of that; 0 if nothing is moved
}

// Prove compares the logits of exported, with an adapter of its own or nil, with those of base and its adapter.
func Prove(base *model.Model, a *lora.Adapter, exported *model.Model, with *lora.Adapter, sequences [][]int32) (Proof, error) {
	if exported.Vocab != base.Vocab {
		return Proof{}, fmt.Errorf("a vocabulary of %d was exported as one of %d", base.Vocab, exported.Vocab)
	}
	var p Proof
	var off, moved float64
	same := 0
	for _, ids := range sequences {
		trained, stop := iter.Pull2(base.Logits(ids, a))
		plain, stopPlain := iter.Pull2(base.Logits(ids, nil))
		err := func() error {
			defer stop()
			defer stopPlain()
			for got, err := range exported.Logits(ids, with) {
				if err != nil {
					return err
				}
				want, err, _ := trained()
				if err != nil {
					return err
				}
				before, err, _ := plain()
				if err != nil {
					return err
				}
				for i, w := range want {
					d, m := float64(got[i])-float64(w), float64(w)-float64(before[i])
					off, moved = off+d*d, moved+m*m
					if p.Largest = max(p.Largest, math.Abs(d)); math.IsNaN(d) {
						return fmt.Errorf("logit %d after token %d is %g", i, p.Tokens, got[i])
					}
				}
				if top(got) == top(want) {
					same++
				}
				p.Tokens++
			}
			return nil
		}()
		if err != nil {
			return p, err
		}
	}
	if p.Tokens == 0 {
		return p, fmt.Errorf("there is no held-out text to prove the export on")
	}
	p.Agreement = float64(same) / float64(p.Tokens)
	p.Moved = math.Sqrt(moved / float64(p.Tokens*base.Vocab))
	if p.Moved > 1e-9 {
		p.Lost = math.Sqrt(off/float64(p.Tokens*base.Vocab)) / p.Moved
	}
	return p, nil
}

// top is the place of the largest value, the first of equals.
func top(x []float32) (at int) {
	for i, v := range x {
		if v > x[at] {
			at = i
		}
	}
	return at
}

// Limits are what an export may lose.
type Limits struct {
	Largest   float64 // difference of a logit; 0 for any
	Agreement float64 // share of equal next tokens, at least
	Lost      float64 // share of what the adapter changes
}

// Exact are the limits of exports that round nothing, Rounded those of exports whose merged weights are rounded.
var (
	Exact   = Limits{Largest: 0.01, Agreement: 0.99, Lost: 0.01}
	Rounded = Limits{Agreement: 0.8, Lost: 0.5}
)

// Within returns an error that says which limit the proof exceeds.
func (p Proof) Within(l Limits) error {
	switch {
	case l.Largest > 0 && p.Largest > l.Largest:
		return fmt.Errorf("a logit differs by %.3g; at most %.3g is allowed", p.Largest, l.Largest)
	case p.Agreement < l.Agreement:
		return fmt.Errorf("the next token is the same after %.1f %% of the tokens; at least %.1f %% is asked", 100*p.Agreement, 100*l.Agreement)
	case !(p.Lost <= l.Lost):
		return fmt.Errorf("%.1f %% of what the adapter changes is lost; at most %.1f %% is allowed", 100*p.Lost, 100*l.Lost)
	}
	return nil
}
