package tokenizer

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"temper/dataset"
)

// bpe merges the parts of a word by rank: its bytes, or its characters with a fallback for those outside the vocabulary.
type bpe struct {
	pairs   *pairs
	bytes   [256]int32       // the token of each byte, or -1
	letters map[string]int32 // characters that are tokens or only parts of tokens; nil for bytes
	size    int32            // ids from here on are only parts
	whole   map[string]int32 // words that are tokens whatever the merges say, or nil
	unknown int32            // for what has no token, or -1 to leave it out
	fuse    bool             // one unknown for several in a row
	prefix  string           // of parts that do not begin a word
	suffix  string           // of the part that ends one
}

// spell appends the ids of one word.
func (b *bpe) spell(s *state, out []int32, word string) []int32 {
	if id, ok := b.whole[word]; ok {
		return append(out, id)
	}
	s.parts = s.parts[:0]
	if b.letters == nil {
		for i := range len(word) {
			if id := b.bytes[word[i]]; id >= 0 {
				s.parts = append(s.parts, id)
			}
		}
		return append(out, s.merger.merge(b.pairs, s.parts)...)
	}
	for i := 0; i < len(word); {
		_, n := utf8.DecodeRuneInString(word[i:])
		id, ok := b.letter(word[i:i+n], i == 0, i+n == len(word))
		if !ok {
			id = -1 - int32(i) // no pair has it
		}
		s.parts = append(s.parts, id)
		i += n
	}
	var fused bool
	for _, id := range s.merger.merge(b.pairs, s.parts) {
		if id >= 0 && id < b.size {
			out, fused = append(out, id), false
			continue
		}
		if id < 0 {
			_, n := utf8.DecodeRuneInString(word[-1-id:])
			out, fused = b.fallback(out, word[-1-id:int(-1-id)+n], fused)
			continue
		}
		out, fused = b.fallback(out, b.part(id), fused)
	}
	return out
}

func (b *bpe) letter(s string, begins, ends bool) (int32, bool) {
	if !begins && b.prefix != "" {
		s = b.prefix + s
	}
	if ends && b.suffix != "" {
		s += b.suffix
	}
	id, ok := b.letters[s]
	return id, ok
}

// part is the character of an id that is no token: there are few.
func (b *bpe) part(id int32) string {
	for s, known := range b.letters {
		if known == id {
			return s
		}
	}
	return ""
}

// fallback appends what stands for a character without a token: its bytes, or unknown.
func (b *bpe) fallback(out []int32, s string, fused bool) ([]int32, bool) {
	from := len(out)
	for i := range len(s) {
		id := b.bytes[s[i]]
		if id < 0 {
			out = out[:from]
			break
		}
		out = append(out, id)
	}
	if len(out) > from {
		return out, false
	}
	if b.unknown < 0 || b.fuse && fused {
		return out, fused
	}
	return append(out, b.unknown), true
}

// byteLevel makes BPE over bytes of the vocabulary's letters and the merges, the best first.
func (t *Tokenizer) byteLevel(merges []merge) (*bpe, error) {
	b := &bpe{size: int32(len(t.tokens)), unknown: -1}
	for i := range b.bytes {
		// Some vocabularies lack control characters, or bytes no UTF-8 text has: they encode to nothing.
		id, ok := t.ids[string(letters[i])]
		if !ok {
			if id = -1; i >= ' ' && i < 0x7f {
				return nil, fmt.Errorf("the vocabulary lacks byte %#02x: %w", i, dataset.ErrMalformed)
			}
		}
		b.bytes[i] = id
	}
	var err error
	b.pairs, err = t.ranked(merges, "")
	return b, err
}

// wholeTokens is the tokens of a byte-level vocabulary by the text they stand for.
func (t *Tokenizer) wholeTokens() map[string]int32 {
	whole := make(map[string]int32, len(t.tokens))
	for i, s := range t.tokens {
		text := make([]byte, 0, len(s))
		for _, r := range s {
			b, ok := byteOf[r]
			if !ok {
				text = nil
				break
			}
			text = append(text, b)
		}
		if _, twice := whole[string(text)]; len(text) > 0 && !twice && t.ids[s] == int32(i) {
			whole[string(text)] = int32(i)
		}
	}
	return whole
}

