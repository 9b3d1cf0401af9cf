package eval

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"temper/dataset"
)

// TestRead: the forms that GSM8K, MMLU, ARC, HellaSwag and conversations have are told apart, with their answers.
func TestRead(t *testing.T) {
	for _, tt := range []struct {
		line   string
		kind   Kind
		asked  string
		right  int
		answer string
	}{
		{`{"question":"2+3?","answer":"2+3 is <<2+3=5>>5\n#### 5"}`, Number, "2+3?", 0, "5"},
		{`{"question":"How much?","answer":"so\n#### 1,250"}`, Number, "How much?", 0, "1,250"},
		{`{"question":"2+3?","answer":5}`, Number, "2+3?", 0, "5"},
		{`{"question":"Which?","choices":["a b","c d","e f"],"answer":2}`, Choice, "Which?", 2, ""},
		{`{"question":"Which?","choices":["a b","c d"],"answer":"B"}`, Choice, "Which?", 1, ""},
		{`{"question":"Which?","choices":["a b","c d"],"answer":"c d"}`, Choice, "Which?", 1, ""},
		{`{"question":"Which?","choices":{"text":["x","y"],"label":["1","2"]},"answerKey":"1"}`, Choice, "Which?", 0, ""},
		{`{"ctx":"He goes","endings":["out","in"],"label":"1"}`, Choice, "He goes", 1, ""},
		{`{"prompt":"Capital of France?","answer":"Paris"}`, Words, "Capital of France?", 0, "Paris"},
		{`{"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"yes"}]}`, Words, "q", 0, "yes"},
	} {
		items, err := Read(strings.NewReader(tt.line+"\n\n"), "f.jsonl")
		if err != nil {
			t.Errorf("%s: %v", tt.line, err)
			continue
		}
		it := items[0]
		if last := it.Messages[len(it.Messages)-1]; it.Kind != tt.kind || last.Content != tt.asked || it.Right != tt.right || it.Answer != tt.answer {
			t.Errorf("%s: got %+v", tt.line, it)
		}
	}
}

// TestReadRefuses: a line that is no item ends the reading and is named; nothing is left out in silence.
func TestReadRefuses(t *testing.T) {
	for line, want := range map[string]string{
		`{"question": "a"`:                                          "f.jsonl:2:",
		`{"answer":"5"}`:                                            "no question",
		`{"question":"a"}`:                                          "no answer",
		`{"question":"a","answer":" "}`:                             "no answer",
		`{"question":"a","answer":"#### many"}`:                     `"many" after #### is no number`,
		`{"question":"a","choices":["x"],"answer":0}`:               "1 choices",
		`{"question":"a","choices":[],"answer":0}`:                  "empty",
		`{"question":"a","choices":["x"," "],"answer":0}`:           "choice 2 is empty",
		`{"question":"a","choices":["x","y"],"answer":2}`:           `"2" is none of the 2`,
		`{"question":"a","choices":["x","y"],"answer":"C"}`:         `"C" is none of the 2`,
		`{"question":"a","choices":["x","y"]}`:                      "must name a choice",
		`{"question":"a","choices":"x","answer":"x"}`:               "neither a list",
		`{"messages":[{"role":"assistant","content":"first"}]}`:     "no question",
		`{"messages":[{"role":"user","content":"nobody answers"}]}`: "no answer",
	} {
		_, err := Read(strings.NewReader(`{"question":"good","answer":"1"}`+"\n"+line), "f.jsonl")
		if !errors.Is(err, dataset.ErrMalformed) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "f.jsonl:2") {
			t.Errorf("%s: got %v, want %q", line, err, want)
		}
	}
	if _, err := Read(strings.NewReader("\n"), "f.jsonl"); !errors.Is(err, dataset.ErrMalformed) {
		t.Errorf("no items: got %v", err)
	}
}

