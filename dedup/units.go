package dedup

import (
	"encoding/binary"
	"math/bits"
	"unicode"
	"unicode/utf8"
)

// The units shingles are made of.
const (
	unitWords      = "words"      // runs of letters, digits and marks
	unitCharacters = "characters" // runes; a run of white space is one space
	unitTokens     = "tokens"     // words, and every other rune that is no white space by itself
)

// The kinds of bytes.
const (
	byteOther  = iota // ASCII that is in no word
	byteSpace         // ASCII white space
	byteWord          // ASCII letters and digits
	byteBeyond        // part of a rune beyond ASCII
)

var byteKind = func() (kinds [256]uint8) {
	for c := range kinds {
		switch {
		case c >= utf8.RuneSelf:
			kinds[c] = byteBeyond
		case unicode.IsSpace(rune(c)):
			kinds[c] = byteSpace
		case unicode.IsLetter(rune(c)) || unicode.IsDigit(rune(c)):
			kinds[c] = byteWord
		}
	}
	return kinds
}()

func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r)
}

// A cutter hashes the units of texts. It keeps its buffer between texts.
type cutter struct {
	unit string
	word []byte
}

// hashes appends a 64-bit hash of every unit of a text, in order; letters are compared in lower case.
func (c *cutter) hashes(dst []uint64, text []byte) []uint64 {
	if c.unit == unitCharacters {
		return characters(dst, text)
	}
	for i := 0; i < len(text); {
		switch byteKind[text[i]] {
		case byteWord:
			j := i + 1
			for j < len(text) && byteKind[text[j]] == byteWord {
				j++
			}
			if j == len(text) || text[j] < utf8.RuneSelf {
				dst = append(dst, hashASCII(text, i, j))
				i = j
				continue
			}
			dst, i = c.beyond(dst, text, i)
		case byteBeyond:
			dst, i = c.beyond(dst, text, i)
		case byteOther:
			if c.unit == unitTokens {
				dst = append(dst, hashRune(rune(text[i])))
			}
			i++
		default:
			i++
		}
	}
	return dst
}

// beyond hashes the unit at i, which has runes beyond ASCII, and returns where the next one may begin.
func (c *cutter) beyond(dst []uint64, text []byte, i int) ([]uint64, int) {
	c.word = c.word[:0]
	for i < len(text) {
		r, n := utf8.DecodeRune(text[i:])
		if !isWord(r) {
			if len(c.word) == 0 {
				if i += n; c.unit == unitTokens && !unicode.IsSpace(r) {
					dst = append(dst, hashRune(r))
				}
			}
			break
		}
		c.word = utf8.AppendRune(c.word, unicode.ToLower(r))
		i += n
	}
	if len(c.word) > 0 {
		dst = append(dst, hashWord(c.word))
	}
	return dst, i
}

func characters(dst []uint64, text []byte) []uint64 {
	space := true // what a text begins with is none
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		i += n
		if unicode.IsSpace(r) {
			if !space {
				dst = append(dst, hashRune(' '))
			}
			space = true
			continue
		}
		space = false
		dst = append(dst, hashRune(unicode.ToLower(r)))
	}
	if space && len(dst) > 0 {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// Constants of the hashes: odd, with bits that look random (of the golden ratio, and of SplitMix64).
const (
	wordSeed  = 0x9e3779b97f4a7c15
	wordTimes = 0xbf58476d1ce4e5b9
	runeTimes = 0x94d049bb133111eb
	lower     = 0x2020202020202020 // the bit in which ASCII letters of two cases differ; digits have it
)

// hashASCII is hashWord of the letters and digits text[i:j] in lower case.
func hashASCII(text []byte, i, j int) uint64 {
	h := uint64(wordSeed)
	for ; j-i > 8; i += 8 {
		h = fold(h^(binary.LittleEndian.Uint64(text[i:])|lower), wordTimes)
	}
	n := uint(j-i) * 8
	if i+8 <= len(text) {
		mask := ^uint64(0) >> (64 - n)
		return fold(h^(binary.LittleEndian.Uint64(text[i:])&mask|lower&mask), wordTimes)
	}
	return fold(h^(tail(text[i:j])|lower>>(64-n)), wordTimes)
}

// hashWord hashes a word of any bytes but zeros, 8 bytes at a time, by a multiplication of 128 bits.
func hashWord(b []byte) uint64 {
	h := uint64(wordSeed)
	for ; len(b) > 8; b = b[8:] {
		h = fold(h^binary.LittleEndian.Uint64(b), wordTimes)
	}
	return fold(h^tail(b), wordTimes)
}

// tail is at most 8 bytes as a number, the first the lowest.
func tail(b []byte) (v uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return v
}

// hashRune hashes a unit of one rune; it is no word's hash.
func hashRune(r rune) uint64 { return mix(uint64(r)*runeTimes + 1) }

// fold multiplies to 128 bits and adds their halves bit by bit.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// mix is the finalizer of SplitMix64 (Steele et al. 2014): a bijection that spreads every bit.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
