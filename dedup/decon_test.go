package dedup

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"temper/dataset"
)

// references reads one of decon's reference sets: IDs are line numbers from 0. Questions without answers are records of text.
func references(t *testing.T, name string) []dataset.Record {
	t.Helper()
	f, err := os.Open(shared(t, "decon", "fixtures", "reference", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []dataset.Record
	for in := bufio.NewScanner(f); in.Scan(); {
		var line struct{ Question, Answer, Passage string }
		if err := json.Unmarshal(in.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		rec := dataset.Record{ID: fmt.Sprint(len(out)), Text: line.Question, Meta: dataset.Meta{"passage": line.Passage}}
		if line.Answer != "" {
			rec.Text, rec.Messages = "", []dataset.Message{{Role: "user", Content: line.Question}, {Role: "assistant", Content: line.Answer}}
		}
		out = append(out, rec)
	}
	return out
}

// deconFinds are the items found in one of decon's training files, as "line of the file:line of the reference".
func deconFinds(t *testing.T, reference, training string, o Decontaminate) []string {
	t.Helper()
	o.Against = []string{reference}
	e, err := NewEvals(all(references(t, reference)), o)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, rec := range rows(t, shared(t, "decon", "fixtures", "training", training)) {
		for _, m := range e.scan(textOf(rec), true) {
			out = append(out, fmt.Sprintf("%d:%s", i, m.Item))
		}
	}
	slices.Sort(out)
	return out
}

// TestDecon holds decon's own cases: what its integration tests demand of these files.
func TestDecon(t *testing.T) {
	const withPassage, withAnswer, alone = "passage_question_answer_reference.jsonl", "question_answer_reference.jsonl", "question_reference.jsonl"
	tests := []struct {
		name, reference, training string
		want                      []string // found, among others only if more is
		more                      bool
	}{
		{"basic", withPassage, "contaminated_mixed.jsonl", []string{"0:0", "3:1"}, true},
		{"none", withPassage, "clean.jsonl", nil, false},
		{"middle", withPassage, "contaminated_middle_position.jsonl", []string{"0:0"}, false},
		{"beginning", withPassage, "contaminated_at_beginning.jsonl", []string{"0:0"}, false},
		{"end", withPassage, "contaminated_at_end.jsonl", []string{"0:0"}, false},
		{"several in one", withPassage, "contaminated_multiple_in_one.jsonl", []string{"0:0", "0:1"}, true},
		{"other punctuation", alone, "contaminated_punctuation_variation.jsonl", []string{"0:0"}, false},
		{"gzip", withPassage, "contaminated_mixed.jsonl.gz", []string{"0:0", "3:1"}, true},
		{"zstd", withPassage, "contaminated_mixed.jsonl.zst", []string{"0:0", "3:1"}, true},
		{"one word edited", withAnswer, "contaminated_single_edit.jsonl", []string{"0:0"}, false},
		{"one word with a letter more", withAnswer, "contaminated_single_insertion.jsonl", []string{"0:0"}, false},
		{"one word with a letter less", withAnswer, "contaminated_single_deletion.jsonl", []string{"0:0"}, false},
		{"long document", withPassage, "long_document.jsonl", []string{"0:0"}, true},
	}
	passed := 0
	for _, tt := range tests {
		got := deconFinds(t, tt.reference, tt.training, Decontaminate{})
		ok := tt.more || len(got) == len(tt.want)
		for _, w := range tt.want {
			ok = ok && slices.Contains(got, w)
		}
		if ok {
			passed++
		} else {
			t.Errorf("%s: found %v, want %v", tt.name, got, tt.want)
		}
	}
	left := map[string]bool{}
	for _, f := range deconFinds(t, withPassage, "contaminated_mixed.jsonl", Decontaminate{}) {
		left[f[:1]] = true
	}
	strict, lenient := deconFinds(t, withPassage, "contaminated_edge_cases.jsonl", Decontaminate{Score: 0.95}), deconFinds(t, withPassage, "contaminated_edge_cases.jsonl", Decontaminate{Score: 0.5})
	for what, ok := range map[string]bool{"purified": len(left) >= 2, "lenient finds no less": len(lenient) >= len(strict), "3-grams": len(deconFinds(t, withPassage, "contaminated_mixed.jsonl", Decontaminate{NGram: 3})) > 0} {
		if ok {
			passed++
		} else {
			t.Errorf("%s: does not hold", what)
		}
	}
	t.Logf("%d of %d of decon's cases", passed, len(tests)+3)
}

// TestNearCopies: questions of which some words are exchanged, left out or put in are found while most of their weight is there, and
// the less is the more is asked.
func TestNearCopies(t *testing.T) {
	questions := rows(t, shared(t, "evals", "gsm8k_test.jsonl"))
	for _, tt := range []struct {
		every int // one of so many words is changed
		least float64
	}{{40, 0.99}, {20, 0.9}, {10, 0.5}} {
		found := map[float64]int{}
		for _, score := range []float64{0.6, 0.8, 1} {
			e, err := NewEvals(all(questions), Decontaminate{Against: []string{"x"}, Score: score, NGram: 100})
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(3, 4))
			for _, q := range questions {
				words := strings.Fields(q.Messages[0].Content)
				for range max(1, len(words)/tt.every) {
					at := r.IntN(len(words))
					words = slices.Replace(words, at, at+r.IntN(2), []string{"another"}[:r.IntN(2)]...)
				}
				if m := e.scan("Somebody asked: "+strings.Join(words, " ")+" And so on.", false); len(m) > 0 {
					found[score]++
				}
			}
		}
		share := float64(found[0.8]) / float64(len(questions))
		t.Logf("one word of %d changed: %.3f of %d questions found (score 0.6: %d, 1: %d)", tt.every, share, len(questions), found[0.6], found[1])
		if share < tt.least || found[0.6] < found[0.8] || found[0.8] < found[1] {
			t.Errorf("one word of %d: %.3f found, at least %.2f expected; by score %v", tt.every, share, tt.least, found)
		}
	}
}

// TestJanitor: the harness's text keeps what is no item, and an item is found where it was put in and not where its words stand in
// another order.
func TestJanitor(t *testing.T) {
	b, err := os.ReadFile(shared(t, "vectors", "lmeval_janitor.json"))
	if err != nil {
		t.Fatal(err)
	}
	v := map[string]string{}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	passed, cases := 0, 0
	for _, filth := range []string{v["JANITOR_FILTH1"], v["JANITOR_FILTH2"]} {
		e, err := NewEvals(all(texted(filth)), Decontaminate{Against: []string{"x"}})
		if err != nil {
			t.Fatal(err)
		}
		clean := v["JANITOR_EXPECTED"]
		for text, want := range map[string]bool{clean: false, v["TEST_SEQUENCE"]: false, clean + filth + ". " + clean: true, strings.ToUpper(filth) + "! " + clean: true,
			clean + v["JANITOR_FILTH1"]: filth == v["JANITOR_FILTH1"], clean + v["JANITOR_FILTH2"]: filth == v["JANITOR_FILTH2"]} {
			cases++
			if got := len(e.scan(text, false)) > 0; got == want {
				passed++
			} else {
				t.Errorf("%q in %.60q...: %v", filth, text, got)
			}
		}
	}
	t.Logf("%d of %d", passed, cases)
}
