package finetune

import (
	"fmt"
	"math"

	"temper/internal/kernel"
	"temper/lora"
	"temper/model"
)

// A Score is a loss on given sequences.
type Score struct {
	Loss       float64      `json:"loss"`       // mean of -log p over the trained tokens, in nats
	Perplexity float64      `json:"perplexity"` // e^Loss
	Tokens     int64        `json:"tokens"`     // trained ones
	Samples    []SampleLoss `json:"samples,omitempty"`
}

// A SampleLoss is one sample's part of a Score.
type SampleLoss struct {
	ID     string  `json:"id"`
	Loss   float64 `json:"loss"` // mean over its trained tokens
	Tokens int     `json:"tokens"`
}

// Evaluate computes the loss of base with an adapter, or alone where it is nil, on t. threads 0 leaves the number as it is;
// progress, if not nil, is called after every sequence, and an error it returns ends the call.
func Evaluate(base *model.Model, a *lora.Adapter, t Tokens, threads int, progress func(done, total int) error) (Score, error) {
	if t.Vocab != base.Vocab {
		return Score{}, fmt.Errorf("tokens were made for a vocabulary of %d; base %s has %d: tokenize with this base", t.Vocab, base.Name, base.Vocab)
	}
	if _, trained := t.Counts(); trained == 0 {
		return Score{}, fmt.Errorf("nothing to evaluate: no trained token in %d sequences", len(t.Sequences))
	}
	if a == nil {
		a = &lora.Adapter{Rank: 1, Alpha: 1}
	}
	if threads > 0 {
		kernel.SetThreads(threads)
	}
	n, err := newNetwork(base, a, t.Longest(), full)
	if err != nil {
		return Score{}, err
	}
	defer n.close()
	s, err := n.evaluate(t, progress)
	if err == nil && bad(s.Loss) {
		err = fmt.Errorf("loss is %g: the adapter or the base holds values that are no numbers", s.Loss)
	}
	return s, err
}

// evaluate computes in float32, whatever training does.
func (n *network) evaluate(t Tokens, progress func(done, total int) error) (Score, error) {
	defer func(c kernel.Compute) { n.compute = c }(n.compute)
	n.compute = kernel.FP32
	var s Score
	total := 0.0
	for i, q := range t.Sequences {
		if err := n.forward(q, 0); err != nil {
			return s, fmt.Errorf("sequence %d: %w", i, err)
		}
		losses := n.losses(q, 0)
		for k := range q.Starts {
			from, to := q.sample(k)
			part := Sequence{Trained: q.Trained[from:to], Starts: []int32{0}}.trained()
			sum := 0.0
			for _, l := range losses[:part] {
				sum += float64(l)
			}
			losses = losses[part:]
			total += sum
			s.Tokens += int64(part)
			s.Samples = append(s.Samples, SampleLoss{ID: q.Samples[k], Loss: sum / float64(max(1, part)), Tokens: part})
		}
		if progress != nil {
			if err := progress(i+1, len(t.Sequences)); err != nil {
				return s, err
			}
		}
	}
	s.Loss = total / float64(max(1, s.Tokens))
	s.Perplexity = math.Exp(s.Loss)
	return s, nil
}
