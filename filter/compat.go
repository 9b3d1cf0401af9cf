package filter

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Whose definitions the option compat asks for.
const (
	compatDatatrove = "datatrove"
	compatDolma     = "dolma"
	compatNeMo      = "nemo"
)

// compatOf refuses a name that is not one of names.
func compatOf(name string, names ...string) error {
	if name == "" || slices.Contains(names, name) {
		return nil
	}
	return fmt.Errorf("compat is %q: must be %s, or left out", name, strings.Join(names, " or "))
}

// terminal reports whether line ends with a mark that ends a sentence.
func terminal(line string) bool {
	if line == "" {
		return false
	}
	if c := line[len(line)-1]; c < utf8.RuneSelf {
		return c == '.' || c == '?' || c == '!'
	}
	r, _ := utf8.DecodeLastRuneInString(line)
	return unicode.Is(unicode.STerm, r)
}

// spaced returns the line l of text with the spaces around it.
func spaced(text string, l line) string {
	start := strings.LastIndexByte(text[:l.start], '\n') + 1
	end := len(text)
	if n := strings.IndexByte(text[l.end:], '\n'); n >= 0 {
		end = l.end + n
	}
	return text[start:end]
}

// pieces returns the tokens of text, see [measure].
func pieces(text string) (tokens []string) {
	for i := 0; i < len(text); {
		kind, size := kindAt(text, i)
		if kind == kindSpace {
			i += size
			continue
		}
		end, _, _, _ := scanToken(text, i, kind, size)
		tokens = append(tokens, text[i:end])
		i = end
	}
	return tokens
}

// repeated returns how many of texts occurred before, and their characters.
func (m *measure) repeated(texts []string) (count, chars int) {
	m.seen.reset(len(texts))
	var p parts
	for _, t := range texts {
		m.part(&p, t, -1)
	}
	return p.dups, p.dupChars
}

// chars returns the characters of texts.
func chars(texts []string) (n int) {
	for _, t := range texts {
		n += utf8.RuneCountInString(t)
	}
	return n
}

// hasAlpha reports whether text has a letter.
func hasAlpha(text string) bool { return strings.ContainsFunc(text, unicode.IsLetter) }

// isStop reports whether word, as it is written, is one of the stop words.
func isStop(word string) bool { return slices.Contains(stopWords[:], word) }

// ratio is part/whole; 0 of nothing. Unlike a share it may be above 1.
func ratio(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// startsWithAny and endsWithAny report whether text starts, or ends, with one of marks.
func startsWithAny(text string, marks ...string) bool {
	return slices.ContainsFunc(marks, func(m string) bool { return strings.HasPrefix(text, m) })
}

func endsWithAny(text string, marks ...string) bool {
	return slices.ContainsFunc(marks, func(m string) bool { return strings.HasSuffix(text, m) })
}

// qualityOf sets the signals of [GopherQuality] by another project's definitions.
func qualityOf(compat string, s *subject) {
	var q quality
	switch compat {
	case compatDatatrove:
		q = datatroveQuality(s.text)
	case compatDolma:
		q = dolmaQuality(s.text)
	default:
		q = nemoQuality(s.text)
	}
	s.signals[SignalWords] = q.words
	s.signals["mean_word_length"] = q.wordLength
	s.signals["symbol_ratio"] = q.symbols
	s.signals["bullet_lines"] = q.bullets
	s.signals["ellipsis_lines"] = q.ellipses
	s.signals["alpha_words"] = q.alpha
	s.signals["stop_words"] = q.stops
}

// A quality holds the signals of [GopherQuality].
type quality struct{ words, wordLength, symbols, bullets, ellipses, alpha, stops float64 }

// repetitionOf sets the signals of [GopherRepetition] by another project's definitions.
func repetitionOf(compat string, s *subject) {
	var r [len(repetitionSignals)]float64
	switch compat {
	case compatDatatrove:
		r = datatroveRepetition(s.m, s.text)
	case compatDolma:
		r = dolmaRepetition(s.m, s.text)
	default:
		r = nemoRepetition(s.m, s.text)
	}
	for i, name := range repetitionSignals {
		s.signals[name] = r[i]
	}
}