// TestReadGSM8K: every item of GSM8K's test set is one of numbers, and its own reference answer is right.
func TestReadGSM8K(t *testing.T) {
	dir := os.Getenv("TEMPER_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, "evals", "gsm8k_test.jsonl"))
	if err != nil {
		t.Skip("set TEMPER_SHARED to the folder of the shared data: ", err)
	}
	defer f.Close()
	items, err := Read(f, "gsm8k")
	if err != nil || len(items) != 1319 {
		t.Fatalf("%d items of 1319: %v", len(items), err)
	}
	for i, it := range items {
		if it.Kind != Number || !it.matches("It is "+it.Answer+".") {
			t.Errorf("item %d: %+v", i+1, it)
		}
	}
}

// TestMatches: what counts as the right answer.
func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		kind         Kind
		gold, answer string
		want         bool
	}{
		{Number, "5", "2 and 3 make 5.", true},
		{Number, "5", "5 is 2 and 3", false}, // the last number counts
		{Number, "1,250", "$1250.00", true},
		{Number, "1250", "about 1,250 dollars", true},
		{Number, "4", "7-3=4", true},
		{Number, "3", "it is 7-3", true},
		{Number, "-3", "it is -3", true},
		{Number, "0.5", "a half, 0.50", true},
		{Number, ".5", "0.5", true},
		{Number, "0.5", "a half, .5.", true},
		{Number, "0.5", "it is -.5", false},
		{Number, "5", "so...5", true},
		{Number, "5", "I counted.5", true},
		{Number, "5", "none", false},
		{Number, "12", "1,2", false},
		{Words, "Paris", "The Paris!", true},
		{Words, "a red car", "Red  CAR.", true},
		{Words, "Paris", "Paris, France", false},
		{Words, "Zürich", "zürich", true},
		{Words, "A", "a.", true}, // one of the choices that a question spells out, not an article
		{Words, "A", "The", false},
		{Words, "A", "", false},
		{Words, "?", "!", false},
	} {
		if got := (Item{Kind: tt.kind, Answer: tt.gold}).matches(tt.answer); got != tt.want {
			t.Errorf("%s %q, answer %q: got %v", tt.kind, tt.gold, tt.answer, got)
		}
	}
}

// TestStatistics: values by scipy 1.16: binomtest(8, 10).proportion_ci(method="wilson"), binomtest(2, 12).pvalue.
func TestStatistics(t *testing.T) {
	near := func(name string, got, want float64) {
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: got %.12f, want %.12f", name, got, want)
		}
	}
	w := wilson(8, 10)
	near("wilson low", w[0], 0.4901624715)
	near("wilson high", w[1], 0.9433178485)
	near("none of 5", wilson(0, 5)[0], 0)
	near("mcnemar 10:2", mcnemar(10, 2), 0.03857421875)
	near("mcnemar 2:10", mcnemar(2, 10), 0.03857421875)
	near("mcnemar 0:0", mcnemar(0, 0), 1)
	near("mcnemar 5:5", mcnemar(5, 5), 1)
	if p := mcnemar(4000, 3000); !(p > 0 && p < 1e-30) {
		t.Errorf("mcnemar 4000:3000: %g", p)
	}
	if d := paired(20, 5, 100); !(d[0] > 0 && d[0] < 0.15 && d[1] > 0.15 && d[1] < 0.3) {
		t.Errorf("paired: %v", d)
	}
}

// FuzzRead: no input makes reading panic, and what is read can be checked.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"question":"2+3?","answer":"#### 5"}`))
	f.Add([]byte(`{"question":"Which?","choices":{"text":["x","y"],"label":["1","2"]},"answerKey":"1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		items, err := Read(strings.NewReader(string(b)), "f")
		if err != nil {
			return
		}
		for _, it := range items {
			if it.Kind == Choice {
				if it.Right < 0 || it.Right >= len(it.Choices) {
					t.Fatalf("%+v", it)
				}
			} else if !it.matches(it.Answer) {
				t.Fatalf("the answer of %+v is not right", it)
			}
		}
	})
}
