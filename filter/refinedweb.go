package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"temper/dataset"
)

// RefinedWeb removes the lines of a page's frame: menus, counters, calls to sign in. A page that loses too many of its
// words is dropped whole. In every option 0 is the default and a negative number turns the rule off; fractions are 0 to 1.
//
// Lines are parted by \n, blank ones stay. A line goes if more than max_upper of its characters are capitals; if it is made
// of digits; if it is a counter (a number, with a comma, a point or K, M, B in it, and one word such as likes, shares,
// comments, views); if it has fewer than min_line_words words (runs without space); or if it has at most 10 words and
// starts with sign-in, ends with read more..., or says items in cart. What is removed are whole lines with their \n.
//
// Signal: refinedweb_removed, the fraction of the words that stand in such lines. Conversations are measured and stay.
//
// Sources: Penedo et al. 2023, arXiv:2306.01116, §3.2 and appendix G.2; thresholds as in DCLM's baseline (Li et al. 2024,
// arXiv:2406.11794, appendix E).
type RefinedWeb struct {
	MaxUpper     float64 `json:"max_upper,omitempty" doc:"fraction of capitals of a line at most, else it goes; negative: off" default:"0.5"`
	MinLineWords int     `json:"min_line_words,omitempty" doc:"words of a line at least, else it goes; negative: off" default:"2"`
	MaxRemoved   float64 `json:"max_removed,omitempty" doc:"fraction of words in removed lines at most, else the page goes; negative: off" default:"0.05"`
}

// WithDefaults fills in what is 0.
func (o RefinedWeb) WithDefaults() RefinedWeb {
	o.MaxUpper = orDefault(o.MaxUpper, 0.5)
	o.MinLineWords = orDefault(o.MinLineWords, 2)
	o.MaxRemoved = orDefault(o.MaxRemoved, 0.05)
	return o
}

// Validate says what is wrong with the options.
func (o RefinedWeb) Validate() error {
	return fractions([]option{{"max_upper", o.MaxUpper}, {"max_removed", o.MaxRemoved}})
}

func (o RefinedWeb) name() string    { return stepRefinedWeb }
func (o RefinedWeb) validate() error { return o.Validate() }
func (o RefinedWeb) names() []string { return []string{"refinedweb_removed"} }

// scored returns the options as far as they decide what score does.
func (o RefinedWeb) scored() RefinedWeb {
	return RefinedWeb{MaxUpper: o.MaxUpper, MinLineWords: o.MinLineWords}
}

func (o RefinedWeb) score(s *subject) {
	s.m.readLines(s.text)
	all, gone := 0, 0
	var edits []dataset.Edit
	for _, l := range s.m.lines {
		text := s.text[l.start:l.end]
		words, _ := countFields(text)
		all += words
		if !o.frame(text, l.runes, words) {
			continue
		}
		gone += words
		start := strings.LastIndexByte(s.text[:l.start], '\n') + 1
		end := len(s.text)
		if n := strings.IndexByte(s.text[l.end:], '\n'); n >= 0 {
			end = l.end + n + 1
		}
		if n := len(edits) - 1; n >= 0 && edits[n].End == start {
			edits[n].End, edits[n].Old = end, s.text[edits[n].Start:end]
			continue
		}
		edits = append(edits, dataset.Edit{Rule: stepRefinedWeb, Start: start, End: end, Old: s.text[start:end]})
	}
	if !s.fixed {
		s.edits = append(s.edits, own(edits)...)
	}
	s.signals["refinedweb_removed"] = share(gone, all)
}

// frame reports whether a line is part of a page's frame.
func (o RefinedWeb) frame(text string, runes, words int) bool {
	if words < o.MinLineWords {
		return true
	}
	upper, digits := 0, 0
	for _, r := range text {
		switch {
		case 'A' <= r && r <= 'Z', r >= utf8.RuneSelf && unicode.IsUpper(r):
			upper++
		case '0' <= r && r <= '9':
			digits++
		}
	}
	if o.MaxUpper >= 0 && float64(upper) > o.MaxUpper*float64(runes) || digits == runes {
		return true
	}
	if words > 10 {
		return false
	}
	small := strings.ToLower(text)
	return counter(small) || strings.HasPrefix(small, "sign-in") || endsWithAny(small, "read more...", "read more…") ||
		strings.Contains(small, "items in cart")
}

// counted are the words of counters.
var counted = map[string]bool{"likes": true, "shares": true, "comments": true, "retweets": true, "reposts": true, "quotes": true,
	"bookmarks": true, "upvotes": true, "downvotes": true, "downloads": true, "views": true, "followers": true}

// counter reports whether text, in small letters, is a number and a word of counted, with nothing but signs around them.
func counter(text string) bool {
	text = strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	digits := 0
	rest := strings.TrimLeftFunc(text, func(r rune) bool {
		if unicode.IsDigit(r) {
			digits++
		}
		return unicode.IsDigit(r) || r == ',' || r == '.'
	})
	if digits == 0 {
		return false
	}
	if word := strings.TrimLeft(rest, "kmb"); word != rest && len(rest)-len(word) == 1 {
		rest = word
	}
	return counted[strings.TrimSpace(rest)]
}

func (o RefinedWeb) judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	return judgeLimits(stepRefinedWeb, []limit{atMost("refinedweb_removed", o.MaxRemoved)}, row, checks)
}
