package linear

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// texts returns so many texts of a side: both have common words, each has words of its own now and then.
func texts(r *rand.Rand, n int, good bool) []string {
	common := strings.Fields("the of and to in a is that it was for on are with as they be at one have this from water people number")
	own := strings.Fields("because however measure theory evidence result")
	if !good {
		own = strings.Fields("click subscribe casino cheap free offer")
	}
	out := make([]string, n)
	for i := range out {
		var b strings.Builder
		for range 30 + r.IntN(60) {
			list := common
			if r.IntN(12) == 0 {
				list = own
			}
			b.WriteString(list[r.IntN(len(list))] + " ")
		}
		out[i] = fmt.Sprint(b.String(), i)
	}
	return out
}

// fit fits a model on the texts.
func fit(t *testing.T, good, bad []string) *Model {
	t.Helper()
	tr := NewTrainer(Options{})
	for _, s := range good {
		tr.Add(s, true)
	}
	for _, s := range bad {
		tr.Add(s, false)
	}
	m, err := tr.Fit()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Two kinds of texts are told apart, held-out ones and new ones; texts of one kind are not.
func TestFit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	m := fit(t, texts(r, 400, true), texts(r, 400, false))
	if m.Fit.AUC < 0.97 || m.Fit.Accuracy < 0.9 || m.Fit.HeldGood+m.Fit.Good != 400 || m.Fit.HeldBad+m.Fit.Bad != 400 {
		t.Errorf("%+v", m.Fit)
	}
	s := NewScorer(m)
	right := 0
	for _, text := range texts(r, 200, true) {
		if s.Score(text) > 0.5 {
			right++
		}
	}
	for _, text := range texts(r, 200, false) {
		if s.Score(text) < 0.5 {
			right++
		}
	}
	if right < 360 {
		t.Errorf("%d of 400 new texts are told right", right)
	}
	same := fit(t, texts(r, 600, true), texts(r, 600, true))
	if same.Fit.AUC < 0.3 || same.Fit.AUC > 0.7 {
		t.Errorf("texts of one kind are told apart: %+v", same.Fit)
	}
}

// The order of the texts does not matter, and both sides weigh the same.
func TestOrderDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	good, bad := texts(r, 100, true), texts(r, 300, false)
	a := fit(t, good, bad)
	slices.Reverse(good)
	slices.Reverse(bad)
	b := fit(t, append(good, good[0]), bad)
	x, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Encode()
	if err != nil || string(x) != string(y) {
		t.Errorf("another order gives another model (%v)", err)
	}
	if a.Fit.AUC < 0.9 {
		t.Errorf("%+v", a.Fit)
	}
}

// A model's file reads back as it was, and what is none is refused.
func TestFile(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	m := fit(t, texts(r, 100, true), texts(r, 100, false))
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(b)
	if err != nil || !slices.Equal(back.Weights, m.Weights) || back.Fit != m.Fit || back.Scale != m.Scale || back.Bias != m.Bias {
		t.Fatalf("read back as %+v (%v)", back, err)
	}
	if len(b) > 100_000 {
		t.Errorf("a model of %d bytes", len(b))
	}
	for _, wrong := range []string{"", "{}", strings.Replace(string(b), "linear/1", "linear/2", 1), strings.Replace(string(b), `"weights":"`, `"weights":"AAAA`, 1), `{"format":"temper-linear/1","bits":16,"scale":1,"weights":""}`} {
		if _, err := Decode([]byte(wrong)); !errors.Is(err, ErrModel) {
			t.Errorf("%.40q: error %v", wrong, err)
		}
	}
}

// Too few texts are an error that counts them.
func TestFew(t *testing.T) {
	tr := NewTrainer(Options{})
	tr.Add("one", true)
	tr.Add("one", false)
	if _, err := tr.Fit(); !errors.Is(err, ErrFew) || tr.Repeats != 1 {
		t.Errorf("error %v, %d repeats", err, tr.Repeats)
	}
}

// FuzzScore: any text has a score from 0 to 1.
func FuzzScore(f *testing.F) {
	m := &Model{Weights: make([]int8, buckets), Scale: 0.1}
	for i := range m.Weights {
		m.Weights[i] = int8(i)
	}
	s := NewScorer(m)
	f.Add("Some text, with signs; and 日本語 \xff")
	f.Fuzz(func(t *testing.T, text string) {
		if v := s.Score(text); !(v >= 0 && v <= 1) {
			t.Errorf("%q: %v", text, v)
		}
	})
}

func BenchmarkScore(b *testing.B) {
	text := strings.Repeat("The harbour lay quiet in the morning, and the boats that had come in during the night were tied up. ", 40)
	s := NewScorer(&Model{Weights: make([]int8, buckets), Scale: 1})
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s.Score(text)
	}
}
