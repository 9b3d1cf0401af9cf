package activities

import (
	"context"

	"temper/collect"
	"temper/dataset"
)

func (w *walk) collect(ctx context.Context) error {
	p := Planned{Name: "collect", Bytes: Expected{Bound: Exactly}}
	for _, source := range w.in.Collect {
		if source.MaxTasks == 0 {
			source.MaxTasks = max(1, MaxTasks/len(w.in.Collect))
		}
		plan, err := w.a.PlanCollect(ctx, source)
		if err != nil {
			return err
		}
		tasks, err := blobJSONL[collect.Task](ctx, w.a.Store, plan.Plan)
		if err != nil {
			return err
		}
		for i, t := range tasks {
			for _, f := range t.Files {
				p.Read += f.Length
				if f.Offset == 0 {
					p.Files++
				}
			}
			r, found, err := look(ctx, w.a.Collect, CollectInput{Plan: plan.Plan, Task: i})
			if err != nil {
				return err
			}
			p.Parts++
			if !found {
				w.shards = append(w.shards, shard{rows: Expected{Bound: Unknown}})
				p.Bytes = Expected{Bound: Unknown}
				continue
			}
			p.PartsCached++
			p.In.N += r.Counts.In
			p.Bytes = p.Bytes.plus(Expected{r.Counts.Bytes, Exactly})
			w.shards = append(w.shards, kept(r)...)
		}
	}
	p.Out, w.bytes = w.rows(), p.Bytes
	if p.In.Bound = Exactly; p.PartsCached < p.Parts {
		p.In = Expected{Bound: Unknown}
	}
	w.add(p)
	return nil
}

func (w *walk) filter(ctx context.Context) error {
	if len(w.in.Filter.Steps) == 0 {
		return nil
	}
	in := w.in.Filter
	scored, _, err := w.pass(ctx, "score", func(ctx context.Context, _ int, s dataset.Ref) (StageResult, bool, error) {
		in.Shard = s
		return look(ctx, w.a.Score, in)
	})
	if err != nil {
		return err
	}
	selected, p, err := w.pass(ctx, "filter", func(ctx context.Context, i int, s dataset.Ref) (StageResult, bool, error) {
		if scored[i] == nil {
			return StageResult{}, false, nil
		}
		in.Shard, in.Notes = s, scored[i].Out("notes")
		return look(ctx, w.a.Select, in)
	})
	if err != nil {
		return err
	}
	w.take(selected, p)
	return nil
}

func (w *walk) exact(ctx context.Context) error {
	if w.in.Exact == nil || len(w.shards) == 0 {
		return nil
	}
	in := *w.in.Exact
	r, p, err := w.whole(ctx, "exact", func(ctx context.Context, all []dataset.Ref) (StageResult, bool, error) {
		in.Shards = all
		return look(ctx, w.a.Exact, in)
	})
	if err != nil {
		return err
	}
	if p.PartsCached == 0 {
		for i := range w.shards {
			w.shards[i] = shard{rows: w.shards[i].rows.atMost()}
		}
		w.bytes = w.bytes.atMost()
	} else {
		w.shards, w.bytes = kept(r), Expected{r.Counts.Bytes, Exactly}
		w.rejects = append(w.rejects, some(r.Outputs["rejects"])...)
	}
	p.Out, p.Bytes = w.rows(), w.bytes
	return nil
}

func (w *walk) near(ctx context.Context) error {
	if w.in.Near == nil || len(w.shards) == 0 {
		return nil
	}
	o := w.in.Near.Options
	signed, _, err := w.pass(ctx, "sign", func(ctx context.Context, _ int, s dataset.Ref) (StageResult, bool, error) {
		return look(ctx, w.a.Sign, NearInput{Shards: []dataset.Ref{s}, Options: o})
	})
	if err != nil {
		return err
	}
	clusters, c, err := w.whole(ctx, "cluster", func(ctx context.Context, all []dataset.Ref) (StageResult, bool, error) {
		in := NearInput{Shards: all, Options: o}
		for _, s := range signed {
			if s == nil {
				return StageResult{}, false, nil
			}
			in.Signatures = append(in.Signatures, s.Out("signatures"))
		}
		return look(ctx, w.a.Cluster, in)
	})
	if err != nil {
		return err
	}
	known := c.PartsCached == 1
	results, p, err := w.pass(ctx, "near", func(ctx context.Context, _ int, s dataset.Ref) (StageResult, bool, error) {
		if !known {
			return StageResult{}, false, nil
		}
		return look(ctx, w.a.Near, NearInput{Shards: []dataset.Ref{s}, Clusters: clusters.Out("clusters"), Options: o})
	})
	if err != nil {
		return err
	}
	w.take(results, p)
	return nil
}

func (w *walk) decontaminate(ctx context.Context) error {
	if w.in.Decontaminate == nil {
		return nil
	}
	results, p, err := w.pass(ctx, "decontaminate", func(ctx context.Context, _ int, s dataset.Ref) (StageResult, bool, error) {
		in := *w.in.Decontaminate
		in.Shard = s
		return look(ctx, w.a.Decontaminate, in)
	})
	if err != nil {
		return err
	}
	w.take(results, p)
	return nil
}
