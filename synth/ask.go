package synth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"temper/dataset"
	"temper/synth/rouge"
)

// Asking is what [Ask] needs.
type Asking struct {
	Options  Questions
	Model    Model
	Cache    Cache
	Progress func(done, total int) // passages; may be nil
}

// batch is how many requests go to the model together.
const batch = 8

// Ask lets the model write questions about records and judges them. Rows that are not kept come too, with the check that drops
// them: questions.parse (no question came), questions.self_contained (it does not say what it is about), questions.duplicate,
// questions.judge, questions.budget, questions.rouge_l (it is like an earlier one). They come in the order of the records. usage may be called once the rows have ended.
//
// The result is a function of the records, the options and the model's answers. The budget counts cached answers like others, so
// that a run that is repeated makes the same rows.
func Ask(ctx context.Context, in dataset.Records, a Asking) (rows dataset.Rows, usage func() Usage) {
	w := &asker{ctx: ctx, Asking: a, seen: map[string]bool{}}
	w.Options = w.Options.WithDefaults()
	if w.Progress == nil {
		w.Progress = func(int, int) {}
	}
	rows = func(yield func(dataset.Row, error) bool) {
		if err := w.run(in, func(r dataset.Row) bool { return yield(r, nil) }); err != nil {
			yield(dataset.Row{}, err)
		}
	}
	if least := w.Options.Judge.RougeL; least > 0 {
		rows = rouge.Novel(rows, "questions.rouge_l", least)
	}
	return rows, func() Usage { return w.used }
}

// An asker is the state of one [Ask].
type asker struct {
	Asking
	ctx  context.Context
	used Usage
	seen map[string]bool // questions, in words
}

// A passage is a record with the text to ask about, and the question in work.
type passage struct {
	rec      dataset.Record
	text     string // what the model reads, and the answer
	number   int    // of the question about this record
	question string
	row      dataset.Row
	open     bool // not yet dropped
}

