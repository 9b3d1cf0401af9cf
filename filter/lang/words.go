package lang

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	windows = 8   // at most so many pieces of a text are looked at
	window  = 512 // bytes a piece
)

// sample yields the pieces of text that are looked at: all of it up to windows*window bytes, else that much evenly spread, each
// piece from the start of a word to the end of one.
func sample(text string) []string {
	if len(text) <= windows*window {
		return []string{text}
	}
	pieces := make([]string, 0, windows)
	step := (len(text) - window) / (windows - 1)
	for i := range windows {
		piece := text[i*step : i*step+window]
		if i > 0 {
			piece = fromSpace(piece)
		}
		if j := strings.LastIndexAny(piece[len(piece)*3/4:], " \n\t"); j >= 0 && i < windows-1 {
			piece = piece[:len(piece)*3/4+j]
		}
		pieces = append(pieces, strings.ToValidUTF8(piece, " "))
	}
	return pieces
}

// fromSpace cuts what is before the first space of piece, if there is one early on.
func fromSpace(piece string) string {
	if j := strings.IndexAny(piece[:min(len(piece), window/4)], " \n\t"); j >= 0 {
		return piece[j:]
	}
	return piece
}

// kind is what a run of non-space bytes is taken for.
type kind uint8

const (
	blank kind = iota // no letters
	word
	code // an identifier, a number with letters, a path, an address
)

// classify says what the run s is, and returns it without the punctuation around it.
func classify(s string) (string, kind) {
	s = strings.TrimFunc(s, func(r rune) bool { return r < 0x80 && scriptOf(r) == noScript && (r < '0' || r > '9') && r != '_' })
	if s == "" {
		return s, blank
	}
	letters, upper, lower, camel, odd := 0, 0, 0, false, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z':
			letters++
			lower++
		case 'A' <= c && c <= 'Z':
			camel = camel || lower > 0
			letters++
			upper++
		case c >= utf8.RuneSelf:
			letters++
			lower++
		case c == '\'' || c == '-' || c == ',' || c == ';' || c == ':' && i+1 < len(s) && s[i+1] != ':' && s[i+1] != '/':
		default:
			odd = true
		}
	}
	switch {
	case letters == 0:
		return s, blank
	case odd && !mostlyHigh(s), camel && upper+lower == len(s), upper > 1 && lower == 0 && len(s) < 8:
		return s, code
	}
	return s, word
}

// mostlyHigh says whether most of s is beyond ASCII: text of a script without spaces, or with letters that identifiers rarely have.
func mostlyHigh(s string) bool {
	high := 0
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			high++
		}
	}
	return 2*high > len(s)
}

// fold writes text to dst as words of small letters between single spaces, with the letters of each script counted in n. With
// strict, words that look like code are left out, and with them the lines that are mostly such.
func fold(dst []rune, text string, strict bool, n *[scripts]int) []rune {
	for line := range strings.Lines(text) {
		start, counts, words, codes := len(dst), *n, 0, 0
		for f := range strings.FieldsSeq(line) {
			s, is := classify(f)
			if is == word {
				words++
			} else if is == code {
				codes++
			}
			if is == word || is == code && !strict {
				dst = foldWord(dst, s, n)
			}
		}
		if strict && codes >= words {
			dst, *n = dst[:start], counts
		}
	}
	return dst
}

// foldWord writes the letters of one token, and a space for each run of anything else.
func foldWord(dst []rune, s string, n *[scripts]int) []rune {
	for _, r := range s {
		k := scriptOf(r)
		if k == noScript {
			if len(dst) > 0 && dst[len(dst)-1] != ' ' {
				dst = append(dst, ' ')
			}
			continue
		}
		n[k]++
		switch {
		case r < utf8.RuneSelf:
			r |= 0x20
		case k <= cyrillic || k == greek || k == armenian: // the others have no small letters, or have no use for them
			r = unicode.ToLower(r)
		}
		dst = append(dst, r)
	}
	return append(dst, ' ')
}
