// Package filter measures texts, repairs them, and judges them by rules.
//
// It works in two passes. Score is the expensive one: it yields each record's signals (numbers and labels) and edits
// (repairs, redactions). Judge is cheap: it compares the signals with thresholds and yields a check for every rule. So
// a threshold can be moved without measuring anything again. Notes does both at once.
//
// The steps run in order, each on the text as the steps before it left it; expressions (where) see the final text. A
// conversation is measured as its turns joined by empty lines, and is never edited.
//
// Sources: Rae et al. 2021, arXiv:2112.11446, appendix A.1.1 (quality and repetition rules, table A1); the definitions
// of a line, a duplicate and a repeated n-gram follow datatrove (Penedo et al. 2024), with the differences that
// [GopherQuality] and [GopherRepetition] name.
package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"temper/dataset"
)

// Signals that every scored record has.
const (
	SignalWords = "words" // words of the text, see [GopherQuality]
	SignalChars = "chars" // characters (code points) of the text
)

// Score yields a note with signals and edits for every record, in order: no checks, and thresholds change nothing. It
// ends at the first error: the stream's, or bad steps (see [Check]).
func Score(in dataset.Records, steps []Step) dataset.Notes {
	return func(yield func(dataset.Note, error) bool) {
		rules, err := scorers(steps)
		if err != nil {
			yield(dataset.Note{}, err)
			return
		}
		m := new(measure)
		for rec, err := range in {
			note := dataset.Note{}
			if err == nil {
				note, _, err = score(m, rec, rules)
			}
			if !yield(note, err) || err != nil {
				return
			}
		}
	}
}

// Judge yields a note with the checks of every rule for every row, in order: no signals, no edits. The rows carry the
// signals of Score, and its edits are applied to them. It ends at the first error: the stream's, bad steps (see
// [Check]), a row without the signals, or an expression that cannot be evaluated.
func Judge(rows dataset.Rows, steps []Step) dataset.Notes {
	return func(yield func(dataset.Note, error) bool) {
		rules, err := build(steps)
		if err != nil {
			yield(dataset.Note{}, err)
			return
		}
		for row, err := range rows {
			note := dataset.Note{}
			if err == nil {
				note.ID = row.ID
				note.Checks, err = judge(row, rules)
			}
			if !yield(note, err) || err != nil {
				return
			}
		}
	}
}

// Notes yields signals, edits and checks for every record, in order: Score and Judge in one pass.
func Notes(in dataset.Records, steps []Step) dataset.Notes {
	return func(yield func(dataset.Note, error) bool) {
		rules, err := scorers(steps)
		if err != nil {
			yield(dataset.Note{}, err)
			return
		}
		m := new(measure)
		for rec, err := range in {
			note := dataset.Note{}
			if err == nil {
				note, err = whole(m, rec, rules)
			}
			if !yield(note, err) || err != nil {
				return
			}
		}
	}
}

// Ready says what keeps steps from being scored here: what [Check] says, a list that was not read, the key of pseudonyms.
func Ready(steps []Step) error {
	_, err := scorers(steps)
	return err
}

// scorers returns steps ready to score.
func scorers(steps []Step) ([]rule, error) {
	rules, err := build(steps)
	if err != nil {
		return nil, err
	}
	return prepare(rules)
}

// whole scores and judges one record.
func whole(m *measure, rec dataset.Record, rules []rule) (dataset.Note, error) {
	note, text, err := score(m, rec, rules)
	if err != nil {
		return dataset.Note{}, err
	}
	if len(rec.Messages) == 0 {
		rec.Text = text
	}
	note.Checks, err = judge(dataset.Row{Record: rec, Signals: note.Signals}, rules)
	if err != nil {
		return dataset.Note{}, err
	}
	return note, nil
}

// score runs the measuring half of rules on rec and returns its note and the text with all edits applied.
func score(m *measure, rec dataset.Record, rules []rule) (dataset.Note, string, error) {
	s := subject{m: m, text: Content(rec), meta: rec.Meta, source: rec.Source, messages: rec.Messages,
		fixed: len(rec.Messages) > 0, signals: make(dataset.Signals, 32)}
	for _, r := range rules {
		before := len(s.edits)
		r.score(&s)
		if made := s.edits[before:]; len(made) > 0 {
			text, err := dataset.Apply(s.text, made)
			if err != nil {
				return dataset.Note{}, "", fmt.Errorf("record %s: %s: %w", rec.ID, r.name(), err)
			}
			s.text = text
		}
	}
	if _, ok := s.signals[SignalWords]; !ok {
		m.read(s.text)
		s.signals[SignalWords] = float64(m.words)
	}
	s.signals[SignalChars] = float64(utf8.RuneCountInString(s.text))
	return dataset.Note{ID: rec.ID, Signals: s.signals, Edits: s.edits}, s.text, nil
}

// judge runs the deciding half of rules on row.
func judge(row dataset.Row, rules []rule) ([]dataset.Check, error) {
	checks := make([]dataset.Check, 0, 4*len(rules))
	for _, r := range rules {
		var err error
		if checks, err = r.judge(row, checks); err != nil {
			return nil, fmt.Errorf("record %s: %s: %w", row.ID, r.name(), err)
		}
	}
	return checks, nil
}

// Content is the text of rec that is measured: of a conversation the turns, joined by empty lines.
func Content(rec dataset.Record) string {
	if len(rec.Messages) == 0 {
		return rec.Text
	}
	var b strings.Builder
	for i, m := range rec.Messages {
		if i > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(m.Content)
	}
	return b.String()
}

// A subject is one record while it is scored.
type subject struct {
	m        *measure
	text     string // with the edits of earlier steps applied
	meta     dataset.Meta
	source   dataset.Source
	messages []dataset.Message
	fixed    bool // edits must not be made: the record is a conversation
	signals  dataset.Signals
	edits    []dataset.Edit
}
