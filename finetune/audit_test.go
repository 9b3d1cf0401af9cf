package finetune

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"temper/dataset"
)

// TestAudit holds that each way in which samples silently spoil a training is found, named with its sample, and that a sound sample
// passes.
func TestAudit(t *testing.T) {
	base := open(t, "models/stories260K.gguf")
	bos, _ := base.Tokenizer.BOS()
	eos, _ := base.Tokenizer.EOS()
	sound := Sequence{IDs: []int32{bos, 300, 301, 302, eos}, Trained: []bool{false, false, true, true, true}, Starts: []int32{0}, Samples: []string{"row 7"}}
	change := func(f func(*Sequence)) Sequence {
		s := sound
		s.IDs, s.Trained = slices.Clone(s.IDs), slices.Clone(s.Trained)
		f(&s)
		return s
	}
	if err := Audit(base, Tokens{Vocab: 512, Sequences: []Sequence{sound}}); err != nil {
		t.Errorf("a sound sample: %v", err)
	}
	for says, s := range map[string]Sequence{
		DropMask:                   change(func(s *Sequence) { s.Trained = make([]bool, 5) }),
		DropBOS:                    change(func(s *Sequence) { s.IDs[1] = bos }),
		"ends an answer and is":    change(func(s *Sequence) { s.Trained[4] = false }),
		"cut off: no token ends":   change(func(s *Sequence) { s.IDs, s.Trained = s.IDs[:4], s.Trained[:4] }),
		"answer that ends with to": change(func(s *Sequence) { s.Trained[2], s.Trained[1] = false, true }), // of two answers the first
	} {
		err := Audit(base, Tokens{Vocab: 512, Sequences: []Sequence{sound, s}})
		if !errors.Is(err, dataset.ErrMalformed) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "1 of 2 samples") || !strings.Contains(err.Error(), "row 7 of sequence 1") {
			t.Errorf("error is %v; it should say %q", err, says)
		}
	}
}

// TestWeightBy holds that a record's meta field weighs its sample, packed with others or not, survives the file, and that a field
// that is no weight drops the record by name.
func TestWeightBy(t *testing.T) {
	base := open(t, "models/stories260K.gguf")
	recs := func(yield func(dataset.Record, error) bool) {
		for _, w := range []string{"0.5", "", "2", "-1", "much", "NaN"} {
			if !yield(dataset.Record{ID: "w" + w, Text: "Once upon a time", Meta: dataset.Meta{"worth": w}}, nil) {
				return
			}
		}
	}
	tokens, count, err := Encode(base, recs, Options{Sequence: 100, Pack: true, WeightBy: "worth"}, nil)
	if err != nil || count.Samples != 3 || count.Dropped[DropWeight]+count.Dropped["tokenize."+DropWeight] != 3 {
		t.Fatalf("%+v, %v", count, err)
	}
	if got := tokens.Sequences[0].Weights; len(tokens.Sequences) != 1 || !slices.Equal(got, []float32{0.5, 1, 2}) {
		t.Fatalf("weights are %v in %d sequences", got, len(tokens.Sequences))
	}
	if back, err := ReadTokens(bytes.NewReader(write(t, tokens))); err != nil || !reflect.DeepEqual(back, tokens) {
		t.Errorf("read %+v, %v; wrote %+v", back, err, tokens)
	}
	bad := tokens
	bad.Sequences = slices.Clone(tokens.Sequences)
	bad.Sequences[0].Weights = []float32{1, -1, 1}
	if _, err := ReadTokens(bytes.NewReader(write(t, bad))); !errors.Is(err, dataset.ErrMalformed) || !strings.Contains(err.Error(), "weighs -1") {
		t.Errorf("a negative weight: %v", err)
	}
	if words := count.Reasons(); words != "3 bad_weight" {
		t.Errorf("the reasons are %q", words)
	}
}
