package ngram

// A ladder makes n-grams of all orders, with their counts, of those of the highest order, which come in order: those that end
// alike stand together.
type ladder struct {
	order  int
	last   gram
	length int // of the longest n-gram that last stands for: less than the order if that begins with <s>
	seen   [MaxOrder + 1]uint64
	raw    [MaxOrder + 1]uint64
}

// An entry is an n-gram: the last Order words of those of a gram.
type entry struct {
	words *gram
	order int
	count uint64 // adjusted: how many words are seen before it; of the highest order, or if it begins with <s>, how often it is seen
	raw   uint64 // how often it is seen
}

// lengthOf returns the words of the longest n-gram that g stands for: up to the first <s>.
func lengthOf(g *gram, order int) int {
	for i := 1; i < order; i++ {
		if g[i] == idBegin {
			return i + 1
		}
	}
	return order
}

// add takes up the next of the highest order and visits those that no later one can end with, the longest first.
func (l *ladder) add(g *gram, count uint64, visit func(e entry) error) error {
	length, same := lengthOf(g, l.order), 0
	for same < min(length, l.length) && g[same] == l.last[same] {
		same++
	}
	if err := l.end(same, visit); err != nil {
		return err
	}
	for n := 1; n <= same; n++ {
		l.raw[n] += count
	}
	l.seen[same]++ // one more word before it; of order 0, never read
	for n := same + 1; n <= length; n++ {
		l.seen[n], l.raw[n] = 1, count
	}
	l.seen[length] = count
	l.last, l.length = *g, length
	return nil
}

// end visits what is longer than same words.
func (l *ladder) end(same int, visit func(e entry) error) error {
	for n := l.length; n > same; n-- {
		if err := visit(entry{&l.last, n, l.seen[n], l.raw[n]}); err != nil {
			return err
		}
	}
	return nil
}

// entries visits the n-grams of all orders; of one order they come in order.
func (t *Trainer) entries(visit func(e entry) error) error {
	l := ladder{order: t.o.Order}
	err := t.counts.merge(t.o.Order, t.whole, func(g *gram, count uint64) error { return l.add(g, count, visit) })
	if err != nil {
		return err
	}
	return l.end(0, visit)
}

// kept reports whether the model has an n-gram.
func (t *Trainer) kept(e entry) bool { return e.raw > uint64(t.o.Prune[e.order-1]) }

// key is the key of n words of g from the place at on, counted from the last.
func (t *Trainer) key(g *gram, at, n int) uint64 {
	k := begin(t.hashes[g[at]])
	for _, id := range g[at+1 : at+n] {
		k = extend(k, t.hashes[id])
	}
	return k
}
