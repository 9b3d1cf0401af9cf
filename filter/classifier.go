package filter

import (
	"errors"
	"fmt"

	"temper/dataset"
	"temper/filter/linear"
)

// Classifier drops what a model takes for bad. The model is one of temper filter train, fitted on good and bad examples; see
// package linear. Its file is read where the recipe is submitted and becomes part of it.
//
// Signal: classifier, 0 to 1; a conversation is scored as its turns joined by empty lines.
type Classifier struct {
	File  string  `json:"file,omitempty" doc:"the model's file, of temper filter train"`
	Model string  `json:"model,omitempty" doc:"the file's content, once it was read"`
	Min   float64 `json:"min,omitempty" doc:"score at least, 0 to 1; negative: off" default:"0.5"`
}

// WithDefaults fills in what is 0.
func (o Classifier) WithDefaults() Classifier {
	o.Min = orDefault(o.Min, 0.5)
	return o
}

// Validate says what is wrong with the options.
func (o Classifier) Validate() error {
	if o.File == "" && o.Model == "" {
		return errors.New("no model: give file, one of temper filter train")
	}
	if o.Model != "" {
		if _, err := linear.Decode([]byte(o.Model)); err != nil {
			return fmt.Errorf("model: %w", err)
		}
	}
	return fraction("min", o.Min)
}

func (o *Classifier) files() []File {
	return []File{{Key: "classifier.file", Path: &o.File, Text: &o.Model}}
}

func (o Classifier) name() string    { return stepClassifier }
func (o Classifier) validate() error { return o.Validate() }
func (o Classifier) names() []string { return []string{stepClassifier} }

// scored returns the options as far as they decide what score does.
func (o Classifier) scored() Classifier {
	o.Min = 0
	return o
}

// A classifier is a [Classifier] at work.
type classifier struct {
	Classifier
	scorer *linear.Scorer
}

// ready returns the rule with its model decoded.
func (o Classifier) ready() (rule, error) {
	if err := unread(o.files()); err != nil {
		return nil, err
	}
	m, err := linear.Decode([]byte(o.Model))
	if err != nil {
		return nil, fmt.Errorf("classifier: model: %w", err)
	}
	return classifier{Classifier: o, scorer: linear.NewScorer(m)}, nil
}

func (o Classifier) score(*subject) { panic("filter: a classifier that is not ready") }

func (c classifier) score(s *subject) { s.signals[stepClassifier] = c.scorer.Score(s.text) }

func (o Classifier) judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	return judgeLimits(stepClassifier, []limit{atLeast(stepClassifier, o.Min)}, row, checks)
}
