package filter

import (
	"errors"
	"fmt"
	"strings"
)

// A Step is one element of a recipe's filter section: exactly one of the fields is set.
type Step struct {
	FixText          *FixText          `json:"fix_text,omitempty" doc:"repair broken characters, entities, line endings and control characters"`
	URL              *URL              `json:"url,omitempty" doc:"drop what comes from listed sites, or whose address has listed words"`
	Language         *Language         `json:"language,omitempty" doc:"tell the language, keep some"`
	GopherQuality    *GopherQuality    `json:"gopher_quality,omitempty" doc:"drop what does not look like prose (Rae et al. 2021)"`
	GopherRepetition *GopherRepetition `json:"gopher_repetition,omitempty" doc:"drop what repeats itself (Rae et al. 2021)"`
	C4               *C4               `json:"c4,omitempty" doc:"remove lines that are no sentences, drop pages with few left (Raffel et al. 2020)"`
	FineWeb          *FineWeb          `json:"fineweb,omitempty" doc:"drop lists and lines torn out of a page's frame (Penedo et al. 2024)"`
	RefinedWeb       *RefinedWeb       `json:"refinedweb,omitempty" doc:"remove lines of a page's frame, drop pages that are made of them (Penedo et al. 2023)"`
	NeMo             *NeMo             `json:"nemo,omitempty" doc:"NeMo Curator's cascade of rules for English"`
	BadWords         *BadWords         `json:"bad_words,omitempty" doc:"drop what uses listed words"`
	Classifier       *Classifier       `json:"classifier,omitempty" doc:"drop what a model of your own takes for bad"`
	Perplexity       *Perplexity       `json:"perplexity,omitempty" doc:"drop what is too usual or too unusual under an n-gram model of your own (Wenzek et al. 2020)"`
	Instructions     *Instructions     `json:"instructions,omitempty" doc:"drop poor conversations: instructions too short or long or about pictures, refusals (Wang et al. 2023)"`
	PII              *PII              `json:"pii,omitempty" doc:"replace personal data, or drop what has any"`
	Where            *string           `json:"where,omitempty" doc:"an expression over text, signals, meta and source that must be true of what is kept"`
}

// The steps' names: their JSON keys, and the beginning of their rules' names.
const (
	stepFixText      = "fix_text"
	stepURL          = "url"
	stepLanguage     = "language"
	stepQuality      = "gopher_quality"
	stepRepetition   = "gopher_repetition"
	stepC4           = "c4"
	stepFineWeb      = "fineweb"
	stepRefinedWeb   = "refinedweb"
	stepNeMo         = "nemo"
	stepBadWords     = "bad_words"
	stepClassifier   = "classifier"
	stepPerplexity   = "perplexity"
	stepInstructions = "instructions"
	stepPII          = "pii"
	stepWhere        = "where"
)

// rules returns what is set, with defaults; an expression is not compiled yet.
func (s Step) rules() (rules []rule) {
	rules = given(rules, s.FixText, FixText.WithDefaults)
	rules = given(rules, s.URL, URL.WithDefaults)
	rules = given(rules, s.Language, Language.WithDefaults)
	rules = given(rules, s.GopherQuality, GopherQuality.WithDefaults)
	rules = given(rules, s.GopherRepetition, GopherRepetition.WithDefaults)
	rules = given(rules, s.C4, C4.WithDefaults)
	rules = given(rules, s.FineWeb, FineWeb.WithDefaults)
	rules = given(rules, s.RefinedWeb, RefinedWeb.WithDefaults)
	rules = given(rules, s.NeMo, NeMo.WithDefaults)
	rules = given(rules, s.BadWords, BadWords.WithDefaults)
	rules = given(rules, s.Classifier, Classifier.WithDefaults)
	rules = given(rules, s.Perplexity, Perplexity.WithDefaults)
	rules = given(rules, s.Instructions, Instructions.WithDefaults)
	rules = given(rules, s.PII, PII.WithDefaults)
	if s.Where != nil {
		rules = append(rules, &where{text: *s.Where})
	}
	return rules
}

// given appends the rule that o points to, with defaults.
func given[T rule](rules []rule, o *T, withDefaults func(T) T) []rule {
	if o == nil {
		return rules
	}
	return append(rules, withDefaults(*o))
}

// Name returns the name of what is set, such as gopher_quality, or "" if nothing is.
func (s Step) Name() string {
	for _, r := range s.rules() {
		return r.name()
	}
	return ""
}

