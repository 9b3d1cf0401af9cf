package activities

import (
	"context"
	"errors"

	"temper/dataset"
)

// A PlanRequest is the inputs of a run's activities, as its workflows give them.
type PlanRequest struct {
	Name          string
	Collect       []PlanInput
	Filter        FilterInput
	Exact         *ExactInput
	Near          *NearInput
	Decontaminate *DecontaminateInput
	Synthesize    []SynthInput
	Publish       PublishInput
	Base          string      // to be tuned
	Train         *TrainInput // nil: the run ends with the dataset
	Show          int
}

// PlanOf follows a run through what is done already, in the order of its workflows, with activities of [LookUp]: to the first stage
// that is not done, and from there on with what may come out at most. A shard is followed by itself as far as stages keep shards
// apart. Where the training would not fit its memory, the plan comes with the error.
func PlanOf(ctx context.Context, a *Activities, in PlanRequest) (RunPlan, error) {
	w := &walk{a: a, in: in, out: RunPlan{Name: in.Name, Store: a.Store.String()}, bytes: Expected{Bound: Unknown}}
	refusal := w.prepare(ctx)
	if refusal != nil && w.out.Refused == "" {
		return w.out, classify(refusal)
	}
	for _, step := range []func(context.Context) error{w.collect, w.filter, w.exact, w.near, w.decontaminate, w.synthesize, w.publish, w.tune} {
		if err := step(ctx); err != nil {
			return w.out, classify(err)
		}
	}
	return w.out, refusal
}

// A walk is a plan in work.
type walk struct {
	a       *Activities
	in      PlanRequest
	out     RunPlan
	base    Base // to be tuned
	shards  []shard
	bytes   Expected // of text in the shards
	rejects []dataset.Ref
	dataset *PublishResult // nil: not published
	held    Expected       // rows held out
}

// A shard is the rows of one, which are there if it has a ref.
type shard struct {
	ref  dataset.Ref
	rows Expected
}

func (s shard) there() bool { return s.ref.SHA256 != "" }

// refs are the shards' refs, if all are there.
func (w *walk) refs() (refs []dataset.Ref, all bool) {
	for _, s := range w.shards {
		if !s.there() {
			return nil, false
		}
		refs = append(refs, s.ref)
	}
	return refs, true
}

// rows is how many rows the shards have.
func (w *walk) rows() Expected {
	sum := Expected{Bound: Exactly}
	for _, s := range w.shards {
		sum = sum.plus(s.rows)
	}
	return sum
}

// look is whether an activity's work is done, and its result if it is.
func look[In, Out any](ctx context.Context, act func(context.Context, In) (Out, error), in In) (out Out, found bool, err error) {
	out, err = act(ctx, in)
	if errors.Is(err, ErrNotDone) {
		return out, false, nil
	}
	return out, err == nil, err
}

// add records a stage of which so many parts are done.
func (w *walk) add(p Planned) *Planned {
	p.State = StatePart
	switch {
	case p.PartsCached == p.Parts:
		p.State, p.Seconds = StateCached, new(float64)
	case p.PartsCached == 0:
		p.State = StateToRun
	}
	for _, e := range []*Expected{&p.In, &p.Out, &p.Bytes, &p.Tokens} {
		if e.Bound == "" {
			e.Bound = Exactly
		}
	}
	if p.Money == "" {
		p.Money = "0"
	}
	w.out.Stages = append(w.out.Stages, p)
	return &w.out.Stages[len(w.out.Stages)-1]
}

// pass looks one activity a shard up. A result is nil where it is not done.
func (w *walk) pass(ctx context.Context, name string, f func(ctx context.Context, i int, s dataset.Ref) (StageResult, bool, error)) ([]*StageResult, *Planned, error) {
	p := Planned{Name: name, Parts: len(w.shards), In: w.rows(), Out: w.rows(), Bytes: w.bytes}
	results := make([]*StageResult, len(w.shards))
	for i, s := range w.shards {
		if !s.there() {
			continue
		}
		r, found, err := f(ctx, i, s.ref)
		if err != nil {
			return nil, nil, err
		}
		if found {
			results[i] = &r
			p.PartsCached++
		}
	}
	return results, w.add(p), nil
}

// take makes what a pass keeps the shards of the next.
func (w *walk) take(results []*StageResult, p *Planned) {
	var next []shard
	bytes := Expected{Bound: Exactly}
	for i, r := range results {
		if r == nil {
			next = append(next, shard{rows: w.shards[i].rows.atMost()})
			bytes = w.bytes.atMost()
			continue
		}
		if bytes.Bound == Exactly {
			bytes.N += r.Counts.Bytes
		}
		next = append(next, kept(*r)...)
		w.rejects = append(w.rejects, some(r.Outputs["rejects"])...)
	}
	w.shards, w.bytes = next, bytes
	p.Out, p.Bytes = w.rows(), w.bytes
}

// kept is the shards of a result.
func kept(r StageResult) (out []shard) {
	for _, ref := range some(r.Outputs["records"]) {
		out = append(out, shard{ref, Expected{ref.Records, Exactly}})
	}
	return out
}

// some drops the refs to shards without records, as workflows do.
func some(refs []dataset.Ref) (out []dataset.Ref) {
	for _, r := range refs {
		if r.Records > 0 {
			out = append(out, r)
		}
	}
	return out
}

// whole looks one activity over all shards up, if they are there.
func (w *walk) whole(ctx context.Context, name string, f func(ctx context.Context, all []dataset.Ref) (StageResult, bool, error)) (r StageResult, p *Planned, err error) {
	found := false
	if refs, all := w.refs(); all {
		if r, found, err = f(ctx, refs); err != nil {
			return r, nil, err
		}
	}
	one := Planned{Name: name, Parts: 1, In: w.rows(), Out: w.rows(), Bytes: w.bytes}
	if found {
		one.PartsCached = 1
	}
	return r, w.add(one), nil
}
