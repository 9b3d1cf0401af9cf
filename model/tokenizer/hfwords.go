package tokenizer

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"temper/dataset"
)

// words makes the pre-tokenizer: a scanner where one finds the words, else a splitter, or neither where a text is one word.
// bytes says that the model spells in bytes.
func (h *hfStep) words() (scan scanner, pre splitter, bytes bool, err error) {
	steps, err := h.flat(func(h *hfStep) []hfStep { return h.Pretokenizers }, 0)
	if err != nil {
		return nil, nil, false, err
	}
	var all chain
	for i := range steps {
		one := &steps[i]
		if one.Type != "ByteLevel" {
			s, err := one.splitter()
			if err != nil {
				return nil, nil, false, err
			}
			all = append(all, s)
			continue
		}
		bytes = true
		if said(one.AddPrefixSpace, true) {
			all = append(all, spaced{})
		}
		if said(one.UseRegex, true) {
			all = append(all, scanned{gpt2Words{classTable: classes()}})
		}
		if i+1 < len(steps) { // what follows sees a letter for each byte
			rest := &hfStep{Type: "Sequence", Pretokenizers: steps[i+1:]}
			inner, pre, again, err := rest.words()
			if err != nil || again {
				return nil, nil, false, fmt.Errorf("more than one ByteLevel, or after it: %w: %w", ErrUnsupported, err)
			}
			if inner != nil {
				pre = scanned{inner}
			}
			return nil, append(all, lettered{pre}), true, nil
		}
	}
	switch {
	case len(all) == 0:
		return nil, nil, bytes, nil
	case len(all) == 1:
		if s, ok := all[0].(scanned); ok {
			return s.scanner, nil, bytes, nil
		}
	case len(all) == 2:
		g, ok := all[1].(scanned)
		if ok && all[0] == numbersApart && g.scanner == (gpt2Words{classTable: classes()}) {
			return gpt2Words{classes(), true}, nil, bytes, nil
		}
	}
	return nil, all, bytes, nil
}

// numbersApart makes each digit a word: Digits with individual_digits.
var numbersApart splitter = digitSplitter{true}

// digitSplitter parts numbers from the rest.
type digitSplitter struct{ each bool }

func (d digitSplitter) split(text string, first bool, word func(string, bool)) {
	m := matched{runs{has: unicode.IsNumber, least: 1, most: 1}, isolated, false}
	if !d.each {
		m.behavior = contiguous
	}
	m.split(text, first, word)
}

var behaviors = map[string]behavior{"Isolated": isolated, "Removed": removed, "MergedWithPrevious": withPrevious, "MergedWithNext": withNext, "Contiguous": contiguous}

func (h *hfStep) splitter() (splitter, error) {
	one := func(has func(rune) bool, b behavior) (splitter, error) {
		return matched{runs{has: has, least: 1, most: 1}, b, false}, nil
	}
	switch h.Type {
	case "Digits":
		return digitSplitter{h.IndividualDigits}, nil
	case "WhitespaceSplit":
		return one(unicode.IsSpace, removed)
	case "BertPreTokenizer":
		return bertWords(isHFPunctuation), nil
	case "Whitespace":
		return expression(`\w+|[^\w\s]+`, removed, true)
	case "CharDelimiterSplit":
		r, n := utf8.DecodeRuneInString(h.Delimiter)
		if n == 0 || n != len(h.Delimiter) {
			return nil, fmt.Errorf("delimiter %q is not one character: %w", h.Delimiter, dataset.ErrMalformed)
		}
		return one(func(c rune) bool { return c == r }, removed)
	case "Metaspace":
		return h.metaspace()
	case "Punctuation":
		b, ok := behaviors[h.Behavior]
		if !ok && h.Behavior != "" {
			return nil, fmt.Errorf("behavior %q: %w", h.Behavior, ErrUnsupported)
		}
		return one(isHFPunctuation, b)
	case "Split":
		b, ok := behaviors[h.Behavior]
		switch {
		case !ok:
			return nil, fmt.Errorf("behavior %q: %w", h.Behavior, ErrUnsupported)
		case h.Pattern.String != nil:
			return matched{literal(*h.Pattern.String), b, h.Invert}, nil
		case h.Pattern.Regex != nil:
			return expression(*h.Pattern.Regex, b, h.Invert)
		}
		return nil, fmt.Errorf("a split without a pattern: %w", dataset.ErrMalformed)
	}
	return nil, fmt.Errorf("pre-tokenizer %q: %w", h.Type, ErrUnsupported)
}

// literal matches a text as it is written.
type literal string

func (l literal) matches(text string, found func(from, to int)) {
	for at := 0; l != ""; {
		n := strings.Index(text[at:], string(l))
		if n < 0 {
			return
		}
		found(at+n, at+n+len(l))
		at += n + len(l)
	}
}

// isHFPunctuation is isPunctuation with Hugging Face's table.
func isHFPunctuation(r rune) bool { return isMark(r) || r >= utf8.RuneSelf && hfPunctuation()(r) }

// spaced puts a space before a text that does not begin with one.
type spaced struct{}

func (spaced) split(text string, first bool, word func(string, bool)) {
	if text != "" && text[0] != ' ' {
		text = " " + text
	}
	word(text, first)
}

// metaspace writes spaces as another character and parts before it.
type metaspace struct {
	space         string
	always, first bool // whether it goes before every text, before the first
	whole         bool // texts are not parted
}

func (h *hfStep) metaspace() (splitter, error) {
	m := metaspace{space: h.Replacement, whole: !said(h.Split, true)}
	if m.space == "" {
		m.space = line
	}
	if utf8.RuneCountInString(m.space) != 1 {
		return nil, fmt.Errorf("replacement %q is not one character: %w", m.space, dataset.ErrMalformed)
	}
	switch h.PrependScheme {
	case "always":
		m.always = true
	case "first":
		m.first = true
	case "never":
	case "":
		m.always = said(h.AddPrefixSpace, true)
	default:
		return nil, fmt.Errorf("prepend_scheme %q: %w", h.PrependScheme, ErrUnsupported)
	}
	return m, nil
}

func (m metaspace) split(text string, first bool, word func(string, bool)) {
	text = strings.ReplaceAll(text, " ", m.space)
	if (m.always || m.first && first) && !strings.HasPrefix(text, m.space) {
		text = m.space + text
	}
	if m.whole {
		word(text, first)
		return
	}
	matched{literal(m.space), withNext, false}.split(text, first, word)
}

// lettered splits a text by a splitter that sees a letter for each byte.
type lettered struct{ splitter }

func (l lettered) split(text string, first bool, word func(string, bool)) {
	var b strings.Builder
	for i := range len(text) {
		b.WriteRune(letters[text[i]])
	}
	from := 0
	l.splitter.split(b.String(), first, func(w string, first bool) {
		n := utf8.RuneCountInString(w)
		word(text[from:from+n], first)
		from += n
	})
}
