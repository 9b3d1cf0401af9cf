package filter

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"temper/dataset"
	"temper/filter/ngram"
)

// A scratch is one in memory.
type scratch struct{ b []byte }

func (s *scratch) ReadAt(p []byte, at int64) (int, error) { return bytes.NewReader(s.b).ReadAt(p, at) }

func (s *scratch) WriteAt(p []byte, at int64) (int, error) {
	if need := int(at) + len(p); need > len(s.b) {
		s.b = append(s.b, make([]byte, need-len(s.b))...)
	}
	return copy(s.b[at:], p), nil
}

// harbourModel returns a model of texts about a harbour.
func harbourModel(t *testing.T) *ngram.Model {
	t.Helper()
	tr := ngram.NewTrainer(ngram.Options{Order: 3}, &scratch{}, &scratch{})
	things, places := strings.Fields("boat bridge stone river hill forest field"), strings.Fields("harbour morning water sea weather")
	for i, a := range things {
		for j, b := range places {
			for k, c := range things {
				if err := tr.Add(fmt.Sprintf("The %s and the %s of a %s, number %d.", a, b, c, i+j+k)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	m, err := tr.Fit()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Texts like those that the model knows have a low perplexity and lie at the head; thresholds and buckets drop the others; a
// moved threshold measures nothing again.
func TestPerplexity(t *testing.T) {
	model := harbourModel(t)
	recs := []dataset.Record{{ID: "like", Text: "The boat and the water of a hill, number 3."}, {ID: "unlike", Text: "zq xv, number harbour the of of"}, {ID: "none", Text: " "}}
	for _, tt := range []struct {
		o    Perplexity
		kept string
	}{
		{Perplexity{}, "like unlike none"}, {Perplexity{Max: 50}, "like none"}, {Perplexity{Min: 50}, "unlike"},
		{Perplexity{Keep: []string{"tail"}}, "unlike"}, {Perplexity{MaxPercentile: 98}, "like none"}, {Perplexity{MinPercentile: 99}, "unlike"},
		{Perplexity{Keep: []string{"head", "middle", "tail"}}, "like unlike none"},
	} {
		o := tt.o
		o.File = "m.ngram"
		steps, err := WithModels([]Step{{Perplexity: &o}}, func(file string) (*ngram.Model, error) {
			if file != "m.ngram" {
				t.Errorf("file %q", file)
			}
			return model, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var kept []string
		for _, n := range take(t, Notes(stream(recs), steps)) {
			if n.Verdict() == nil {
				kept = append(kept, n.ID)
			}
			if n.ID == "none" && n.Signals["perplexity"] != 0.0 || n.ID == "unlike" && n.Signals["perplexity_bucket"] != "tail" {
				t.Errorf("%s: %v", n.ID, n.Signals)
			}
		}
		if got := strings.Join(kept, " "); got != tt.kept {
			t.Errorf("%+v keeps %s, want %s", tt.o, got, tt.kept)
		}
		a, b := ScoreOptions(steps)[0].Perplexity, ScoreOptions([]Step{{Perplexity: &Perplexity{File: "elsewhere", Model: model}}})[0].Perplexity
		if a.File != "" || fmt.Sprint(*a) != fmt.Sprint(*b) {
			t.Errorf("%+v and %+v measure differently", *a, *b)
		}
	}
}

// A model that is not read, or cannot be, is an error that names the step and the file.
func TestPerplexityErrors(t *testing.T) {
	steps := []Step{{Language: &Language{}}, {Perplexity: &Perplexity{File: "m.ngram"}}}
	if err := Ready(steps); err == nil || !strings.Contains(err.Error(), "perplexity.file: m.ngram was not read") {
		t.Errorf("not read: %v", err)
	}
	missing := errors.New("is not there")
	_, err := WithModels(steps, func(string) (*ngram.Model, error) { return nil, missing })
	if !errors.Is(err, missing) || !strings.HasPrefix(err.Error(), "step 2: perplexity: file m.ngram: ") {
		t.Errorf("missing: %v", err)
	}
	for want, o := range map[string]Perplexity{"no model": {}, "min is 9, above": {File: "f", Min: 9, Max: 8}, "max_percentile 101": {File: "f", MaxPercentile: 101},
		`keep[0] is "best"`: {File: "f", Keep: []string{"best"}}, "min is -1": {File: "f", Min: -1}} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", o, err, want)
		}
	}
}
