package tokenizer

import (
	"fmt"

	"temper/dataset"
)

// speller sets the model. vocab is its own tokens, without what was added; bytes says that words are spelled in bytes.
func (m *hfModel) speller(t *Tokenizer, vocab map[string]int32, scores []float64, bytes bool) error {
	if m.Dropout != nil && *m.Dropout != 0 {
		return fmt.Errorf("BPE with dropout %v is not the same twice: %w", *m.Dropout, ErrUnsupported)
	}
	unk := int32(-1)
	if m.UnkToken != nil {
		if id, ok := t.ids[*m.UnkToken]; ok {
			unk = id
		}
	}
	t.decode = bySpaces
	switch m.Type {
	case "BPE", "":
		return m.bpe(t, vocab, unk, bytes)
	case "WordPiece":
		t.within = "##"
		if m.Prefix != nil {
			t.within = *m.Prefix
		}
		w := newWordPiece(vocab, "", t.within)
		w.unknown, w.longest = unk, 100
		if m.MaxChars != nil {
			w.longest = *m.MaxChars
		}
		t.spell, t.decode = w, byPieces
		return nil
	case "Unigram":
		return m.unigram(t, vocab, scores)
	}
	return fmt.Errorf("its model is %q; BPE, Unigram and WordPiece are read: %w", m.Type, ErrUnsupported)
}

func (m *hfModel) bpe(t *Tokenizer, vocab map[string]int32, unk int32, bytes bool) error {
	merges := make([]merge, len(m.Merges))
	for i, x := range m.Merges {
		if merges[i] = (merge{x.two[0], x.two[1]}); x.one != "" {
			merges[i] = t.cutMerge(x.one)
		}
	}
	prefix, suffix := "", ""
	if m.Prefix != nil {
		prefix = *m.Prefix
	}
	if m.Suffix != nil {
		suffix = *m.Suffix
	}
	if bytes {
		if prefix != "" || suffix != "" {
			return fmt.Errorf("BPE over bytes with parts marked %q and %q: %w", prefix, suffix, ErrUnsupported)
		}
		t.decode = byBytes
		b, err := t.byteLevel(merges)
		if err != nil {
			return err
		}
		if m.IgnoreMerges {
			b.whole = t.wholeTokens()
		}
		t.spell = b
		return nil
	}
	b := &bpe{letters: vocab, size: int32(len(t.tokens)), unknown: unk, fuse: m.FuseUnk, prefix: prefix, suffix: suffix}
	if m.IgnoreMerges {
		b.whole = vocab
	}
	t.byteTokens(&b.bytes, func(int32) bool { return m.ByteFallback })
	t.markBytes(m.ByteFallback)
	var err error
	b.pairs, err = t.ranked(merges, prefix)
	t.spell = b
	return err
}

func (m *hfModel) unigram(t *Tokenizer, vocab map[string]int32, scores []float64) error {
	own := make([]float64, len(t.tokens))
	copy(own, scores)
	u := t.newUnigram(own, func(id int32) bool { return int(id) < len(scores) }, func(int32) bool { return false })
	u.trie = newTrie(vocab)
	if m.UnkID != nil {
		if *m.UnkID < 0 || int(*m.UnkID) >= len(scores) {
			return fmt.Errorf("unk_id is %d of %d: %w", *m.UnkID, len(scores), dataset.ErrMalformed)
		}
		u.unknown = *m.UnkID
	}
	t.byteTokens(&u.bytes, func(int32) bool { return m.ByteFallback })
	t.markBytes(m.ByteFallback)
	t.spell = u
	return nil
}

// markBytes makes tokens such as <0x0A> stand for bytes.
func (t *Tokenizer) markBytes(fallback bool) {
	for i, s := range t.tokens {
		if _, ok := byteName(s); ok && fallback {
			t.kinds[i] = byteToken
		}
	}
}
