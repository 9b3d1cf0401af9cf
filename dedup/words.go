package dedup

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// words appends the hashes of a text's words: runs of letters and digits, in lower case.
func words(dst []uint64, text []byte, scratch []byte) (out []uint64, buffer []byte) {
	word := scratch[:0]
	flush := func() {
		if len(word) > 0 {
			dst = append(dst, xxh3.Hash(word))
			word = word[:0]
		}
	}
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
				word = append(word, c)
			case 'A' <= c && c <= 'Z':
				word = append(word, c|0x20)
			default:
				flush()
			}
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		i += n
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r) {
			word = utf8.AppendRune(word, unicode.ToLower(r))
		} else {
			flush()
		}
	}
	flush()
	return dst, word
}

// mix is the finalizer of SplitMix64 (Steele et al. 2014): a bijection that spreads every bit.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// shingles appends the hashes of the runs of n words. A text with fewer words, but at least one, is one shingle as a whole.
func shingles(dst, words []uint64, n int) []uint64 {
	if len(words) == 0 {
		return dst
	}
	n = min(n, len(words))
	for i := 0; i+n <= len(words); i++ {
		h := uint64(n)
		for _, w := range words[i : i+n] {
			h = mix(h*0x9e3779b97f4a7c15 + w)
		}
		dst = append(dst, h)
	}
	return dst
}

// setOf sorts hashes and removes those there twice, in place.
func setOf(h []uint64) []uint64 {
	slices.Sort(h)
	return slices.Compact(h)
}

// jaccard is the similarity of two sets of sorted hashes: |A∩B| / |A∪B|.
func jaccard(a, b []uint64) float64 {
	both, i, j := 0, 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			both, i, j = both+1, i+1, j+1
		}
	}
	if union := len(a) + len(b) - both; union > 0 {
		return float64(both) / float64(union)
	}
	return 0
}
