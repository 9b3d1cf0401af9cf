package dedup

import (
	"errors"
	"fmt"
	"strings"

	"temper/dataset"
)

// Decontaminate drops records that hold items of evaluations, in these ways:
//
//   - a run of NGram words that a question or an answer has too, whatever the rest is (Brown et al. 2020, appendix C);
//   - the whole of a shorter question, with its answer or words of its passage near it, where it has these;
//   - most of a longer question, as weighed by how rare its words are: see Score (after decon, Allen Institute for AI, 2025).
//
// Words are runs of letters and digits in lower case; a Chinese or Japanese character is one by itself.
type Decontaminate struct {
	Against []string `json:"against" doc:"evaluation files, JSONL: questions and answers"`
	NGram   int      `json:"ngram,omitempty" doc:"words in a row that a record and an item must share; shorter questions are looked for whole" default:"13"`
	Score   float64  `json:"score,omitempty" doc:"share of a question of 40 words or more, weighed by the rarity of its words, that makes a near copy; shorter ones need more, up to all of it at 12 words; 1 finds verbatim ones only" default:"0.8"`
	Short   int      `json:"short,omitempty" doc:"questions of fewer words count only with their answer right after them" default:"5"`
	Alone   bool     `json:"alone,omitempty" doc:"questions of fewer words than ngram, but not of fewer than short, count without their answer too" default:"false"`
}

// WithDefaults fills in what is absent.
func (o Decontaminate) WithDefaults() Decontaminate {
	if o.NGram == 0 {
		o.NGram = 13
	}
	if o.Score == 0 {
		o.Score = 0.8
	}
	if o.Short == 0 {
		o.Short = min(5, o.NGram)
	}
	return o
}

// Validate says what is wrong with o, after WithDefaults.
func (o Decontaminate) Validate() error {
	switch {
	case len(o.Against) == 0:
		return errors.New("decontaminate.against names no evaluation files")
	case o.NGram < 3 || o.NGram > maxNGram:
		return fmt.Errorf("decontaminate.ngram is %d; it must be 3 to %d", o.NGram, maxNGram)
	case !(o.Score > 0 && o.Score <= 1):
		return fmt.Errorf("decontaminate.score is %g; it must be above 0 and at most 1", o.Score)
	case o.Short < 1 || o.Short > o.NGram:
		return fmt.Errorf("decontaminate.short is %d; it must be 1 to ngram, %d", o.Short, o.NGram)
	}
	return nil
}

// maxNGram bounds the words of a run.
const maxNGram = 100

// An item is a question with the answers that records give to it, as multiple choices do.
type item struct {
	text    string
	words   []uint64
	weight  float64 // of all its words
	answers []answer
}

// An answer is what one record says about a question.
type answer struct {
	id      string // of the record
	text    string
	words   []uint64
	passage int32 // among the passages; -1 for none
}

// partsOf are a record's question, answer and passage: its text; or its last turn, where it is the assistant's, and the ones before.
// The passage is the meta field of that name.
func partsOf(rec dataset.Record) (question, answer, passage string) {
	turns := rec.Messages
	if n := len(turns); n > 1 && turns[n-1].Role == "assistant" {
		answer, turns = turns[n-1].Content, turns[:n-1]
	}
	return strings.TrimSpace(textOf(dataset.Record{Text: rec.Text, Messages: turns})), answer, rec.Meta["passage"]
}

// textOf is the text and the turns of a record, a line each.
func textOf(rec dataset.Record) string {
	if len(rec.Messages) == 0 {
		return rec.Text
	}
	parts := make([]string, 0, 1+len(rec.Messages))
	if rec.Text != "" {
		parts = append(parts, rec.Text)
	}
	for _, m := range rec.Messages {
		parts = append(parts, m.Content)
	}
	return strings.Join(parts, "\n")
}

// A Match is an item found in a record.
type Match struct {
	Record string  `json:"record"`
	Item   string  `json:"item"`      // the ID of the evaluation's record
	Part   string  `json:"part"`      // what was found: question, answer, question+answer, question+passage
	Score  float64 `json:"score"`     // the share of the question, or of the answer, that was found, weighed by the rarity of its words
	From   int     `json:"from"`      // offset of the first byte found, in the record's text and turns with a line end between them
	To     int     `json:"to"`        // offset of the first byte after it
	Found  string  `json:"found"`     // the record's words
	Asked  string  `json:"item_text"` // the item's question; where only the answer was found, the answer
}

// String shows both texts side by side, each at most 200 characters.
func (m Match) String() string {
	return fmt.Sprintf("%s: %s (%s, %.2f of %s)", m.Item, clip(m.Found), m.Part, m.Score, clip(m.Asked))
}

// clip is a text in one line, its middle left out where it has over 200 characters.
func clip(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > 200 {
		return string(r[:100]) + " … " + string(r[len(r)-97:])
	}
	return string(r)
}

// Notes drops records that hold an item: rule "contamination", whose value is the share of the item that was found, and whose
// detail both texts. Where report is not nil it is told of every item, once a record.
func (e *Evals) Notes(in dataset.Records, report func(Match) error) dataset.Notes {
	return func(yield func(dataset.Note, error) bool) {
		for rec, err := range in {
			if err != nil {
				yield(dataset.Note{}, err)
				return
			}
			c := dataset.Check{Rule: "contamination", Op: "<=", Threshold: 0}
			found := e.scan(textOf(rec), report != nil)
			if len(found) > 0 {
				c.Value, c.Drop, c.Detail = found[0].Score, true, found[0].String()
			}
			for _, m := range found {
				if m.Record = rec.ID; report == nil {
					break
				}
				if err := report(m); err != nil {
					yield(dataset.Note{}, err)
					return
				}
			}
			if !yield(dataset.Note{ID: rec.ID, Checks: []dataset.Check{c}}, nil) {
				return
			}
		}
	}
}
