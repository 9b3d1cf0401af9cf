package filter

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"temper/dataset"
	"temper/filter/lang"
)

// Language tells the language of texts and drops those in others than it is to keep. Signals: language, an ISO 639 code
// ("und": undetermined), and language_score, 0 to 1.
type Language struct {
	Keep  []string `json:"keep,omitempty" doc:"ISO 639 codes of the languages to keep; none given: nothing is dropped"`
	Min   float64  `json:"min,omitempty" doc:"score at least, 0 to 1; negative: off" default:"0.65"`
	Short string   `json:"short,omitempty" doc:"what becomes of text too short to tell its language" enum:"keep,drop" default:"keep"`
}

const (
	signalLanguage      = "language"
	signalLanguageScore = "language_score"
	undetermined        = "und"
)

// WithDefaults fills in what is empty.
func (o Language) WithDefaults() Language {
	o.Min = orDefault(o.Min, 0.65)
	o.Short = orDefault(o.Short, "keep")
	return o
}

// Validate says what is wrong with the options.
func (o Language) Validate() error {
	for _, k := range o.Keep {
		if !isLanguage(k) {
			return fmt.Errorf("keep has %q: must be an ISO 639 code of 2 or 3 small letters, such as en", k)
		}
	}
	if math.IsNaN(o.Min) || o.Min > 1 {
		return fmt.Errorf("min is %v: must be at most 1", o.Min)
	}
	switch o.Short {
	case "", "keep", "drop":
		return nil
	}
	return fmt.Errorf("short is %q: must be keep or drop", o.Short)
}

// isLanguage reports whether code has the form of an ISO 639 code.
func isLanguage(code string) bool {
	return len(code) >= 2 && len(code) <= 3 && strings.Trim(code, "abcdefghijklmnopqrstuvwxyz") == ""
}

func (o Language) name() string    { return stepLanguage }
func (o Language) validate() error { return o.Validate() }
func (o Language) names() []string { return []string{signalLanguage, signalLanguageScore} }

func (o Language) score(s *subject) {
	code, score := lang.Identify(s.text)
	s.signals[signalLanguage], s.signals[signalLanguageScore] = code, score
}

func (o Language) judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	if len(o.Keep) == 0 {
		return checks, nil
	}
	code, err := label(row, signalLanguage)
	if err != nil {
		return nil, err
	}
	score, err := number(row, signalLanguageScore)
	if err != nil {
		return nil, err
	}
	c := dataset.Check{Rule: stepLanguage, Value: 1, Op: "==", Threshold: 1, Detail: code}
	switch listed := slices.Contains(o.Keep, code); {
	case code == undetermined:
		c.Drop = o.Short == "drop" && !listed
		c.Detail = "und: too short to tell"
	case !listed:
		c.Drop = true
		c.Detail = fmt.Sprintf("%s (%.2f), not %s", code, score, strings.Join(o.Keep, ", "))
	default:
		c.Value, c.Op, c.Threshold = score, ">=", o.Min
		c.Drop = score < o.Min
	}
	if c.Drop && c.Op == "==" {
		c.Value = 0
	}
	return append(checks, c), nil
}
