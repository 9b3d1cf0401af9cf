package linear

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/zeebo/xxh3"
)

// Options sets a fit. In numbers 0 is the default.
type Options struct {
	Epochs int    `json:"epochs,omitempty" doc:"times that the texts are gone over" default:"5"`
	Held   int    `json:"held,omitempty" doc:"one text in so many is held out" default:"10"`
	Seed   uint64 `json:"seed,omitempty" doc:"of the order and of what is held out"`
}

// WithDefaults fills in what is 0.
func (o Options) WithDefaults() Options {
	o.Epochs = cmp.Or(o.Epochs, 5)
	o.Held = cmp.Or(o.Held, 10)
	return o
}

// ErrFew means that there are too few texts to fit a model and to hold some out.
var ErrFew = errors.New("too few texts")

// least is the fewest texts of a side, fitted on and held out.
const least = 5

// rate is the first step of AdaGrad, decay the pull of weights to 0 (L2).
const (
	rate  = 0.5
	decay = 1e-6
)

// An example is the features of a text.
type example struct {
	buckets []uint32
	values  []float32
	good    bool
	hash    uint64 // of the text and the seed: decides the order, and what is held out
}

// A Trainer takes texts and fits a model.
type Trainer struct {
	o       Options
	fit     []example
	held    []example
	good    int // of fit
	vector  vector
	seen    map[uint64]bool
	Repeats int // texts that were left out as they were there before, on either side
}

// NewTrainer returns a trainer without texts.
func NewTrainer(o Options) *Trainer {
	return &Trainer{o: o.WithDefaults(), seen: make(map[uint64]bool)}
}

// Add takes up a text as an example of good or bad ones. A text that is there already is left out: else it could be both
// fitted on and held out.
func (t *Trainer) Add(text string, good bool) {
	plain := xxh3.HashString(text)
	if t.seen[plain] {
		t.Repeats++
		return
	}
	t.seen[plain] = true
	t.vector.read(text)
	e := example{buckets: slices.Clone(t.vector.buckets), good: good, hash: xxh3.HashStringSeed(text, t.o.Seed)}
	for _, v := range t.vector.values {
		e.values = append(e.values, float32(v))
	}
	if e.hash>>32%uint64(t.o.Held) == 0 {
		t.held = append(t.held, e)
		return
	}
	t.fit = append(t.fit, e)
	if good {
		t.good++
	}
}

// Fit returns the model: the same texts in any order give the same bytes. Both sides weigh the same, however many texts they have.
func (t *Trainer) Fit() (*Model, error) {
	m := &Model{Fit: Fit{Good: t.good, Bad: len(t.fit) - t.good, Seed: t.o.Seed}}
	for _, e := range t.held {
		if e.good {
			m.Fit.HeldGood++
		} else {
			m.Fit.HeldBad++
		}
	}
	if min(m.Fit.Good, m.Fit.Bad, m.Fit.HeldGood, m.Fit.HeldBad) < least {
		return nil, fmt.Errorf("%w: %d good and %d bad to fit on, %d and %d held out: each must be %d or more", ErrFew,
			m.Fit.Good, m.Fit.Bad, m.Fit.HeldGood, m.Fit.HeldBad, least)
	}
	slices.SortFunc(t.fit, func(a, b example) int { return cmp.Compare(a.hash, b.hash) })
	weights, bias := t.descend(m.Fit)
	m.quantize(weights, bias)
	m.Fit.AUC, m.Fit.Accuracy = m.evaluate(t.held)
	return m, nil
}

// descend fits weights and a bias by AdaGrad over the texts, in another order each time.
func (t *Trainer) descend(f Fit) ([]float64, float64) {
	weights, squares := make([]float64, buckets), make([]float64, buckets)
	bias, biasSquares := 0.0, 1e-6
	whole := float64(f.Good + f.Bad)
	for epoch := range t.o.Epochs {
		step := stride(len(t.fit), epoch)
		for k, i := 0, 0; k < len(t.fit); k, i = k+1, (i+step)%len(t.fit) {
			e := &t.fit[i]
			sum := bias
			for j, b := range e.buckets {
				sum += weights[b] * float64(e.values[j])
			}
			loss := logistic(sum)
			weight := whole / float64(2*f.Bad)
			if e.good {
				loss--
				weight = whole / float64(2*f.Good)
			}
			loss *= weight
			for j, b := range e.buckets {
				g := loss*float64(e.values[j]) + decay*weights[b]
				squares[b] += g * g
				weights[b] -= rate * g / math.Sqrt(squares[b]+1e-6)
			}
			biasSquares += loss * loss
			bias -= rate * 0.1 * loss / math.Sqrt(biasSquares)
		}
	}
	return weights, bias
}

// stride returns a step that visits all of n places in an order of its own for each epoch.
func stride(n, epoch int) int {
	s := (n*618/1000 + 1 + 2*epoch) % n
	for s == 0 || gcd(s, n) != 1 {
		s = s%n + 1
	}
	return s
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// quantize keeps the weights as bytes.
func (m *Model) quantize(weights []float64, bias float64) {
	most := 0.0
	for _, w := range weights {
		most = max(most, math.Abs(w))
	}
	m.Scale, m.Bias, m.Weights = max(most/127, 1e-12), bias, make([]int8, buckets)
	for i, w := range weights {
		m.Weights[i] = int8(math.Round(w / m.Scale))
	}
}

// evaluate returns the area under the curve of held-out texts, ties counted half, and the accuracy at 0.5.
func (m *Model) evaluate(held []example) (auc, accuracy float64) {
	type scored struct {
		score float64
		good  bool
	}
	list := make([]scored, len(held))
	var goods, rights [2]float64 // by side: texts, and those told right
	for i, e := range held {
		sum := 0.0
		for j, b := range e.buckets {
			sum += float64(e.values[j]) * float64(m.Weights[b])
		}
		list[i] = scored{logistic(sum*m.Scale + m.Bias), e.good}
		side := 0
		if e.good {
			side = 1
		}
		goods[side]++
		if e.good == (list[i].score >= 0.5) {
			rights[side]++
		}
	}
	slices.SortFunc(list, func(a, b scored) int { return cmp.Compare(a.score, b.score) })
	below, pairs := 0.0, 0.0 // bad texts passed so far; pairs in the right order
	for i := 0; i < len(list); {
		j, good, bad := i, 0.0, 0.0
		for ; j < len(list) && list[j].score == list[i].score; j++ {
			if list[j].good {
				good++
			} else {
				bad++
			}
		}
		pairs += good * (below + bad/2)
		below += bad
		i = j
	}
	return pairs / (goods[0] * goods[1]), (rights[0]/goods[0] + rights[1]/goods[1]) / 2
}
