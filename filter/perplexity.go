package filter

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"temper/dataset"
	"temper/filter/ngram"
)

// Perplexity measures how usual a text is under an n-gram model of words, one of temper filter train --ngram, and drops what is
// above or below thresholds: lists of words, menus and broken text have a high perplexity, templates and repetition a low one. See
// package ngram for the model and what a word is.
//
// Signals: perplexity, 0 for a text without words; perplexity_percentile, the share of the texts of the model's sample below it,
// 0 to 100; perplexity_bucket: head up to the 30th percentile, middle up to the 60th, else tail. The sample is what was given to the
// training as --sample, or else what it held out. A conversation is measured as its turns joined by empty lines.
//
// The file is read where the step runs, by every worker; what it holds takes part in the stage's key.
//
// Source: Wenzek et al. 2020, arXiv:1911.00359 (CCNet), §3.4; the percentiles as in its code.
type Perplexity struct {
	File          string   `json:"file,omitempty" doc:"the model's file, of temper filter train --ngram: a path on the workers, or an s3:// address"`
	Min           float64  `json:"min,omitempty" doc:"perplexity at least; 0: off"`
	Max           float64  `json:"max,omitempty" doc:"perplexity at most; 0: off"`
	Keep          []string `json:"keep,omitempty" doc:"buckets to keep: head, middle, tail; none given: all"`
	MinPercentile float64  `json:"min_percentile,omitempty" doc:"percentile of the model's sample at least, 0 to 100; 0: off"`
	MaxPercentile float64  `json:"max_percentile,omitempty" doc:"the same at most; 0: off"`

	Model *ngram.Model `json:"-"` // what the file holds, see [WithModels]; no part of a recipe
}

const (
	signalPerplexity = "perplexity"
	signalPercentile = "perplexity_percentile"
	signalBucket     = "perplexity_bucket"

	headPercentile, middlePercentile = 30, 60
)

// buckets are the values of perplexity_bucket.
var buckets = []string{"head", "middle", "tail"}

// WithDefaults fills in what is 0: nothing.
func (o Perplexity) WithDefaults() Perplexity { return o }

// Validate says what is wrong with the options.
func (o Perplexity) Validate() error {
	if o.File == "" && o.Model == nil {
		return errors.New("no model: give file, one of temper filter train --ngram")
	}
	for i, k := range o.Keep {
		if !slices.Contains(buckets, k) {
			return fmt.Errorf("keep[%d] is %q: must be one of %s", i, k, strings.Join(buckets, ", "))
		}
	}
	for _, b := range []struct {
		name        string
		least, most float64
		limit       float64
	}{{"", o.Min, o.Max, math.MaxFloat64}, {"_percentile", o.MinPercentile, o.MaxPercentile, 100}} {
		if !(b.least >= 0 && b.most >= 0 && b.least <= b.limit && b.most <= b.limit) {
			return fmt.Errorf("min%s is %v, max%s %v: must be 0 (off) or more, a percentile at most 100", b.name, b.least, b.name, b.most)
		}
		if b.most > 0 && b.least > b.most {
			return fmt.Errorf("min%s is %v, above max%s, %v", b.name, b.least, b.name, b.most)
		}
	}
	return nil
}

// WithModels returns steps with the models of perplexity, which read reads from their files.
func WithModels(steps []Step, read func(file string) (*ngram.Model, error)) ([]Step, error) {
	steps = slices.Clone(steps)
	for i, s := range steps {
		if s.Perplexity == nil {
			continue
		}
		o := *s.Perplexity
		m, err := read(o.File)
		if err != nil {
			return nil, fmt.Errorf("step %d: perplexity: file %s: %w", i+1, o.File, err)
		}
		o.Model = m
		steps[i].Perplexity = &o
	}
	return steps, nil
}

// files are where the model lies: the recipe names the place and does not hold what is there.
func (o *Perplexity) files() []File {
	return []File{{Key: "perplexity.file", Path: &o.File, Stays: true}}
}

func (o Perplexity) name() string    { return stepPerplexity }
func (o Perplexity) validate() error { return o.Validate() }
func (o Perplexity) names() []string {
	return []string{signalPerplexity, signalPercentile, signalBucket}
}

// scored returns the options as far as they decide what score does.
func (o Perplexity) scored() Perplexity { return Perplexity{Model: o.Model} }

// A perplexity is a [Perplexity] at work.
type perplexity struct {
	Perplexity
	scorer *ngram.Scorer
}

// ready returns the rule with its scorer.
func (o Perplexity) ready() (rule, error) {
	if o.Model == nil {
		return nil, fmt.Errorf("perplexity.file: %s was not read", o.File)
	}
	return perplexity{Perplexity: o, scorer: ngram.NewScorer(o.Model)}, nil
}

func (o Perplexity) score(*subject) { panic("filter: a perplexity that is not ready") }

func (p perplexity) score(s *subject) {
	v := p.scorer.Score(s.text).Perplexity()
	at := p.Model.Percentile(v)
	bucket := "tail"
	switch {
	case at < headPercentile:
		bucket = "head"
	case at < middlePercentile:
		bucket = "middle"
	}
	s.signals[signalPerplexity], s.signals[signalPercentile], s.signals[signalBucket] = v, at, bucket
}

func (o Perplexity) judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	limits := []limit{atLeast(signalPerplexity, o.Min), atMost(signalPerplexity, o.Max),
		atLeast(signalPercentile, o.MinPercentile), atMost(signalPercentile, o.MaxPercentile)}
	for i := range limits {
		limits[i].off = limits[i].bound <= 0
	}
	checks, err := judgeLimits(stepPerplexity, limits, row, checks)
	if err != nil || len(o.Keep) == 0 {
		return checks, err
	}
	bucket, err := label(row, signalBucket)
	if err != nil {
		return nil, err
	}
	kept := slices.Contains(o.Keep, bucket)
	c := dataset.Check{Rule: stepPerplexity + "." + signalBucket, Value: float64(btoi(kept)), Op: "==", Threshold: 1, Drop: !kept, Detail: bucket}
	if !kept {
		c.Detail += ", not " + strings.Join(o.Keep, ", ")
	}
	return append(checks, c), nil
}
