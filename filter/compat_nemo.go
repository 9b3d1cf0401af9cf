package filter

import (
	"strings"
	"unicode/utf8"
)

// nemoBullets and nemoEllipses are what NeMo Curator takes for bullets and for ellipses.
var (
	nemoBullets  = []string{"•", "‣", "⁃", "⁌", "⁍", "∙", "○", "●", "◘", "◦", "⦾", "⦿"}
	nemoEllipses = []string{"...", "[...]", "…", "(...)", "[…]", "-»", "read more..", "read more"}
)

// notBlank returns the lines of text that are not blank, with the spaces around them.
func notBlank(text string) (lines []string) {
	for l := range strings.SplitSeq(text, "\n") {
		if strings.TrimSpace(l) != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

// nemoQuality computes the signals as NeMo Curator's heuristic filters do (commit 1e2e4275): words are runs without
// space; symbol_ratio is the words that are an ellipsis or mostly #; bullets are none of - and *; stop words are counted as
// often as they occur, in small letters.
func nemoQuality(text string) quality {
	words, lines := strings.Fields(text), notBlank(text)
	symbols, alpha, stops := 0, 0, 0
	for _, w := range words {
		if isNemoSymbol(w) {
			symbols++
		}
		if hasAlpha(w) {
			alpha++
		}
		if isStop(w) {
			stops++
		}
	}
	bullets, ellipses := 0, 0
	for _, l := range lines {
		l = strings.TrimSpace(l)
		if startsWithAny(l, nemoBullets...) {
			bullets++
		}
		if endsWithAny(strings.ToLower(l), nemoEllipses...) {
			ellipses++
		}
	}
	return quality{words: float64(len(words)), wordLength: ratio(chars(words), len(words)), symbols: ratio(symbols, len(words)),
		bullets: ratio(bullets, len(lines)), ellipses: ratio(ellipses, len(lines)), alpha: ratio(alpha, len(words)), stops: float64(stops)}
}

// isNemoSymbol reports whether word is an ellipsis, or more than half of it is runs of #, each counted once.
func isNemoSymbol(word string) bool {
	for _, e := range nemoEllipses {
		if word == e {
			return true
		}
	}
	runs := 0
	for i := range len(word) {
		if word[i] == '#' && (i == 0 || word[i-1] != '#') {
			runs++
		}
	}
	return 2*runs > utf8.RuneCountInString(word)
}

// nemoRepetition computes the signals as NeMo Curator's repetition filters do: lines and paragraphs are compared with the
// spaces around them and their characters stand to those of all lines; the most common n-gram is looked for as a text; of
// overlapping repeated n-grams each character counts once, with its spaces; a text with fewer words than n scores 1, and so
// is dropped by default.
func nemoRepetition(m *measure, text string) (r [len(repetitionSignals)]float64) {
	paras, lines, words := strings.Split(text, "\n\n"), notBlank(text), strings.Fields(text)
	count, length := m.repeated(paras)
	r[0], r[1] = ratio(count, len(paras)), ratio(length, chars(paras))
	count, length = m.repeated(lines)
	r[2], r[3] = ratio(count, len(lines)), ratio(length, chars(lines))
	g, all := newNgrams(words, &m.grams), utf8.RuneCountInString(text)
	for n := firstTop; n <= lastDup; n++ {
		g.grow()
		switch {
		case len(words) < n:
			r[4+n-firstTop] = 1
		case n < firstDup:
			r[4+n-firstTop] = nemoTop(text, words, g, all)
		default:
			r[4+n-firstTop] = ratio(g.nemoDup(), all)
		}
	}
	return r
}

// nemoTop is RepeatingTopNGramsFilter: the fraction of text that the most common n-gram takes, as often as it is found.
func nemoTop(text string, words []string, g *ngrams, all int) float64 {
	at, _ := g.top()
	most := strings.Join(words[at:at+g.n], " ")
	return ratio(strings.Count(text, most)*utf8.RuneCountInString(most), all)
}

// nemoDup is RepeatingDuplicateNGramsFilter: the characters of n-grams that occurred before, with their spaces.
func (g *ngrams) nemoDup() (length int) {
	g.table.reset(len(g.keys))
	overlap := 0
	for i, k := range g.keys {
		s := &g.table.slots[g.table.at(k)]
		if s.count > 0 {
			length += g.chars[i+g.n] - g.chars[i+overlap] + min(g.n-overlap, g.n-1)
			overlap = g.n
		}
		s.count++
		overlap = max(overlap-1, 0)
	}
	return length
}
