package finetune

import (
	"errors"
	"fmt"
	"math"
)

// ErrDiverged means the loss or its gradient is no finite number any more, or the loss has leapt. Going on would save a broken adapter.
var ErrDiverged = errors.New("training diverged")

// A watch tells bad steps from good ones by the moving average of the losses. Its state is saved: a resumed run judges alike.
type watch struct {
	Sum     float64 `json:"sum"`    // of losses, each step's weight a tenth less than the next one's
	Weight  float64 `json:"weight"` // sum of the weights
	Good    int     `json:"good"`   // steps in it
	Skipped int     `json:"skipped,omitempty"`
	InARow  int     `json:"in_a_row,omitempty"` // skipped last
}

const (
	watchKeep  = 0.9
	watchAfter = 10 // good steps before a leap is told from a start
	spikeRoom  = 2  // nats: near 0 a multiple is no leap
	maxSkips   = 10 // in a row
)

// average is the moving average of the losses.
func (w *watch) average() float64 { return w.Sum / max(w.Weight, 1e-300) }

// judge says what is bad about a step, "" for nothing. spike is Options.Spike.
func (w *watch) judge(loss, norm, spike float64) string {
	switch average := w.average(); {
	case bad(loss) || bad(norm):
		return fmt.Sprintf("loss %g, gradient norm %g", loss, norm)
	case spike > 0 && w.Good >= watchAfter && loss > spike*average && loss > average+spikeRoom:
		return fmt.Sprintf("loss %.4g after an average of %.4g (spike: %g)", loss, average, spike)
	}
	return ""
}

// add notes a good step.
func (w *watch) add(loss float64) {
	w.Sum, w.Weight = watchKeep*w.Sum+loss, watchKeep*w.Weight+1
	w.Good, w.InARow = w.Good+1, 0
}

func bad(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

// worst is the sample of a step with the highest mean loss; the first whose loss is no number, if there is one.
type worst struct {
	place    int // of its sequence in the step
	sequence int // its number among all
	sample   int // its place in the sequence
	loss     float64
	found    bool
}

// see looks at the losses of one sequence; rows are the places they were computed at, rising.
func (w *worst) see(place, number int, s Sequence, rows []int32, losses []float32) {
	k := 0
	for i := range s.Starts {
		_, to := s.sample(i)
		sum, n := 0.0, 0
		for ; k < len(rows) && int(rows[k]) < to; k++ {
			sum += float64(losses[k])
			n++
		}
		if n == 0 {
			continue
		}
		if mean := sum / float64(n); !w.found || !bad(w.loss) && (bad(mean) || mean > w.loss) {
			*w = worst{place, number, i, mean, true}
		}
	}
}

// blame says where a bad step went wrong: the layer and the sample.
func (t *trainer) blame(w worst) string {
	s := t.Tokens.Sequences[w.sequence]
	layer, err := t.network.badLayer(s, t.key(w.place))
	if err != nil {
		layer = err.Error()
	}
	return fmt.Sprintf("%s; sample %s (%d of sequence %d, loss %.4g)", layer, s.Samples[w.sample], w.sample+1, w.sequence, w.loss)
}

// badLayer computes a sequence again and names the first layer whose output is no number; where all are numbers, the layer the
// gradient went wrong in, or in which it is largest.
func (n *network) badLayer(s Sequence, key uint64) (string, error) {
	if err := n.forward(s, key); err != nil {
		return "", err
	}
	for i, x := range n.inputs {
		if _, finite := squares(x[:len(s.IDs)*n.base.Dim]); !finite {
			if i == 0 {
				return "the embedding", nil
			}
			return fmt.Sprintf("layer %d", i-1), nil
		}
	}
	at, top := 0, -1.0
	for i := len(n.params.layers) - 1; i >= 0; i-- { // backwards, as gradients go
		l, sum := &n.params.layers[i], 0.0
		for _, g := range append(l.GradA[:], l.GradB[:]...) {
			part, finite := squares(g)
			if !finite {
				return fmt.Sprintf("the gradient of layer %d", i), nil
			}
			sum += part
		}
		if sum > top {
			at, top = i, sum
		}
	}
	return fmt.Sprintf("layer %d, whose gradient is largest (%.3g)", at, math.Sqrt(top)), nil
}

// squares is the sum of squares, and whether all values are numbers.
func squares(x []float32) (sum float64, finite bool) {
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum, !bad(sum)
}
