// Package tokenizer turns text into the token ids of a base model and back: byte-level BPE with the pre-tokenizers of the
// models we read, and the BPE of SentencePiece ("llama"). Source: Sennrich et al. 2016, arXiv:1508.07909; ids are llama.cpp's.
package tokenizer

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"temper/dataset"
	"temper/internal/gguf"
)

// ErrUnsupported means a tokenizer of a kind this build does not have.
var ErrUnsupported = errors.New("unsupported tokenizer")

// The kinds of tokens, as GGUF numbers them.
const (
	control     = 3
	userDefined = 4
	byteToken   = 6
)

// A Tokenizer is a vocabulary with its merges. It is safe for concurrent use.
type Tokenizer struct {
	tokens []string
	kinds  []int64
	ids    map[string]int32

	spm      bool
	scores   []float64 // of SentencePiece
	space    bool      // SentencePiece: a space is put before the text
	merges   map[pair]merge
	bytes    [256]int32 // the token of each byte, or -1
	split    func(string, func(string))
	specials []string // control and user-defined tokens, the longest first

	bos, eos, eot int32 // or -1
	addBOS        bool
}

type pair struct{ a, b int32 }

// merge is the rank of a pair and the token it becomes.
type merge struct{ rank, id int32 }

// FromGGUF reads the tokenizer of a model file.
func FromGGUF(f *gguf.File) (*Tokenizer, error) {
	t, err := fromGGUF(f)
	if err != nil {
		return nil, fmt.Errorf("%s: tokenizer: %w", f.Path, err)
	}
	return t, nil
}

func fromGGUF(f *gguf.File) (*Tokenizer, error) {
	t := &Tokenizer{}
	t.tokens, _ = f.Strings("tokenizer.ggml.tokens")
	if len(t.tokens) == 0 {
		return nil, fmt.Errorf("the file has no tokenizer.ggml.tokens: %w", dataset.ErrMalformed)
	}
	t.kinds, _ = f.Ints("tokenizer.ggml.token_type")
	if len(t.kinds) != len(t.tokens) {
		t.kinds = make([]int64, len(t.tokens))
	}
	t.bos, t.eos, t.eot = t.number(f, "bos"), t.number(f, "eos"), t.number(f, "eot")
	t.addBOS, _ = f.Bool("tokenizer.ggml.add_bos_token")
	kind, _ := f.String("tokenizer.ggml.model")
	switch kind {
	case "gpt2":
		pre, _ := f.String("tokenizer.ggml.pre")
		merges, _ := f.Strings("tokenizer.ggml.merges")
		return t, t.byteLevel(pre, merges)
	case "llama":
		if _, said := f.Bool("tokenizer.ggml.add_bos_token"); !said {
			t.addBOS = true
		}
		t.space = true
		if v, said := f.Bool("tokenizer.ggml.add_space_prefix"); said {
			t.space = v
		}
		t.scores, _ = f.Floats("tokenizer.ggml.scores")
		if len(t.scores) != len(t.tokens) {
			return nil, fmt.Errorf("%d scores for %d tokens: %w", len(t.scores), len(t.tokens), dataset.ErrMalformed)
		}
		t.spm = true
		t.index()
		return t, nil
	}
	return nil, fmt.Errorf("its model is %q; gpt2 and llama are read: %w", kind, ErrUnsupported)
}

// number reads the id of a special token, or -1.
func (t *Tokenizer) number(f *gguf.File, name string) int32 {
	v, ok := f.Uint("tokenizer.ggml." + name + "_token_id")
	if !ok || v >= uint64(len(t.tokens)) {
		return -1
	}
	return int32(v)
}

// byteLevel sets up BPE over bytes.
func (t *Tokenizer) byteLevel(pre string, merges []string) error {
	var ok bool
	if t.split, ok = splitters[pre]; !ok {
		return fmt.Errorf("its pre-tokenizer is %q: %w", pre, ErrUnsupported)
	}
	t.index()
	for b := range t.bytes {
		// Some vocabularies lack control characters, or bytes no UTF-8 text has: they encode to nothing.
		if id, ok := t.ids[string(letters[b])]; ok {
			t.bytes[b] = id
		} else if b >= ' ' && b < 0x7f {
			return fmt.Errorf("the vocabulary lacks byte %#02x: %w", b, dataset.ErrMalformed)
		}
	}
	t.merges = make(map[pair]merge, len(merges))
	for rank, m := range merges {
		a, b, ok := strings.Cut(m, " ")
		ia, oka := t.ids[a]
		ib, okb := t.ids[b]
		id, okm := t.ids[a+b]
		if !ok || !oka || !okb || !okm {
			return fmt.Errorf("merge %d, %q, is not of the vocabulary: %w", rank, m, dataset.ErrMalformed)
		}
		if _, twice := t.merges[pair{ia, ib}]; !twice {
			t.merges[pair{ia, ib}] = merge{int32(rank), id}
		}
	}
	return nil
}

// index makes the tables of tokens by text.
func (t *Tokenizer) index() {
	t.ids = make(map[string]int32, len(t.tokens))
	for b := range t.bytes {
		t.bytes[b] = -1
	}
	for i, s := range t.tokens {
		if _, twice := t.ids[s]; !twice {
			t.ids[s] = int32(i)
		}
		switch t.kinds[i] {
		case control, userDefined:
			if s != "" {
				t.specials = append(t.specials, s)
			}
		case byteToken:
			var b byte
			if _, err := fmt.Sscanf(s, "<0x%02X>", &b); err == nil {
				t.bytes[b] = int32(i)
			}
		}
	}
	sort.SliceStable(t.specials, func(i, j int) bool { return len(t.specials[i]) > len(t.specials[j]) })
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