// A merge is two tokens that become one.
type merge struct{ left, right string }

// cutMerge parts a merge at its space. A token of a byte-level vocabulary has none, others may: the first is taken that
// leaves two tokens.
func (t *Tokenizer) cutMerge(s string) merge {
	for i := range len(s) {
		if s[i] == ' ' && i > 0 {
			m := merge{s[:i], s[i+1:]}
			if _, left := t.ids[m.left]; left {
				if _, right := t.ids[m.right]; right {
					return m
				}
			}
		}
	}
	return merge{s, ""}
}

// ranked makes the table of merges. The second token loses prefix when they join.
func (t *Tokenizer) ranked(merges []merge, prefix string) (*pairs, error) {
	p := newPairs(len(merges))
	for rank, m := range merges {
		left, okl := t.ids[m.left]
		right, okr := t.ids[m.right]
		id, okm := t.ids[m.left+strings.TrimPrefix(m.right, prefix)]
		if !okl || !okr || !okm {
			return nil, fmt.Errorf("merge %d, %q %q, is not of the vocabulary: %w", rank, m.left, m.right, dataset.ErrMalformed)
		}
		p.add(left, right, int32(rank), id)
	}
	return p, nil
}

// scored makes BPE over characters whose merges are all tokens that two others make, the highest score first: SentencePiece's.
// usable tells which tokens text can become.
func (t *Tokenizer) scored(scores []float64, usable func(id int32) bool) *bpe {
	b := &bpe{size: int32(len(t.tokens)), unknown: -1, letters: map[string]int32{}}
	ids := make(map[string]int32, len(t.tokens))
	for i, s := range t.tokens {
		if !utf8.ValidString(s) || len(s) > maxToken {
			continue
		}
		if _, twice := ids[s]; !twice && usable(int32(i)) && s != "" {
			ids[s] = int32(i)
		}
	}
	rank := ranks(scores)
	next := b.size
	for s, id := range ids {
		if utf8.RuneCountInString(s) == 1 {
			b.letters[s] = id
		}
	}
	for _, s := range t.tokens { // characters that only parts of tokens have
		if _, ok := ids[s]; !ok {
			continue
		}
		for _, r := range s {
			c := string(r)
			if _, ok := b.letters[c]; !ok {
				b.letters[c] = next
				next++
			}
		}
	}
	find := func(s string) (int32, bool) {
		if id, ok := ids[s]; ok {
			return id, true
		}
		id, ok := b.letters[s]
		return id, ok
	}
	var all []scoredPair
	for s, id := range ids {
		for i := range s {
			if i == 0 {
				continue
			}
			left, okl := find(s[:i])
			right, okr := find(s[i:])
			if okl && okr {
				all = append(all, scoredPair{left, right, rank[id], id})
			}
		}
	}
	b.pairs = newPairs(len(all))
	for _, p := range all {
		b.pairs.add(p.left, p.right, p.rank, p.id)
	}
	return b
}

// maxToken is the longest token, in bytes, that characters are merged to: the table of its parts is quadratic in it.
const maxToken = 1 << 8

type scoredPair struct{ left, right, rank, id int32 }

// ranks numbers scores from the highest on; equal scores have equal ranks.
func ranks(scores []float64) []int32 {
	order := make([]int32, len(scores))
	for i := range order {
		order[i] = int32(i)
	}
	key := func(i int32) float64 {
		if math.IsNaN(scores[i]) {
			return math.Inf(-1)
		}
		return scores[i]
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		switch x, y := key(a), key(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	out := make([]int32, len(scores))
	var rank int32
	for i, id := range order {
		if i > 0 && key(id) != key(order[i-1]) {
			rank++
		}
		out[id] = rank
	}
	return out
}
