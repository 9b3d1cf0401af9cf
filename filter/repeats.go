package filter

import "math/bits"

// A place is a position in the tokens whose n-gram is under suspicion of occurring more than once.
type place struct {
	at   int32
	slot int32
	hash uint64 // of the n-gram
}

// The lengths of n-grams that are looked at.
const (
	firstTop = 2
	firstDup = 5
	lastDup  = 10
)

// repeats returns, by n, the characters of the most common n-gram times its count (n 2 to 4) and the characters of n-grams
// that occurred before (n 5 to 10). N-grams that occur once count for nothing.
//
// An n-gram can occur again only if the (n-1)-grams at its place and at the next do, so each length looks only at the
// places the one before left over: ordinary text has few after the second.
func (m *measure) repeats() (chars [lastDup + 1]int) {
	places := m.places[:0]
	for i, t := range m.tokens {
		places = append(places, place{at: int32(i), hash: t.hash})
	}
	m.places = places
	for n := firstTop; n <= lastDup && len(places) > 1; n++ {
		places = m.grow(places, n)
		m.grams.reset(len(places))
		for i := range places {
			s := m.grams.at(places[i].hash)
			m.grams.slots[s].count++
			places[i].slot = int32(s)
		}
		if n < firstDup {
			chars[n] = m.top(places, n)
		}
		kept := places[:0]
		for _, p := range places {
			if m.grams.slots[p.slot].count > 1 {
				kept = append(kept, p)
			}
		}
		places = kept
		if n >= firstDup {
			chars[n] = m.again(places, n)
		}
	}
	return chars
}

// grow makes places of (n-1)-grams to places of n-grams: those whose next place is there too.
func (m *measure) grow(places []place, n int) []place {
	grown := places[:0]
	for i := 0; i+1 < len(places); i++ {
		p := places[i]
		if places[i+1].at != p.at+1 || int(p.at)+n > len(m.tokens) {
			continue
		}
		hi, lo := bits.Mul64(p.hash^0x9e3779b97f4a7c15, m.tokens[int(p.at)+n-1].hash^0xd1b54a32d192ed03)
		p.hash = hi ^ lo + uint64(n)
		grown = append(grown, p)
	}
	return grown
}

// top returns the characters of the most common n-gram, with a space between tokens, times how often it occurs; of
// equally common ones the first in the text.
func (m *measure) top(places []place, n int) int {
	most, at := uint32(1), int32(-1)
	for _, p := range places {
		if c := m.grams.slots[p.slot].count; c > most {
			most, at = c, p.at
		}
	}
	if at < 0 {
		return 0
	}
	return (m.span(at, n) + n - 1) * int(most)
}

// again walks the text and returns the characters of n-grams that were met before; their tokens are then left behind.
func (m *measure) again(places []place, n int) (chars int) {
	const met = 1 << 31
	next := int32(0)
	for _, p := range places {
		if p.at < next {
			continue
		}
		s := &m.grams.slots[p.slot]
		if s.count&met == 0 {
			s.count |= met
			continue
		}
		chars += m.span(p.at, n)
		next = p.at + int32(n)
	}
	return chars
}

// span returns the characters of n tokens from at.
func (m *measure) span(at int32, n int) (chars int) {
	for _, t := range m.tokens[at : int(at)+n] {
		chars += int(t.runes)
	}
	return chars
}
