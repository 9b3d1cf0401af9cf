package tokenizer

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"temper/dataset"
)

// FromHF reads tokenizer.json of a Hugging Face folder: byte-level BPE whose pre-tokenizer is one this build has.
func FromHF(dir string) (*Tokenizer, error) {
	path := filepath.Join(dir, "tokenizer.json")
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := fromJSON(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// hfFile is what is read of a tokenizer.json.
type hfFile struct {
	AddedTokens []struct {
		ID      int32  `json:"id"`
		Content string `json:"content"`
		Special bool   `json:"special"`
	} `json:"added_tokens"`
	PreTokenizer hfPre `json:"pre_tokenizer"`
	Model        struct {
		Type   string            `json:"type"`
		Vocab  map[string]int32  `json:"vocab"`
		Merges []json.RawMessage `json:"merges"`
	} `json:"model"`
}

type hfPre struct {
	Type             string  `json:"type"`
	IndividualDigits bool    `json:"individual_digits"`
	UseRegex         *bool   `json:"use_regex"`
	Pretokenizers    []hfPre `json:"pretokenizers"`
}

func fromJSON(b []byte) (*Tokenizer, error) {
	var f hfFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", dataset.ErrMalformed, err)
	}
	pre, ok := f.PreTokenizer.name()
	if f.Model.Type != "BPE" || !ok {
		return nil, fmt.Errorf("its model is %q with pre-tokenizer %q; byte-level BPE with GPT-2's words is read: %w", f.Model.Type, f.PreTokenizer.Type, ErrUnsupported)
	}
	size := int32(len(f.Model.Vocab) + len(f.AddedTokens))
	t := &Tokenizer{bos: -1, eos: -1, eot: -1, tokens: make([]string, 0, size)}
	t.tokens, t.kinds = make([]string, size), make([]int64, size)
	put := func(id int32, s string, kind int64) error {
		if id < 0 || id >= size {
			return fmt.Errorf("token %q has id %d of %d: %w", s, id, size, dataset.ErrMalformed)
		}
		t.tokens[id], t.kinds[id] = s, kind
		return nil
	}
	for s, id := range f.Model.Vocab {
		if err := put(id, s, 1); err != nil {
			return nil, err
		}
	}
	for _, a := range f.AddedTokens {
		kind := int64(userDefined)
		if a.Special {
			kind = control
		}
		if err := put(a.ID, a.Content, kind); err != nil {
			return nil, err
		}
	}
	for len(t.tokens) > 0 && t.tokens[len(t.tokens)-1] == "" { // added tokens that are in the vocabulary too
		t.tokens, t.kinds = t.tokens[:len(t.tokens)-1], t.kinds[:len(t.kinds)-1]
	}
	t.index()
	merges := make([]merge, len(f.Model.Merges))
	for i, m := range f.Model.Merges {
		var two [2]string
		var one string
		if json.Unmarshal(m, &two) == nil {
			merges[i] = merge{two[0], two[1]}
		} else if err := json.Unmarshal(m, &one); err != nil {
			return nil, fmt.Errorf("merge %d: %w: %w", i, dataset.ErrMalformed, err)
		} else {
			merges[i] = t.cutMerge(one)
		}
	}
	if err := t.named(pre); err != nil {
		return nil, err
	}
	t.added = make([]addedTokens, 1)
	for _, a := range f.AddedTokens {
		t.added[0].add(a.Content, addedToken{id: a.ID, special: a.Special})
	}
	x, err := t.byteLevel(merges)
	t.spell = x
	return t, err
}

// name is the pre-tokenizer as GGUF names it.
func (p hfPre) name() (string, bool) {
	all := append([]hfPre{p}, p.Pretokenizers...)
	name, ok := "", false
	for _, one := range all {
		switch one.Type {
		case "ByteLevel":
			ok = one.UseRegex == nil || *one.UseRegex
			if name == "" {
				name = "gpt-2"
			}
		case "Digits":
			if !one.IndividualDigits {
				return "", false
			}
			name = "smollm"
		case "Sequence":
		default:
			return "", false
		}
	}
	return name, ok
}
