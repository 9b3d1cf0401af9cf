package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"unicode"
)

// A pool is sentences that people wrote: those of comments and notes in sources.
type pool struct {
	sentences []string
	seen      map[string]struct{}
	bytes     int
}

func newPool() *pool { return &pool{seen: map[string]struct{}{}} }

// add takes the sentences of a file.
func (p *pool) add(r row) {
	var paragraph strings.Builder
	flush := func() {
		for _, s := range strings.SplitAfter(paragraph.String(), ". ") {
			s = strings.TrimSpace(s)
			if _, again := p.seen[s]; !again && p.bytes < maxPool && isSentence(s) {
				p.seen[s] = struct{}{}
				p.sentences = append(p.sentences, s)
				p.bytes += len(s)
			}
		}
		paragraph.Reset()
	}
	ext := filepath.Ext(r.ID)
	for line := range strings.Lines(r.Text) {
		line = strings.TrimSpace(line)
		if ext == ".go" || ext == ".c" || ext == ".h" {
			var comment bool
			if line, comment = strings.CutPrefix(line, "//"); !comment {
				line = ""
			}
			line = strings.TrimSpace(line)
		}
		if line == "" {
			flush()
			continue
		}
		paragraph.WriteString(line)
		paragraph.WriteByte(' ')
	}
	flush()
}

// isSentence tells prose from code: 6 to 40 words, of letters nearly all, from a capital to a full stop.
func isSentence(s string) bool {
	words := strings.Count(s, " ") + 1
	if words < 6 || words > 40 || !strings.HasSuffix(s, ".") || s[0] < 'A' || s[0] > 'Z' || strings.Contains(s, "  ") {
		return false
	}
	letters, all := 0, 0
	for _, c := range s {
		all++
		switch {
		case unicode.IsLetter(c) || c == ' ':
			letters++
		case strings.ContainsRune("{}<>=|_\\[]#*/`@$^~", c):
			return false
		}
	}
	return letters*100 >= all*93
}

var (
	firstNames = strings.Fields("Anna Ben Clara David Emma Felix Grace Henry Ines Jonas Karin Leo Maria Noah Olga Paul Ruth Simon Tara Victor")
	lastNames  = strings.Fields("Adams Baker Costa Diaz Evans Fischer Garcia Hill Ivanov Jensen Kim Lopez Meyer Novak Olsen Patel Rossi Silva Turner Young")
	months     = strings.Fields("January February March April May June July August September October November December")
	notices    = []string{"This site uses cookies to give you the best experience. Read our privacy policy.", "Share this: Facebook Twitter Email", "Read more...",
		"All rights reserved. Terms of use.", "Sign in to leave a comment", "Home | About | Archive | Contact", "Subscribe to our newsletter"}
)

// pages yields pages like those of the web, until there are so many bytes: a title, a line about the author, paragraphs and lists of
// the pool's sentences, and what stands around texts on the web: notices, addresses, entities, wrong encodings. One in ten is an
// earlier page of which a few sentences are others. The same sentences give the same pages.
func (p *pool) pages(size int64, yield func(row) error) error {
	if len(p.sentences) == 0 {
		return nil
	}
	r := rand.New(rand.NewPCG(11, 13))
	var earlier [][][]string
	for i := 0; size > 0; i++ {
		var page [][]string
		if i > 20 && r.IntN(10) == 0 {
			for _, paragraph := range earlier[r.IntN(len(earlier))] {
				page = append(page, append([]string(nil), paragraph...))
			}
			for range 1 + r.IntN(3) {
				paragraph := page[r.IntN(len(page))]
				paragraph[r.IntN(len(paragraph))] = p.sentence(r)
			}
		} else {
			for range 3 + r.IntN(12) {
				paragraph := make([]string, 2+r.IntN(5))
				for j := range paragraph {
					paragraph[j] = p.sentence(r)
				}
				page = append(page, paragraph)
			}
		}
		if len(earlier) < 1000 {
			earlier = append(earlier, page)
		} else {
			earlier[r.IntN(len(earlier))] = page
		}
		text := p.write(r, page)
		size -= int64(len(text))
		if err := yield(row{fmt.Sprintf("page-%07d", i), text}); err != nil {
			return err
		}
	}
	return nil
}

func (p *pool) sentence(r *rand.Rand) string { return p.sentences[r.IntN(len(p.sentences))] }

// write makes a page's text.
func (p *pool) write(r *rand.Rand, page [][]string) string {
	var b strings.Builder
	one := func(of []string) string { return of[r.IntN(len(of))] }
	title := strings.Fields(page[0][0])
	b.WriteString(strings.Join(title[:5], " ") + "\n")
	if r.IntN(2) == 0 {
		b.WriteString(one(notices) + "\n")
	}
	first, last := one(firstNames), one(lastNames)
	fmt.Fprintf(&b, "Posted by %s %s on %s %d, %d | %d comments\n\n", first, last, one(months), 1+r.IntN(28), 2005+r.IntN(20), r.IntN(40))
	for _, paragraph := range page {
		if r.IntN(8) == 0 {
			for _, s := range paragraph {
				b.WriteString("- " + s + "\n")
			}
			b.WriteString("\n")
			continue
		}
		b.WriteString(strings.Join(paragraph, " ") + "\n\n")
	}
	if r.IntN(20) == 0 {
		fmt.Fprintf(&b, "Write to %s.%s@example.org or call +1 415 555 01%02d.\n", strings.ToLower(first), strings.ToLower(last), r.IntN(100))
	}
	for range r.IntN(3) {
		b.WriteString(one(notices) + "\n")
	}
	text := b.String()
	switch r.IntN(40) {
	case 0:
		text = strings.ReplaceAll(text, "'", "â€™")
	case 1:
		text = strings.ReplaceAll(text, " and ", " &amp; ")
	case 2:
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}
