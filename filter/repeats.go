package filter

import (
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

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

// A parts counts the lines or paragraphs of a text that are not blank.
type parts struct {
	count    int
	dups     int // those that occurred before
	dupChars int // their characters
	bullets  int // those that start with a bullet
	ellipses int // those that end with an ellipsis
}

// splitLines counts the lines of text.
func (m *measure) splitLines(text string) (p parts) {
	m.lines.reset(strings.Count(text, "\n") + 1)
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		m.part(&p, line)
		if bullet(line) {
			p.bullets++
		}
		if strings.HasSuffix(line, "...") || strings.HasSuffix(line, "…") {
			p.ellipses++
		}
	}
	return p
}

// splitParagraphs counts the paragraphs of text, which empty lines part.
func (m *measure) splitParagraphs(text string) (p parts) {
	m.lines.reset(strings.Count(text, "\n\n") + 1)
	for para := range strings.SplitSeq(text, "\n\n") {
		if para = strings.TrimSpace(para); para != "" {
			m.part(&p, para)
		}
	}
	return p
}

// part takes up one line or paragraph.
func (m *measure) part(p *parts, s string) {
	p.count++
	slot := &m.lines.slots[m.lines.at(xxh3.HashString(s))]
	if slot.count > 0 {
		p.dups++
		p.dupChars += utf8.RuneCountInString(s)
	}
	slot.count++
}

// bullet reports whether line starts with a bullet: a bullet character, or a dash or star before a space.
func bullet(line string) bool {
	if line[0] < utf8.RuneSelf {
		return len(line) > 1 && line[1] == ' ' && (line[0] == '-' || line[0] == '*')
	}
	for _, b := range [...]string{"•", "‣", "●", "○", "◦", "▪", "■", "▶", "–"} {
		if strings.HasPrefix(line, b) {
			return true
		}
	}
	return false
}

// share is a part of a whole as a fraction, at most 1; 0 of nothing.
func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return min(1, float64(part)/float64(whole))
}
