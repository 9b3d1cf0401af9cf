package ngram

import (
	"cmp"
	"math"
	"slices"
)

// An item is an n-gram of a level that is made.
type item struct {
	key           uint64
	prob, backoff float32 // log10
}

// items returns what a table holds, by key; d are the discounts of what follows its n-grams.
func (t *table) items(d [3]float64) []item {
	n := 0
	for _, k := range t.keys {
		if k != 0 {
			n++
		}
	}
	items := make([]item, 0, n)
	for i, k := range t.keys {
		if k == 0 {
			continue
		}
		prob, backoff := t.logs(i, d)
		items = append(items, item{k, prob, backoff})
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.key, b.key) })
	return items
}

// logs returns the log10 probability and the log10 γ of the n-gram at a place.
func (t *table) logs(i int, d [3]float64) (prob, backoff float32) {
	if t.contexts != nil {
		backoff = float32(math.Log10(t.contexts[i].gamma(d)))
	}
	return min(0, float32(math.Log10(t.probs[i]))), backoff
}

// level makes the level of a table. Its bytes depend on what the table holds, not on how that came in.
func (t *table) level(d [3]float64) level {
	items := t.items(d)
	probs := newBook(items, func(i item) float32 { return i.prob })
	backoffs := newBook(items, func(i item) float32 { return i.backoff })
	l := level{slots: make([]uint64, len(items)*3/2+8), probs: probs.values, backoffs: backoffs.values}
	for _, it := range items {
		i := place(it.key, len(l.slots))
		for l.slots[i] != 0 {
			if i++; i == len(l.slots) {
				i = 0
			}
		}
		l.slots[i] = mark(it.key)<<(2*codeBits) | probs.code(it.prob)<<codeBits | backoffs.code(it.backoff)
	}
	return l
}

// A book codes values in 12 bits: each by itself if there are that few, else the mean of those in the same of 4,096 equal steps
// from the least to the largest.
type book struct {
	values []float32
	exact  bool
	least  float64
	step   float64
	codes  []uint16 // of steps
}

func newBook(items []item, of func(item) float32) *book {
	const most = 1 << codeBits
	all := make([]float32, len(items))
	for i, it := range items {
		all[i] = of(it)
	}
	slices.Sort(all)
	if distinct := slices.Compact(slices.Clone(all)); len(distinct) <= most {
		return &book{values: distinct, exact: true}
	}
	b := &book{least: float64(all[0]), codes: make([]uint16, most)}
	b.step = (float64(all[len(all)-1]) - b.least) / most
	for i := 0; i < len(all); {
		step, sum, n := b.stepOf(all[i]), 0.0, i
		for n < len(all) && b.stepOf(all[n]) == step {
			sum += float64(all[n])
			n++
		}
		b.codes[step] = uint16(len(b.values))
		b.values = append(b.values, float32(sum/float64(n-i)))
		i = n
	}
	return b
}

func (b *book) stepOf(v float32) int {
	return min(int((float64(v)-b.least)/b.step), 1<<codeBits-1)
}

// code returns the code of a value that the book was made of.
func (b *book) code(v float32) uint64 {
	if b.exact {
		i, _ := slices.BinarySearch(b.values, v)
		return uint64(i)
	}
	return uint64(b.codes[b.stepOf(v)])
}
