package tokenizer

import (
	"container/heap"
	"strings"
	"unicode/utf8"
)

// Encode returns the ids of text, without BOS or EOS. Control tokens written out in the text are taken for the tokens only if
// special is set; user-defined ones always are.
func (t *Tokenizer) Encode(text string, special bool) []int32 {
	var ids []int32
	first := true
	for text != "" {
		at, token := t.nextSpecial(text, special)
		if at > 0 {
			ids = t.plain(ids, text[:at], first)
		}
		first = false
		if token == "" {
			break
		}
		ids = append(ids, t.ids[token])
		text = text[at+len(token):]
	}
	return ids
}

// nextSpecial finds the first special token in text; at is len(text) where there is none.
func (t *Tokenizer) nextSpecial(text string, special bool) (at int, token string) {
	at = len(text)
	for _, s := range t.specials {
		if t.kinds[t.ids[s]] == control && !special {
			continue
		}
		if i := strings.Index(text[:min(len(text), at+len(s)-1)], s); i >= 0 && i < at {
			at, token = i, s
		}
	}
	return at, token
}

// plain encodes text without special tokens.
func (t *Tokenizer) plain(ids []int32, text string, first bool) []int32 {
	if t.spm {
		if t.space && first {
			text = " " + text
		}
		return t.sentencePiece(ids, strings.ReplaceAll(text, " ", "▁"))
	}
	t.split(text, func(word string) {
		parts := make([]int32, 0, len(word))
		for _, b := range []byte(word) {
			if id := t.bytes[b]; id >= 0 {
				parts = append(parts, id)
			}
		}
		ids = append(ids, mergeAll(parts, func(a, b int32) (float64, int32, bool) {
			m, ok := t.merges[pair{a, b}]
			return float64(m.rank), m.id, ok
		})...)
	})
	return ids
}

// sentencePiece merges characters by score, and spells what is no token in bytes.
func (t *Tokenizer) sentencePiece(ids []int32, text string) []int32 {
	texts := make([]string, 0, len(text))
	for i := 0; i < len(text); {
		_, n := utf8.DecodeRuneInString(text[i:])
		texts = append(texts, text[i:i+n])
		i += n
	}
	// Parts are numbered by the text they cover: tokens by their id, characters outside the vocabulary below zero.
	parts := make([]int32, len(texts))
	for i, s := range texts {
		id, ok := t.ids[s]
		if !ok {
			id = -1 - int32(i)
		}
		parts[i] = id
	}
	name := func(id int32) string {
		if id < 0 {
			return texts[-1-id]
		}
		return t.tokens[id]
	}
	merged := mergeAll(parts, func(a, b int32) (float64, int32, bool) {
		id, ok := t.ids[name(a)+name(b)]
		if !ok {
			return 0, 0, false
		}
		return -t.scores[id], id, true
	})
	for _, id := range merged {
		if id >= 0 {
			ids = append(ids, id)
			continue
		}
		for _, b := range []byte(texts[-1-id]) {
			if t.bytes[b] >= 0 {
				ids = append(ids, t.bytes[b])
			}
		}
	}
	return ids
}

// mergeAll joins neighbours, the lowest rank first and of equals the leftmost, until none can be joined: O(n log n).
func mergeAll(parts []int32, rank func(a, b int32) (float64, int32, bool)) []int32 {
	n := len(parts)
	if n < 2 {
		return parts
	}
	next, prev := make([]int, n), make([]int, n)
	for i := range parts {
		next[i], prev[i] = i+1, i-1
	}
	gone := make([]bool, n)
	var h candidates
	push := func(i int) {
		if j := next[i]; i >= 0 && j < n {
			if r, id, ok := rank(parts[i], parts[j]); ok {
				heap.Push(&h, candidate{r, i, parts[i], parts[j], id})
			}
		}
	}
	for i := range n - 1 {
		push(i)
	}
	for h.Len() > 0 {
		c := heap.Pop(&h).(candidate)
		if gone[c.at] || next[c.at] >= n || parts[c.at] != c.a || parts[next[c.at]] != c.b {
			continue // one of the two was joined meanwhile
		}
		j := next[c.at]
		parts[c.at], gone[j], next[c.at] = c.id, true, next[j]
		if next[j] < n {
			prev[next[j]] = c.at
		}
		push(c.at)
		if prev[c.at] >= 0 {
			push(prev[c.at])
		}
	}
	out := parts[:0]
	for i, p := range parts {
		if !gone[i] {
			out = append(out, p)
		}
	}
	return out
}

// A candidate is a pair that can be joined.
type candidate struct {
	rank float64
	at   int
	a, b int32
	id   int32
}

type candidates []candidate

func (c candidates) Len() int { return len(c) }
func (c candidates) Less(i, j int) bool {
	return c[i].rank < c[j].rank || c[i].rank == c[j].rank && c[i].at < c[j].at
}
func (c candidates) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *candidates) Push(x any)   { *c = append(*c, x.(candidate)) }
func (c *candidates) Pop() any {
	old := *c
	x := old[len(old)-1]
	*c = old[:len(old)-1]
	return x
}
