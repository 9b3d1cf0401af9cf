package dedup

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/zeebo/xxh3"

	"temper/dataset"
)

// Decontaminate drops records that hold items of evaluations: a run of words that both have.
type Decontaminate struct {
	Against []string `json:"against" doc:"evaluation files, JSONL: questions and answers"`
	NGram   int      `json:"ngram,omitempty" doc:"words in a row that two texts must share; shorter items are looked for whole" default:"13"`
	Short   int      `json:"short,omitempty" doc:"items of fewer words are not looked for: they occur everywhere" default:"5"`
}

// WithDefaults fills in what is absent.
func (o Decontaminate) WithDefaults() Decontaminate {
	if o.NGram == 0 {
		o.NGram = 13
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
	case o.NGram < 3 || o.NGram > 100:
		return fmt.Errorf("decontaminate.ngram is %d; it must be 3 to 100", o.NGram)
	case o.Short < 1 || o.Short > o.NGram:
		return fmt.Errorf("decontaminate.short is %d; it must be 1 to ngram, %d", o.Short, o.NGram)
	}
	return nil
}

// Evals is an index of evaluation items. It is safe for concurrent use.
type Evals struct {
	o       Decontaminate
	items   []string                  // IDs
	byHash  map[int]map[uint64]string // for each length in words: the hash of a run of words to the item it is of
	lengths []int
	skipped int
}

// NewEvals indexes items: the text, or each turn, of every record. A text of fewer words than NGram is one run of its own length,
// unless it has fewer than Short.
func NewEvals(items dataset.Records, o Decontaminate) (*Evals, error) {
	o = o.WithDefaults()
	e := &Evals{o: o, byHash: map[int]map[uint64]string{}}
	for rec, err := range items {
		if err != nil {
			return nil, err
		}
		e.items = append(e.items, rec.ID)
		for _, text := range texts(rec) {
			e.add(rec.ID, text)
		}
	}
	for n := range e.byHash {
		e.lengths = append(e.lengths, n)
	}
	slices.Sort(e.lengths)
	slices.Reverse(e.lengths) // the longest match is the one to show
	return e, nil
}

// Skipped is the number of texts that were too short to look for.
func (e *Evals) Skipped() int { return e.skipped }

func (e *Evals) add(id, text string) {
	spans := wordSpans(text)
	n := min(e.o.NGram, len(spans))
	if n < e.o.Short {
		e.skipped++
		return
	}
	if e.byHash[n] == nil {
		e.byHash[n] = map[uint64]string{}
	}
	for i := 0; i+n <= len(spans); i++ {
		h := runHash(spans[i : i+n])
		if _, there := e.byHash[n][h]; !there {
			e.byHash[n][h] = id
		}
	}
}

// texts are the texts of a record.
func texts(rec dataset.Record) []string {
	out := make([]string, 0, 1+len(rec.Messages))
	if rec.Text != "" {
		out = append(out, rec.Text)
	}
	for _, m := range rec.Messages {
		out = append(out, m.Content)
	}
	return out
}

// A wordSpan is a word's hash and where it stands.
type wordSpan struct {
	hash     uint64
	from, to int
}

// wordSpans are the words of a text: runs of letters and digits, compared in lower case.
func wordSpans(text string) []wordSpan {
	var out []wordSpan
	from := -1
	flush := func(to int) {
		if from >= 0 {
			out = append(out, wordSpan{xxh3.HashString(strings.ToLower(text[from:to])), from, to})
			from = -1
		}
	}
	for i, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r) {
			if from < 0 {
				from = i
			}
			continue
		}
		flush(i)
	}
	flush(len(text))
	return out
}

func runHash(spans []wordSpan) uint64 {
	h := uint64(len(spans))
	for _, s := range spans {
		h = mix(h*0x9e3779b97f4a7c15 + s.hash)
	}
	return h
}

// Notes drops records that hold an item's words: rule "contamination", whose detail is the item's ID and the words.
func (e *Evals) Notes(in dataset.Records) dataset.Notes {
	return func(yield func(dataset.Note, error) bool) {
		for rec, err := range in {
			if err != nil {
				yield(dataset.Note{}, err)
				return
			}
			c := dataset.Check{Rule: "contamination", Op: "<=", Threshold: 0}
			for _, text := range texts(rec) {
				if id, words := e.find(text); id != "" {
					c.Value, c.Drop, c.Detail = 1, true, id+": "+words
					break
				}
			}
			if !yield(dataset.Note{ID: rec.ID, Checks: []dataset.Check{c}}, nil) {
				return
			}
		}
	}
}

// find returns the item that a text holds words of, and the words.
func (e *Evals) find(text string) (id, words string) {
	spans := wordSpans(text)
	for _, n := range e.lengths {
		hashes := e.byHash[n]
		for i := 0; i+n <= len(spans); i++ {
			if id, ok := hashes[runHash(spans[i:i+n])]; ok {
				return id, text[spans[i].from:spans[i+n-1].to]
			}
		}
	}
	return "", ""
}