func (w *asker) run(in dataset.Records, yield func(dataset.Row) bool) error {
	long := func(yield func(dataset.Record, error) bool) {
		for rec, err := range in {
			if err == nil && utf8.RuneCountInString(passageOf(rec, w.Options.MaxText)) < w.Options.MinText {
				continue
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
	var work []*passage
	for rec, err := range choose(long, w.Options.Records, w.Options.Seed) {
		if err != nil {
			return err
		}
		for n := range w.Options.PerRecord {
			work = append(work, &passage{rec: rec, text: passageOf(rec, w.Options.MaxText), number: n})
		}
	}
	w.Progress(0, len(work))
	for at := 0; at < len(work); at += batch {
		part := work[at:min(at+batch, len(work))]
		if err := w.batch(part); err != nil {
			return err
		}
		for _, p := range part {
			if !yield(p.row) {
				return nil
			}
		}
		w.Progress(at+len(part), len(work))
	}
	return nil
}

// passageOf is what to ask about: the documentation of a symbol, or the text; its beginning if it is long.
func passageOf(rec dataset.Record, n int) string {
	text := rec.Text
	if doc := rec.Meta["doc"]; doc != "" {
		text = doc
	}
	return cutSentences(text, n)
}

// subject is how a question may name what it is about; "" where the record has no name.
func subject(rec dataset.Record) string {
	name, pkg := rec.Meta["name"], rec.Meta["package"]
	symbol, err := called(rec.Meta)
	switch {
	case rec.Meta["kind"] == "package":
		return "the Go package " + pkg
	case err == nil:
		return symbol
	case name != "" && pkg != "":
		return pkg + "." + name
	case rec.Meta["title"] != "":
		return rec.Meta["title"]
	}
	return name
}

// batch asks about some passages and judges the questions.
func (w *asker) batch(part []*passage) error {
	if spent := w.Options.Budget.Tokens; spent > 0 && w.tokens() >= spent {
		for _, p := range part {
			p.row = judge(made(p.rec, fmt.Sprintf("question-%d", p.number), "", p.text),
				dataset.Check{Rule: "questions.budget", Value: float64(w.tokens()), Op: "<=", Threshold: float64(spent), Drop: true})
		}
		return nil
	}
	reqs := make([]Request, len(part))
	for i, p := range part {
		reqs[i] = Request{Messages: prompt(p), MaxTokens: w.Options.MaxTokens, Temperature: w.Options.Temperature, Seed: w.Options.Seed + uint64(p.number)}
	}
	answers, err := w.complete(reqs)
	if err != nil {
		return err
	}
	for i, p := range part {
		w.check(p, answers[i].Text)
	}
	return w.judge(part)
}

// prompt asks a model, which may be a very small one, for one question: by an example, and with the subject named.
func prompt(p *passage) []dataset.Message {
	about := ""
	if s := subject(p.rec); s != "" {
		about = "About " + s + ":\n"
	}
	return []dataset.Message{
		{Role: "system", Content: "You write one short question that the given text answers. The question names what it is about. Write only the question."},
		{Role: "user", Content: "About strings.Fields:\nFields splits the string s around each instance of one or more consecutive white space characters, returning a slice of substrings of s or an empty slice if s contains only white space."},
		{Role: "assistant", Content: "What does strings.Fields return when the string contains only white space?"},
		{Role: "user", Content: "About sort.Stable:\nStable sorts data in ascending order as determined by the Less method, while keeping the original order of equal elements."},
		{Role: "assistant", Content: "How does sort.Stable treat elements that are equal?"},
		{Role: "user", Content: about + p.text},
	}
}

// check takes the question out of an answer and checks its form.
func (w *asker) check(p *passage, answer string) {
	p.question = questionIn(answer)
	p.row = made(p.rec, fmt.Sprintf("question-%d", p.number), p.question, p.text)
	is := func(ok bool) float64 {
		if ok {
			return 1
		}
		return 0
	}
	parsed := p.question != ""
	if !parsed {
		p.row.Messages[0].Content = strings.TrimSpace(answer)
	}
	p.row = judge(p.row, dataset.Check{Rule: "questions.parse", Value: is(parsed), Op: "==", Threshold: 1, Drop: !parsed})
	if !parsed {
		return
	}
	contained := selfContained(p.question, p.rec)
	if contained {
		p.question = withPackage(p.question, p.rec)
		p.row.Messages[0].Content = p.question
	}
	p.row = judge(p.row, dataset.Check{Rule: "questions.self_contained", Value: is(contained), Op: "==", Threshold: 1, Drop: !contained})
	key := strings.Join(wordsOf(p.question), " ")
	again := w.seen[key]
	w.seen[key] = true
	p.row = judge(p.row, dataset.Check{Rule: "questions.duplicate", Value: is(again), Op: "<=", Threshold: 0, Drop: again})
	p.open = p.row.Verdict == nil
}

// complete answers requests from the cache, and asks the model for the others.
func (w *asker) complete(reqs []Request) ([]Response, error) {
	out := make([]Response, len(reqs))
	keys := make([]string, len(reqs))
	var missing []int
	for i, r := range reqs {
		b, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append([]byte(w.Model.Name()+"\x00"), b...))
		keys[i] = hex.EncodeToString(sum[:])
		found := false
		if out[i], found, err = w.Cache.Get(w.ctx, keys[i]); err != nil {
			return nil, err
		}
		if !found {
			missing = append(missing, i)
		} else {
			w.used.Cached++
		}
	}
	if len(missing) > 0 {
		asked := make([]Request, len(missing))
		for j, i := range missing {
			asked[j] = reqs[i]
		}
		answers, err := w.Model.Complete(w.ctx, asked)
		for j, i := range missing[:min(len(answers), len(missing))] {
			if err != nil && answers[j].Stop == "" {
				continue // it has none
			}
			out[i] = answers[j]
			// What was answered is kept even where the work ends here: it may have been paid for.
			if err := w.Cache.Put(context.WithoutCancel(w.ctx), keys[i], answers[j]); err != nil {
				return nil, err
			}
		}
		if err == nil && len(answers) != len(missing) {
			err = fmt.Errorf("model %s: %d answers to %d requests", w.Model.Name(), len(answers), len(missing))
		}
		if err != nil {
			return nil, err
		}
	}
	for _, r := range out {
		w.used.Requests++
		w.used.PromptTokens += r.PromptTokens
		w.used.OutputTokens += r.OutputTokens
	}
	return out, nil
}

// tokens is what was spent.
func (w *asker) tokens() int64 { return w.used.PromptTokens + w.used.OutputTokens }
