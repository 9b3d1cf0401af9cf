package dedup

import (
	"math/bits"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// runs finds the runs of n words that stand in an earlier place. A run repeats if its words are those of a run in an earlier text,
// or before it in the same text without a word in common; what is cut is all words of all runs that repeat, so that of everything
// that is cut a copy stays.
//
// Texts are looked at twice. The first time tells which hashes of runs are there more than once, by Bloom filters; the second keeps
// the first place of each of those, and compares words with it.
type runs struct {
	o      Exact
	once   bloom
	twice  map[uint64]struct{}
	first  map[uint64]int32 // the first place of a hash's runs
	places []place
	texts  []folio
	spare  folio
	hashes []uint64
}

// A place is where a run of words stands first.
type place struct {
	text, word int32
	next       int32 // another place with the same hash and other words; -1 for none
}

// A folio is a text as words with a space after each.
type folio struct {
	words string
	at    []int32 // where each word begins, and the end
	spans []span  // in the text; nil once it is kept
}

func newRuns(o Exact) *runs {
	return &runs{o: o, twice: map[uint64]struct{}{}, first: map[uint64]int32{}}
}

// look takes a text the first time.
func (r *runs) look(text string) {
	for _, h := range r.hash(text) {
		if r.once.has(h) {
			r.twice[h] = struct{}{}
		} else {
			r.once.add(h)
		}
	}
}

// repeated are the spans of a text that repeat, the second time that texts are taken: in the same order.
func (r *runs) repeated(text string) (out []span) {
	r.once = bloom{} // no more is asked of it
	n, kept := r.o.Substring, int32(-1)
	hashes := r.hash(text)
	words := r.spare.spans
	own := int32(len(r.texts)) // the number that this text has if it is kept
	for i, h := range hashes {
		if _, again := r.twice[h]; !again {
			continue
		}
		p, found := r.find(h, i, own)
		switch {
		case !found:
			if kept < 0 {
				kept = own
				r.texts = append(r.texts, folio{words: r.spare.words, at: append([]int32(nil), r.spare.at...)})
			}
			r.keep(h, place{own, int32(i), -1})
		case p.text != own || int(p.word)+n <= i:
			end := words[i+n-1].to
			if i+n < len(words) {
				end = words[i+n].from
			}
			out = append(out, span{words[i].from, end})
		}
	}
	return joined(out)
}

// joined are spans, sorted by their beginnings, with those that overlap or touch made one.
func joined(spans []span) (out []span) {
	for _, s := range spans {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// find returns the first place of the run at word i of the text in hand, which has the hash h.
func (r *runs) find(h uint64, i int, own int32) (place, bool) {
	n := r.o.Substring
	here := r.spare.words[r.spare.at[i]:r.spare.at[i+n]]
	at, ok := r.first[h]
	for ; ok && at >= 0; at = r.places[at].next {
		p := r.places[at]
		t := &r.spare
		if p.text != own {
			t = &r.texts[p.text]
		}
		if t.words[t.at[p.word]:t.at[int(p.word)+n]] == here {
			return p, true
		}
	}
	return place{}, false
}

func (r *runs) keep(h uint64, p place) {
	if at, there := r.first[h]; there {
		p.next = at
	}
	r.first[h] = int32(len(r.places))
	r.places = append(r.places, p)
}

// hash cuts a text into words, those of spare, and hashes its runs.
func (r *runs) hash(text string) []uint64 {
	n := r.o.Substring
	r.hashes = r.hashes[:0]
	r.spare.at, r.spare.spans = r.spare.at[:0], r.spare.spans[:0]
	buf := make([]byte, 0, len(text)+len(text)/8)
	var words []uint64
	for from, to := 0, 0; ; {
		if from, to = nextWord(text, to); from == to {
			break
		}
		at := len(buf)
		buf = append(buf, text[from:to]...)
		if r.o.Normalize {
			buf = append(buf[:at], folded(buf[at:])...)
		}
		words = append(words, xxh3.Hash(buf[at:]))
		buf = append(buf, ' ')
		r.spare.at = append(r.spare.at, int32(at))
		r.spare.spans = append(r.spare.spans, span{from, to})
	}
	r.spare.at = append(r.spare.at, int32(len(buf)))
	r.spare.words = string(buf)
	if len(words) < n {
		return nil
	}
	r.hashes = shingles(r.hashes, words, n)
	for i, h := range r.hashes {
		r.hashes[i] = mix(h)
	}
	return r.hashes
}

// nextWord is the word at or after a place: runes that are no white space, or one Chinese or Japanese character. It is empty at the end.
func nextWord(text string, at int) (from, to int) {
	from = -1
	for i := at; i < len(text); {
		c, n := rune(text[i]), 1
		if c >= utf8.RuneSelf {
			c, n = utf8.DecodeRuneInString(text[i:])
		}
		switch {
		case unicode.IsSpace(c):
			if from >= 0 {
				return from, i
			}
		case isIdeograph(c):
			if from >= 0 {
				return from, i
			}
			return i, i + n
		case from < 0:
			from = i
		}
		i += n
	}
	if from < 0 {
		return len(text), len(text)
	}
	return from, len(text)
}

// A bloom is a set of hashes that may say of another one that it is in it: a chain of filters, each four times as large as the one before,
// of 4 bits a hash in one word of 512 bits (Putze, Sanders and Singler 2007).
type bloom struct {
	layers [][]uint64
	room   int // in the last layer
}

const (
	bloomBits  = 16 // a hash
	firstBloom = 1 << 20
)

func (b *bloom) add(h uint64) {
	if b.room == 0 {
		b.room = firstBloom << (2 * len(b.layers))
		b.layers = append(b.layers, make([]uint64, b.room*bloomBits/64))
	}
	b.room--
	l := b.layers[len(b.layers)-1]
	line, h := lineOf(l, h)
	for range 4 {
		line[h&7] |= 1 << (h >> 3 & 63)
		h >>= 9
	}
}

func (b *bloom) has(h uint64) bool {
	for i := len(b.layers) - 1; i >= 0; i-- {
		line, h := lineOf(b.layers[i], h)
		all := uint64(1)
		for range 4 {
			all &= line[h&7] >> (h >> 3 & 63)
			h >>= 9
		}
		if all == 1 {
			return true
		}
	}
	return false
}

// lineOf is the word of 512 bits that a hash belongs to, and the bits of the hash for within it.
func lineOf(layer []uint64, h uint64) ([]uint64, uint64) {
	hi, _ := bits.Mul64(h, uint64(len(layer)/8))
	return layer[hi*8 : hi*8+8], mix(h)
}
