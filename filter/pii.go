package filter

import (
	"fmt"
	"strings"

	"temper/dataset"
	"temper/filter/pii"
)

// PII finds personal data: e-mail and IP addresses, telephone numbers, payment cards, bank accounts; see package pii.
// It replaces each by a placeholder, or drops the record. Signals: pii, the number found, and pii_email, pii_ip, ... for
// each kind looked for. In a conversation nothing is replaced: a check says how much was found there, and drop works.
type PII struct {
	Redact []string `json:"redact,omitempty" doc:"kinds to look for, of email, ip, phone, card, iban; none given: all"`
	Action string   `json:"action,omitempty" doc:"replace what is found by <EMAIL> and the like, or drop the record" enum:"redact,drop" default:"redact"`
}

// WithDefaults fills in what is empty.
func (o PII) WithDefaults() PII {
	if len(o.Redact) == 0 {
		o.Redact = append([]string(nil), pii.Kinds...)
	}
	o.Action = orDefault(o.Action, "redact")
	return o
}

// Validate says what is wrong with the options.
func (o PII) Validate() error {
	if err := pii.CheckKinds(o.Redact); err != nil {
		return fmt.Errorf("redact: %w", err)
	}
	switch o.Action {
	case "", "redact", "drop":
		return nil
	}
	return fmt.Errorf("action is %q: must be redact or drop", o.Action)
}

func (o PII) name() string    { return stepPII }
func (o PII) validate() error { return o.Validate() }

func (o PII) names() []string {
	names := []string{stepPII}
	for _, k := range o.Redact {
		names = append(names, "pii_"+k)
	}
	return names
}

func (o PII) score(s *subject) {
	found := pii.Find(s.text, o.Redact)
	for _, k := range o.Redact {
		s.signals["pii_"+k] = 0.0
	}
	s.signals[stepPII] = float64(len(found))
	for _, f := range found {
		s.signals["pii_"+f.Kind] = s.signals["pii_"+f.Kind].(float64) + 1
		if s.fixed || o.Action == "drop" {
			continue
		}
		// The text may be a large line of which a few bytes stay: an edit must not keep all of it in memory.
		old := strings.Clone(s.text[f.Start:f.End])
		s.edits = append(s.edits, dataset.Edit{Rule: stepPII, Start: f.Start, End: f.End, Old: old, New: pii.Placeholder(f.Kind)})
	}
}

func (o PII) judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	drop := o.Action == "drop"
	if !drop && len(row.Messages) == 0 {
		return checks, nil
	}
	n, err := number(row, stepPII)
	if err != nil {
		return nil, err
	}
	c := dataset.Check{Rule: stepPII, Value: n, Op: "<=", Threshold: 0, Drop: drop && n > 0}
	if !drop && n > 0 {
		c.Detail = "in a conversation, where nothing is replaced"
	}
	return append(checks, c), nil
}
