// Package dedup finds what is there twice: equal records, paragraphs, lines and runs of words, near duplicates, records of earlier
// runs, and items of evaluations. Passes only say what they found; whoever applies their notes drops records and cuts texts.
package dedup

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeebo/xxh3"

	"temper/dataset"
)

// Exact removes equal records, and where it is told to, what stands in an earlier place of the same or another record's text: whole
// paragraphs, then whole lines, then runs of words. Turns of conversations are not cut.
type Exact struct {
	Normalize  bool `json:"normalize,omitempty" doc:"fold case and runs of white space before comparing" default:"false"`
	Paragraphs bool `json:"paragraphs,omitempty" doc:"cut paragraphs (lines without an empty one between them) that are there before" default:"false"`
	Lines      bool `json:"lines,omitempty" doc:"cut lines that are there before" default:"false"`
	Common     int  `json:"common_lines,omitempty" doc:"cut lines that more than so many records have, from all of them; absent: none"`
	MinWords   int  `json:"min_words,omitempty" doc:"paragraphs and lines of fewer words stay" default:"5"`
	Substring  int  `json:"substring,omitempty" doc:"cut runs of at least so many words that are there before, whatever the white space between them; absent: none"`
}

// WithDefaults fills in what is absent.
func (o Exact) WithDefaults() Exact {
	if o.MinWords == 0 {
		o.MinWords = 5
	}
	return o
}

// Validate says what is wrong with o, after WithDefaults.
func (o Exact) Validate() error {
	switch {
	case o.Common < 0:
		return fmt.Errorf("exact.common_lines is %d; it must be at least 1, or absent", o.Common)
	case o.MinWords < 1:
		return fmt.Errorf("exact.min_words is %d; it must be at least 1", o.MinWords)
	case o.Substring != 0 && (o.Substring < 4 || o.Substring > 10000):
		return fmt.Errorf("exact.substring is %d words; it must be 4 to 10000", o.Substring)
	}
	return nil
}

// content is what makes two records equal: the text, and the turns with their roles.
func content(rec dataset.Record, b []byte) []byte {
	b = append(b[:0], rec.Text...)
	for _, m := range rec.Messages {
		b = append(b, 0)
		b = append(b, m.Role...)
		b = append(b, 0)
		b = append(b, m.Content...)
	}
	return b
}

// folded is content in lower case with single spaces.
func folded(b []byte) []byte {
	out := make([]byte, 0, len(b))
	space := false
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		i += n
		if unicode.IsSpace(r) {
			space = len(out) > 0
			continue
		}
		if space {
			out = append(out, ' ')
			space = false
		}
		out = utf8.AppendRune(out, unicode.ToLower(r))
	}
	return out
}

// ExactNotes keeps the first of what is equal. Equal records are dropped by rule "exact", whose detail is the keeper's ID; rules
// "common_lines", "paragraphs", "lines" and "substring", in this order, cut texts, and drop a record, whole as it came, of which
// nothing would be left. Records, paragraphs and lines are compared by 128-bit hashes, runs of words by their words. Of equal
// records the first counts for common lines.
//
// It holds about 60 bytes a record, 30 a paragraph or line, and for substrings 2 bytes a word, 40 a word that is there twice, and
// the texts that these first stand in. For substrings, and for common lines, it reads in once more.
func ExactNotes(in dataset.Records, o Exact) dataset.Notes {
	o = o.WithDefaults()
	return func(yield func(dataset.Note, error) bool) {
		common, err := commonLines(in, o)
		if err != nil {
			yield(dataset.Note{}, err)
			return
		}
		var runs *runs
		if o.Substring > 0 {
			runs = newRuns(o)
			for n, err := range judged(in, o, common) {
				if err != nil {
					yield(dataset.Note{}, err)
					return
				}
				if n.Verdict() == nil {
					runs.look(n.left)
				}
			}
		}
		for n, err := range judged(in, o, common) {
			if err == nil && runs != nil && n.Verdict() == nil {
				n.cut("substring", runs.repeated(n.left))
			}
			if !yield(n.Note, err) || err != nil {
				return
			}
		}
	}
}

// A judgement is a note on its way.
type judgement struct {
	dataset.Note
	left string // the text with the edits so far
}

// judged judges records by all rules but that of substrings; common are lines to be cut wherever they stand.
func judged(in dataset.Records, o Exact, common map[xxh3.Uint128]struct{}) func(yield func(judgement, error) bool) {
	return func(yield func(judgement, error) bool) {
		seen := map[xxh3.Uint128]string{}
		paragraphs, lines := newBlocks(o, cutParagraphs), newBlocks(o, cutLines)
		var b []byte
		for rec, err := range in {
			if err != nil {
				yield(judgement{}, err)
				return
			}
			b = content(rec, b)
			key := b
			if o.Normalize {
				key = folded(b)
			}
			n := judgement{Note: dataset.Note{ID: rec.ID}, left: rec.Text}
			h := xxh3.Hash128(key)
			c := dataset.Check{Rule: "exact", Op: "<=", Threshold: 0}
			first, dup := seen[h]
			if dup {
				c.Value, c.Drop, c.Detail = 1, true, first
			} else {
				seen[h] = strings.Clone(rec.ID)
			}
			n.Checks = append(n.Checks, c)
			if o.Common > 0 && n.Verdict() == nil {
				n.cut("common_lines", linesOf(n.left, o, common))
			}
			if o.Paragraphs && n.Verdict() == nil {
				n.cut("paragraphs", paragraphs.repeated(n.left))
			}
			if o.Lines && n.Verdict() == nil {
				n.cut("lines", lines.repeated(n.left))
			}
			if !yield(n, nil) {
				return
			}
		}
	}
}

// cut cuts spans out of what is left; if that leaves nothing, the record is dropped as it came. Either way a check says how many bytes are left;
// signal cut_RULE says how many were cut.
func (n *judgement) cut(rule string, spans []span) {
	if n.left == "" {
		return // a conversation
	}
	c := dataset.Check{Rule: rule, Op: ">=", Threshold: 1}
	var left strings.Builder
	var edits []dataset.Edit
	at := 0
	for _, s := range spans {
		edits = append(edits, dataset.Edit{Rule: rule, Start: s.from, End: s.to, Old: n.left[s.from:s.to]})
		left.WriteString(n.left[at:s.from])
		at = s.to
	}
	left.WriteString(n.left[at:])
	if len(spans) > 0 && strings.TrimSpace(left.String()) == "" {
		c.Drop, n.Edits, n.Signals = true, nil, nil
	} else {
		if len(spans) > 0 {
			if n.Signals == nil {
				n.Signals = dataset.Signals{}
			}
			n.Signals["cut_"+rule] = float64(len(n.left) - left.Len())
		}
		n.left, n.Edits, c.Value = left.String(), append(n.Edits, edits...), float64(left.Len())
	}
	n.Checks = append(n.Checks, c)
}

// hash16 is the 16 bytes by which earlier records are known.
func hash16(rec dataset.Record, b []byte) ([16]byte, []byte) {
	b = content(rec, b)
	return xxh3.Hash128(b).Bytes(), b
}
