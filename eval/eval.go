package eval

import (
	"fmt"

	"temper/lora"
	"temper/model"
)

// Options are how items are asked.
type Options struct {
	MaxTokens int // of a free answer
}

// A Score is how a model did on a task's items.
type Score struct {
	Items    int      `json:"items"`
	Right    int      `json:"right"`
	Accuracy float64  `json:"accuracy"`
	Interval Interval `json:"interval"` // of the accuracy, 95 %
	// AccuracyNorm is the share where the right choice has the highest likelihood a byte, for multiple choice only.
	AccuracyNorm *float64 `json:"accuracy_norm,omitempty"`

	right []bool // by item
}

// A Comparison is two models on the same items.
type Comparison struct {
	Gained     int      `json:"gained"`     // items that only the second has right
	Lost       int      `json:"lost"`       // items that only the first has right
	Difference float64  `json:"difference"` // of the accuracies
	Interval   Interval `json:"interval"`   // of the difference, 95 %
	P          float64  `json:"p"`          // of a difference as large if neither were better: McNemar's exact test
}

// Run asks m, with an adapter or nil, every item. progress, if not nil, is called after each; an error it returns ends the call.
func Run(m *model.Model, a *lora.Adapter, items []Item, o Options, progress func(done, total int) error) (Score, error) {
	g, err := model.NewGenerator(m, a, 0)
	if err != nil {
		return Score{}, err
	}
	r := runner{m: m, g: g, o: o}
	s := Score{Items: len(items), right: make([]bool, len(items))}
	choices, norm := 0, 0
	for i, it := range items {
		var fair bool
		if s.right[i], fair, err = r.item(it); err != nil {
			return Score{}, fmt.Errorf("item %d: %w", i+1, err)
		}
		if s.right[i] {
			s.Right++
		}
		if it.Kind == Choice {
			choices++
		}
		if fair {
			norm++
		}
		if progress != nil {
			if err := progress(i+1, len(items)); err != nil {
				return Score{}, err
			}
		}
	}
	s.Accuracy, s.Interval = float64(s.Right)/float64(len(items)), wilson(s.Right, len(items))
	if choices == len(items) {
		share := float64(norm) / float64(len(items))
		s.AccuracyNorm = &share
	}
	return s, nil
}

// Compare compares two scores of the same items.
func Compare(a, b Score) (Comparison, error) {
	if len(a.right) != len(b.right) {
		return Comparison{}, fmt.Errorf("a score of %d items cannot be compared with one of %d", len(a.right), len(b.right))
	}
	c := Comparison{Difference: b.Accuracy - a.Accuracy}
	for i := range a.right {
		switch {
		case b.right[i] && !a.right[i]:
			c.Gained++
		case a.right[i] && !b.right[i]:
			c.Lost++
		}
	}
	c.Interval, c.P = paired(c.Gained, c.Lost, len(a.right)), mcnemar(c.Gained, c.Lost)
	return c, nil
}

// A runner asks one model.
type runner struct {
	m *model.Model
	g *model.Generator
	o Options
}

// item asks one item. fair is whether a choice is right by its likelihood a byte.
func (r *runner) item(it Item) (right, fair bool, err error) {
	prompt, err := r.m.Chat.Prompt(it.Messages)
	if err != nil {
		return false, false, err
	}
	if it.Kind != Choice {
		out, err := r.g.Generate([][]int32{prompt}, model.Sampling{MaxTokens: r.o.MaxTokens, Stop: r.m.Chat.Stop()}, nil)
		if err != nil {
			return false, false, err
		}
		return it.matches(r.m.Tokenizer.Decode(out[0])), false, nil
	}
	ids := make([][]int32, len(it.Choices))
	for i, c := range it.Choices {
		ids[i] = r.m.Tokenizer.Encode(c, false)
	}
	scores, err := r.g.Score(prompt, ids)
	if err != nil {
		return false, false, err
	}
	best, bestByte := 0, 0
	for i := range scores {
		if scores[i] > scores[best] {
			best = i
		}
		if scores[i]/float64(len(it.Choices[i])) > scores[bestByte]/float64(len(it.Choices[bestByte])) {
			bestByte = i
		}
	}
	return best == it.Right, bestByte == it.Right, nil
}
