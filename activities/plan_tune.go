package activities

import (
	"context"
	"fmt"

	"temper/dataset"
)

// one looks a stage of the training up, if what it needs is there.
func one[In, Out any](ctx context.Context, w *walk, p Planned, ready bool, act func(context.Context, In) (Out, error), in In) (out Out, stage *Planned, err error) {
	if ready {
		var found bool
		if out, found, err = look(ctx, act, in); err != nil {
			return out, nil, err
		}
		if found {
			p.PartsCached = 1
		}
	}
	p.Parts = 1
	return out, w.add(p), nil
}

// tune follows Tune and Evaluate.
func (w *walk) tune(ctx context.Context) error {
	if w.in.Train == nil {
		return nil
	}
	t := *w.in.Train
	tokenize := func(split string, rows Expected) (StageResult, bool, error) {
		in := TokenizeInput{Base: w.base, Train: t.Options, Split: split}
		if w.dataset != nil {
			if in.Rows = w.dataset.Train; split == "test" {
				in.Rows = w.dataset.Test
			}
		}
		r, p, err := one(ctx, w, Planned{Name: "tokenize " + split, In: rows, Out: rows.atMost()}, w.dataset != nil, w.a.Tokenize, in)
		if err != nil {
			return r, false, err
		}
		if p.Tokens = (Expected{MetricOf[int64](r, "tokens"), Exactly}); p.PartsCached == 0 {
			p.Tokens.Bound = Unknown
			return r, false, nil
		}
		p.Out = Expected{r.Counts.Out, Exactly}
		return r, true, nil
	}
	rows := w.rows()
	if w.dataset != nil {
		rows = Expected{MetricOf[int64](w.dataset.Stage, "train"), Exactly}
	}
	learn, all, err := tokenize("train", rows)
	if err != nil {
		return err
	}
	held, both, err := tokenize("test", w.held)
	if err != nil {
		return err
	}
	t.Name, t.Base, t.Tokens, t.Test = w.in.Name, w.base, learn.Out("tokens"), held.Out("tokens")
	if w.dataset != nil {
		t.Dataset = w.dataset.Name + "@" + w.dataset.Version
	}
	tuned, p, err := one(ctx, w, Planned{Name: "train"}, all && both, w.a.Train, t)
	if err != nil {
		return err
	}
	if err := w.trained(ctx, p, learn, tuned, rows.atMost()); err != nil {
		return err
	}
	return w.evaluate(ctx, tuned, t.Test)
}

// trained fills in what the training reads and how long it may take.
func (w *walk) trained(ctx context.Context, p *Planned, learn StageResult, tuned AdapterResult, rows Expected) error {
	o := w.in.Train.Options.WithDefaults()
	sequences := Expected{MetricOf[int64](learn, "sequences"), Exactly}
	if learn.Key == "" {
		sequences = rows // a sequence holds one sample or more
	}
	p.In, p.Out = sequences, sequences
	if p.PartsCached == 1 {
		p.Tokens = Expected{MetricOf[int64](tuned.Stage, "tokens"), Exactly}
		return nil
	}
	read := sequences.times(int64(o.Epochs))
	if o.Steps > 0 {
		read = Expected{int64(o.Steps) * int64(o.Batch) * int64(o.Accumulate), AtMost}
	}
	p.Tokens = read.times(int64(o.Sequence)).atMost()
	speed, from, err := w.speed(ctx)
	if err != nil || speed == 0 || p.Tokens.Bound == Unknown {
		return err
	}
	seconds := float64(p.Tokens.N) / speed
	p.Seconds, p.Note = &seconds, fmt.Sprintf("time at the %.0f tokens/s of %s", speed, from)
	return nil
}

// speed is the tokens a second of the name's adapters over this base: the champion's, or of the last one listed.
func (w *walk) speed(ctx context.Context) (speed float64, of string, err error) {
	cards, err := ListAdapters(ctx, w.a.Store)
	if err != nil {
		return 0, "", err
	}
	aliases, err := dataset.LoadAliases(ctx, w.a.Store, w.in.Name)
	if err != nil {
		return 0, "", err
	}
	for _, c := range cards {
		s, ok := c.Metrics["tokens_per_second"].(float64)
		if !ok || c.Name != w.in.Name || c.Base.SHA256 != w.base.Ref.SHA256 {
			continue
		}
		if speed, of = s, c.Name+"@"+c.Version; c.Version == aliases.Champion {
			break
		}
	}
	return speed, of, nil
}

// evaluate follows Evaluate. A champion that cannot be compared is an error now, not after the training.
func (w *walk) evaluate(ctx context.Context, tuned AdapterResult, test dataset.Ref) error {
	champion, err := w.a.Champion(ctx, ChampionInput{Name: w.in.Name, Base: w.base})
	if err != nil {
		return err
	}
	type rated struct {
		who     string
		ready   bool
		adapter Adapter
	}
	trained := tuned.Version != ""
	all := []rated{{"base", true, Adapter{}}, {"challenger", trained, tuned.Adapter}}
	if champion.Version != "" {
		all = append(all, rated{"champion", true, champion.Adapter})
	}
	for _, r := range all {
		in := EvaluateInput{Who: r.who, Base: w.base, Adapter: r.adapter, Tokens: test}
		p := Planned{Name: "evaluate " + r.who, In: w.held, Out: w.held}
		if _, _, err := one(ctx, w, p, r.ready && test.SHA256 != "", w.a.Evaluate, in); err != nil {
			return err
		}
	}
	in := AnswersInput{Base: w.base, Adapter: tuned.Adapter, Count: w.in.Show}
	if w.dataset != nil {
		in.Rows = w.dataset.Test
	}
	shown := Expected{int64(max(w.in.Show, 1)), AtMost}
	_, _, err = one(ctx, w, Planned{Name: "answers", In: w.held, Out: shown}, trained && w.dataset != nil, w.a.Answers, in)
	return err
}
