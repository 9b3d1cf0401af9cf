package ngram

import (
	"unicode"
	"unicode/utf8"
)

// longest bounds a word, in bytes: a longer run of letters is several words.
const longest = 256

// What a byte of ASCII is: a letter or digit as it is read (small letters, 0 for every digit), or one of these.
const (
	isSpace = 0
	isSign  = 1
)

var ascii = func() (t [utf8.RuneSelf]byte) {
	for c := range t {
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z':
			t[c] = byte(c | 0x20)
		case '0' <= c && c <= '9':
			t[c] = '0'
		case c > ' ' && c < 0x7F:
			t[c] = isSign
		}
	}
	return t
}()

// FNV-1a over characters; finish spreads it.
const basis, prime = 14695981039346656037, 1099511628211

// next returns the hash and the place of the first word of line from i on; start is len(line) if there is none.
//
// A word is a run of letters, digits and marks, in small letters and with 0 for every digit; one letter of a script that is
// written without spaces, with its marks; or one other character that is no space.
func next(line string, i int) (hash uint64, start, end int) {
	i = skip(line, i)
	start, hash = i, basis
	if i == len(line) {
		return 0, i, i
	}
	for i < len(line) && i-start < longest {
		c := line[i]
		if c < utf8.RuneSelf {
			switch v := ascii[c]; {
			case v > isSign:
				hash = (hash ^ uint64(v)) * prime
				i++
				continue
			case i > start || v == isSpace:
				return finish(hash), start, i
			}
			return finish((hash ^ uint64(c)) * prime), start, i + 1
		}
		r, n := utf8.DecodeRuneInString(line[i:])
		switch kind := kindOf(r); {
		case kind == letters || kind == marks && i > start:
			hash = (hash ^ uint64(unicode.ToLower(r))) * prime
			i += n
			continue
		case i > start:
			return finish(hash), start, i
		case kind == alone:
			hash = (hash ^ uint64(unicode.ToLower(r))) * prime
			for i += n; i < len(line) && i-start < longest; i += n {
				if r, n = utf8.DecodeRuneInString(line[i:]); r < utf8.RuneSelf || !unicode.IsMark(r) {
					break
				}
				hash = (hash ^ uint64(unicode.ToLower(r))) * prime
			}
			return finish(hash), start, i
		}
		return finish((hash ^ uint64(unicode.ToLower(r))) * prime), start, i + n
	}
	return finish(hash), start, i
}

// skip returns the place of the first character of line from i on that is no space.
func skip(line string, i int) int {
	for i < len(line) {
		if line[i] < utf8.RuneSelf {
			if ascii[line[i]] != isSpace {
				break
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(line[i:])
		if !unicode.IsSpace(r) {
			break
		}
		i += n
	}
	return i
}

// What a character beyond ASCII is.
const (
	signs = iota
	letters
	marks
	spaces
	alone // a letter that is a word by itself
)

// unspaced are the scripts that are written without spaces.
var unspaced = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

func kindOf(r rune) int {
	switch {
	case unicode.IsMark(r):
		return marks
	case unicode.IsLetter(r) || unicode.IsDigit(r):
		if r >= 0x0E00 && unicode.In(r, unspaced...) {
			return alone
		}
		return letters
	case unicode.IsSpace(r):
		return spaces
	}
	return signs
}

// finish makes a word's hash of the sum over its characters; never one of the words that no text has.
func finish(h uint64) uint64 {
	h ^= h >> 32
	h *= 0xD6E8FEB86659FD93
	h ^= h >> 32
	return h | 1<<63
}

// spelled returns a word as it is read: small letters, 0 for every digit of ASCII.
func spelled(word string) string {
	b := make([]byte, 0, len(word))
	for _, r := range word {
		if r < utf8.RuneSelf && ascii[r] > isSign {
			r = rune(ascii[r])
		}
		b = utf8.AppendRune(b, unicode.ToLower(r))
	}
	return string(b)
}
