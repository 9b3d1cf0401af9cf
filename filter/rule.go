package filter

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"temper/dataset"
)

// A rule is a step at work: options with defaults filled in.
type rule interface {
	name() string
	// validate says what is wrong with the options.
	validate() error
	// names are the signals that score sets; label signals, which are text, are in labels.
	names() []string
	// score measures the text of s: it sets signals and appends edits.
	score(s *subject)
	// judge appends the checks of row, which carries the signals.
	judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error)
}

// A limit is one threshold of a rule on one signal.
type limit struct {
	signal string
	op     string // >= or <=
	bound  float64
	off    bool
}

// atLeast and atMost take the bound of an option: a negative one is off.
func atLeast(signal string, bound float64) limit {
	return limit{signal: signal, op: ">=", bound: bound, off: bound < 0}
}

func atMost(signal string, bound float64) limit {
	return limit{signal: signal, op: "<=", bound: bound, off: bound < 0}
}

// judgeLimits appends a check for every limit that is not off.
func judgeLimits(step string, limits []limit, row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	for _, l := range limits {
		if l.off {
			continue
		}
		v, err := number(row, l.signal)
		if err != nil {
			return nil, err
		}
		holds := v >= l.bound
		if l.op == "<=" {
			holds = v <= l.bound
		}
		checks = append(checks, dataset.Check{Rule: step + "." + l.signal, Value: v, Op: l.op, Threshold: l.bound, Drop: !holds})
	}
	return checks, nil
}

// number returns a numeric signal of row.
func number(row dataset.Row, signal string) (float64, error) {
	v, ok := row.Signals[signal].(float64)
	if !ok {
		return 0, fmt.Errorf("no number %q among the signals: score the rows with the same steps first", signal)
	}
	return v, nil
}

// label returns a text signal of row.
func label(row dataset.Row, signal string) (string, error) {
	v, ok := row.Signals[signal].(string)
	if !ok {
		return "", fmt.Errorf("no label %q among the signals: score the rows with the same steps first", signal)
	}
	return v, nil
}

// orDefault returns v, or d for 0.
func orDefault[T int | float64 | string](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// fraction refuses an option that is neither off (negative) nor 0 to 1.
func fraction(option string, v float64) error {
	if math.IsNaN(v) || v > 1 {
		return fmt.Errorf("%s is %v: must be 0 to 1 (0 is the default), or negative to turn the rule off", option, v)
	}
	return nil
}

// An option is a fraction of a rule by its name.
type option struct {
	name string
	v    float64
}

// fractions refuses the first option that [fraction] does.
func fractions(options []option) error {
	for _, o := range options {
		if err := fraction(o.name, o.v); err != nil {
			return err
		}
	}
	return nil
}

// A bound is an option that bounds a signal: how, and by what if nothing is said.
type bound struct {
	option *float64
	signal string
	op     string // >= or <=
	value  float64
}

// validBounds refuses what is no number. Options are named as their signals, without prefix and with min_ or max_.
func validBounds(prefix string, bounds []bound) error {
	for _, b := range bounds {
		if math.IsNaN(*b.option) || math.IsInf(*b.option, 0) {
			name := map[string]string{">=": "min_", "<=": "max_"}[b.op] + strings.TrimPrefix(b.signal, prefix)
			return fmt.Errorf("%s is %v: must be a number, or negative to turn the rule off", name, *b.option)
		}
	}
	return nil
}

// boundNames returns the signals of bounds, each once.
func boundNames(bounds []bound) (names []string) {
	for _, b := range bounds {
		if !slices.Contains(names, b.signal) {
			names = append(names, b.signal)
		}
	}
	return names
}

// boundLimits returns the thresholds of bounds.
func boundLimits(bounds []bound) []limit {
	limits := make([]limit, len(bounds))
	for i, b := range bounds {
		limits[i] = limit{signal: b.signal, op: b.op, bound: *b.option, off: *b.option < 0}
	}
	return limits
}
