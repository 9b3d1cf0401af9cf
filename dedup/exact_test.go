package dedup

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"temper/dataset"
)

// applied is what notes leave of records: the texts of those kept, by ID.
func applied(t testing.TB, recs []dataset.Record, in dataset.Notes) map[string]string {
	t.Helper()
	out := map[string]string{}
	for row, err := range dataset.Join(all(recs), in) {
		if err != nil {
			t.Fatal(err)
		}
		if row.Verdict == nil {
			out[row.ID] = row.Text
		}
	}
	return out
}

// TestBlocks: paragraphs and lines stay where they stand first; short ones stay everywhere; a record of which nothing is left goes, as it came.
func TestBlocks(t *testing.T) {
	recs := texted("One two three four five.\nSix.\n\nAnother paragraph that has some words.\n", "New words begin this one text.\n\n\none two three four FIVE.\nSix.\n\nThe end.",
		"Another paragraph that has some words.", "x\n\nAnother   paragraph that has some words.\n")
	tests := []struct {
		o    Exact
		want map[string]string
	}{
		{Exact{Paragraphs: true}, map[string]string{"r0": recs[0].Text, "r1": recs[1].Text, "r3": recs[3].Text}},
		{Exact{Paragraphs: true, Normalize: true}, map[string]string{"r0": recs[0].Text, "r1": "New words begin this one text.\n\n\nThe end.", "r3": "x\n\n"}},
		{Exact{Lines: true, Normalize: true}, map[string]string{"r0": recs[0].Text, "r1": "New words begin this one text.\n\n\nSix.\n\nThe end.", "r3": "x\n\n"}},
		{Exact{Lines: true, MinWords: 1, Normalize: true}, map[string]string{"r0": recs[0].Text, "r1": "New words begin this one text.\n\n\n\nThe end.", "r3": "x\n\n"}},
	}
	for _, tt := range tests {
		got := applied(t, recs, ExactNotes(all(recs), tt.o))
		if fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%+v:\n%q, want\n%q", tt.o, got, tt.want)
		}
	}
	for _, n := range notes(t, ExactNotes(all(recs), Exact{Paragraphs: true, Normalize: true})) {
		v := n.Verdict()
		if (v != nil) != (n.ID == "r2") || v != nil && (v.Rule != "paragraphs" || n.Edits != nil) {
			t.Errorf("%s: %v", n.ID, v)
		}
		cut := 0
		for _, e := range n.Edits {
			cut += len(e.Old)
		}
		if said, _ := n.Signals["cut_paragraphs"].(float64); int(said) != cut || (cut > 0) != (n.ID == "r1" || n.ID == "r3") {
			t.Errorf("%s: %d bytes cut, said to be %v", n.ID, cut, said)
		}
	}
}

// wordsOf cuts as runs do.
func wordsOf(text string) (out []string, spans []span) {
	for from, to := 0, 0; ; {
		if from, to = nextWord(text, to); from == to {
			return out, spans
		}
		out, spans = append(out, text[from:to]), append(spans, span{from, to})
	}
}

// cutAll is the definition: a run of n words repeats if the same words stand in an earlier text, or earlier in this one without
// overlap; all words of such runs are cut, with the white space after them.
func cutAll(texts []string, n int) []string {
	var words [][]string
	for _, t := range texts {
		w, _ := wordsOf(t)
		words = append(words, w)
	}
	repeats := func(d, p int) bool {
		for e := range d + 1 {
			for q := 0; q+n <= len(words[e]) && (e < d || q+n <= p); q++ {
				if slices.Equal(words[e][q:q+n], words[d][p:p+n]) {
					return true
				}
			}
		}
		return false
	}
	var out []string
	for d, text := range texts {
		_, spans := wordsOf(text)
		cut := make([]bool, len(spans)+1)
		for p := 0; p+n <= len(spans); p++ {
			if repeats(d, p) {
				for i := range n {
					cut[p+i] = true
				}
			}
		}
		var b strings.Builder
		at := 0
		for i, s := range spans {
			if !cut[i] {
				continue
			}
			b.WriteString(text[at:s.from])
			if at = s.to; i+1 < len(spans) {
				at = spans[i+1].from
			}
		}
		out = append(out, b.String()+text[at:])
	}
	return out
}

