package activities

import (
	"context"
	"errors"
	"fmt"

	"temper/dataset"
	"temper/finetune"
	"temper/model"
	"temper/synth"
)

// prepare says where the base is and what training will hold. It opens no base that is not here.
func (w *walk) prepare(ctx context.Context) error {
	if w.in.Train == nil {
		return nil
	}
	base, path, err := w.a.local(ctx, w.in.Base)
	if err != nil {
		return err
	}
	w.base = base
	p := Planned{Name: "base", Parts: 1, Bytes: Expected{base.Ref.Bytes, Exactly}}
	if base.Ref.SHA256 == "" {
		p.Bytes = Expected{Bound: Unknown}
	}
	if info, err := w.a.Store.Stat(ctx, base.key()); err == nil && info.Size == base.Ref.Bytes {
		p.PartsCached = 1
	}
	if source, form := CutForm(w.in.Base); path == "" && form != "" {
		p.Note = fmt.Sprintf("%s in %s is not here, so the memory of training is not known; a run refuses what does not fit before it collects", source, form)
		w.add(p)
		return nil
	}
	if path == "" {
		p.Note = "base not here, so the memory of training is not known: temper model pull " + w.in.Base
		w.add(p)
		return nil
	}
	w.add(p)
	m, err := model.Open(path)
	if err != nil {
		return err
	}
	w.a.bases = map[string]*model.Model{base.Ref.SHA256: m}
	memory, err := w.a.preflight(ctx, PreflightInput{Base: base, LoRA: w.in.Train.LoRA, Options: w.in.Train.Options})
	if err != nil && !errors.Is(err, finetune.ErrMemory) {
		return err
	}
	if err != nil {
		w.out.Refused = err.Error()
	}
	w.out.Memory = &memory
	return err
}

// synthesize makes what all steps together make the rows.
func (w *walk) synthesize(ctx context.Context) error {
	if len(w.in.Synthesize) == 0 {
		return nil
	}
	var made []shard
	bytes := Expected{Bound: Exactly}
	for _, step := range w.in.Synthesize {
		if name := step.LocalBase(); name != "" {
			base, _, err := w.a.local(ctx, name)
			if err != nil {
				return err
			}
			step.Base = base
		}
		r, p, err := w.whole(ctx, step.Name(), func(ctx context.Context, all []dataset.Ref) (StageResult, bool, error) {
			step.Shards = all
			return look(ctx, w.a.Synthesize, step)
		})
		if err != nil {
			return err
		}
		if p.PartsCached == 1 {
			p.Out, p.Bytes = Expected{r.Counts.Out, Exactly}, Expected{r.Counts.Bytes, Exactly}
			p.Tokens = Expected{MetricOf[int64](r, "prompt_tokens") + MetricOf[int64](r, "output_tokens"), Exactly}
			made = append(made, kept(r)...)
			w.rejects = append(w.rejects, some(r.Outputs["rejects"])...)
		} else {
			p.Bytes = Expected{Bound: Unknown}
			expect(p, step.Step)
			made = append(made, shard{rows: p.Out})
		}
		bytes = bytes.plus(p.Bytes)
	}
	w.shards, w.bytes = made, bytes
	return nil
}

// expect fills in what a step that makes rows may come to.
func expect(p *Planned, s synth.Step) {
	if s.Pairs != nil {
		p.Out = chosen(p.In, s.Pairs.Records, s.Pairs.PerRecord)
		return
	}
	q := s.QuestionsFromText.WithDefaults()
	p.Out = chosen(p.In, q.Records, q.PerRecord)
	if q.Model.Endpoint != "" {
		p.Money = Unknown
	}
	if q.Budget.Tokens > 0 {
		p.Tokens = Expected{q.Budget.Tokens, AtMost}
		p.Note = "the tokens are the budget, which the last questions may pass"
		return
	}
	each := questionTokens(q)
	if p.Tokens = p.Out.times(each); p.Tokens.Bound != Unknown {
		p.Tokens.Bound = About
	}
	p.Note = fmt.Sprintf("no budget; the tokens are an estimate of %d a question", each)
}

// chosen is the rows made of so many records.
func chosen(in Expected, records, perRecord int) Expected {
	if in = in.atMost(); records > 0 {
		in = in.capped(int64(records))
	}
	return in.times(int64(max(perRecord, 1)))
}

// What a question costs beside its passage, in tokens, about.
const (
	charactersPerToken = 4   // of English
	promptTokens       = 200 // instruction and examples
	likelihoodTokens   = 200 // a local base reads the beginning of the passage twice, after two questions
	gradeTokens        = 180 // an endpoint reads the passage again, with an instruction, and says a score
)

// questionTokens is about what it costs to ask one question and to judge it.
func questionTokens(q synth.Questions) int64 {
	passage := q.MaxText / charactersPerToken
	n := passage + promptTokens + q.MaxTokens
	switch {
	case q.Judge.Min == 0:
	case q.Model.Endpoint == "":
		n += likelihoodTokens
	default:
		n += passage + gradeTokens
	}
	return int64(n)
}

func (w *walk) publish(ctx context.Context) error {
	in := w.in.Publish
	in.Name, in.Rejects = w.in.Name, w.rejects
	if in.Mix != nil {
		in.Base = w.base
	}
	r, p, err := w.whole(ctx, "split", func(ctx context.Context, all []dataset.Ref) (StageResult, bool, error) {
		in.Rows = all
		published, found, err := look(ctx, w.a.Publish, in)
		if found {
			w.dataset = &published
		}
		return published.Stage, found, err
	})
	if err != nil {
		return err
	}
	if w.dataset != nil {
		p.Out = Expected{r.Counts.Out, Exactly}
		w.held = Expected{MetricOf[int64](r, "test"), Exactly}
		return nil
	}
	percent := in.Split.WithDefaults().Test
	if w.held = w.rows(); w.held.Bound != Unknown {
		w.held = Expected{int64(float64(w.held.N) * percent / 100), About}
	}
	if in.Mix != nil {
		p.Out, p.Note = Expected{Bound: Unknown}, mixNote(*in.Mix, w.base.Ref.SHA256 != "")
		w.shards = []shard{{rows: p.Out}}
	}
	return nil
}

// mixNote says in words what a mix will do, whose numbers are known once its rows are.
func mixNote(m dataset.Mix, tuned bool) string {
	m = m.WithDefaults()
	unit := "bytes"
	if tuned {
		unit = "tokens"
	}
	how := "in proportion to what there is"
	switch {
	case len(m.Groups) > 0 && m.Groups[0].Weight > 0:
		how = "by weight"
	case m.Temperature != 1:
		how = fmt.Sprintf("by size to the power of 1/%g", m.Temperature)
	}
	budget := "as many " + unit + " as there are"
	if m.Tokens > 0 {
		budget = fmt.Sprintf("at most %d %s", m.Tokens, unit)
	}
	return fmt.Sprintf("mixed by %s, %s, %s, no row more than %g times", m.By, how, budget, m.MaxEpochs)
}
