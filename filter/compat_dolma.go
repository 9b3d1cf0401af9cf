package filter

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// dolmaQuality computes the signals as dolma's tagger gopher_v1 does (commit 669f534): words are runs without space; their
// length is the median; symbols are words with # or …; stop words are counted as often as they occur, in small letters; a
// bullet is * or - at the very start of a line; blank lines are lines; only … is an ellipsis.
func dolmaQuality(text string) quality {
	words, lines := strings.Fields(text), strings.Split(text, "\n")
	if text == "" {
		return quality{}
	}
	lengths := make([]int, len(words))
	symbols, alpha, stops := 0, 0, 0
	for i, w := range words {
		lengths[i] = utf8.RuneCountInString(w)
		if strings.ContainsAny(w, "#…") {
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
		if startsWithAny(l, "*", "-") {
			bullets++
		}
		if strings.HasSuffix(l, "…") {
			ellipses++
		}
	}
	return quality{words: float64(len(words)), wordLength: median(lengths), symbols: ratio(symbols, len(words)),
		bullets: ratio(bullets, len(lines)), ellipses: ratio(ellipses, len(lines)), alpha: ratio(alpha, len(words)), stops: float64(stops)}
}

// median returns the middle of v, or the mean of the two middle ones; 0 of nothing.
func median(v []int) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return float64(v[(len(v)-1)/2]+v[len(v)/2]) / 2
}

// dolmaRepetition computes the signals as dolma's tagger gopher_v1 does: all copies of repeated lines and n-grams count,
// the first too; spaces never do; there is no rule about paragraphs, so that their signals are 0.
func dolmaRepetition(m *measure, text string) (r [len(repetitionSignals)]float64) {
	words, lines := strings.Fields(text), strings.Split(text, "\n")
	if text == "" {
		return r
	}
	all := chars(words)
	counts := make(map[string]int, len(lines))
	for _, l := range lines {
		counts[l]++
	}
	count, length := 0, 0
	for l, n := range counts {
		if n > 1 {
			count += n
			length += n * utf8.RuneCountInString(l)
		}
	}
	r[2], r[3] = ratio(count, len(lines)), ratio(length, max(1, all))
	g := newNgrams(words, &m.grams)
	for n := firstTop; n < firstDup; n++ {
		g.grow()
		if at, times := g.top(); times > 0 {
			r[4+n-firstTop] = ratio(times*g.span(at), max(1, all))
		}
	}
	for n := firstDup; n <= lastDup; n++ {
		g.grow()
		g.count()
		length, whole := 0, 0
		for i := range g.keys {
			whole += g.span(i)
			if g.times(i) > 1 {
				length += g.span(i)
			}
		}
		r[4+n-firstTop] = ratio(length, whole)
	}
	return r
}
