package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// A line is a line of a text that is not blank, without the spaces around it: text[start:end].
type line struct {
	start, end int
	runes      int
}

// A parts counts the lines or paragraphs of a text that are not blank.
type parts struct {
	count    int
	dups     int // those that occurred before
	dupChars int // their characters
	bullets  int // those that start with a bullet
	ellipses int // those that end with an ellipsis
}

// readLines finds and counts the lines of text; what was read last is not read again.
func (m *measure) readLines(text string) parts {
	if m.split && m.lined == text {
		return m.parts
	}
	m.lined, m.split, m.lines, m.parts = text, true, m.lines[:0], parts{}
	m.seen.reset(strings.Count(text, "\n") + 1)
	at := 0
	for raw := range strings.SplitSeq(text, "\n") {
		start := at
		at += len(raw) + 1
		left := strings.TrimLeftFunc(raw, unicode.IsSpace)
		s := strings.TrimRightFunc(left, unicode.IsSpace)
		if s == "" {
			continue
		}
		start += len(raw) - len(left)
		l := line{start: start, end: start + len(s), runes: utf8.RuneCountInString(s)}
		m.lines = append(m.lines, l)
		m.part(&m.parts, s, l.runes)
		if bullet(s) {
			m.parts.bullets++
		}
		if strings.HasSuffix(s, "...") || strings.HasSuffix(s, "…") {
			m.parts.ellipses++
		}
	}
	return m.parts
}

// splitParagraphs counts the paragraphs of text, which empty lines part.
func (m *measure) splitParagraphs(text string) (p parts) {
	m.seen.reset(strings.Count(text, "\n\n") + 1)
	for para := range strings.SplitSeq(text, "\n\n") {
		if para = strings.TrimSpace(para); para != "" {
			m.part(&p, para, -1)
		}
	}
	return p
}

// part takes up one line or paragraph of so many characters; a negative number is found out where it is needed.
func (m *measure) part(p *parts, s string, runes int) {
	p.count++
	slot := &m.seen.slots[m.seen.at(xxh3.HashString(s))]
	if slot.count > 0 {
		if runes < 0 {
			runes = utf8.RuneCountInString(s)
		}
		p.dups++
		p.dupChars += runes
	}
	slot.count++
}

// bullet reports whether line starts with a bullet: a bullet character, or a dash or star before a space.
func bullet(line string) bool {
	if line[0] < utf8.RuneSelf {
		return len(line) > 1 && line[1] == ' ' && (line[0] == '-' || line[0] == '*')
	}
	for _, b := range [...]string{"•", "‣", "●", "○", "◦", "▪", "■", "▶", "–"} {
		if strings.HasPrefix(line, b) {
			return true
		}
	}
	return false
}

// share is a part of a whole as a fraction, at most 1; 0 of nothing.
func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return min(1, float64(part)/float64(whole))
}
