package filter

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// datatroveQuality computes the signals as datatrove's GopherQualityFilter does (commit a649de79), on our tokens: a stop
// word counts once and in small letters only, a bullet is • or -, blank lines are lines, and alpha_words is of tokens.
func datatroveQuality(text string) quality {
	tokens, lines := pieces(text), breakLines(text)
	words, length, alpha := 0, 0, 0
	stops := make(map[string]bool, len(stopWords))
	for _, t := range tokens {
		kind, size := kindAt(t, 0)
		if _, _, _, word := scanToken(t, 0, kind, size); word {
			words++
			length += utf8.RuneCountInString(t)
		}
		if hasAlpha(t) {
			alpha++
		}
		if isStop(t) {
			stops[t] = true
		}
	}
	bullets, ellipses := 0, 0
	for _, l := range lines {
		l = strings.TrimSpace(l)
		if startsWithAny(l, "•", "-") {
			bullets++
		}
		if endsWithAny(l, "...", "…") {
			ellipses++
		}
	}
	symbols := max(strings.Count(text, "#"), strings.Count(text, "...")+strings.Count(text, "…"))
	return quality{words: float64(words), wordLength: ratio(length, words), symbols: ratio(symbols, len(tokens)),
		bullets: ratio(bullets, len(lines)), ellipses: ratio(ellipses, len(lines)), alpha: ratio(alpha, len(tokens)), stops: float64(len(stops))}
}

// breakLines cuts text at the characters at which Python's splitlines does; an end of line at the end makes no last line.
func breakLines(text string) []string {
	var lines []string
	start := 0
	for i, r := range text {
		if i < start {
			continue
		}
		switch r {
		case '\n', '\v', '\f', '\r', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
			lines = append(lines, text[start:i])
			start = i + utf8.RuneLen(r)
			if r == '\r' && strings.HasPrefix(text[start:], "\n") {
				start++
			}
		}
	}
	if start < len(text) {
		lines = append(lines, text[start:])
	}
	return lines
}

var (
	paragraphBreak = regexp.MustCompile(`\n{2,}`)
	lineBreak      = regexp.MustCompile(`\n+`)
)

// datatroveRepetition computes the signals as datatrove's GopherRepetitionFilter does, on our tokens: what an end of text
// leaves behind counts as a line, lines are compared with the spaces around them, and an n-gram that occurs once counts.
func datatroveRepetition(m *measure, text string) (r [len(repetitionSignals)]float64) {
	all := utf8.RuneCountInString(text)
	if all == 0 {
		return r
	}
	paras := paragraphBreak.Split(strings.TrimSpace(text), -1)
	count, length := m.repeated(paras)
	r[0], r[1] = ratio(count, len(paras)), ratio(length, all)
	lines := lineBreak.Split(text, -1)
	count, length = m.repeated(lines)
	r[2], r[3] = ratio(count, len(lines)), ratio(length, all)
	tokens := pieces(text)
	g := newNgrams(tokens, &m.grams)
	for n := firstTop; n < firstDup; n++ {
		g.grow()
		if at, times := g.top(); times > 0 {
			r[4+n-firstTop] = ratio((g.span(at)+n-1)*times, all)
		}
	}
	for n := firstDup; n <= lastDup; n++ {
		seen, length := make(map[string]bool, len(tokens)), 0
		for i := 0; i+n <= len(tokens); i++ {
			g := strings.Join(tokens[i:i+n], "")
			if seen[g] {
				length += utf8.RuneCountInString(g)
				i += n - 1
			}
			seen[g] = true
		}
		r[4+n-firstTop] = ratio(length, all)
	}
	return r
}
