package synth

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"temper/dataset"
)

// A script is a small model: what it answers is a function of the request, some of it as real models err.
type script struct {
	scores bool
	asked  map[string]int // how often, by request
	left   int            // answers until it fails; negative: it does not
}

var errScript = errors.New("the model is gone")

func newScript(scores bool) *script {
	return &script{scores: scores, asked: map[string]int{}, left: -1}
}

func (s *script) Name() string { return "script/1" }
func (s *script) Scores() bool { return s.scores }

func (s *script) Complete(_ context.Context, reqs []Request) ([]Response, error) {
	out := make([]Response, len(reqs))
	for i, r := range reqs {
		if s.left == 0 {
			return out, errScript
		}
		s.left--
		s.asked[fmt.Sprintf("%+v", r)]++
		out[i] = s.answer(r)
	}
	return out, nil
}

// answer is a question about the subject of the last message, a grade, or likelihoods.
func (s *script) answer(r Request) Response {
	h := fnv.New32a()
	fmt.Fprintf(h, "%+v", r)
	draw := h.Sum32()
	last := r.Messages[len(r.Messages)-1].Content
	res := Response{Stop: "stop", PromptTokens: int64(len(last) / 4), OutputTokens: 12}
	if len(r.Choices) > 0 {
		perToken := -3.0
		if strings.Contains(last, "?") {
			perToken += float64(draw%100) / 100 // the question helps, more or less
		}
		n := len(r.Choices[0])/4 + 1
		res.Scores, res.ChoiceTokens = []float64{perToken * float64(n)}, []int{n}
		return res
	}
	if strings.HasPrefix(last, "Question: ") {
		res.Text = fmt.Sprintf("```json\n{\"score\": %d}\n```", draw%11)
		return res
	}
	about, _, _ := strings.Cut(strings.TrimPrefix(last, "About "), ":\n")
	switch draw % 8 {
	case 0:
		res.Text = "I cannot say."
	case 1:
		res.Text = "What does this function do?"
	case 2:
		res.Text = "1. \"What is it for?\""
	case 3:
		res.Text = "What does it return when it is used with nothing?"
	default:
		name := about[strings.LastIndexByte(strings.Fields(about)[0], '.')+1:]
		res.Text = "Sure!\n\nQuestion: What does " + strings.Fields(name)[0] + " do?\nAnswer: much"
	}
	return res
}

// A memory is a cache.
type memory map[string]Response

func (m memory) Get(_ context.Context, key string) (Response, bool, error) {
	r, ok := m[key]
	return r, ok, nil
}

func (m memory) Put(_ context.Context, key string, r Response) error {
	m[key] = r
	return nil
}

// questions are options that ask about all records that are long enough.
var questions = Questions{MinText: 40, Judge: Judge{Min: 5}}

// asked are the rows of asking about the records, and what it used.
func asked(t failer, m Model, c Cache, o Questions, recs []dataset.Record) ([]dataset.Row, Usage) {
	t.Helper()
	made, usage := Ask(context.Background(), stream(recs), Asking{Options: o, Model: m, Cache: c})
	return rows(t, made), usage()
}

// TestAsk: the rows of asking a model that tells likelihoods, and of one that does not, are those of the golden files: every question
// that is kept names its subject, and what is dropped says why.
func TestAsk(t *testing.T) {
	for name, scores := range map[string]bool{"likelihood.txt": true, "words.txt": false} {
		got, _ := asked(t, newScript(scores), memory{}, questions, records(t))
		golden(t, name, say(got))
		why := map[string]int{}
		for _, row := range got {
			if row.Verdict == nil {
				why["kept"]++
				if !strings.Contains(row.Messages[0].Content, row.Meta["package"][strings.LastIndexByte(row.Meta["package"], '/')+1:]) {
					t.Errorf("%q does not name %s", row.Messages[0].Content, row.Meta["package"])
				}
				if _, ok := row.Signals["judge"].(float64); !ok {
					t.Errorf("%q has no score", row.Messages[0].Content)
				}
			} else {
				why[row.Verdict.Rule]++
			}
		}
		for _, rule := range []string{"kept", "questions.parse", "questions.self_contained", "questions.judge"} {
			if why[rule] == 0 {
				t.Errorf("%s: none is %s: %v", name, rule, why)
			}
		}
	}
}

