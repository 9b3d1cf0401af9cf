package rouge

import (
	"math"
	"math/bits"
)

// dfShift leaves the bits of a word's hash by which texts are counted that have it.
const dfShift = 64 - 20

// An index holds the texts that are kept.
type index struct {
	threshold float64
	df        []uint32          // how often words of a hash stand in the sample; any order of words would do, this one is fast
	ids       map[uint64]uint32 // of words
	texts     [][]uint32
	heads     map[uint64]int32 // the last posting of a key
	postings  []posting
	buffer    []element

	seen  []seen // of each text, what a search found
	round uint32
	lcs   lcs
}

// A posting says that a text has an element of the key at a place of its sorted words.
type posting struct {
	text, before int32 // before: the posting of the key before it, -1 for none
	at           int32
}

// A seen is how many of the first words a text shares with the one that is looked for.
type seen struct {
	round  uint32
	shared int32 // -1: they cannot reach the threshold
}

func newIndex(threshold float64) *index {
	return &index{threshold: threshold, df: make([]uint32, 1<<20), ids: make(map[uint64]uint32), heads: make(map[uint64]int32)}
}

// weigh counts a text's words.
func (x *index) weigh(text []uint64) {
	for _, w := range text {
		x.df[w>>dfShift]++
	}
}

// band is the number of a length's band: four to a doubling.
func band(n int) int { return int(4 * math.Log2(float64(n))) }

// shortest is the least length in a band.
func shortest(b int) int {
	n := max(1, int(math.Exp2(float64(b)/4))-1)
	for band(n) < b {
		n++
	}
	return n
}

// reach returns the least and the greatest length with which a text of n words can reach the threshold.
func (x *index) reach(n int) (least, most int) {
	least = max(1, int(x.threshold/(2-x.threshold)*float64(n))-1)
	for least < n && need(x.threshold, n, least) > least {
		least++
	}
	most = min(MaxWords, int((2-x.threshold)/x.threshold*float64(n))+1)
	for most > n && need(x.threshold, n, most) > n {
		most--
	}
	return least, most
}

// add returns the kept text that is most like text, of equals the earliest, and their ROUGE-L, if it reaches the threshold. Else it
// keeps text and returns -1.
func (x *index) add(text []uint64) (like int, best float64) {
	like = -1
	sorted := x.sorted(text)
	own := make([]uint32, len(text))
	for i, w := range text {
		id, ok := x.ids[w]
		if !ok {
			id = uint32(len(x.ids))
			x.ids[w] = id
		}
		own[i] = id
	}
	x.lcs.begin(own, len(x.ids))
	for _, t := range x.candidates(sorted) {
		l := x.lcs.with(x.texts[t])
		if s := score(l, len(own), len(x.texts[t])); s >= x.threshold && (s > best || s == best && t < like) {
			like, best = t, s
		}
	}
	if like < 0 {
		x.keep(own, sorted)
	}
	return like, best
}

// candidates returns the kept texts that may reach the threshold with a text of the sorted words.
func (x *index) candidates(sorted []element) (out []int) {
	n := len(sorted)
	least, most := x.reach(n)
	if x.round++; x.round == 0 {
		clear(x.seen)
		x.round = 1
	}
	for b := band(least); b <= band(most); b++ {
		first := n - need(x.threshold, n, max(least, shortest(b))) + 1
		for i := 0; i < first && i < n; i++ {
			p, ok := x.heads[sorted[i].key(b)]
			for ; ok && p >= 0; p = x.postings[p].before {
				at := x.postings[p]
				m := len(x.texts[at.text])
				s := &x.seen[at.text]
				if s.round != x.round {
					*s = seen{round: x.round}
				}
				if s.shared < 0 {
					continue
				}
				if s.shared == 0 {
					out = append(out, int(at.text))
				}
				s.shared++
				if int(s.shared)+min(n-i, m-int(at.at))-1 < need(x.threshold, n, m) {
					s.shared = -1
				}
			}
		}
	}
	kept := out[:0]
	for _, t := range out {
		if x.seen[t].shared > 0 {
			kept = append(kept, t)
		}
	}
	return kept
}

// keep adds a text to the index by its first words.
func (x *index) keep(text []uint32, sorted []element) {
	t := int32(len(x.texts))
	x.texts, x.seen = append(x.texts, text), append(x.seen, seen{})
	n := len(text)
	least, _ := x.reach(n)
	b := band(n)
	for i := 0; i < n-need(x.threshold, n, least)+1 && i < n; i++ {
		key := sorted[i].key(b)
		before, ok := x.heads[key]
		if !ok {
			before = -1
		}
		x.heads[key] = int32(len(x.postings))
		x.postings = append(x.postings, posting{t, before, int32(i)})
	}
}

// An lcs finds the length of the longest common subsequence of one text with others, 64 of its words at a time.
type lcs struct {
	words int
	rows  []int32  // by a word's number: its row among masks
	round []uint32 // in which the row was set
	now   uint32
	masks []uint64 // a row a word: at which places the text has it
	left  []uint64 // places that end no common subsequence of their length yet
}

// begin takes the text to be compared; ids is how many numbers there are.
func (c *lcs) begin(text []uint32, ids int) {
	if len(c.rows) < ids {
		c.rows = append(c.rows, make([]int32, ids-len(c.rows)+1024)...)
		c.round = append(c.round, make([]uint32, len(c.rows)-len(c.round))...)
	}
	if c.now++; c.now == 0 {
		clear(c.round)
		c.now = 1
	}
	c.words = (len(text) + 63) / 64
	c.masks = c.masks[:0]
	for i, id := range text {
		if c.round[id] != c.now {
			c.round[id], c.rows[id] = c.now, int32(len(c.masks))
			c.masks = append(c.masks, make([]uint64, c.words)...)
		}
		c.masks[int(c.rows[id])+i/64] |= 1 << (i % 64)
	}
}

// with returns the length of the longest common subsequence with another text.
func (c *lcs) with(other []uint32) (n int) {
	c.left = c.left[:0]
	for range c.words {
		c.left = append(c.left, ^uint64(0))
	}
	for _, id := range other {
		if c.round[id] != c.now {
			continue
		}
		mask, carry := c.masks[c.rows[id]:], uint64(0)
		for k, v := range c.left {
			u := v & mask[k]
			sum, over := bits.Add64(v, u, carry)
			c.left[k], carry = sum|(v&^u), over
		}
	}
	for _, v := range c.left {
		n += bits.OnesCount64(^v)
	}
	return n
}
