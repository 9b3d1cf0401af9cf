package filter

import (
	"math/bits"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// An ngrams is the n-grams of words, told apart by hashes of 64 bits, for one n after the other.
type ngrams struct {
	n      int
	keys   []uint64 // of the n-gram that starts at each word
	hashes []uint64 // of the words
	chars  []int    // of the words before each place
	table  *table
}

// newNgrams returns the 1-grams of words; t is used for counting.
func newNgrams(words []string, t *table) *ngrams {
	g := &ngrams{n: 1, hashes: make([]uint64, len(words)), chars: make([]int, len(words)+1), table: t}
	for i, w := range words {
		g.hashes[i] = xxh3.HashString(w)
		g.chars[i+1] = g.chars[i] + utf8.RuneCountInString(w)
	}
	g.keys = append([]uint64(nil), g.hashes...)
	return g
}

// grow makes the n-grams longer by a word.
func (g *ngrams) grow() {
	g.n++
	g.keys = g.keys[:max(0, len(g.keys)-1)]
	for i, k := range g.keys {
		hi, lo := bits.Mul64(k^0x9e3779b97f4a7c15, g.hashes[i+g.n-1]^0xd1b54a32d192ed03)
		g.keys[i] = hi ^ lo + uint64(g.n)
	}
}

// span returns the characters of the n-gram at i, without spaces.
func (g *ngrams) span(i int) int { return g.chars[i+g.n] - g.chars[i] }

// count counts the n-grams.
func (g *ngrams) count() {
	g.table.reset(len(g.keys))
	for _, k := range g.keys {
		g.table.slots[g.table.at(k)].count++
	}
}

// times returns how often the n-gram at i occurs; count comes before.
func (g *ngrams) times(i int) int { return int(g.table.slots[g.table.at(g.keys[i])].count) }

// top returns where the most common n-gram occurs first, and how often it occurs; of equally common ones the first. It is
// 0 times if there is none.
func (g *ngrams) top() (at, times int) {
	g.count()
	for i := range g.keys {
		if n := g.times(i); n > times {
			at, times = i, n
		}
	}
	return at, times
}