// TestAskAlike: with rouge_l the questions that are kept are some of those kept without, the first among them, none like one before; the
// others say which one they are like. What the model is asked stays the same.
func TestAskAlike(t *testing.T) {
	o := questions
	want, used := asked(t, newScript(true), memory{}, o, records(t))
	o.Judge.RougeL = 0.5
	got, again := asked(t, newScript(true), memory{}, o, records(t))
	if used != again || len(got) != len(want) {
		t.Errorf("used %+v for %d rows, %+v for %d without", again, len(got), used, len(want))
	}
	kept, alike := map[string]bool{}, 0
	for i, row := range got {
		switch {
		case row.ID != want[i].ID:
			t.Fatalf("row %d is %s, was %s", i, row.ID, want[i].ID)
		case want[i].Verdict != nil:
			if d := cmp.Diff(want[i], row); d != "" {
				t.Errorf("dropped before: want -, got +:\n%s", d)
			}
		case row.Verdict == nil:
			kept[row.ID] = true
		case row.Verdict.Rule != "questions.rouge_l" || row.Verdict.Value < 0.5 || !kept[row.Verdict.Detail]:
			t.Errorf("%s: %v", row.ID, row.Verdict)
		default:
			alike++
		}
	}
	if len(kept) == 0 || alike == 0 {
		t.Errorf("%d kept, %d alike: a test of nothing", len(kept), alike)
	}
	for _, wrong := range []float64{-0.1, 1.1} {
		o.Judge.RougeL = wrong
		if err := o.WithDefaults().Validate(); err == nil || !strings.Contains(err.Error(), "judge.rouge_l") {
			t.Errorf("rouge_l %v: %v", wrong, err)
		}
	}
}

// TestAskCached: whatever is in the cache already, the rows and what is charged are the same, and nothing in it is asked again.
func TestAskCached(t *testing.T) {
	recs := records(t)
	full := memory{}
	want, used := asked(t, newScript(true), full, questions, recs)
	rapid.Check(t, func(t *rapid.T) {
		some := memory{}
		for key, r := range full {
			if rapid.Bool().Draw(t, "cached") {
				some[key] = r
			}
		}
		m := newScript(true)
		was := len(some)
		got, again := asked(t, m, some, questions, recs)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("want -, got +:\n%s", d)
		}
		if len(m.asked) != len(full)-was {
			t.Errorf("%d asked with %d of %d in the cache", len(m.asked), was, len(full))
		}
		if again.PromptTokens != used.PromptTokens || again.OutputTokens != used.OutputTokens || again.Requests != used.Requests {
			t.Errorf("used %+v, want %+v", again, used)
		}
	})
}

// TestAskCrash: a model that goes away after any number of answers ends the stream with its error; asked again with the same cache,
// the rows are those of an undisturbed run, and no request was answered twice.
func TestAskCrash(t *testing.T) {
	recs := records(t)
	want, _ := asked(t, newScript(false), memory{}, questions, recs)
	all := newScript(false)
	asked(t, all, memory{}, questions, recs)
	for n := 0; n < len(all.asked); n += 3 {
		m, cache := newScript(false), memory{}
		m.left = n
		made, _ := Ask(context.Background(), stream(recs), Asking{Options: questions, Model: m, Cache: cache})
		var err error
		for _, err = range made {
		}
		if !errors.Is(err, errScript) {
			t.Fatalf("after %d answers: %v, want the model's error", n, err)
		}
		if len(cache) != n {
			t.Errorf("%d answers are kept of %d", len(cache), n)
		}
		m.left = -1
		got, _ := asked(t, m, cache, questions, recs)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("after %d answers: undisturbed -, resumed +:\n%s", n, d)
		}
		for req, times := range m.asked {
			if times != 1 {
				t.Errorf("after %d answers: asked %d times: %s", n, times, req)
			}
		}
	}
}

// TestAskStop: a consumer that stops in the middle pays for no more than the batch it is in, and the next run takes that from the
// cache.
func TestAskStop(t *testing.T) {
	recs := records(t)
	want, _ := asked(t, newScript(true), memory{}, questions, recs)
	m, cache := newScript(true), memory{}
	made, _ := Ask(context.Background(), stream(recs), Asking{Options: questions, Model: m, Cache: cache})
	for range made {
		break
	}
	if n := len(m.asked); n == 0 || n > 3*batch {
		t.Errorf("%d requests for one row", n)
	}
	got, _ := asked(t, m, cache, questions, recs)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("whole -, resumed +:\n%s", d)
	}
	for req, times := range m.asked {
		if times != 1 {
			t.Errorf("asked %d times: %s", times, req)
		}
	}
}

