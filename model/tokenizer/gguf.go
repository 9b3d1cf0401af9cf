package tokenizer

import (
	"fmt"

	"golang.org/x/text/unicode/norm"

	"temper/dataset"
	"temper/internal/gguf"
)

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
	t.index()
	t.added = make([]addedTokens, 1)
	for i, s := range t.tokens {
		if t.kinds[i] == control || t.kinds[i] == userDefined {
			t.added[0].add(s, addedToken{id: t.ids[s], special: t.kinds[t.ids[s]] == control})
		}
	}
	kind, _ := f.String("tokenizer.ggml.model")
	var err error
	switch kind {
	case "gpt2":
		err = t.ggufBytes(f)
	case "llama":
		err = t.ggufSentencePiece(f)
	case "t5":
		err = t.ggufUnigram(f)
	case "bert":
		err = t.ggufWordPiece(f)
	default:
		err = fmt.Errorf("its model is %q; gpt2, llama, t5 and bert are read: %w", kind, ErrUnsupported)
	}
	return t, err
}

// number reads the id of a special token, or -1.
func (t *Tokenizer) number(f *gguf.File, name string) int32 {
	v, ok := f.Uint("tokenizer.ggml." + name + "_token_id")
	if !ok || v >= uint64(len(t.tokens)) {
		return -1
	}
	return int32(v)
}

func (t *Tokenizer) ggufBytes(f *gguf.File) error {
	name, _ := f.String("tokenizer.ggml.pre")
	if err := t.named(name); err != nil {
		return err
	}
	lines, _ := f.Strings("tokenizer.ggml.merges")
	merges := make([]merge, len(lines))
	for i, s := range lines {
		merges[i] = t.cutMerge(s)
	}
	b, err := t.byteLevel(merges)
	if err == nil && wholeWords[name] {
		b.whole = t.wholeTokens()
	}
	t.spell = b
	return err
}

func (t *Tokenizer) ggufSentencePiece(f *gguf.File) error {
	if _, said := f.Bool("tokenizer.ggml.add_bos_token"); !said {
		t.addBOS = true
	}
	prefix := true
	if v, said := f.Bool("tokenizer.ggml.add_space_prefix"); said {
		prefix = v
	}
	scores, err := t.ggufScores(f)
	if err != nil {
		return err
	}
	b := t.scored(scores, func(int32) bool { return true })
	t.byteTokens(&b.bytes, func(id int32) bool { return t.kinds[id] == byteToken })
	t.spell, t.decode = b, bySpaces
	t.normalize = underline
	if prefix {
		t.normalize = func(text string) string { return underline(" " + text) }
	}
	t.scan = t.afterUnderlines()
	return nil
}

func (t *Tokenizer) ggufScores(f *gguf.File) ([]float64, error) {
	scores, _ := f.Floats("tokenizer.ggml.scores")
	if len(scores) != len(t.tokens) {
		return nil, fmt.Errorf("%d scores for %d tokens: %w", len(scores), len(t.tokens), dataset.ErrMalformed)
	}
	return scores, nil
}

// ggufUnigram is SentencePiece's unigram model, with its normalizer.
func (t *Tokenizer) ggufUnigram(f *gguf.File) error {
	scores, err := t.ggufScores(f)
	if err != nil {
		return err
	}
	m := spFile{tokens: t.tokens, kinds: t.kinds, scores: scores, model: 1, unknown: t.number(f, "unknown"), bos: t.bos, eos: t.eos, underline: true, prefix: true}
	if v, said := f.Bool("tokenizer.ggml.add_space_prefix"); said {
		m.prefix = v
	}
	m.squeeze, _ = f.Bool("tokenizer.ggml.remove_extra_whitespaces")
	if v, ok := f.Value("tokenizer.ggml.precompiled_charsmap"); ok {
		if m.charsMap, ok = byteArray(v); !ok {
			return fmt.Errorf("tokenizer.ggml.precompiled_charsmap is a %T: %w", v, dataset.ErrMalformed)
		}
	}
	made, err := m.tokenizer()
	if err != nil {
		return err
	}
	t.added, t.normalize, t.spell, t.decode = made.added, made.normalize, made.spell, made.decode
	return nil
}

// byteArray is a GGUF array of bytes, which is read as numbers.
func byteArray(v any) ([]byte, bool) {
	numbers, ok := v.([]int64)
	if !ok {
		return nil, false
	}
	b := make([]byte, len(numbers))
	for i, n := range numbers {
		b[i] = byte(n)
	}
	return b, true
}

// ggufWordPiece is BERT's: GGUF writes ▁ before the tokens that begin a word and nothing before the others.
func (t *Tokenizer) ggufWordPiece(f *gguf.File) error {
	t.bos = t.number(f, "cls")
	if t.bos < 0 {
		t.bos = t.number(f, "bos")
	}
	if t.eos = t.number(f, "seperator"); t.eos < 0 { // as GGUF spells it
		t.eos = t.number(f, "eos")
	}
	w := newWordPiece(t.ids, line, "")
	w.unknown = t.number(f, "unknown")
	t.spell, t.pre, t.decode, t.begin = w, bertWords(isPunctuation), byPieces, line
	n := bertNormalizer{true, true, true, true, isFormat, isNonspacing, norm.NFD.String}
	t.normalize = n.normalize
	return nil
}
