package filter

import (
	"fmt"

	"temper/dataset"
	"temper/filter/repair"
)

// FixText repairs mojibake, entities, line endings and control characters, and composes accents; see package repair. It
// edits the text and never drops a record. The repairs are ftfy's, on all of its own cases; what ftfy also does to sound text
// (straight quotes, ligatures and wide forms) is asked for by typography: plain. normalize: nfkc goes further and makes one of all that
// Unicode calls compatible, superscripts and circled letters too; invisible: drop removes what else is not seen. Signal: fixes, the
// number of edits; every edit holds what stood there before, so that [dataset.Undo] gives the original back. Conversations are left
// as they are.
type FixText struct {
	Typography string `json:"typography,omitempty" doc:"keep it, or make it plain as ftfy does: straight quotes, ligatures as letters, wide forms ordinary" enum:"keep,plain" default:"keep"`
	Normalize  string `json:"normalize,omitempty" doc:"Unicode normal form of the text: nfc composes accents, nfkc also makes compatible characters one (ligatures, superscripts, wide forms)" enum:"nfc,nfkc,none" default:"nfc"`
	Invisible  string `json:"invisible,omitempty" doc:"soft hyphens, marks of direction, tags, and joiners where no script needs them: keep, or drop" enum:"keep,drop" default:"keep"`
}

// WithDefaults fills in what is empty.
func (o FixText) WithDefaults() FixText {
	o.Typography = orDefault(o.Typography, "keep")
	o.Normalize = orDefault(o.Normalize, "nfc")
	o.Invisible = orDefault(o.Invisible, "keep")
	return o
}

// Validate says what is wrong with the options.
func (o FixText) Validate() error {
	if o.Typography != "" && o.Typography != "keep" && o.Typography != "plain" {
		return fmt.Errorf("typography is %q: must be keep or plain", o.Typography)
	}
	if o.Invisible != "" && o.Invisible != "keep" && o.Invisible != "drop" {
		return fmt.Errorf("invisible is %q: must be keep or drop", o.Invisible)
	}
	switch o.Normalize {
	case "", "nfc", "nfkc", "none":
		return nil
	}
	return fmt.Errorf("normalize is %q: must be nfc, nfkc or none", o.Normalize)
}

func (o FixText) name() string    { return stepFixText }
func (o FixText) validate() error { return o.Validate() }
func (o FixText) names() []string { return []string{"fixes"} }

func (o FixText) score(s *subject) {
	if s.fixed {
		s.signals["fixes"] = 0.0
		return
	}
	edits := repair.Edits(s.text, repair.Options{NoNFC: o.Normalize == "none", NFKC: o.Normalize == "nfkc", Plain: o.Typography == "plain", Invisible: o.Invisible == "drop"})
	s.edits = append(s.edits, edits...)
	s.signals["fixes"] = float64(len(edits))
}

func (o FixText) judge(_ dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	return checks, nil
}
