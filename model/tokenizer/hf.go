package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"temper/dataset"
)

// maxJSON is the largest tokenizer.json read, in bytes: Gemma 3's has 33 MB.
const maxJSON = 256 << 20

// FromHF reads the tokenizer of a Hugging Face folder: tokenizer.json, or where there is none tokenizer.model; and from
// tokenizer_config.json which tokens begin and end a text. The error of a folder with neither is fs.ErrNotExist.
func FromHF(dir string) (*Tokenizer, error) {
	path, parse := filepath.Join(dir, "tokenizer.json"), parseJSON
	b, err := readBounded(path, maxJSON)
	if errors.Is(err, fs.ErrNotExist) {
		path, parse = filepath.Join(dir, "tokenizer.model"), parseSentencePiece
		b, err = readBounded(path, maxModel)
	}
	if err != nil {
		return nil, err
	}
	t, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, t.settings(dir)
}

// hfFile is what is read of a tokenizer.json.
type hfFile struct {
	AddedTokens   []hfAdded `json:"added_tokens"`
	Normalizer    *hfStep   `json:"normalizer"`
	PreTokenizer  *hfStep   `json:"pre_tokenizer"`
	PostProcessor *hfStep   `json:"post_processor"`
	Model         hfModel   `json:"model"`
}

type hfAdded struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

type hfModel struct {
	Type         string          `json:"type"`
	Vocab        json.RawMessage `json:"vocab"`
	Merges       []hfMerge       `json:"merges"`
	UnkToken     *string         `json:"unk_token"`
	UnkID        *int32          `json:"unk_id"`
	FuseUnk      bool            `json:"fuse_unk"`
	ByteFallback bool            `json:"byte_fallback"`
	IgnoreMerges bool            `json:"ignore_merges"`
	Prefix       *string         `json:"continuing_subword_prefix"`
	Suffix       *string         `json:"end_of_word_suffix"`
	MaxChars     *int            `json:"max_input_chars_per_word"`
	Dropout      *float64        `json:"dropout"`
}

// hfMerge is ["a","b"] or "a b".
type hfMerge struct {
	two [2]string
	one string
}

// UnmarshalJSON reads either form.
func (m *hfMerge) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		var two []string
		if err := json.Unmarshal(b, &two); err != nil || len(two) != 2 {
			return fmt.Errorf("merge %.80s: %w", b, dataset.ErrMalformed)
		}
		m.two = [2]string(two)
		return nil
	}
	return json.Unmarshal(b, &m.one)
}

func parseJSON(b []byte) (*Tokenizer, error) {
	var f hfFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", dataset.ErrMalformed, err)
	}
	t := &Tokenizer{bos: -1, eos: -1, eot: -1}
	vocab, scores, err := f.Model.vocabulary()
	if err != nil {
		return nil, err
	}
	if err := t.setTokens(vocab, f.AddedTokens); err != nil {
		return nil, err
	}
	var bytes bool
	if t.normalize, err = f.Normalizer.normalizer(); err != nil {
		return nil, err
	}
	if t.scan, t.pre, bytes, err = f.PreTokenizer.words(); err != nil {
		return nil, err
	}
	if err := f.Model.speller(t, vocab, scores, bytes); err != nil {
		return nil, err
	}
	if t.scan == nil && t.pre == nil && t.decode == bySpaces && f.Model.Type == "BPE" && f.Model.Prefix == nil && f.Model.Suffix == nil {
		t.scan = t.afterUnderlines()
	}
	t.addAll(f.AddedTokens)
	return t, f.PostProcessor.post(t)
}

// vocabulary is the tokens with their ids, and of unigram models their scores by id.
func (m *hfModel) vocabulary() (map[string]int32, []float64, error) {
	vocab := map[string]int32{}
	if m.Type != "Unigram" {
		err := json.Unmarshal(m.Vocab, &vocab)
		if err != nil || len(vocab) == 0 || len(vocab) > maxTokens {
			return nil, nil, fmt.Errorf("a vocabulary of %d tokens: %w: %w", len(vocab), dataset.ErrMalformed, err)
		}
		return vocab, nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(m.Vocab, &list); err != nil || len(list) == 0 || len(list) > maxTokens {
		return nil, nil, fmt.Errorf("a vocabulary of %d tokens: %w: %w", len(list), dataset.ErrMalformed, err)
	}
	scores := make([]float64, len(list))
	for i, raw := range list {
		var s string
		pair := []any{&s, &scores[i]}
		if err := json.Unmarshal(raw, &pair); err != nil || len(pair) != 2 {
			return nil, nil, fmt.Errorf("token %d, %.80s: %w", i, raw, dataset.ErrMalformed)
		}
		vocab[s] = int32(i) // of two with one text Hugging Face has the last
	}
	return vocab, scores, nil
}

// setTokens fills the table of tokens from the vocabulary and what was added to it.
func (t *Tokenizer) setTokens(vocab map[string]int32, added []hfAdded) error {
	size := int32(0)
	check := func(id int32, s string) error {
		if id < 0 || id >= maxTokens {
			return fmt.Errorf("token %q has id %d: %w", s, id, dataset.ErrMalformed)
		}
		size = max(size, id+1)
		return nil
	}
	for s, id := range vocab {
		if err := check(id, s); err != nil {
			return err
		}
	}
	for _, a := range added {
		if err := check(a.ID, a.Content); err != nil {
			return err
		}
	}
	t.tokens, t.kinds = make([]string, size), make([]int64, size)
	for i := range t.kinds {
		t.kinds[i] = unused
	}
	t.ids = make(map[string]int32, len(vocab)+len(added))
	for s, id := range vocab {
		t.tokens[id], t.kinds[id], t.ids[s] = s, normal, id
	}
	for _, a := range added {
		kind := int64(userDefined)
		if a.Special {
			kind = control
		}
		t.tokens[a.ID], t.kinds[a.ID], t.ids[a.Content] = a.Content, kind, a.ID
	}
	return nil
}

// addAll sets the tokens that are found before the words are: those of normalized text as the normalizer writes them.
func (t *Tokenizer) addAll(added []hfAdded) {
	t.added = make([]addedTokens, 1)
	for _, a := range added {
		n := 0
		content := a.Content
		if a.Normalized && t.normalize != nil {
			n, content = 1, t.normalize(content)
		}
		if n == len(t.added) {
			t.added = append(t.added, addedTokens{})
		}
		t.added[n].add(content, addedToken{id: a.ID, special: a.Special, word: a.SingleWord, left: a.LStrip, right: a.RStrip})
	}
}
