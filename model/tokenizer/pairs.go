package tokenizer

import (
	"math"
	"math/bits"
	"slices"
)

// none is the rank of a pair that does not merge.
const none = math.MaxInt32

// pairs is the merges: a hash table with open addressing from two ids to the rank of their merge and the id it makes.
type pairs struct {
	slots []pairSlot // a power of two, at most two thirds full
	shift uint
	n     int
}

type pairSlot struct {
	key      uint64 // 0 is an empty slot
	rank, id int32
}

func newPairs(n int) *pairs {
	size := bits.Len(uint(n + n/2 + 1))
	return &pairs{slots: make([]pairSlot, 1<<size), shift: uint(64 - size)}
}

func pairKey(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) + 1 }

// find is the slot of a pair, or the empty one where it belongs.
func (p *pairs) find(key uint64) int {
	i := int(key * 0x9E3779B97F4A7C15 >> p.shift)
	for p.slots[i].key != key && p.slots[i].key != 0 {
		i = (i + 1) & (len(p.slots) - 1)
	}
	return i
}

// add sets what a pair merges to. Of two merges of one pair the first stays; more than newPairs was told is a bug.
func (p *pairs) add(a, b, rank, id int32) {
	key := pairKey(a, b)
	if i := p.find(key); p.slots[i].key == 0 {
		if p.n++; p.n >= len(p.slots) {
			panic("tokenizer: more merges than counted")
		}
		p.slots[i] = pairSlot{key, rank, id}
	}
}

// get returns the rank and the token of a pair, or none.
func (p *pairs) get(a, b int32) (rank, id int32) {
	if s := &p.slots[p.find(pairKey(a, b))]; s.key != 0 {
		return s.rank, s.id
	}
	return none, 0
}

// shortWord is the most parts that are merged by scanning for the lowest rank, which is quicker than a heap for words.
const shortWord = 48

// A merger joins neighbours, the lowest rank first and of equals the leftmost, until none can be joined.
type merger struct {
	ranks, made [shortWord]int32 // of each part with the next
	next, prev  []int32
	heap        []uint64 // rank and position; one whose pair has changed meanwhile is passed over
}

// merge joins parts in place and returns what is left of them.
func (m *merger) merge(p *pairs, parts []int32) []int32 {
	if len(parts) > shortWord {
		return m.long(p, parts)
	}
	n := len(parts) - 1 // pairs
	for i := range max(n, 0) {
		m.ranks[i], m.made[i] = p.get(parts[i], parts[i+1])
	}
	for n > 0 {
		best, at := int32(none), 0
		for i, r := range m.ranks[:n] {
			if r < best {
				best, at = r, i
			}
		}
		if best == none {
			break
		}
		parts[at] = m.made[at]
		copy(parts[at+1:n], parts[at+2:n+1])
		n--
		copy(m.ranks[at:n], m.ranks[at+1:n+1])
		copy(m.made[at:n], m.made[at+1:n+1])
		if at < n {
			m.ranks[at], m.made[at] = p.get(parts[at], parts[at+1])
		}
		if at > 0 {
			m.ranks[at-1], m.made[at-1] = p.get(parts[at-1], parts[at])
		}
	}
	return parts[:max(n, 0)+min(len(parts), 1)]
}

// long merges with a heap: O(n log n).
func (m *merger) long(p *pairs, parts []int32) []int32 {
	n := int32(len(parts))
	m.next, m.prev = slices.Grow(m.next[:0], int(n))[:n], slices.Grow(m.prev[:0], int(n))[:n]
	m.heap = m.heap[:0]
	for i := range n {
		m.next[i], m.prev[i] = i+1, i-1
		if i+1 < n {
			if rank, _ := p.get(parts[i], parts[i+1]); rank != none {
				m.heap = append(m.heap, uint64(rank)<<32|uint64(i))
			}
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	push := func(i int32) {
		if i >= 0 && m.next[i] < n {
			if rank, _ := p.get(parts[i], parts[m.next[i]]); rank != none {
				m.up(uint64(rank)<<32 | uint64(i))
			}
		}
	}
	for len(m.heap) > 0 {
		top := m.heap[0]
		last := len(m.heap) - 1
		m.heap[0] = m.heap[last]
		m.heap = m.heap[:last]
		m.down(0)
		at := int32(uint32(top))
		j := m.next[at]
		if parts[at] == gone || j >= n {
			continue
		}
		rank, id := p.get(parts[at], parts[j])
		if rank != int32(top>>32) {
			continue
		}
		parts[at], parts[j], m.next[at] = id, gone, m.next[j]
		if m.next[j] < n {
			m.prev[m.next[j]] = at
		}
		push(at)
		push(m.prev[at])
	}
	out := parts[:0]
	for i := int32(0); i < n; i = m.next[i] {
		out = append(out, parts[i])
	}
	return out
}

// gone is a part that was joined to the one before.
const gone = math.MinInt32

func (m *merger) up(x uint64) {
	m.heap = append(m.heap, x)
	i := len(m.heap) - 1
	for i > 0 && m.heap[(i-1)/2] > x {
		m.heap[i] = m.heap[(i-1)/2]
		i = (i - 1) / 2
	}
	m.heap[i] = x
}

func (m *merger) down(i int) {
	if i >= len(m.heap) {
		return
	}
	x := m.heap[i]
	for {
		c := 2*i + 1
		if c >= len(m.heap) {
			break
		}
		if c+1 < len(m.heap) && m.heap[c+1] < m.heap[c] {
			c++
		}
		if m.heap[c] >= x {
			break
		}
		m.heap[i] = m.heap[c]
		i = c
	}
	m.heap[i] = x
}
