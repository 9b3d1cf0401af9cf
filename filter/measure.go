package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// A measure reads texts into tokens and counts what rules ask for. It keeps its memory from text to text.
//
// A token is a run of letters, digits, marks and underscores, with single ' ’ - . (and , between digits) inside; a
// single ideograph or hiragana; or a run of other characters that are not space. Tokens with a letter or digit are
// words, the others symbols.
type measure struct {
	text   string // what was read last
	ready  bool   // something was read
	tokens []token

	words      int   // tokens that are words
	letters    int   // characters of all words
	fields     int   // runs of characters that are not space
	alphaField int   // fields with at least one letter
	stops      uint8 // which of the stop words occur, a bit each
	runes      int   // characters of the text

	grams  table
	seen   table // lines or paragraphs
	places []place

	lined string // what readLines read last
	split bool   // readLines read something
	lines []line
	parts parts // of the lines
}

// A token is what repetition needs to know of one: what it is, by a hash of 64 bits, and its length in characters.
type token struct {
	hash  uint64
	runes int32
}

// What a character is to the tokenizer.
const (
	kindSymbol = iota
	kindSpace
	kindLetter
	kindDigit
	kindJoin // an underscore or a mark: inside words, but makes none alone
	kindIdeograph
)

var ascii = func() (kinds [utf8.RuneSelf]uint8) {
	for c := range kinds {
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z':
			kinds[c] = kindLetter
		case '0' <= c && c <= '9':
			kinds[c] = kindDigit
		case c == '_':
			kinds[c] = kindJoin
		case c == ' ' || '\t' <= c && c <= '\r':
			kinds[c] = kindSpace
		}
	}
	return kinds
}()

// kindAt returns the kind of the character at text[i:] and its bytes.
func kindAt(text string, i int) (kind uint8, size int) {
	if c := text[i]; c < utf8.RuneSelf {
		return ascii[c], 1
	}
	r, size := utf8.DecodeRuneInString(text[i:])
	switch {
	case r == utf8.RuneError:
		return kindSymbol, size
	case unicode.IsLetter(r):
		if r >= 0x2e80 && unicode.In(r, unicode.Han, unicode.Hiragana) {
			return kindIdeograph, size
		}
		return kindLetter, size
	case unicode.IsDigit(r):
		return kindDigit, size
	case unicode.IsMark(r):
		return kindJoin, size
	case unicode.IsSpace(r):
		return kindSpace, size
	}
	return kindSymbol, size
}

// read reads text; what was read last is not read again.
func (m *measure) read(text string) {
	if m.ready && m.text == text {
		return
	}
	m.text, m.ready, m.tokens = text, true, m.tokens[:0]
	m.words, m.letters, m.fields, m.alphaField, m.stops = 0, 0, 0, 0, 0
	m.runes = utf8.RuneCountInString(text)
	inField, alpha := false, false
	for i := 0; i < len(text); {
		if text[i] == ' ' {
			inField, alpha = false, false
			i++
			continue
		}
		kind, size := kindAt(text, i)
		if kind == kindSpace {
			inField, alpha = false, false
			i += size
			continue
		}
		if !inField {
			inField = true
			m.fields++
		}
		end, runes, letter, word := scanToken(text, i, kind, size)
		m.add(text[i:end], runes, word)
		if letter && !alpha {
			alpha = true
			m.alphaField++
		}
		i = end
	}
}

// countWords returns the words of a text other than the one that is read.
func countWords(text string) (words int) {
	for i := 0; i < len(text); {
		kind, size := kindAt(text, i)
		if kind == kindSpace {
			i += size
			continue
		}
		end, _, _, word := scanToken(text, i, kind, size)
		words += btoi(word)
		i = end
	}
	return words
}

// add takes up one token.
func (m *measure) add(t string, runes int, word bool) {
	m.tokens = append(m.tokens, token{hash: xxh3.HashString(t), runes: int32(runes)})
	if !word {
		return
	}
	m.words++
	m.letters += runes
	if len(t) <= 4 && stopFirst[t[0]] {
		m.stops |= stopBit(t)
	}
}

// scanToken returns where the token at start ends, its characters, whether it has a letter, and whether it is a word.
func scanToken(text string, start int, kind uint8, size int) (end, runes int, letter, word bool) {
	end, runes = start+size, 1
	switch kind {
	case kindIdeograph:
		return end, runes, true, true
	case kindSymbol:
		for end < len(text) {
			k, n := kindAt(text, end)
			if k != kindSymbol {
				break
			}
			end += n
			runes++
		}
		return end, runes, false, false
	}
	letter = kind == kindLetter
	word = kind != kindJoin
	last := kind
	for end < len(text) && text[end] < utf8.RuneSelf { // most of most texts
		k := ascii[text[end]]
		if k == kindSpace {
			return end, runes, letter, word
		}
		if k == kindSymbol {
			break
		}
		letter = letter || k == kindLetter
		word = word || k != kindJoin
		end++
		runes++
		last = k
	}
	for end < len(text) {
		k, n := kindAt(text, end)
		if k == kindSymbol {
			join := joiner(text, end, last)
			if join == 0 {
				break
			}
			end += join
			runes++
			continue // what follows is a letter or digit
		}
		if k == kindSpace || k == kindIdeograph {
			break
		}
		letter = letter || k == kindLetter
		word = word || k != kindJoin
		end += n
		runes++
		last = k
	}
	return end, runes, letter, word
}

// joiner returns the bytes of the character at i if it joins the letters or digits around it to one word, else 0.
func joiner(text string, i int, last uint8) int {
	n := 1
	digits := false
	switch text[i] {
	case '\'', '-', '.':
	case ',':
		digits = true
	default:
		if !strings.HasPrefix(text[i:], "’") {
			return 0
		}
		n = len("’")
	}
	if i+n >= len(text) || last != kindLetter && last != kindDigit {
		return 0
	}
	next, _ := kindAt(text, i+n)
	if digits && (last != kindDigit || next != kindDigit) || next != kindLetter && next != kindDigit {
		return 0
	}
	return n
}

// stopWords are the common words of Gopher's rule; at most 8, for their bits.
var stopWords = [...]string{"the", "be", "to", "of", "and", "that", "have", "with"}

// stopFirst are the first letters of the stop words.
var stopFirst = func() (t [256]bool) {
	for _, w := range stopWords {
		t[w[0]], t[w[0]-32] = true, true
	}
	return t
}()

// stopBit returns the bit of t, in any case, among the stop words, or 0.
func stopBit(t string) uint8 {
	for i, w := range stopWords {
		if len(w) == len(t) && foldedASCII(t, w) {
			return 1 << i
		}
	}
	return 0
}
