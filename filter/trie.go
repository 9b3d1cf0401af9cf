package filter

// A trie holds words and finds them at the start of a text.
type trie struct {
	first [256]int32 // node after a first byte; 0: no word begins so
	nodes []trieNode // node 0 is none
}

type trieNode struct {
	word bool
	next []trieEdge
}

type trieEdge struct {
	c  byte
	to int32
}

func newTrie() *trie { return &trie{nodes: make([]trieNode, 1)} }

// add takes up a word; the empty word is none.
func (t *trie) add(word string) {
	if word == "" {
		return
	}
	at := t.first[word[0]]
	if at == 0 {
		at = t.node()
		t.first[word[0]] = at
	}
	for i := 1; i < len(word); i++ {
		to := t.step(at, word[i])
		if to == 0 {
			to = t.node()
			t.nodes[at].next = append(t.nodes[at].next, trieEdge{word[i], to})
		}
		at = to
	}
	t.nodes[at].word = true
}

func (t *trie) node() int32 {
	t.nodes = append(t.nodes, trieNode{})
	return int32(len(t.nodes) - 1)
}

func (t *trie) step(at int32, c byte) int32 {
	for _, e := range t.nodes[at].next {
		if e.c == c {
			return e.to
		}
	}
	return 0
}

// match returns the bytes of the longest word at the start of text that may end there, or 0. A nil end allows all ends.
func (t *trie) match(text string, end func(n int) bool) (longest int) {
	if text == "" {
		return 0
	}
	at := t.first[text[0]]
	for n := 1; at != 0; n++ {
		if t.nodes[at].word && (end == nil || end(n)) {
			longest = n
		}
		if n == len(text) {
			break
		}
		at = t.step(at, text[n])
	}
	return longest
}
