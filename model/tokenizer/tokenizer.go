// Package tokenizer turns text into the token ids of a base model and back: BPE over bytes and over characters, the unigram
// model, and WordPiece, read from GGUF, tokenizer.json and tokenizer.model. A text goes through the tokens found in it as they
// are written, the normalizer, the pre-tokenizer, which makes words of it, and the model, which makes tokens of words.
// Sources: Sennrich et al. 2016, arXiv:1508.07909; Kudo 2018, arXiv:1804.10959; Devlin et al. 2019, arXiv:1810.04805. Ids are
// llama.cpp's for GGUF, SentencePiece's for tokenizer.model and those of Hugging Face's tokenizers for tokenizer.json.
package tokenizer

import (
	"errors"
	"slices"
	"sync"
)

// ErrUnsupported means a tokenizer of a kind this build does not have.
var ErrUnsupported = errors.New("unsupported tokenizer")

// The kinds of tokens, as GGUF and SentencePiece number them.
const (
	normal      = 1
	unknown     = 2
	control     = 3
	userDefined = 4
	unused      = 5
	byteToken   = 6
)

// A Tokenizer is a vocabulary with its rules. It is safe for concurrent use.
type Tokenizer struct {
	tokens []string
	kinds  []int64
	ids    map[string]int32

	added     []addedTokens       // found in the text before anything else: [0] before the normalizer, [1] after it
	normalize func(string) string // or nil
	scan      scanner             // the words, where one scanner finds them
	pre       splitter            // else this, or nil where a text is one word
	spell     speller
	decode    decoding
	begin     string // WordPiece: what marks the tokens that begin a word
	within    string // and those within one

	bos, eos, eot int32 // or -1
	addBOS        bool
	before, after []int32 // what the file puts around a text

	states sync.Pool // of *state
}

// A speller makes tokens of one word.
type speller interface {
	// spell appends the ids of word to out.
	spell(s *state, out []int32, word string) []int32
}

// state is what encoding needs besides the vocabulary; one goroutine at a time has it.
type state struct {
	out    []int32
	parts  []int32
	cells  []cell // of the unigram model
	merger merger
	cache  *wordCache
	spell  func(out []int32, word string) []int32
}

func (t *Tokenizer) newState() *state {
	if s, ok := t.states.Get().(*state); ok {
		return s
	}
	s := &state{cache: newWordCache()}
	s.spell = func(out []int32, word string) []int32 { return t.spell.spell(s, out, word) }
	return s
}

// mostKept is the most ids whose room a state keeps.
const mostKept = 1 << 20

// Encode returns the ids of text, without BOS or EOS. Control tokens written out in the text are taken for the tokens only if
// special is set; user-defined ones always are.
func (t *Tokenizer) Encode(text string, special bool) []int32 {
	s := t.newState()
	t.encode(s, text, special)
	ids := slices.Clone(s.out)
	if s.out = s.out[:0]; cap(s.out) > mostKept || cap(s.parts) > mostKept {
		return ids
	}
	t.states.Put(s)
	return ids
}

// encode appends the ids of text to s.out.
func (t *Tokenizer) encode(s *state, text string, special bool) {
	first := true
	for piece := range t.added[0].split(text, special) {
		switch {
		case piece.id >= 0:
			s.out = append(s.out, piece.id)
		case piece.text != "":
			t.plain(s, piece.text, special, first)
		}
		first = false
	}
}

// plain encodes text whose tokens before the normalizer are known.
func (t *Tokenizer) plain(s *state, text string, special, first bool) {
	if t.normalize != nil {
		text = t.normalize(text)
	}
	if len(t.added) == 1 {
		t.words(s, text, first)
		return
	}
	for piece := range t.added[1].split(text, special) {
		switch {
		case piece.id >= 0:
			s.out = append(s.out, piece.id)
		case piece.text != "":
			t.words(s, piece.text, first)
		}
		first = false
	}
}

// words encodes normalized text without added tokens.
func (t *Tokenizer) words(s *state, text string, first bool) {
	switch {
	case t.scan != nil:
		for text != "" {
			n := t.scan.next(text)
			s.out = s.cache.word(s.out, text[:n], s.spell)
			text = text[n:]
		}
	case t.pre != nil:
		t.pre.split(text, first, func(word string, _ bool) {
			s.out = s.cache.word(s.out, word, s.spell)
		})
	case text != "":
		s.out = s.cache.word(s.out, text, s.spell)
	}
}

// index makes the table of tokens by text; of two with one text it has the first.
func (t *Tokenizer) index() {
	t.ids = make(map[string]int32, len(t.tokens))
	for i, s := range t.tokens {
		if _, twice := t.ids[s]; !twice {
			t.ids[s] = int32(i)
		}
	}
}

// Len is the size of the vocabulary.
func (t *Tokenizer) Len() int { return len(t.tokens) }

// ID returns the id of a token by its text in the vocabulary.
func (t *Tokenizer) ID(token string) (int32, bool) { id, ok := t.ids[token]; return id, ok }

// Token is a token's text in the vocabulary, or "" for an id outside it.
func (t *Tokenizer) Token(id int32) string {
	if id < 0 || int(id) >= len(t.tokens) {
		return ""
	}
	return t.tokens[id]
}

// BOS is the token that begins a text, if there is one.
func (t *Tokenizer) BOS() (int32, bool) { return t.bos, t.bos >= 0 }

// EOS is the token that ends a text, if there is one.
func (t *Tokenizer) EOS() (int32, bool) { return t.eos, t.eos >= 0 }

// EOT is the token that ends a turn, if the file names one.
func (t *Tokenizer) EOT() (int32, bool) { return t.eot, t.eot >= 0 }

// AddBOS reports whether the model expects BOS before every text.
func (t *Tokenizer) AddBOS() bool { return t.addBOS }

// IsControl reports whether id stands for structure, not for text.
func (t *Tokenizer) IsControl(id int32) bool {
	return id >= 0 && int(id) < len(t.kinds) && t.kinds[id] == control
}
