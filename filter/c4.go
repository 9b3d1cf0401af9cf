package filter

import (
	"fmt"
	"slices"
	"strings"

	"temper/dataset"
)

// C4 removes lines that are no sentences and drops pages that have few left or are no prose. In numbers 0 is the default
// and a negative one turns the rule off.
//
// Lines are parted by \n; blank ones are removed, and the spaces around the others. A line goes if it does not end with
// . ? ! " or ', or ends with ...; if it has too few words (runs without space) or one that is too long; if it says
// javascript; or if it speaks of terms of use, privacy or cookies. The marks of citations ([1], [], [edit], [citation
// needed]) are cut out of lines. A page goes if what is left has too few sentences, or if a line that had passed so far
// has a { or the words lorem ipsum. Sentences end with . ? ! … before a space or the end of a line; a line that ends
// without is one too; the dots of initials and of abbreviations such as Dr. or e.g. are none.
//
// Signals: c4_sentences, c4_lines_removed (fraction of lines that are not blank), c4_lorem_ipsum and c4_curly_bracket
// (lines with them), c4_long_lines (lines of 200 characters or more of the text as it came). Conversations are counted so
// too, and stay as they are.
//
// Sources: Raffel et al. 2020, arXiv:1910.10683, §2.2, and its published code for what the paper leaves open (long words,
// policies, citations); long lines: Xue et al. 2021, arXiv:2010.11934, §3.1. Differences from datatrove: sentences are cut
// by the rule above instead of a language's model; \r and other ends of lines are for fix_text.
type C4 struct {
	MinSentences  int      `json:"min_sentences,omitempty" doc:"sentences at least, in the lines that are left; negative: off" default:"5"`
	MinLineWords  int      `json:"min_line_words,omitempty" doc:"words of a line at least; negative: off" default:"3"`
	MaxWordLength int      `json:"max_word_length,omitempty" doc:"characters of a word at most, else its line goes; negative: off" default:"1000"`
	MinLongLines  int      `json:"min_long_lines,omitempty" doc:"lines of 200 characters at least (mC4's rule asks for 3); 0: off"`
	Allow         []string `json:"allow,omitempty" doc:"what to leave alone: no_end_mark, citations, javascript, policy, lorem_ipsum, curly_bracket; FineWeb allows no_end_mark"`
}

// c4Allow are the rules of C4 that can be turned off by name.
var c4Allow = []string{"no_end_mark", "citations", "javascript", "policy", "lorem_ipsum", "curly_bracket"}

// longLine is what mC4 calls a paragraph, in characters.
const longLine = 200

// WithDefaults fills in what is 0.
func (o C4) WithDefaults() C4 {
	o.MinSentences = orDefault(o.MinSentences, 5)
	o.MinLineWords = orDefault(o.MinLineWords, 3)
	o.MaxWordLength = orDefault(o.MaxWordLength, 1000)
	return o
}

// Validate says what is wrong with the options.
func (o C4) Validate() error {
	for i, a := range o.Allow {
		if !slices.Contains(c4Allow, a) {
			return fmt.Errorf("allow[%d] is %q: must be one of %s", i, a, strings.Join(c4Allow, ", "))
		}
	}
	return nil
}

func (o C4) name() string    { return stepC4 }
func (o C4) validate() error { return o.Validate() }

func (o C4) names() []string {
	return []string{"c4_sentences", "c4_lines_removed", "c4_lorem_ipsum", "c4_curly_bracket", "c4_long_lines"}
}

// scored returns the options as far as they decide what score does.
func (o C4) scored() C4 {
	return C4{MinLineWords: o.MinLineWords, MaxWordLength: o.MaxWordLength, Allow: o.Allow}
}

func (o C4) score(s *subject) {
	s.m.readLines(s.text)
	var found c4Counts
	cut := cutter{text: s.text, rule: stepC4}
	for _, l := range s.m.lines {
		if l.runes >= longLine {
			found.long++
		}
		o.line(s.text[l.start:l.end], l, &cut, &found)
	}
	if !s.fixed {
		s.edits = append(s.edits, cut.done()...)
	}
	s.signals["c4_sentences"] = float64(found.sentences)
	s.signals["c4_lines_removed"] = share(len(s.m.lines)-found.kept, len(s.m.lines))
	s.signals["c4_lorem_ipsum"] = float64(found.lorem)
	s.signals["c4_curly_bracket"] = float64(found.curly)
	s.signals["c4_long_lines"] = float64(found.long)
}

// A c4Counts is what C4 found in a text.
type c4Counts struct{ kept, sentences, lorem, curly, long int }

// line keeps or removes one line; the order of the rules is that of the published code.
func (o C4) line(text string, at line, cut *cutter, found *c4Counts) {
	words, longest := countFields(text)
	if o.MaxWordLength > 0 && longest > o.MaxWordLength {
		return
	}
	var marks []span
	if !o.allows("citations") {
		marks = citations(text)
	}
	if !o.allows("no_end_mark") && !endsSentence(without(text, marks)) || words < o.MinLineWords {
		return
	}
	said := phrases(text)
	if said&saysLorem != 0 {
		found.lorem++
	}
	if said&saysJavascript != 0 && !o.allows("javascript") {
		return
	}
	if strings.IndexByte(text, '{') >= 0 {
		found.curly++
	}
	if said&saysPolicy != 0 && !o.allows("policy") {
		return
	}
	found.kept++
	found.sentences += sentences(text)
	cut.keep(at.start, at.end)
	for _, m := range marks {
		cut.remove(at.start+m.start, at.start+m.end)
	}
}

func (o C4) allows(rule string) bool { return slices.Contains(o.Allow, rule) }

func (o C4) judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	limits := []limit{atMost("c4_lorem_ipsum", 0), atMost("c4_curly_bracket", 0),
		atLeast("c4_sentences", float64(o.MinSentences)), atLeast("c4_long_lines", float64(o.MinLongLines))}
	limits[0].off, limits[1].off, limits[3].off = o.allows("lorem_ipsum"), o.allows("curly_bracket"), o.MinLongLines <= 0
	return judgeLimits(stepC4, limits, row, checks)
}

// endsSentence reports whether a line ends with a mark that C4 takes for the end of a sentence.
func endsSentence(text string) bool {
	if text == "" || strings.HasSuffix(text, "...") {
		return false
	}
	switch text[len(text)-1] {
	case '.', '?', '!', '"', '\'':
		return true
	}
	return false
}

// A span is text[start:end].
type span struct{ start, end int }

// without returns text without spans at its end: what stands before them ends the line.
func without(text string, spans []span) string {
	for i := len(spans) - 1; i >= 0 && spans[i].end == len(text); i-- {
		text = text[:spans[i].start]
	}
	return text
}

// citations returns the marks of citations in text: [12], [], [edit], [citation needed].
func citations(text string) (found []span) {
	for i := 0; ; {
		n := strings.IndexByte(text[i:], '[')
		if n < 0 {
			return found
		}
		i += n
		end := i + 1
		for end < len(text) && '0' <= text[end] && text[end] <= '9' {
			end++
		}
		switch rest := text[i:]; {
		case end < len(text) && text[end] == ']':
			end++
		case strings.HasPrefix(rest, "[edit]"):
			end = i + len("[edit]")
		case strings.HasPrefix(rest, "[citation needed]"):
			end = i + len("[citation needed]")
		default:
			i++
			continue
		}
		found = append(found, span{i, end})
		i = end
	}
}
