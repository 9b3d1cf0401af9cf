package filter

import (
	"fmt"
	"slices"
	"strings"

	"temper/dataset"
	"temper/filter/pii"
)

// PII finds personal data: e-mail and IP addresses, telephone numbers, payment cards, bank accounts, addresses of
// cryptocurrencies, keys and other secrets, national personal numbers; see package pii. It replaces each by a placeholder or
// by a pseudonym, or drops the record. Signals: pii, the number found, and pii_email, pii_ip, ... for each kind looked for.
// In a conversation nothing is replaced: a check says how much was found there, and drop works. What was replaced is in the
// edits, beside the dataset: who publishes it leaves them out.
//
// A pseudonym is the same wherever the same value occurs, in any run under the same key, so that who wrote to whom can
// still be told; see [pii.Pseudonym]. The key never is part of a recipe: workers have it in TEMPER_PII_KEY, and key_id says
// which key is meant, as the first 8 digits of its SHA-256: printf %s "$TEMPER_PII_KEY" | sha256sum | cut -c 1-8.
type PII struct {
	Redact  []string `json:"redact,omitempty" doc:"kinds to look for, of email, ip, phone, card, iban, crypto, secret, national; none given: all"`
	Action  string   `json:"action,omitempty" doc:"replace what is found by <EMAIL> and the like, or by a pseudonym, or drop the record" enum:"redact,pseudonym,drop" default:"redact"`
	KeyID   string   `json:"key_id,omitempty" doc:"for pseudonyms: the key's name, the first 8 hexadecimal digits of the SHA-256 of TEMPER_PII_KEY"`
	Regions []string `json:"regions,omitempty" doc:"regions whose telephone numbers are found without + and country code too, such as DE; US and CA always are"`

	Key []byte `json:"-"` // of pseudonyms, see [WithKey]; no part of a recipe
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
	for i, r := range o.Regions {
		if !pii.IsRegion(r) {
			return fmt.Errorf("regions[%d] is %q: must be an ISO 3166 code in capitals, such as DE", i, r)
		}
	}
	switch o.Action {
	case "", "redact", "drop":
		return nil
	case "pseudonym":
		if len(o.KeyID) != 8 || strings.Trim(o.KeyID, "0123456789abcdef") != "" {
			return fmt.Errorf(`key_id is %q: must name the key, by the first 8 digits of printf %%s "$TEMPER_PII_KEY" | sha256sum`, o.KeyID)
		}
		return nil
	}
	return fmt.Errorf("action is %q: must be redact, pseudonym or drop", o.Action)
}

// WithKey returns steps with the key of pseudonyms, for [Score] and [Notes].
func WithKey(steps []Step, key []byte) []Step {
	steps = slices.Clone(steps)
	for i, s := range steps {
		if s.PII != nil {
			o := *s.PII
			o.Key = key
			steps[i].PII = &o
		}
	}
	return steps
}

// ready refuses pseudonyms without the key that is meant.
func (o PII) ready() (rule, error) {
	if o.Action != "pseudonym" {
		return o, nil
	}
	if len(o.Key) < pii.MinKey {
		return nil, fmt.Errorf("pii: pseudonyms need a key of %d bytes or more: set TEMPER_PII_KEY where this runs", pii.MinKey)
	}
	if id := pii.KeyID(o.Key); id != o.KeyID {
		return nil, fmt.Errorf("pii: key_id is %s, and TEMPER_PII_KEY is the key %s", o.KeyID, id)
	}
	return o, nil
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
	found := pii.Find(s.text, o.Redact, o.Regions...)
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
		by := pii.Placeholder(f.Kind)
		if o.Action == "pseudonym" {
			by = pii.Pseudonym(f.Kind, old, o.Key)
		}
		s.edits = append(s.edits, dataset.Edit{Rule: stepPII, Start: f.Start, End: f.End, Old: old, New: by})
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
