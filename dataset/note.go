package dataset

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// A Note is what passes say about one record. Notes come in the order of the records they are about, one each.
type Note struct {
	ID      string  `json:"id"`
	Signals Signals `json:"signals,omitempty"`
	Checks  []Check `json:"checks,omitempty"` // every rule that looked, in order, whether it dropped the record or not
	Edits   []Edit  `json:"edits,omitempty"`  // in the order to apply
}

// Notes is a stream of notes. It ends at the first error.
type Notes = iter.Seq2[Note, error]

// Signals are a record's scores and labels by name: a float64 or a string each. Encoders write the names sorted.
type Signals map[string]any

// A Check is one rule's finding on one record.
type Check struct {
	Rule      string  `json:"rule"`             // such as gopher_quality.words
	Value     float64 `json:"value"`            // what was measured; for a rule about text, 1 or 0
	Op        string  `json:"op"`               // how Value must stand to Threshold to keep the record: >=, <=, ==
	Threshold float64 `json:"threshold"`        //
	Drop      bool    `json:"drop,omitempty"`   // the rule drops the record
	Detail    string  `json:"detail,omitempty"` // the language found, the keeper's ID, the matching text
}

// String says the check as a sentence: "gopher_quality.words: 12, must be >= 50".
func (c Check) String() string {
	s := fmt.Sprintf("%s: %.6g, must be %s %.6g", c.Rule, c.Value, c.Op, c.Threshold)
	if c.Detail != "" {
		s += " (" + c.Detail + ")"
	}
	return s
}

// Verdict returns the first check that drops the record, or nil: it is kept.
func (n Note) Verdict() *Check {
	for i := range n.Checks {
		if n.Checks[i].Drop {
			return &n.Checks[i]
		}
	}
	return nil
}

// An Edit replaces a span of a record's text. Start and End are byte offsets in the text as the rule saw it, that is
// with the edits of earlier rules applied and none of its own.
type Edit struct {
	Rule  string `json:"rule"`
	Start int    `json:"start"`
	End   int    `json:"end"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

// Apply returns text with edits applied, rule by rule. Edits of one rule are adjacent in the list, sorted by Start and
// do not overlap; a list that does not fit the text is a bug of the pass and returns an error naming the edit.
func Apply(text string, edits []Edit) (string, error) {
	for len(edits) > 0 {
		n := 1
		for n < len(edits) && edits[n].Rule == edits[0].Rule {
			n++
		}
		var b strings.Builder
		at := 0
		for _, e := range edits[:n] {
			if e.Start < at || e.End < e.Start || e.End > len(text) || text[e.Start:e.End] != e.Old {
				return "", fmt.Errorf("edit %s %d:%d does not fit its text of %d bytes", e.Rule, e.Start, e.End, len(text))
			}
			b.WriteString(text[at:e.Start])
			b.WriteString(e.New)
			at = e.End
		}
		b.WriteString(text[at:])
		text, edits = b.String(), edits[n:]
	}
	return text, nil
}

// A Row is a record with its note: what is published, and what the engines' commands write.
type Row struct {
	Record
	Signals Signals `json:"signals,omitempty"`
	Checks  []Check `json:"checks,omitempty"`
	Verdict *Check  `json:"verdict,omitempty"` // why it was dropped; nil for a kept row
}

// Rows is a stream of rows. It ends at the first error.
type Rows = iter.Seq2[Row, error]

// Join pairs records with the notes of any number of passes, given in pass order. Every note stream must have one note
// for every record, in order. A row's text has the edits applied; its verdict is the first dropping check.
func Join(recs Records, passes ...Notes) Rows {
	rows := func(yield func(Row, error) bool) {
		for rec, err := range recs {
			if !yield(Row{Record: rec}, err) || err != nil {
				return
			}
		}
	}
	for _, p := range passes {
		rows = Annotate(rows, p)
	}
	return rows
}

// add puts what one pass said about the row's record into it.
func (r *Row) add(n Note) error {
	text, err := Apply(r.Text, n.Edits)
	if err != nil {
		return fmt.Errorf("record %s: %w", r.ID, err)
	}
	r.Text = text
	if len(n.Signals) > 0 {
		merged := make(Signals, len(r.Signals)+len(n.Signals))
		for k, v := range r.Signals {
			merged[k] = v
		}
		for k, v := range n.Signals {
			merged[k] = v
		}
		r.Signals = merged
	}
	r.Checks = append(slices.Clip(r.Checks), n.Checks...)
	if v := n.Verdict(); v != nil && r.Verdict == nil {
		r.Verdict = v
	}
	return nil
}

// Kept yields the records of rows without a verdict.
func Kept(rows Rows) Records {
	return func(yield func(Record, error) bool) {
		for row, err := range rows {
			if err == nil && row.Verdict != nil {
				continue
			}
			if !yield(row.Record, err) || err != nil {
				return
			}
		}
	}
}

// Reasons counts dropped rows by the rule that dropped them.
type Reasons map[string]int64

// Top returns the rules, most drops first, ties by name.
func (r Reasons) Top() []string {
	var rules []string
	for rule := range r {
		rules = append(rules, rule)
	}
	slices.SortFunc(rules, func(a, b string) int { return cmp.Or(cmp.Compare(r[b], r[a]), cmp.Compare(a, b)) })
	return rules
}

// Annotate pairs rows with the notes of one more pass: Join for rows that passes have looked at before.
func Annotate(rows Rows, notes Notes) Rows {
	return func(yield func(Row, error) bool) {
		next, stop := iter.Pull2(notes)
		defer stop()
		for row, err := range rows {
			if err == nil {
				note, nerr, ok := next()
				switch {
				case nerr != nil:
					err = nerr
				case !ok || note.ID != row.ID:
					err = fmt.Errorf("the pass has no note for record %s: %w", row.ID, ErrMalformed)
				default:
					err = row.add(note)
				}
			}
			if err != nil {
				yield(Row{}, err)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}
