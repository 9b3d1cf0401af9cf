package ngram

import (
	"bufio"
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A Fit says what a model was fitted on, and how it does on texts that it did not see.
type Fit struct {
	Order     int          `json:"order"`
	Texts     int          `json:"texts"`             // fitted on
	Tokens    uint64       `json:"tokens"`            // words and line ends of them
	Words     int          `json:"words"`             // different ones
	Seen      []uint64     `json:"seen"`              // n-grams of each order that were seen
	Kept      []uint64     `json:"kept"`              // and that the model has
	Discounts [][3]float64 `json:"discounts"`         // of each order: for counts of 1, 2, and 3 or more
	Default   []int        `json:"default,omitempty"` // orders whose counts give no discounts: theirs are 0.5, 1 and 1.5
	Held      int          `json:"held"`              // texts held out
	HeldWords int          `json:"held_words"`        // words and line ends of them
	Unknown   float64      `json:"unknown"`           // share of words among those that the model has not seen
	Ppl       float64      `json:"perplexity"`        // of all that is held out
	Sample    string       `json:"sample,omitempty"`  // whose texts the percentiles are of: held or given
	Seed      uint64       `json:"seed"`
}

// fallback are the discounts where counts of counts give none, as lmplz has them.
var fallback = [3]float64{0.5, 1, 1.5}

// least is the fewest texts that a model is fitted on.
const least = 2

// A tally is how many n-grams of an order have the counts 1 to 4, and how many there are.
type tally struct {
	of         [5]uint64
	seen, kept uint64
}

// discounts returns D(1), D(2), D(3+), and whether the counts give them. Source: Chen and Goodman 1998, equation 26.
func (c *tally) discounts() (d [3]float64, ok bool) {
	y := float64(c.of[1]) / (float64(c.of[1]) + 2*float64(c.of[2]))
	for k := 1; k <= 3; k++ {
		d[k-1] = float64(k) - float64(k+1)*y*float64(c.of[k+1])/float64(c.of[k])
		if c.of[k] == 0 || !(d[k-1] >= 0) || d[k-1] > float64(k) {
			return fallback, false
		}
	}
	return d, true
}

// A table is the n-grams of one order while a model is fitted: open addressing by key, 0 for a free place.
type table struct {
	keys     []uint64
	counts   []uint32
	probs    []float64
	contexts []context // nil for the highest order
}

// A context is what follows an n-gram: the sum of counts, that of those that are pruned, and how many kept ones have a count
// of 1, 2, and 3 or more.
type context struct {
	sum, cut uint32
	of       [3]uint32
}

const placeBytes = 8 + 4 + 8 + 20 // of a table, a place

// take adds what follows.
func (c *context) take(count uint64, kept bool) {
	c.sum += uint32(count)
	if !kept {
		c.cut += uint32(count)
		return
	}
	c.of[min(count, 3)-1]++
}

// gamma is the share that goes to the shorter context: all of it if nothing follows.
func (c *context) gamma(d [3]float64) float64 {
	if c.sum == 0 {
		return 1
	}
	g := float64(c.cut)
	for i, n := range c.of {
		g += d[i] * float64(n)
	}
	return g / float64(c.sum)
}

func newTable(n uint64, contexts bool) table {
	size := n*3/2 + 8
	t := table{keys: make([]uint64, size), counts: make([]uint32, size), probs: make([]float64, size)}
	if contexts {
		t.contexts = make([]context, size)
	}
	return t
}

// at returns the place of key, or of the free place where it would be.
func (t *table) at(key uint64) (i int, there bool) {
	for i = place(key, len(t.keys)); t.keys[i] != 0; {
		if t.keys[i] == key {
			return i, true
		}
		if i++; i == len(t.keys) {
			i = 0
		}
	}
	return i, false
}

// Fit returns the model: the same texts in any order give the same one. It is called once, after the last Add.
func (t *Trainer) Fit() (*Model, error) {
	if t.texts < least || t.held.n < 1 || t.tokens == 0 {
		return nil, fmt.Errorf("%w: %d to fit on and %d held out: must be %d and 1 or more, with words in them", ErrFew, t.texts, t.held.n, least)
	}
	tallies, err := t.tallies()
	if err != nil {
		return nil, err
	}
	f := Fit{Order: t.o.Order, Texts: t.texts, Tokens: t.tokens, Words: len(t.hashes) - idEnd - 1, Seed: t.o.Seed}
	size := int64(0)
	for i, c := range tallies {
		d, ok := c.discounts()
		if !ok {
			f.Default = append(f.Default, i+1)
		}
		f.Discounts, f.Seen, f.Kept = append(f.Discounts, d), append(f.Seen, c.seen), append(f.Kept, c.kept)
		size += int64(c.kept) * placeBytes * 3 / 2
	}
	if size > t.o.Limit*3/4 {
		return nil, fmt.Errorf("%w: %v n-grams take %d MB of the %d MB allowed: prune more", ErrLarge, f.Kept, size>>20, t.o.Limit>>20)
	}
	t.fit = f
	if err := t.fill(tallies); err != nil {
		return nil, err
	}
	m, err := t.probabilities()
	if err != nil {
		return nil, err
	}
	t.unknown = m.unknown
	return m, m.evaluate(t.held)
}

// tallies puts all counts into one part and counts them.
func (t *Trainer) tallies() ([]tally, error) {
	if err := t.flush(); err != nil {
		return nil, err
	}
	t.grams, t.ids = nil, nil
	tallies := make([]tally, t.o.Order)
	visit := func(e entry) error {
		c := &tallies[e.order-1]
		c.seen++
		if e.count < 5 {
			c.of[e.count]++
		}
		if t.kept(e) {
			c.kept++
		}
		return nil
	}
	parts := t.counts.parts
	if len(parts) == 1 {
		t.whole = parts
		return tallies, t.entries(visit)
	}
	l := ladder{order: t.o.Order}
	err := t.counts.write(func(w *bufio.Writer) error {
		out := writer{w: w, order: t.o.Order}
		return t.counts.merge(t.o.Order, parts, func(g *gram, count uint64) error {
			if err := out.put(g, count); err != nil {
				return err
			}
			return l.add(g, count, visit)
		})
	})
	if err != nil {
		return nil, err
	}
	t.whole = t.counts.parts[len(parts):]
	return tallies, l.end(0, visit)
}

// fill makes the tables: the n-grams that are kept, and what follows them.
func (t *Trainer) fill(tallies []tally) error {
	for i, c := range tallies {
		t.tables = append(t.tables, newTable(c.kept+1, i+1 < t.o.Order)) // one more for <s>
	}
	put := func(order int, key, count uint64) {
		i, _ := t.tables[order-1].at(key)
		t.tables[order-1].keys[i], t.tables[order-1].counts[i] = key, uint32(count)
	}
	put(1, begin(hashBegin), 0)
	err := t.entries(func(e entry) error {
		if t.kept(e) {
			put(e.order, t.key(e.words, 0, e.order), e.count)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return t.entries(func(e entry) error {
		if e.order == 1 {
			t.root.take(e.count, true)
			return nil
		}
		of := &t.tables[e.order-2]
		if i, ok := of.at(t.key(e.words, 1, e.order-1)); ok {
			of.contexts[i].take(e.count, t.kept(e))
		}
		return nil
	})
}

// probabilities gives every n-gram its probability, the shortest first, and makes the model of them.
func (t *Trainer) probabilities() (*Model, error) {
	var p [MaxOrder + 1]float64         // of the n-grams that end alike
	p[0] = 1 / float64(len(t.hashes)-1) // all words but <s>
	last, length := gram{}, 0
	one := func(g *gram, n int) bool {
		tab := &t.tables[n-1]
		i, ok := tab.at(t.key(g, 0, n))
		if !ok {
			return false
		}
		c := &t.root
		if n > 1 {
			j, _ := t.tables[n-2].at(t.key(g, 1, n-1))
			c = &t.tables[n-2].contexts[j]
		}
		count, d := tab.counts[i], t.fit.Discounts[n-1]
		p[n] = (float64(count)-d[min(count, 3)-1])/float64(c.sum) + c.gamma(d)*p[n-1]
		tab.probs[i] = p[n]
		return true
	}
	err := t.counts.merge(t.o.Order, t.whole, func(g *gram, _ uint64) error {
		have := 0
		for have < length && g[have] == last[have] {
			have++
		}
		for have < lengthOf(g, t.o.Order) && one(g, have+1) { // where one is left out, so are longer ones
			have++
		}
		last, length = *g, have
		return nil
	})
	if err != nil {
		return nil, err
	}
	i, _ := t.tables[0].at(begin(hashBegin))
	t.tables[0].probs[i] = 1
	m := &Model{Fit: t.fit, unknown: math.Log10(t.root.gamma(t.fit.Discounts[0]) * p[0])}
	for n := range t.tables {
		m.levels = append(m.levels, t.tables[n].level(t.following(n)))
		if !t.o.Names {
			t.tables[n] = table{}
		}
	}
	return m, nil
}

// following returns the discounts of what follows n-grams of n+1 words.
func (t *Trainer) following(n int) [3]float64 {
	return t.fit.Discounts[min(n+1, len(t.fit.Discounts)-1)]
}

// evaluate says how the model does on texts that it was not fitted on, whose percentiles it takes.
func (m *Model) evaluate(held *shelf) error {
	scorer := NewScorer(m)
	var sums []Sum
	for text, err := range held.texts() {
		if err != nil {
			return err
		}
		if s := scorer.Score(text); s.Words > 0 {
			sums = append(sums, s)
		}
	}
	slices.SortFunc(sums, func(a, b Sum) int { return cmp.Compare(a.Log10, b.Log10) }) // so that the order of texts does not matter
	all := Sum{}
	each := make([]float64, len(sums))
	for i, s := range sums {
		all.Log10, all.Words, all.Unknown = all.Log10+s.Log10, all.Words+s.Words, all.Unknown+s.Unknown
		each[i] = s.Perplexity()
	}
	m.Fit.Held, m.Fit.HeldWords, m.Fit.Ppl = held.n, all.Words, all.Perplexity()
	m.Fit.Unknown = float64(all.Unknown) / float64(max(1, all.Words))
	m.Calibrate(each, "held")
	return nil
}