// TestAskBudget: once the budget is spent no more is asked, and what is left comes as dropped rows; at most one batch goes over.
func TestAskBudget(t *testing.T) {
	o := questions
	o.Budget.Tokens = 1500
	m := newScript(true)
	got, used := asked(t, m, memory{}, o, records(t))
	all, _ := asked(t, newScript(true), memory{}, questions, records(t))
	if len(got) != len(all) {
		t.Errorf("%d rows, want %d", len(got), len(all))
	}
	over, before := 0, true
	for i, row := range got {
		if row.Verdict != nil && row.Verdict.Rule == "questions.budget" {
			over++
			before = false
		} else if !before {
			t.Errorf("row %d was asked for after the budget was spent", i)
		}
	}
	most := int64(0) // tokens of a batch: its questions, and twice to be judged
	for _, r := range records(t) {
		most = max(most, int64(3*batch*(len(passageOf(r, 600))+100)/4))
	}
	if spent := used.PromptTokens + used.OutputTokens; over == 0 || spent < o.Budget.Tokens || spent > o.Budget.Tokens+most {
		t.Errorf("%d rows over the budget, %d tokens spent of %d", over, spent, o.Budget.Tokens)
	}
}

// TestAskWrongModel: a model that answers less than it was asked is an error, not less rows.
func TestAskWrongModel(t *testing.T) {
	made, _ := Ask(context.Background(), stream(records(t)), Asking{Options: questions, Model: short{newScript(true)}, Cache: memory{}})
	var err error
	for _, err = range made {
	}
	if err == nil || !strings.Contains(err.Error(), "answers to") {
		t.Errorf("%v", err)
	}
}

// short leaves out an answer.
type short struct{ *script }

func (s short) Complete(ctx context.Context, reqs []Request) ([]Response, error) {
	out, err := s.script.Complete(ctx, reqs)
	return out[:len(out)-1], err
}

// TestQuestionIn: the question is found in what small models write around it.
func TestQuestionIn(t *testing.T) {
	for _, tt := range []struct{ answer, want string }{
		{"What does Fields return?", "What does Fields return?"},
		{"Sure! Here is one:\n\n1. What does Fields return?\n2. What else is there?", "What does Fields return?"},
		{"**Question:** \"What does Fields return?\"", "What does Fields return?"},
		{"Q: What does Fields return? A: a slice", "What does Fields return?"},
		{"- 3DES keys have how many bits?", "3DES keys have how many bits?"},
		{"12) How many bits has it?", "How many bits has it?"},
		{"What?", ""},
		{"No question here.", ""},
		{strings.Repeat("word ", 50) + "?", ""},
		{"", ""},
	} {
		if got := questionIn(tt.answer); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.answer, got, tt.want)
		}
	}
}

// TestSelfContained: a question that points at a text is not, nor one without the name of the symbol as a word; the package is added
// where it is missing.
func TestSelfContained(t *testing.T) {
	do := dataset.Record{Meta: dataset.Meta{"package": "net/http", "kind": "method", "name": "Client.Do", "symbol": "http.Client.Do"}}
	pkg := dataset.Record{Meta: dataset.Meta{"package": "archive/tar", "kind": "package", "name": "tar", "symbol": "tar"}}
	text := dataset.Record{Text: "no name"}
	for _, tt := range []struct {
		rec            dataset.Record
		question, want string // "" if it is not self-contained
	}{
		{do, "What does Client.Do return?", "In Go's net/http package, what does Client.Do return?"},
		{do, "Does http.Client.Do follow redirects?", "Does http.Client.Do follow redirects?"},
		{do, "What does a client do?", "In Go's net/http package, what does a client do?"},
		{do, "What does net/http.Client.Do() return?", "What does net/http.Client.Do() return?"},
		{do, "How does net.IP.Do work?", ""},
		{do, "How does Do.Stable work?", ""},
		{do, "What is done here?", ""},
		{do, "What does this method do?", ""},
		{pkg, "What is archive/tar's job?", "What is archive/tar's job?"},
		{pkg, "What does tar do?", "What does tar do?"},
		{pkg, "What does archive/zip do?", ""},
		{text, "Who wrote Faust?", "Who wrote Faust?"},
		{text, "What does the text say?", ""},
	} {
		got := ""
		if selfContained(tt.question, tt.rec) {
			got = withPackage(tt.question, tt.rec)
		}
		if got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.question, got, tt.want)
		}
	}
}

// FuzzAnswers: whatever a model answers, a question ends in its only question mark and stands in the answer, and a score is 0 to 10.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{"1. Q: What is it for?", "{\"score\": 7}", "```json\n{\"score\": 1e400}\n```", "{{}}", "\xff?", "**Question:** “a b c?”"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if q := questionIn(s); q != "" && (!strings.Contains(s, q) || strings.IndexByte(q, '?') != len(q)-1) {
			t.Errorf("%q has the question %q", s, q)
		}
		if n := scoreIn(s); n < 0 || n > 10 || n != n {
			t.Errorf("%q scores %v", s, n)
		}
	})
}
