package dedup

import (
	"fmt"
	"strings"
	"testing"

	"temper/dataset"
)

// TestEvalsReal: of HumanEval and GSM8K every question is found when it stands in other text, in other case and punctuation, and
// named, and every answer of 13 words or more; and neither set is found in the other.
func TestEvalsReal(t *testing.T) {
	sets := map[string][]dataset.Record{"HumanEval.jsonl.gz": rows(t, shared(t, "evals", "HumanEval.jsonl.gz")), "gsm8k_test.jsonl": rows(t, shared(t, "evals", "gsm8k_test.jsonl"))}
	for name, recs := range sets {
		e, err := NewEvals(all(recs), Decontaminate{Against: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		found, looked, short := 0, 0, 0
		for _, rec := range recs {
			for i, m := range rec.Messages {
				words := strings.Fields(m.Content)
				hidden := "Something before, " + strings.ToUpper(strings.Join(words, " -- ")) + "; and something after."
				if i > 0 && len(wordSpans(m.Content)) < 13 {
					short++
					continue
				}
				looked++
				for _, n := range notes(t, e.Notes(all(texted(hidden)), nil)) {
					if v := n.Verdict(); v != nil && v.Rule == "contamination" && v.Detail != "" {
						found++
					}
				}
			}
		}
		t.Logf("%s: %d items, %d texts looked for, %d answers of under 13 words", name, len(recs), looked, short)
		if found != looked || looked+short != 2*len(recs) || e.Skipped() != 0 {
			t.Errorf("%s: %d of %d texts are found, %d short answers, of %d items", name, found, looked, short, len(recs))
		}
		for other, others := range sets {
			if other != name {
				if got := dropped(t, e.Notes(all(others), nil)); len(got) > 0 {
					t.Errorf("%s is found in %s: %d times, the first %s", name, other, len(got), got[0])
				}
			}
		}
	}
}

// TestEvalsShort: an item shorter than a run is found as a whole only, and one of fewer words than Short not at all.
func TestEvalsShort(t *testing.T) {
	for words := 1; words <= 16; words++ {
		var w []string
		for i := range words {
			w = append(w, fmt.Sprintf("w%d", i))
		}
		e, err := NewEvals(all([]dataset.Record{{ID: "q", Text: strings.Join(w, " ")}}), Decontaminate{Against: []string{"x"}})
		if err != nil {
			t.Fatal(err)
		}
		whole := len(dropped(t, e.Notes(all(texted("a "+strings.Join(w, " ")+" z")), nil))) == 1
		part := len(dropped(t, e.Notes(all(texted("a "+strings.Join(w[1:], " ")+" z")), nil))) == 1
		if whole != (words >= 5) || part != (words > 13) {
			t.Errorf("item of %d words: found whole %v, without its first word %v", words, whole, part)
		}
	}
}
