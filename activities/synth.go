package activities

import (
	"context"
	"fmt"
	"maps"

	"temper/dataset"
	"temper/synth"
)

// SynthInput is the input of [Activities.Synthesize].
type SynthInput struct {
	Step   synth.Step    `json:"step"`
	Self   string        `json:"self,omitempty"` // what a model reference of "self" means: the base to be tuned
	Shards []dataset.Ref `json:"shards,omitempty"`
	Base   Base          `json:"base,omitzero"` // the local base that is asked, if one is
}

// Name is the stage's name.
func (in SynthInput) Name() string { return in.Step.Name() }

// LocalBase is the base that the step asks on this worker, or "": it asks none, or an endpoint.
func (in SynthInput) LocalBase() string {
	q := in.Step.QuestionsFromText
	switch {
	case q == nil || q.Model.Endpoint != "":
		return ""
	case q.Model.Base == "" || q.Model.Base == "self":
		return in.Self
	}
	return q.Model.Base
}

// Synthesize makes training rows of curated ones. Rows it made and did not keep are its rejects.
func (a *Activities) Synthesize(ctx context.Context, in SynthInput) (StageResult, error) {
	inputs := in.Shards
	if in.Base.Ref.SHA256 != "" {
		inputs = append(append([]dataset.Ref{}, in.Shards...), in.Base.Ref)
	}
	return a.stage(ctx, work{name: in.Name(), engine: engineSynth, options: in.Step, inputs: inputs, do: func(ctx context.Context, s *dataset.Stage) error {
		l := &lineage{rows: a.chain(ctx, in.Shards)}
		if in.Step.Pairs != nil {
			return a.pick(ctx, s, l.onto(synth.FromTemplates(l.records(), *in.Step.Pairs)))
		}
		q := *in.Step.QuestionsFromText
		p := Progress{Stage: in.Name(), Unit: "passages"}
		tokens := 0
		m, err := a.asked(ctx, in, q, func(n int) error {
			tokens += n
			p.Note = fmt.Sprintf("%d tokens", tokens)
			say(ctx, p)
			return context.Cause(ctx)
		})
		if err != nil {
			return err
		}
		rows, usage := synth.Ask(ctx, l.records(), synth.Asking{Options: q, Model: m, Cache: Answered{a.store()}, Progress: func(done, total int) {
			p.Done, p.Total = int64(done), int64(total)
			say(ctx, p)
		}})
		if err := a.pick(ctx, s, l.onto(rows)); err != nil {
			return err
		}
		u := usage()
		s.Metrics["prompt_tokens"], s.Metrics["output_tokens"], s.Metrics["requests"] = u.PromptTokens, u.OutputTokens, u.Requests
		return nil
	}})
}

// asked returns the model the questions are put to; computed hears of the tokens a local base has computed.
func (a *Activities) asked(ctx context.Context, in SynthInput, q synth.Questions, computed func(tokens int) error) (synth.Model, error) {
	if q.Model.Endpoint == "" {
		base, err := a.open(ctx, in.Base)
		if err != nil {
			return nil, err
		}
		return NewLocal(base, in.Base.Ref.SHA256, computed)
	}
	var key func() string
	if name := q.Model.APIKeyEnv; name != "" {
		if a.Secret == nil || a.Secret(name) == "" {
			return nil, fmt.Errorf("the endpoint's key: the worker's environment has no %s: %w", name, errInput)
		}
		key = func() string { return a.Secret(name) }
	}
	return &synth.OpenAI{Endpoint: q.Model.Endpoint, Model: q.Model.Name, Key: key, HTTP: a.HTTP}, nil
}

// A lineage carries what earlier passes said about a row over to the rows made of it: their signals and checks come first.
type lineage struct {
	rows    dataset.Rows
	waiting []dataset.Row // read, and not passed by the rows that came out
}

// records streams the rows' records and remembers what was said about them.
func (l *lineage) records() dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for row, err := range l.rows {
			if err == nil {
				l.waiting = append(l.waiting, dataset.Row{Record: dataset.Record{ID: row.ID}, Signals: row.Signals, Checks: row.Checks})
			}
			if !yield(row.Record, err) || err != nil {
				return
			}
		}
	}
}

// onto adds to made rows, which come in the order of their parents, what was said about the first parent.
func (l *lineage) onto(made dataset.Rows) dataset.Rows {
	return func(yield func(dataset.Row, error) bool) {
		for row, err := range made {
			if err == nil && len(row.Parents) > 0 {
				row = l.inherit(row)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func (l *lineage) inherit(row dataset.Row) dataset.Row {
	for i, parent := range l.waiting {
		if parent.ID != row.Parents[0] {
			continue
		}
		l.waiting = l.waiting[i:]
		signals := maps.Clone(parent.Signals)
		if signals == nil {
			signals = dataset.Signals{}
		}
		maps.Copy(signals, row.Signals)
		row.Signals = signals
		row.Checks = append(append([]dataset.Check{}, parent.Checks...), row.Checks...)
		return row
	}
	return row
}
