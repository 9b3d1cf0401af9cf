package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"temper/dataset"
)

// spNormalizer prepares a text as SentencePiece does. Source: normalizer.cc.
type spNormalizer struct {
	chars   *charsMap   // or nil
	keep    addedTokens // user-defined tokens, which stay as they are
	prefix  bool        // a space goes before the text
	squeeze bool        // spaces at the ends go, and several in a row are one
	space   string      // what a space is written as
	suffix  bool        // the space goes after the text instead
}

func (n *spNormalizer) normalize(text string) string {
	if n.chars == nil && !n.squeeze && utf8.ValidString(text) {
		if text == "" {
			return ""
		}
		return n.wrap(strings.ReplaceAll(text, " ", n.space))
	}
	var b strings.Builder
	b.Grow(len(text) + len(text)/4)
	after := n.squeeze // whether a space came before
	for text != "" {
		s, size := n.next(text)
		text = text[size:]
		for after && strings.HasPrefix(s, " ") {
			s = s[1:]
		}
		if s != "" {
			b.WriteString(strings.ReplaceAll(s, " ", n.space))
			after = n.squeeze && strings.HasSuffix(s, " ")
		}
	}
	out := b.String()
	for n.squeeze && strings.HasSuffix(out, n.space) {
		out = strings.TrimSuffix(out, n.space)
	}
	if out == "" && n.squeeze {
		return ""
	}
	return n.wrap(out)
}

func (n *spNormalizer) wrap(s string) string {
	switch {
	case n.prefix && n.suffix:
		return s + n.space
	case n.prefix:
		return n.space + s
	}
	return s
}

// next is what the beginning of text becomes, and how long it was.
func (n *spNormalizer) next(text string) (string, int) {
	if n.keep.starts[text[0]] != nil {
		if _, size := n.keep.at(text, 0, true); size > 0 {
			return text[:size], size
		}
	}
	if s, size := n.chars.longest(text); size > 0 {
		return s, size
	}
	r, size := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError && size == 1 {
		return "\ufffd", 1
	}
	return text[:size], size
}

// tokenizer makes the tokenizer of a tokenizer.model.
func (f *spFile) tokenizer() (*Tokenizer, error) {
	t := &Tokenizer{tokens: f.tokens, kinds: f.kinds, bos: -1, eos: -1, eot: -1, decode: bySpaces, added: make([]addedTokens, 1)}
	t.index()
	is := func(id int32, kinds ...int64) bool {
		for _, k := range kinds {
			if t.kinds[id] == k {
				return true
			}
		}
		return false
	}
	if f.bos >= 0 && int(f.bos) < len(t.tokens) && is(f.bos, control) {
		t.bos, t.addBOS = f.bos, f.model == 2 // the models with SentencePiece's BPE expect it
	}
	if f.eos >= 0 && int(f.eos) < len(t.tokens) && is(f.eos, control) {
		t.eos = f.eos
	}
	n := &spNormalizer{prefix: f.prefix, squeeze: f.squeeze, suffix: f.suffix, space: " "}
	if f.underline {
		n.space = line
	}
	if len(f.charsMap) > 0 {
		var err error
		if n.chars, err = parseCharsMap(f.charsMap); err != nil {
			return nil, err
		}
	}
	for i, s := range t.tokens {
		switch id := int32(i); {
		case is(id, control):
			t.added[0].add(s, addedToken{id: id, special: true})
		case is(id, userDefined):
			n.keep.add(s, addedToken{id: id})
		}
	}
	t.normalize = n.normalize
	return t, f.speller(t, n, is)
}

// speller sets the model: its tokens are the normal ones, and those that the user defined.
func (f *spFile) speller(t *Tokenizer, n *spNormalizer, is func(int32, ...int64) bool) error {
	isByte := func(id int32) bool { return is(id, byteToken) }
	switch f.model {
	case 1:
		u := t.newUnigram(f.scores, func(id int32) bool { return is(id, normal, userDefined) }, func(id int32) bool { return is(id, userDefined) })
		u.unknown, u.single = f.unknown, true
		t.byteTokens(&u.bytes, isByte)
		t.spell = u
		return nil
	case 2:
		for _, k := range f.kinds {
			if k == unused {
				return fmt.Errorf("BPE with tokens that are unused: %w", ErrUnsupported)
			}
		}
		b := t.scored(f.scores, func(id int32) bool { return is(id, normal) })
		b.unknown, b.fuse = f.unknown, true
		t.byteTokens(&b.bytes, isByte)
		t.spell, t.scan = b, t.afterUnderlines()
		if len(n.keep.tokens) > 0 {
			t.added = append(t.added, n.keep)
		}
		return nil
	}
	return fmt.Errorf("SentencePiece's model %d; unigram (1) and BPE (2) are read: %w: %w", f.model, ErrUnsupported, dataset.ErrMalformed)
}
