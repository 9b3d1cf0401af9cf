package tokenizer

import (
	"math"
	"slices"
	"unicode/utf8"
)

// unigram takes the tokens of a word whose scores sum highest, by Viterbi's algorithm. Source: Kudo 2018, arXiv:1804.10959.
type unigram struct {
	trie   *trie
	scores []float64
	bytes  [256]int32 // the token of each byte, or -1
	// unknown stands for a character that no token begins with, at unknownScore; several in a row are one.
	unknown      int32
	unknownScore float64
	single       bool // sums are rounded to float32, as SentencePiece's are
}

// unknownPenalty is how far the score of an unknown character is below the lowest score.
const unknownPenalty = 10

// A cell is the best way to spell the text up to a place: its last token begins at from.
type cell struct {
	score float64
	from  int32
	id    int32 // -1 for an unknown character
}

// spell appends the ids of one word.
func (u *unigram) spell(s *state, out []int32, word string) []int32 {
	if int64(len(word)) >= math.MaxInt32 {
		panic("tokenizer: a word of 2 GiB")
	}
	s.cells = slices.Grow(s.cells[:0], len(word)+1)[:len(word)+1]
	for i := range s.cells {
		s.cells[i] = cell{from: -1}
	}
	for at := 0; at < len(word); {
		_, n := utf8.DecodeRuneInString(word[at:])
		u.step(s.cells, word, at, n)
		at += n
	}
	// The path is read from its end; parts holds where each of its tokens begins and ends.
	s.parts = s.parts[:0]
	for at := int32(len(word)); at > 0; at = s.cells[at].from {
		s.parts = append(s.parts, at)
	}
	wasUnknown := false
	for i := len(s.parts) - 1; i >= 0; i-- {
		c := s.cells[s.parts[i]]
		if c.id >= 0 {
			out, wasUnknown = append(out, c.id), false
			continue
		}
		out, wasUnknown = u.fallback(out, word[c.from:s.parts[i]], wasUnknown)
	}
	return out
}

// step extends the way to at, where a character of n bytes begins, by every token that begins there.
func (u *unigram) step(cells []cell, word string, at, n int) {
	here, whole := cells[at].score, false
	offer := func(to int, score float64, id int32) {
		if score += here; u.single {
			score = float64(float32(score))
		}
		if c := &cells[to]; c.from < 0 || score > c.score {
			*c = cell{score, int32(at), id}
		}
	}
	node := int32(0)
	for i := at; i < len(word); i++ {
		if node = u.trie.next(node, word[i]); node < 0 {
			break
		}
		if id := u.trie.tokens[node]; id >= 0 {
			offer(i+1, u.scores[id], id)
			whole = whole || i+1 == at+n
		}
	}
	if !whole {
		offer(at+n, u.unknownScore, -1)
	}
}

func (u *unigram) fallback(out []int32, s string, wasUnknown bool) ([]int32, bool) {
	from := len(out)
	for i := range len(s) {
		id := u.bytes[s[i]]
		if id < 0 {
			if out = out[:from]; u.unknown >= 0 && !wasUnknown {
				out = append(out, u.unknown)
			}
			return out, true
		}
		out = append(out, id)
	}
	return out, false
}

// A trie finds the tokens that begin a text. Its nodes are numbered from the root, 0.
type trie struct {
	edges  *pairs
	tokens []int32 // the token that ends at each node, or -1
}

// newTrie makes a trie of texts; ids says the token of each.
func newTrie(ids map[string]int32) *trie {
	texts := make([]string, 0, len(ids))
	for s := range ids {
		texts = append(texts, s)
	}
	slices.Sort(texts)
	nodes, last := 0, ""
	for _, s := range texts {
		nodes += len(s) - common(s, last)
		last = s
	}
	t := &trie{newPairs(nodes), make([]int32, 1, nodes+1)}
	t.tokens[0] = -1
	for _, s := range texts {
		node := int32(0)
		for i := range len(s) {
			next := t.next(node, s[i])
			if next < 0 {
				next = int32(len(t.tokens))
				t.tokens = append(t.tokens, -1)
				t.edges.add(node, int32(s[i]), 0, next)
			}
			node = next
		}
		t.tokens[node] = ids[s]
	}
	return t
}

// next is the node that b leads to, or -1.
func (t *trie) next(node int32, b byte) int32 {
	if rank, id := t.edges.get(node, int32(b)); rank != none {
		return id
	}
	return -1
}

// common is the length of what two texts begin with alike.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// newUnigram makes the model of the tokens that text can become. Those of fixed are certain where they match: SentencePiece's
// user-defined ones.
func (t *Tokenizer) newUnigram(scores []float64, usable, fixed func(id int32) bool) *unigram {
	u := &unigram{scores: slices.Clone(scores), unknown: -1}
	lowest, highest := math.Inf(1), math.Inf(-1)
	ids := make(map[string]int32, len(t.tokens))
	for i, s := range t.tokens {
		id := int32(i)
		if _, twice := ids[s]; !twice && s != "" && usable(id) {
			ids[s] = id
		}
		if usable(id) && !fixed(id) {
			lowest, highest = min(lowest, scores[i]), max(highest, scores[i])
		}
	}
	if len(ids) == 0 || lowest > highest {
		lowest, highest = 0, 0
	}
	for _, id := range ids {
		if fixed(id) {
			u.scores[id] = float64(len(t.tokens[id]))*highest - 0.1
		}
	}
	u.unknownScore = lowest - unknownPenalty
	u.trie = newTrie(ids)
	for b := range u.bytes {
		u.bytes[b] = -1
	}
	return u
}
