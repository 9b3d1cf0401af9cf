package tokenizer

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// The classes of characters that the expressions of pre-tokenizers tell apart. A character is of exactly one of the first
// four; newline and mark are said besides.
const (
	letter  = 1 << iota // \p{L}
	number              // \p{N}
	space               // \s: Unicode's White_Space
	other               // none of these
	newline             // \r and \n, spaces too
	mark                // \p{M}, others too
)

// tableEnd is above every letter, number, space and mark but the variation selectors' supplement.
const tableEnd = 1 << 18

// classTable holds the class of each character below tableEnd.
type classTable [tableEnd]uint8

// classes is the table of the classes above.
var classes = sync.OnceValue(func() *classTable {
	t := new(classTable)
	for r := range t {
		t[r] = other
	}
	t.mark(unicode.L, letter)
	t.mark(unicode.N, number)
	t.mark(unicode.White_Space, space)
	t.mark(unicode.M, other|mark)
	t['\r'], t['\n'] = space|newline, space|newline
	return t
})

// wordClasses is classes with marks as letters.
var wordClasses = sync.OnceValue(func() *classTable {
	t := *classes()
	t.mark(unicode.M, letter)
	return &t
})

func (t *classTable) mark(r *unicode.RangeTable, class uint8) {
	for _, x := range r.R16 {
		for c := uint32(x.Lo); c <= uint32(x.Hi); c += uint32(x.Stride) {
			t[c] = class
		}
	}
	for _, x := range r.R32 {
		for c := x.Lo; c <= x.Hi && c < tableEnd; c += x.Stride {
			t[c] = class
		}
	}
}

// at is the class and the length of the character at the start of s, which is not empty. A byte that is no UTF-8 is a
// character of its own, other.
func (t *classTable) at(s string) (uint8, int) {
	if b := s[0]; b < utf8.RuneSelf {
		return t[b], 1
	}
	r, n := utf8.DecodeRuneInString(s)
	if r >= tableEnd {
		if unicode.Is(unicode.M, r) {
			return t['\u0301'], n
		}
		return other, n
	}
	return t[r], n
}

// run is the end of the characters of the classes want that begin at s[i].
func (t *classTable) run(s string, i int, want uint8) int {
	for i < len(s) {
		if b := s[i]; b < utf8.RuneSelf {
			if t[b]&want == 0 {
				return i
			}
			i++
			continue
		}
		class, n := t.at(s[i:])
		if class&want == 0 {
			return i
		}
		i += n
	}
	return i
}

// spaces is the length of the run of spaces at the start of s that is a word: all of it at the end of the text, else all but
// the last, which belongs to what follows. It is `\s+(?!\S)|\s+`; kept says that what follows takes no space.
func (t *classTable) spaces(s string, kept func(class uint8) bool) int {
	end := t.run(s, 0, space)
	if end == len(s) {
		return end
	}
	if class, _ := t.at(s[end:]); kept != nil && kept(class) {
		return end
	}
	if _, last := utf8.DecodeLastRuneInString(s[:end]); end > last {
		return end - last
	}
	return end
}
