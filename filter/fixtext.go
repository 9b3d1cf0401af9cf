package filter

import (
	"fmt"

	"temper/dataset"
	"temper/filter/repair"
)

// FixText repairs mojibake, entities, line endings and control characters, and composes accents; see package repair. It
// edits the text and never drops a record. The repairs are ftfy's, on all of its own cases; what ftfy also does to sound text
// (straight quotes, ligatures and wide forms) is asked for by typography: plain. Signal: fixes, the number of edits. Conversations are left as they are.
type FixText struct {
	Typography string `json:"typography,omitempty" doc:"keep it, or make it plain as ftfy does: straight quotes, ligatures as letters, wide forms ordinary" enum:"keep,plain" default:"keep"`
	Normalize  string `json:"normalize,omitempty" doc:"Unicode normal form of the text" enum:"nfc,none" default:"nfc"`
}

// WithDefaults fills in what is empty.
func (o FixText) WithDefaults() FixText {
	o.Typography = orDefault(o.Typography, "keep")
	o.Normalize = orDefault(o.Normalize, "nfc")
	return o
}

// Validate says what is wrong with the options.
func (o FixText) Validate() error {
	if o.Typography != "" && o.Typography != "keep" && o.Typography != "plain" {
		return fmt.Errorf("typography is %q: must be keep or plain", o.Typography)
	}
	switch o.Normalize {
	case "", "nfc", "none":
		return nil
	}
	return fmt.Errorf("normalize is %q: must be nfc or none", o.Normalize)
}

func (o FixText) name() string    { return stepFixText }
func (o FixText) validate() error { return o.Validate() }
func (o FixText) names() []string { return []string{"fixes"} }

func (o FixText) score(s *subject) {
	if s.fixed {
		s.signals["fixes"] = 0.0
		return
	}
	edits := repair.Edits(s.text, repair.Options{NoNFC: o.Normalize == "none", Plain: o.Typography == "plain"})
	s.edits = append(s.edits, edits...)
	s.signals["fixes"] = float64(len(edits))
}

func (o FixText) judge(_ dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	return checks, nil
}
