package tokenizer

import (
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// addedTokens finds tokens in a text as they are written: the leftmost, and of those that begin at one place the longest.
type addedTokens struct {
	tokens map[string]addedToken
	starts [256][]int // the lengths of the tokens that begin with a byte, the longest first
	bytes  string     // the bytes that tokens begin with
}

// addedToken is one of them and what it takes with it.
type addedToken struct {
	id          int32
	special     bool // found only if asked for
	word        bool // only where no letter, digit or underline is beside it
	left, right bool // with the spaces before, after it
}

// add makes content a token; of two with one text the first stays.
func (a *addedTokens) add(content string, t addedToken) {
	if _, twice := a.tokens[content]; twice || content == "" {
		return
	}
	if a.tokens == nil {
		a.tokens = map[string]addedToken{}
	}
	a.tokens[content] = t
	lengths := &a.starts[content[0]]
	if len(*lengths) == 0 {
		a.bytes += content[:1]
	}
	at, found := slices.BinarySearchFunc(*lengths, len(content), func(have, n int) int { return n - have })
	if !found {
		*lengths = slices.Insert(*lengths, at, len(content))
	}
}

// A fragment is a token found, or with id -1 the text between two.
type fragment struct {
	text string
	id   int32
}

// split parts text at the tokens found in it. A text without any is one fragment.
func (a *addedTokens) split(text string, special bool) iter.Seq[fragment] {
	return func(yield func(fragment) bool) {
		if text == "" {
			return
		}
		from, at := 0, 0
		for at < len(text) {
			at = a.candidate(text, at)
			if at == len(text) {
				break
			}
			t, n := a.at(text, at, special)
			if n == 0 {
				at++
				continue
			}
			begin, end := at, at+n
			if t.left {
				begin = from + len(strings.TrimRightFunc(text[from:at], unicode.IsSpace))
			}
			if t.right {
				end = len(text) - len(strings.TrimLeftFunc(text[end:], unicode.IsSpace))
			}
			if begin > from && !yield(fragment{text[from:begin], -1}) || !yield(fragment{text[begin:end], t.id}) {
				return
			}
			from, at = end, end
		}
		if from < len(text) {
			yield(fragment{text[from:], -1})
		}
	}
}

// candidate is the next place from at on where a token might begin, or len(text).
func (a *addedTokens) candidate(text string, at int) int {
	switch len(a.bytes) {
	case 0:
		return len(text)
	case 1:
		if n := strings.IndexByte(text[at:], a.bytes[0]); n >= 0 {
			return at + n
		}
		return len(text)
	}
	for at < len(text) && a.starts[text[at]] == nil {
		at++
	}
	return at
}

// at is the longest token at text[i], and its length, or 0.
func (a *addedTokens) at(text string, i int, special bool) (addedToken, int) {
	for _, n := range a.starts[text[i]] {
		if i+n > len(text) {
			continue
		}
		t, ok := a.tokens[text[i:i+n]]
		if !ok || t.special && !special {
			continue
		}
		if t.word && !alone(text, i, i+n) {
			return t, 0
		}
		return t, n
	}
	return addedToken{}, 0
}

// alone reports whether no character of a word is beside text[from:to].
func alone(text string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	after, _ := utf8.DecodeRuneInString(text[to:])
	return (from == 0 || !inWord(before)) && (to == len(text) || !inWord(after))
}

// inWord is \w.
func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.Is(unicode.Nd, r) || unicode.Is(unicode.M, r) || unicode.Is(unicode.Pc, r) ||
		unicode.Is(unicode.Nl, r) || unicode.Is(unicode.Other_Alphabetic, r) || unicode.Is(unicode.Join_Control, r)
}
