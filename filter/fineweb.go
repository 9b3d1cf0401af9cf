package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"temper/dataset"
)

// FineWeb drops pages that are lists or lines torn out of a page's frame. In every option 0 is the default and a negative
// number turns the rule off; fractions are 0 to 1.
//
// Lines are parted by \n and blank ones do not count. line_punct_ratio is the fraction of lines that end with a mark that
// ends a sentence (Unicode's property Sentence_Terminal; datatrove's list says the same). short_line_ratio is the fraction
// of lines with so many characters or fewer. char_dup_ratio stands the characters of lines that occurred before to all
// characters but \n. list_ratio is \n a token: words, see [GopherQuality], and runs of symbols. Differences from datatrove:
// spaces around lines do not count, and tokens are cut by characters instead of a language's tokenizer; with compat:
// datatrove lines are taken with the spaces around them.
//
// Source: Penedo et al. 2024, arXiv:2406.17557, §3.6.
type FineWeb struct {
	MinPunctLines  float64 `json:"min_punct_lines,omitempty" doc:"fraction of lines that end with a mark of punctuation at least; negative: off" default:"0.12"`
	MaxShortLines  float64 `json:"max_short_lines,omitempty" doc:"fraction of short lines at most; negative: off" default:"0.67"`
	ShortLine      int     `json:"short_line,omitempty" doc:"characters of a short line at most" default:"30"`
	MaxCharDup     float64 `json:"max_char_dup,omitempty" doc:"fraction of characters in lines that occurred before at most; negative: off" default:"0.01"`
	MaxNewlineRate float64 `json:"max_newline_rate,omitempty" doc:"line breaks a word or symbol at most; negative: off" default:"0.3"`
	Compat         string  `json:"compat,omitempty" doc:"another project's definitions: datatrove" enum:"datatrove"`
}

// WithDefaults fills in what is 0.
func (o FineWeb) WithDefaults() FineWeb {
	o.MinPunctLines = orDefault(o.MinPunctLines, 0.12)
	o.MaxShortLines = orDefault(o.MaxShortLines, 0.67)
	o.ShortLine = orDefault(o.ShortLine, 30)
	o.MaxCharDup = orDefault(o.MaxCharDup, 0.01)
	o.MaxNewlineRate = orDefault(o.MaxNewlineRate, 0.3)
	return o
}

// Validate says what is wrong with the options.
func (o FineWeb) Validate() error {
	if o.ShortLine < 0 {
		return fmt.Errorf("short_line is %d: must be 1 or more", o.ShortLine)
	}
	if err := compatOf(o.Compat, compatDatatrove); err != nil {
		return err
	}
	return fractions([]option{{"min_punct_lines", o.MinPunctLines}, {"max_short_lines", o.MaxShortLines}, {"max_char_dup", o.MaxCharDup}})
}

func (o FineWeb) name() string    { return stepFineWeb }
func (o FineWeb) validate() error { return o.Validate() }

func (o FineWeb) names() []string {
	return []string{"line_punct_ratio", "short_line_ratio", "char_dup_ratio", "list_ratio"}
}

// scored returns the options as far as they decide what score does.
func (o FineWeb) scored() FineWeb { return FineWeb{ShortLine: o.ShortLine, Compat: o.Compat} }

func (o FineWeb) score(s *subject) {
	m := s.m
	m.read(s.text)
	lines := m.readLines(s.text)
	ended, short := 0, 0
	var texts []string // with the spaces around them
	for _, l := range m.lines {
		text, runes := s.text[l.start:l.end], l.runes
		if o.Compat == compatDatatrove {
			text = spaced(s.text, l)
			texts = append(texts, text)
			runes = utf8.RuneCountInString(text)
		}
		if terminal(text) {
			ended++
		}
		if runes <= o.ShortLine {
			short++
		}
	}
	breaks := strings.Count(s.text, "\n")
	s.signals["line_punct_ratio"] = share(ended, lines.count)
	s.signals["short_line_ratio"] = share(short, lines.count)
	dups := lines.dupChars
	if o.Compat == compatDatatrove {
		_, dups = m.repeated(texts)
	}
	s.signals["char_dup_ratio"] = share(dups, m.runes-breaks)
	s.signals["list_ratio"] = float64(breaks) / float64(max(1, len(m.tokens)))
}

func (o FineWeb) judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	return judgeLimits(stepFineWeb, []limit{
		atLeast("line_punct_ratio", o.MinPunctLines),
		atMost("short_line_ratio", o.MaxShortLines),
		atMost("char_dup_ratio", o.MaxCharDup),
		atMost("list_ratio", o.MaxNewlineRate),
	}, row, checks)
}
