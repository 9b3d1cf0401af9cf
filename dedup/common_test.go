package dedup

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"temper/dataset"
)

// commonByDefinition is what is left of different texts without the lines of two words or more that more than n of them have.
func commonByDefinition(texts []string, n int) (out []string) {
	has := func(text, line string) bool {
		for l := range strings.Lines(text) {
			if strings.TrimSpace(l) == line {
				return true
			}
		}
		return false
	}
	for _, text := range texts {
		var b strings.Builder
		for l := range strings.Lines(text) {
			line, records := strings.TrimSpace(l), 0
			for _, other := range texts {
				if has(other, line) {
					records++
				}
			}
			if len(strings.Fields(line)) < 2 || records <= n {
				b.WriteString(l)
			}
		}
		out = append(out, b.String())
	}
	return out
}

// TestCommonLines: on random corpora the lines go that more than so many records have, no others, from all records; equal records
// count once, and another order of the records leaves the same texts.
func TestCommonLines(t *testing.T) {
	cut, kept := 0, 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		n := 1 + r.IntN(4)
		var texts []string
		different := map[string]bool{}
		for range 2 + r.IntN(12) {
			var b strings.Builder
			for range 1 + r.IntN(6) {
				fmt.Fprintf(&b, "%*s%s%d\n", r.IntN(2), "", []string{"home about ", "line ", "x"}[r.IntN(3)], r.IntN(5))
			}
			if text := b.String(); !different[text] {
				different[text] = true
				texts = append(texts, text)
			}
		}
		recs := texted(texts...)
		o := Exact{Common: n, MinWords: 2}
		got := applied(t, recs, ExactNotes(all(recs), o))
		for i, want := range commonByDefinition(texts, n) {
			text, stays := got[recs[i].ID]
			if goes := strings.TrimSpace(want) == ""; stays == goes || stays && text != want {
				t.Fatalf("seed %d, more than %d of %q: %q kept %v, want %q", seed, n, texts, text, stays, want)
			}
			cut, kept = cut+len(texts[i])-len(text), kept+len(text)
		}
		twice := append(append([]dataset.Record{}, recs...), recs...)
		for i := range recs {
			twice[len(recs)+i].ID = fmt.Sprint("again", i)
		}
		r.Shuffle(len(recs), func(i, j int) { twice[i], twice[j] = twice[j], twice[i] })
		if again := applied(t, twice, ExactNotes(all(twice), o)); fmt.Sprint(again) != fmt.Sprint(got) {
			t.Fatalf("seed %d: in another order, each twice: %q, want %q", seed, again, got)
		}
	}
	if cut < 1000 || kept < 1000 {
		t.Errorf("%d bytes cut, %d kept: a test of nothing", cut, kept)
	}
	if err := (Exact{Common: -1}).WithDefaults().Validate(); err == nil || !strings.Contains(err.Error(), "common_lines is -1") {
		t.Errorf("-1: %v", err)
	}
}
