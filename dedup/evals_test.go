package dedup

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"temper/dataset"
)

// items reads an evaluation file of the shared data, or skips.
func items(t *testing.T, name string) []dataset.Record {
	t.Helper()
	dir := os.Getenv("TEMPER_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, "evals", name))
	if err != nil {
		t.Skip("no evaluations: set TEMPER_SHARED to the folder that has evals: ", err)
	}
	defer f.Close()
	r, err := dataset.Decompress(name, f)
	if err != nil {
		t.Fatal(err)
	}
	var out []dataset.Record
	for rec, err := range dataset.ReadJSONL(r, dataset.Source{URI: name}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rec)
	}
	return out
}

// TestEvalsReal: of HumanEval and GSM8K every question and answer that is long enough to look for is found when it stands in other
// text, in other case and punctuation, and named; and neither set is found in the other.
func TestEvalsReal(t *testing.T) {
	sets := map[string][]dataset.Record{"HumanEval.jsonl.gz": items(t, "HumanEval.jsonl.gz"), "gsm8k_test.jsonl": items(t, "gsm8k_test.jsonl")}
	for name, recs := range sets {
		e, err := NewEvals(all(recs), Decontaminate{Against: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		found, looked := 0, 0
		for _, rec := range recs {
			for _, m := range rec.Messages {
				words := strings.Fields(m.Content)
				hidden := "Something before, " + strings.ToUpper(strings.Join(words, " -- ")) + "; and something after."
				if len(wordSpans(m.Content)) < 5 {
					continue
				}
				looked++
				for _, n := range notes(t, e.Notes(all(texted(hidden)))) {
					if v := n.Verdict(); v != nil && v.Rule == "contamination" && v.Detail != "" {
						found++
					}
				}
			}
		}
		t.Logf("%s: %d items, %d texts looked for, %d too short", name, len(recs), looked, e.Skipped())
		if found != looked || looked+e.Skipped() != 2*len(recs) {
			t.Errorf("%s: %d of %d texts are found, %d too short, of %d items", name, found, looked, e.Skipped(), len(recs))
		}
		for other, others := range sets {
			if other != name {
				if got := dropped(t, e.Notes(all(others))); len(got) > 0 {
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
		whole := len(dropped(t, e.Notes(all(texted("a "+strings.Join(w, " ")+" z"))))) == 1
		part := len(dropped(t, e.Notes(all(texted("a "+strings.Join(w[1:], " ")+" z"))))) == 1
		if whole != (words >= 5) || part != (words > 13) {
			t.Errorf("item of %d words: found whole %v, without its first word %v", words, whole, part)
		}
	}
}