// WithDefaults fills in the options that are 0 or empty.
func (s Step) WithDefaults() Step {
	s.FixText = filled(s.FixText, FixText.WithDefaults)
	s.URL = filled(s.URL, URL.WithDefaults)
	s.Language = filled(s.Language, Language.WithDefaults)
	s.GopherQuality = filled(s.GopherQuality, GopherQuality.WithDefaults)
	s.GopherRepetition = filled(s.GopherRepetition, GopherRepetition.WithDefaults)
	s.C4 = filled(s.C4, C4.WithDefaults)
	s.FineWeb = filled(s.FineWeb, FineWeb.WithDefaults)
	s.RefinedWeb = filled(s.RefinedWeb, RefinedWeb.WithDefaults)
	s.NeMo = filled(s.NeMo, NeMo.WithDefaults)
	s.BadWords = filled(s.BadWords, BadWords.WithDefaults)
	s.Classifier = filled(s.Classifier, Classifier.WithDefaults)
	s.Perplexity = filled(s.Perplexity, Perplexity.WithDefaults)
	s.Instructions = filled(s.Instructions, Instructions.WithDefaults)
	s.PII = filled(s.PII, PII.WithDefaults)
	return s
}

// filled returns a copy of what o points to, with defaults.
func filled[T any](o *T, withDefaults func(T) T) *T {
	if o == nil {
		return nil
	}
	v := withDefaults(*o)
	return &v
}

// Validate says what is wrong with the step by itself: options, and that exactly one field is set. Expressions are
// looked at by [Check], which knows the steps before them.
func (s Step) Validate() error {
	rules := s.rules()
	if len(rules) == 0 {
		return errors.New("a step without a name: must be one of " + strings.Join(stepNames, ", "))
	}
	if len(rules) > 1 {
		return fmt.Errorf("%s and %s in one step: make them two", rules[0].name(), rules[1].name())
	}
	if err := rules[0].validate(); err != nil {
		return fmt.Errorf("%s: %w", rules[0].name(), err)
	}
	return nil
}

// Check says what is wrong with steps: options, a step that is there twice, and expressions, with the column:
// "step 3: where: column 9: unknown name wrods".
func Check(steps []Step) error {
	_, err := build(steps)
	return err
}

// ScoreOptions returns steps as far as they decide what [Score] yields: thresholds are back at their defaults and
// expressions are gone. It is the options' part of the key under which Score's notes are stored;
// the models of perplexity (see [WithModels]) are kept, and are no part of it.
func ScoreOptions(steps []Step) []Step {
	out := make([]Step, 0, len(steps))
	for _, s := range steps {
		if s.Where != nil {
			continue
		}
		s = s.WithDefaults()
		if s.Language != nil {
			s.Language = &Language{}
		}
		if s.NeMo != nil {
			s.NeMo = &NeMo{}
		}
		s.URL = filled(s.URL, URL.scored)
		s.GopherQuality = filled(s.GopherQuality, GopherQuality.scored)
		s.GopherRepetition = filled(s.GopherRepetition, GopherRepetition.scored)
		s.C4 = filled(s.C4, C4.scored)
		s.FineWeb = filled(s.FineWeb, FineWeb.scored)
		s.RefinedWeb = filled(s.RefinedWeb, RefinedWeb.scored)
		s.BadWords = filled(s.BadWords, BadWords.scored)
		s.Classifier = filled(s.Classifier, Classifier.scored)
		s.Perplexity = filled(s.Perplexity, Perplexity.scored)
		s.Instructions = filled(s.Instructions, Instructions.scored)
		out = append(out, s)
	}
	return out
}

// build returns steps at work: checked, with defaults, expressions compiled.
func build(steps []Step) ([]rule, error) {
	rules := make([]rule, 0, len(steps))
	seen := make(map[string]bool, len(steps))
	known := newScope()
	for i, s := range steps {
		if err := s.Validate(); err != nil {
			return nil, fmt.Errorf("step %d: %w", i+1, err)
		}
		r := s.rules()[0]
		if w, ok := r.(*where); ok {
			if err := w.compile(known); err != nil {
				return nil, fmt.Errorf("step %d: where: %w", i+1, err)
			}
		} else if seen[r.name()] {
			return nil, fmt.Errorf("step %d: %s is there twice", i+1, r.name())
		}
		seen[r.name()] = true
		known.add(r.names())
		rules = append(rules, r)
	}
	return rules, nil
}
