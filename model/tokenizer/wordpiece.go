package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// wordPiece takes the longest token at each place of a word; a word that has a place without one is unknown. Source: Devlin
// et al. 2019, arXiv:1810.04805, and BERT's tokenization.py.
type wordPiece struct {
	begins, rest map[string]int32 // the tokens that begin a word, and those within one
	unknown      int32            // or -1
	longest      int              // the most characters of a word that is not unknown; 0 is any number
	most         int              // the bytes of the longest token
}

// spell appends the ids of one word.
func (w *wordPiece) spell(_ *state, out []int32, word string) []int32 {
	from, tokens := len(out), w.begins
	known := w.longest == 0 || utf8.RuneCountInString(word) <= w.longest
	for at := 0; at < len(word) && known; tokens = w.rest {
		known = false
		for end := min(len(word), at+w.most); end > at; end-- {
			if end < len(word) && !utf8.RuneStart(word[end]) {
				continue
			}
			if id, ok := tokens[word[at:end]]; ok {
				out, at, known = append(out, id), end, true
				break
			}
		}
	}
	if !known {
		if out = out[:from]; w.unknown >= 0 {
			out = append(out, w.unknown)
		}
	}
	return out
}

// newWordPiece makes the model of a vocabulary that marks the tokens that begin a word with begin, and the others with within.
func newWordPiece(vocab map[string]int32, begin, within string) *wordPiece {
	w := &wordPiece{begins: map[string]int32{}, rest: map[string]int32{}, unknown: -1}
	for s, id := range vocab {
		text, ok := strings.CutPrefix(s, begin)
		if begin == "" || !ok {
			inner, isRest := strings.CutPrefix(s, within)
			if isRest {
				w.rest[inner] = id
				w.most = max(w.most, len(inner))
			}
			if begin != "" {
				continue
			}
		}
		w.begins[text] = id
		w.most = max(w.most, len(text))
	}
	return w
}

// bertNormalizer is BERT's preparation of a text: Hugging Face's BertNormalizer.
type bertNormalizer struct {
	clean, chinese, accents, lower bool                // accents: they are stripped
	format, nonspacing             func(rune) bool     // \p{C} and \p{Mn}
	decompose                      func(string) string // to NFD
}

func (n bertNormalizer) normalize(s string) string {
	if n.clean || n.chinese {
		var b strings.Builder
		b.Grow(len(s))
		for _, r := range s {
			switch {
			case n.clean && (r == 0 || r == utf8.RuneError || r != '\t' && r != '\n' && r != '\r' && n.format(r)):
			case n.clean && unicode.IsSpace(r):
				b.WriteByte(' ')
			case n.chinese && isChinese(r):
				b.WriteByte(' ')
				b.WriteRune(r)
				b.WriteByte(' ')
			default:
				b.WriteRune(r)
			}
		}
		s = b.String()
	}
	if n.accents {
		s = without(n.decompose(s), n.nonspacing)
	}
	if n.lower {
		s = lowercase(s)
	}
	return s
}

// isChinese is the ideographs of BERT's tokenization.py.
func isChinese(r rune) bool {
	switch {
	case r >= 0x4e00 && r <= 0x9fff, r >= 0x3400 && r <= 0x4dbf, r >= 0x20000 && r <= 0x2a6df, r >= 0x2a700 && r <= 0x2b73f,
		r >= 0x2b740 && r <= 0x2b81f, r >= 0x2b920 && r <= 0x2ceaf, r >= 0xf900 && r <= 0xfaff, r >= 0x2f800 && r <= 0x2fa1f:
		return true
	}
	return false
}

// isFormat is \p{C} without the characters that no version of Unicode has given yet, which vary with the version.
func isFormat(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs) }

// isNonspacing is \p{Mn}.
func isNonspacing(r rune) bool { return unicode.Is(unicode.Mn, r) }

// isPunctuation is what BERT makes a word of its own: \p{P} and all of ASCII that is neither letter, digit, space nor control.
func isPunctuation(r rune) bool { return isMark(r) || unicode.Is(unicode.P, r) }

// isMark is the part of isPunctuation in ASCII.
func isMark(r rune) bool {
	return r < utf8.RuneSelf && r > ' ' && r != 0x7f && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// without leaves out characters.
func without(s string, out func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if out(r) {
			return -1
		}
		return r
	}, s)
}

// lowercase is the lower case of each character, İ in two.
func lowercase(s string) string { return strings.ToLower(strings.ReplaceAll(s, "İ", "i̇")) }