// TestSubstringOracle: on random small corpora the pass cuts what the definition says, no more and no less, on the borders of runes
// and within records.
func TestSubstringOracle(t *testing.T) {
	alphabets := [][]string{{"a", "b"}, {"a", "b", "c", "d"}, {"é", "ñu", "x", "世"}, {"word", "Word", "other", "\xff", "再", "y"}}
	spaces := []string{" ", " ", "\n", "  ", "\t"}
	cut := 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 7))
		letters := alphabets[r.IntN(len(alphabets))]
		n := 4 + r.IntN(3)
		var texts []string
		for range 1 + r.IntN(6) {
			var b strings.Builder
			for range r.IntN(40) {
				b.WriteString(letters[r.IntN(len(letters))])
				b.WriteString(spaces[r.IntN(len(spaces))])
			}
			if len(texts) > 0 && r.IntN(2) == 0 {
				b.WriteString(texts[r.IntN(len(texts))])
			}
			texts = append(texts, b.String())
		}
		recs := texted(texts...)
		kept := recs[:0:0]
		for _, rec := range recs { // equal records go by another rule
			if !slices.ContainsFunc(kept, func(k dataset.Record) bool { return k.Text == rec.Text }) {
				kept = append(kept, rec)
			}
		}
		texts = texts[:0]
		for _, rec := range kept {
			texts = append(texts, rec.Text)
		}
		wants := cutAll(texts, n)
		got := applied(t, kept, ExactNotes(all(kept), Exact{Substring: n}))
		for i, rec := range kept {
			text, stays := got[rec.ID]
			if goes := rec.Text != "" && wants[i] != rec.Text && strings.TrimSpace(wants[i]) == ""; stays == goes || stays && text != wants[i] {
				t.Fatalf("seed %d, runs of %d, %q: %q kept %v, want %q", seed, n, rec.Text, text, stays, wants[i])
			}
			cut += len(rec.Text) - len(text)
			if utf8.ValidString(rec.Text) && !utf8.ValidString(text) {
				t.Fatalf("seed %d: %q is cut within a rune: %q", seed, rec.Text, text)
			}
		}
	}
	if cut < 10000 {
		t.Errorf("only %d bytes were cut", cut)
	}
}

// TestSubstringKeepsACopy: every run of a real corpus that was there is there afterwards, or its words are, each in a run.
func TestSubstringKeepsACopy(t *testing.T) {
	recs, _ := sources(t)
	recs = recs[:min(len(recs), 150)]
	const n = 20
	got := applied(t, recs, ExactNotes(all(recs), Exact{Substring: n}))
	left := map[string]bool{}
	before, after := 0, 0
	for _, rec := range recs {
		w, _ := wordsOf(got[rec.ID])
		for _, x := range w {
			left[x] = true
		}
		before, after = before+len(rec.Text), after+len(got[rec.ID])
	}
	for _, rec := range recs {
		w, _ := wordsOf(rec.Text)
		for _, x := range w {
			if !left[x] {
				t.Fatalf("%q is nowhere", x)
			}
		}
	}
	var again []dataset.Record
	for _, rec := range recs {
		if text, ok := got[rec.ID]; ok {
			again = append(again, dataset.Record{ID: rec.ID, Text: text})
		}
	}
	third := 0
	for _, text := range applied(t, again, ExactNotes(all(again), Exact{Substring: n})) {
		third += len(text)
	}
	t.Logf("%d bytes, %d after one pass, %d after another", before, after, third)
	if after >= before || after-third > (before-after)/20 {
		t.Errorf("%d bytes, %d after one pass, %d after another", before, after, third)
	}
}

func TestBloom(t *testing.T) {
	var b bloom
	r := rand.New(rand.NewPCG(1, 1))
	wrong := 0
	for range 300000 {
		h := r.Uint64()
		if b.has(h) {
			wrong++
		}
		if b.add(h); !b.has(h) {
			t.Fatal("what was added is not there")
		}
	}
	if wrong > 3000 {
		t.Errorf("%d of 300000 were said to be there", wrong)
	}
}
