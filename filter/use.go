package filter

import (
	"errors"
	"fmt"
	"strings"
)

// stepNames are the steps that there are, in a sensible order.
var stepNames = []string{stepFixText, stepURL, stepLanguage, stepQuality, stepRepetition, stepC4, stepFineWeb, stepRefinedWeb, stepNeMo,
	stepBadWords, stepClassifier, stepPerplexity, stepInstructions, stepPII, stepWhere}

// Parse returns the step of a name with default options. The gopher_ of names can be left out. A where step has no
// default, and gopher is two steps: see [Use].
func Parse(name string) (Step, error) {
	switch name {
	case stepFixText:
		return Step{FixText: &FixText{}}.WithDefaults(), nil
	case stepLanguage:
		return Step{Language: &Language{}}.WithDefaults(), nil
	case stepQuality, "quality":
		return Step{GopherQuality: &GopherQuality{}}.WithDefaults(), nil
	case stepRepetition, "repetition":
		return Step{GopherRepetition: &GopherRepetition{}}.WithDefaults(), nil
	case stepC4:
		return Step{C4: &C4{}}.WithDefaults(), nil
	case stepFineWeb:
		return Step{FineWeb: &FineWeb{}}.WithDefaults(), nil
	case stepRefinedWeb:
		return Step{RefinedWeb: &RefinedWeb{}}.WithDefaults(), nil
	case stepNeMo:
		return Step{NeMo: &NeMo{}}.WithDefaults(), nil
	case stepInstructions:
		return Step{Instructions: &Instructions{}}.WithDefaults(), nil
	case stepPII:
		return Step{PII: &PII{}}.WithDefaults(), nil
	case stepWhere:
		return Step{}, errors.New("step where needs an expression: write it in a recipe")
	case stepClassifier, stepPerplexity:
		return Step{}, fmt.Errorf("step %s needs a model: write it in a recipe", name)
	case stepURL, stepBadWords:
		return Step{}, fmt.Errorf("step %s needs a list of words: write it in a recipe", name)
	case "gopher":
		return Step{}, fmt.Errorf("gopher is two steps, %s and %s", stepQuality, stepRepetition)
	}
	return Step{}, fmt.Errorf("unknown step %q: must be one of %s", name, strings.Join(stepNames[:len(stepNames)-1], ", "))
}

// Use returns the steps of names with default options, in order; gopher stands for gopher_quality and
// gopher_repetition. A name that is there twice is an error.
func Use(names []string) ([]Step, error) {
	var steps []Step
	for _, name := range names {
		each := []string{name}
		if name == "gopher" {
			each = []string{stepQuality, stepRepetition}
		}
		for _, n := range each {
			s, err := Parse(n)
			if err != nil {
				return nil, err
			}
			steps = append(steps, s)
		}
	}
	if err := Check(steps); err != nil {
		return nil, err
	}
	return steps, nil
}
