package filter

import "temper/dataset"

// GopherRepetition drops texts that repeat themselves. Every option is the highest fraction allowed, 0 to 1, and is
// named as the signal it bounds; 0 is the default, a negative number turns the rule off. The defaults are table A1 of
// Rae et al. 2021.
//
// Paragraphs are parted by empty lines; blank lines and paragraphs do not count. The first of equal lines is free. The
// characters of lines, paragraphs and n-grams stand to all characters of the text. N-grams are of tokens: words, see
// [GopherQuality], and runs of symbols. A top n-gram's characters are its own, with spaces, times its count; duplicate
// n-grams do not overlap each other, and their spaces do not count. Differences from datatrove: words are cut by
// characters instead of a language's tokenizer; lines are compared without the spaces around them; and an n-gram that
// occurs once is no repetition, so that short texts are not dropped for it. Tokens and lines are told apart by hashes of 64 bits.
//
// With compat the signals are another project's: datatrove (an n-gram that occurs once counts), dolma (all copies count, the
// first too; no rule about paragraphs) or nemo (overlapping n-grams; a text of fewer than n words scores 1). The thresholds stay.
//
// Source: Rae et al. 2021, arXiv:2112.11446, table A1.
type GopherRepetition struct {
	DupParaFrac     float64 `json:"dup_para_frac,omitempty" doc:"fraction of paragraphs that occurred before; negative: off" default:"0.3"`
	DupParaCharFrac float64 `json:"dup_para_char_frac,omitempty" doc:"fraction of characters in such paragraphs; negative: off" default:"0.2"`
	DupLineFrac     float64 `json:"dup_line_frac,omitempty" doc:"fraction of lines that occurred before; negative: off" default:"0.3"`
	DupLineCharFrac float64 `json:"dup_line_char_frac,omitempty" doc:"fraction of characters in such lines; negative: off" default:"0.2"`
	Top2Gram        float64 `json:"top_2_gram,omitempty" doc:"fraction of characters in the most common pair of words; negative: off" default:"0.2"`
	Top3Gram        float64 `json:"top_3_gram,omitempty" doc:"the same of 3 words; negative: off" default:"0.18"`
	Top4Gram        float64 `json:"top_4_gram,omitempty" doc:"the same of 4 words; negative: off" default:"0.16"`
	Dup5Gram        float64 `json:"dup_5_gram,omitempty" doc:"fraction of characters in runs of 5 words that occurred before; negative: off" default:"0.15"`
	Dup6Gram        float64 `json:"dup_6_gram,omitempty" doc:"the same of 6 words; negative: off" default:"0.14"`
	Dup7Gram        float64 `json:"dup_7_gram,omitempty" doc:"the same of 7 words; negative: off" default:"0.13"`
	Dup8Gram        float64 `json:"dup_8_gram,omitempty" doc:"the same of 8 words; negative: off" default:"0.12"`
	Dup9Gram        float64 `json:"dup_9_gram,omitempty" doc:"the same of 9 words; negative: off" default:"0.11"`
	Dup10Gram       float64 `json:"dup_10_gram,omitempty" doc:"the same of 10 words; negative: off" default:"0.1"`
	Compat          string  `json:"compat,omitempty" doc:"another project's definitions: datatrove, dolma or nemo" enum:"datatrove,dolma,nemo"`
}

// repetitionSignals are the signals in the order of the checks, and tableA1 their highest values.
var (
	repetitionSignals = [...]string{"dup_para_frac", "dup_para_char_frac", "dup_line_frac", "dup_line_char_frac",
		"top_2_gram", "top_3_gram", "top_4_gram",
		"dup_5_gram", "dup_6_gram", "dup_7_gram", "dup_8_gram", "dup_9_gram", "dup_10_gram"}
	tableA1 = [...]float64{0.30, 0.20, 0.30, 0.20, 0.20, 0.18, 0.16, 0.15, 0.14, 0.13, 0.12, 0.11, 0.10}
)

// bounds returns the options in the order of repetitionSignals.
func (o *GopherRepetition) bounds() [len(repetitionSignals)]*float64 {
	return [...]*float64{&o.DupParaFrac, &o.DupParaCharFrac, &o.DupLineFrac, &o.DupLineCharFrac, &o.Top2Gram, &o.Top3Gram,
		&o.Top4Gram, &o.Dup5Gram, &o.Dup6Gram, &o.Dup7Gram, &o.Dup8Gram, &o.Dup9Gram, &o.Dup10Gram}
}

// WithDefaults fills in what is 0.
func (o GopherRepetition) WithDefaults() GopherRepetition {
	for i, b := range o.bounds() {
		*b = orDefault(*b, tableA1[i])
	}
	return o
}

// Validate says what is wrong with the options.
func (o GopherRepetition) Validate() error {
	if err := compatOf(o.Compat, compatDatatrove, compatDolma, compatNeMo); err != nil {
		return err
	}
	for i, b := range o.bounds() {
		if err := fraction(repetitionSignals[i], *b); err != nil {
			return err
		}
	}
	return nil
}

func (o GopherRepetition) name() string    { return stepRepetition }
func (o GopherRepetition) validate() error { return o.Validate() }
func (o GopherRepetition) names() []string { return repetitionSignals[:] }

// scored returns the options as far as they decide what score does.
func (o GopherRepetition) scored() GopherRepetition { return GopherRepetition{Compat: o.Compat} }

func (o GopherRepetition) score(s *subject) {
	if o.Compat != "" {
		repetitionOf(o.Compat, s)
		return
	}
	m := s.m
	m.read(s.text)
	paras, lines, grams := m.splitParagraphs(s.text), m.readLines(s.text), m.repeats()
	s.signals["dup_para_frac"] = share(paras.dups, paras.count)
	s.signals["dup_para_char_frac"] = share(paras.dupChars, m.runes)
	s.signals["dup_line_frac"] = share(lines.dups, lines.count)
	s.signals["dup_line_char_frac"] = share(lines.dupChars, m.runes)
	for n := firstTop; n <= lastDup; n++ {
		s.signals[repetitionSignals[4+n-firstTop]] = share(grams[n], m.runes)
	}
}

func (o GopherRepetition) judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	var limits [len(repetitionSignals)]limit
	for i, b := range o.bounds() {
		limits[i] = atMost(repetitionSignals[i], *b)
	}
	return judgeLimits(stepRepetition, limits[:], row, checks)
}
