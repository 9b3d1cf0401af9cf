package tokenizer

import (
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A splitter parts a text into words. first says that the text begins what is encoded.
type splitter interface {
	split(text string, first bool, word func(text string, first bool))
}

// chain splits by each in turn: the second parts the words of the first, and so on.
type chain []splitter

func (c chain) split(text string, first bool, word func(string, bool)) {
	switch len(c) {
	case 0:
		word(text, first)
	case 1:
		c[0].split(text, first, word)
	default:
		c[0].split(text, first, func(text string, first bool) { c[1:].split(text, first, word) })
	}
}

// scanned splits by a scanner.
type scanned struct{ scanner }

func (s scanned) split(text string, first bool, word func(string, bool)) {
	for text != "" {
		n := s.next(text)
		word(text[:n], first)
		text, first = text[n:], false
	}
}

// A matcher finds the parts of a text that match, in order and without overlap.
type matcher interface {
	matches(text string, found func(from, to int))
}

// behavior is what becomes of a match: Hugging Face's SplitDelimiterBehavior.
type behavior int

const (
	isolated behavior = iota // a word of its own
	removed
	withPrevious // the end of the word before
	withNext     // the begin of the word after
	contiguous   // one word with its neighbours that match
)

// matched splits at what matches, or with invert at what does not.
type matched struct {
	matcher
	behavior behavior
	invert   bool
}

type span struct {
	from, to int
	match    bool
}

func (m matched) split(text string, first bool, word func(string, bool)) {
	put := func(from, to int) {
		if to > from {
			word(text[from:to], first && from == 0)
		}
	}
	if m.behavior == isolated {
		at := 0
		m.matches(text, func(from, to int) {
			put(at, from)
			put(from, to)
			at = to
		})
		put(at, len(text))
		return
	}
	for _, s := range m.join(m.spans(text)) {
		if m.behavior != removed || !s.match {
			put(s.from, s.to)
		}
	}
}

// spans are the matches and what lies between.
func (m matched) spans(text string) []span {
	var all []span
	at := 0
	m.matches(text, func(from, to int) {
		if from > at {
			all = append(all, span{at, from, m.invert})
		}
		if to > from {
			all = append(all, span{from, to, !m.invert})
		}
		at = to
	})
	if at < len(text) {
		all = append(all, span{at, len(text), m.invert})
	}
	return all
}

// join gives matches to their neighbours, as the behavior says.
func (m matched) join(all []span) []span {
	out := make([]span, 0, len(all))
	for i, s := range all {
		previous := i > 0 && all[i-1].match
		switch m.behavior {
		case withPrevious:
			if s.match && !previous && len(out) > 0 {
				out[len(out)-1].to = s.to
				continue
			}
		case withNext:
			// A run of matches gives only its last to what follows.
			if !s.match && len(out) > 0 && out[len(out)-1].match && out[len(out)-1].to == s.from {
				out[len(out)-1].to, out[len(out)-1].match = s.to, false
				continue
			}
		case contiguous:
			if len(out) > 0 && out[len(out)-1].match == s.match {
				out[len(out)-1].to = s.to
				continue
			}
		}
		out = append(out, s)
	}
	return out
}

// runs matches one space, where there may be one, and then least to most characters of a set: \s?[set]{least,most}.
type runs struct {
	has         func(rune) bool
	lead        bool
	least, most int // most 0 is any number
}

func (m runs) matches(text string, found func(from, to int)) {
	for at := 0; at < len(text); {
		r, n := utf8.DecodeRuneInString(text[at:])
		from, end := at, at
		if m.lead && classes().is(r, space) {
			if end = m.end(text, at+n); end > at+n {
				found(from, end)
				at = end
				continue
			}
		}
		if end = m.end(text, at); end > at {
			found(from, end)
			at = end
			continue
		}
		at += n
	}
}

// end is where the characters of the set that begin at text[at] end, or at where they are too few.
func (m runs) end(text string, at int) int {
	i := at
	for count := 0; m.most == 0 || count < m.most; count++ {
		if i < len(text) {
			if r, n := utf8.DecodeRuneInString(text[i:]); m.has(r) {
				i += n
				continue
			}
		}
		if count < m.least {
			return at
		}
		break
	}
	return i
}

// is reports whether a character is of one of the classes.
func (t *classTable) is(r rune, class uint8) bool {
	return r < tableEnd && t[r]&class != 0 || r >= tableEnd && other&class != 0
}

// simpleRuns reads an expression of the form \s?[set]+, whose set has no \s.
func simpleRuns(expr string) (runs, bool) {
	rest, lead := strings.CutPrefix(expr, `\s?`)
	if strings.ContainsAny(rest, "|(") && !strings.HasPrefix(rest, "[") || strings.Contains(rest, `\s`) || strings.Contains(rest, `\S`) ||
		strings.Contains(rest, `\d`) || strings.Contains(rest, `\w`) || strings.Contains(rest, `\W`) || strings.Contains(rest, `\b`) {
		return runs{}, false // what Go's expressions mean otherwise
	}
	x, err := syntax.Parse(rest, syntax.Perl&^syntax.OneLine)
	if err != nil {
		return runs{}, false
	}
	m := runs{lead: lead, least: 1, most: 1}
	switch x.Op {
	case syntax.OpPlus:
		m.most, x = 0, x.Sub[0]
	case syntax.OpRepeat:
		if x.Min < 1 || x.Max < x.Min {
			return runs{}, false
		}
		m.least, m.most, x = x.Min, x.Max, x.Sub[0]
	case syntax.OpConcat: // of one set, several times
		for _, sub := range x.Sub {
			if !sub.Equal(x.Sub[0]) {
				return runs{}, false
			}
		}
		m.least, m.most, x = len(x.Sub), len(x.Sub), x.Sub[0]
	}
	if x.Op == syntax.OpLiteral && len(x.Rune) == 1 && x.Flags&syntax.FoldCase == 0 {
		one := x.Rune[0]
		m.has = func(r rune) bool { return r == one }
		return m, true
	}
	if x.Op != syntax.OpCharClass || x.Flags&syntax.NonGreedy != 0 {
		return runs{}, false
	}
	m.has = inRanges(x.Rune)
	return m, true
}

// inRanges tells whether a character is in one of the ranges lo, hi, lo, hi, ... which ascend.
func inRanges(ranges []rune) func(rune) bool {
	return func(r rune) bool {
		lo, hi := 0, len(ranges)/2
		for lo < hi {
			mid := (lo + hi) / 2
			switch {
			case r < ranges[2*mid]:
				hi = mid
			case r > ranges[2*mid+1]:
				lo = mid + 1
			default:
				return true
			}
		}
		return false
	}
}

// trailing matches the spaces at the end of a text: \s+$.
type trailing struct{}

func (trailing) matches(text string, found func(from, to int)) {
	if from := len(strings.TrimRightFunc(text, func(r rune) bool { return classes().is(r, space) })); from < len(text) {
		found(from, len(text))
	}
}

// bertWords parts at spaces, and makes punctuation words of their own: BERT's.
func bertWords(punctuation func(rune) bool) splitter {
	return chain{matched{runs{has: unicode.IsSpace, least: 1}, removed, false}, matched{runs{has: punctuation, least: 1, most: 1}, isolated, false}}
}
