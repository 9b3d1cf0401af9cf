package finetune

import (
	"fmt"
	"strconv"
	"strings"

	"temper/dataset"
	"temper/model"
)

// Encoded counts what Encode did.
type Encoded struct {
	In        int64           `json:"in"`        // records
	Samples   int64           `json:"samples"`   // records that became samples
	Sequences int64           `json:"sequences"` //
	Tokens    int64           `json:"tokens"`    //
	Trained   int64           `json:"trained"`   // tokens of answers, which the loss asks for
	Dropped   dataset.Reasons `json:"dropped,omitempty"`
}

// Reasons says in words how many records became no sample and why, the most first.
func (e Encoded) Reasons() string {
	var parts []string
	for _, rule := range e.Dropped.Top() {
		parts = append(parts, fmt.Sprintf("%d %s", e.Dropped[rule], strings.TrimPrefix(rule, "tokenize.")))
	}
	return strings.Join(parts, ", ")
}

// The reasons why a record becomes no sample.
const (
	DropLong    = "longer_than_sequence" // cutting it would cut its answer
	DropMask    = "no_trained_token"     // nothing to learn from
	DropMessage = "bad_conversation"     // the chat template refuses it
	DropEmpty   = "empty"                // neither messages nor text
	DropBOS     = "doubled_bos"          // the text brings the token that the tokenizer adds
	DropEOS     = "untrained_eos"        // the end is missing or masked: the model would never learn to stop
	DropWeight  = "bad_weight"           // no number from 0 to 1e6
)

// Encode makes sequences of records: a conversation by the base's chat template, trained on the assistant's words only; a
// plain text as it is, trained on all of it. Samples are never cut: one that does not fit is dropped. dropped, if not nil,
// sees every record that becomes no sample with its check; an error it returns ends the call, as the first of recs does.
func Encode(base *model.Model, recs dataset.Records, o Options, dropped func(dataset.Record, dataset.Check) error) (Tokens, Encoded, error) {
	o = o.WithDefaults()
	t, count := Tokens{Vocab: base.Vocab}, Encoded{Dropped: dataset.Reasons{}}
	if base.Tokenizer == nil {
		return t, count, fmt.Errorf("base %s has no tokenizer", base.Name)
	}
	if o.Sequence > base.Context {
		return t, count, fmt.Errorf("sequence is %d; the context of base %s is %d tokens", o.Sequence, base.Name, base.Context)
	}
	pack := packer{length: o.Sequence, one: !o.Pack, weighted: o.WeightBy != ""}
	for rec, err := range recs {
		if err != nil {
			return t, count, err
		}
		count.In++
		s, check := encode(base, rec, o)
		if check != nil {
			count.Dropped[check.Rule]++
			if dropped != nil {
				if err := dropped(rec, *check); err != nil {
					return t, count, err
				}
			}
			continue
		}
		count.Samples++
		if q, ok := pack.add(s); ok {
			t.Sequences = append(t.Sequences, q)
		}
	}
	t.Sequences = append(t.Sequences, pack.rest()...)
	count.Sequences = int64(len(t.Sequences))
	count.Tokens, count.Trained = t.Counts()
	return t, count, nil
}

// encode makes one sample, or the check that drops the record.
func encode(base *model.Model, rec dataset.Record, o Options) (Sample, *dataset.Check) {
	drop := func(rule string, value float64, op string, threshold float64, detail string) (Sample, *dataset.Check) {
		return Sample{}, &dataset.Check{Rule: "tokenize." + rule, Value: value, Op: op, Threshold: threshold, Drop: true, Detail: detail}
	}
	s := Sample{ID: rec.ID}
	switch {
	case len(rec.Messages) > 0:
		var err error
		if s.IDs, s.Trained, err = base.Chat.Encode(rec.Messages); err != nil {
			return drop(DropMessage, 1, "==", 0, err.Error())
		}
	case rec.Text != "":
		s.IDs = plain(base, rec.Text)
		s.Trained = make([]bool, len(s.IDs))
		for i := range s.Trained {
			s.Trained[i] = true
		}
	default:
		return drop(DropEmpty, 0, ">=", 1, "")
	}
	if o.WeightBy != "" {
		var err error
		if s.Weight, err = weightOf(rec.Meta[o.WeightBy]); err != nil {
			return drop(DropWeight, 1, "==", 0, fmt.Sprintf("meta field %s: %v", o.WeightBy, err))
		}
	}
	if len(s.IDs) > o.Sequence {
		return drop(DropLong, float64(len(s.IDs)), "<=", float64(o.Sequence), "")
	}
	if rule, detail := audit(base, s.IDs, s.Trained); rule != "" {
		return drop(rule, 0, ">=", 1, detail)
	}
	return s, nil
}

// maxWeight bounds what one sample may weigh.
const maxWeight = 1e6

// weightOf reads a sample's weight; "" is 1.
func weightOf(s string) (float32, error) {
	if s == "" {
		return 1, nil
	}
	w, err := strconv.ParseFloat(s, 32)
	if err != nil || !(w >= 0 && w <= maxWeight) {
		return 0, fmt.Errorf("%q is no number from 0 to %g", s, float64(maxWeight))
	}
	return float32(w), nil
}

// plain is a text's tokens between the model's begin and end tokens, where it has them.
func plain(base *model.Model, text string) []int32 {
	t := base.Tokenizer
	ids := t.Encode(text, false)
	if bos, ok := t.BOS(); ok && t.AddBOS() && (len(ids) == 0 || ids[0] != bos) {
		ids = append([]int32{bos}, ids...)
	}
	if eos, ok := t.EOS(); ok {
		ids = append(ids, eos)
	}
	return ids
}

// Windows makes the sequences of a fixed token stream: consecutive windows of length tokens, in order, each trained on its
// tokens 2 to length. What does not fill a window is left out.
func Windows(ids []int32, length, vocab int) Tokens {
	t := Tokens{Vocab: vocab}
	for ; len(ids) >= length; ids = ids[length:] {
		s := Sequence{IDs: ids[:length], Trained: make([]bool, length), Starts: []int32{0}, Samples: []string{""}}
		for i := 1; i < length; i++ {
			s.Trained[i] = true
		}
		t.Sequences = append(t.Sequences, s)
	}
	return t
}
