package workflows

import (
	"go.temporal.io/sdk/workflow"

	"temper/activities"
	"temper/dataset"
)

// CurateInput is the input of [Curate]. New fields must work when absent: running histories lack them.
type CurateInput struct {
	Collect       []activities.PlanInput         `json:"collect"`
	Known         dataset.Ref                    `json:"known,omitzero"` // index of records earlier runs have seen; zero: none
	Filter        activities.FilterInput         `json:"filter"`
	Exact         *activities.ExactInput         `json:"exact,omitempty"`
	Near          *activities.NearInput          `json:"near,omitempty"`
	Decontaminate *activities.DecontaminateInput `json:"decontaminate,omitempty"`
	Window        int                            `json:"window,omitempty"` // activities in flight; 0 means 4
}

// CurateResult is the result of [Curate].
type CurateResult struct {
	Shards  []dataset.Ref            `json:"shards"`  // rows kept, with the signals and checks of every pass
	Rejects []dataset.Ref            `json:"rejects"` // rows dropped, with the check that dropped them
	Raw     []dataset.Ref            `json:"raw"`     // records as collected
	Stages  []activities.StageResult `json:"stages"`
}

// Curate collects the sources and keeps what passes: known, filter, exact, near, decontaminate, in this order.
func Curate(ctx workflow.Context, in CurateInput) (CurateResult, error) {
	c, err := newCuration(ctx, in)
	if err != nil {
		return CurateResult{}, err
	}
	for _, step := range []func(workflow.Context) error{c.collect, c.known, c.filter, c.exact, c.near, c.decontaminate} {
		if err := step(ctx); err != nil {
			return CurateResult{}, err
		}
	}
	return c.out, nil
}

// A curation is the state of a [Curate].
type curation struct {
	in     CurateInput
	out    CurateResult
	stages *stages
}

func newCuration(ctx workflow.Context, in CurateInput) (*curation, error) {
	if in.Window == 0 {
		in.Window = 4
	}
	c := &curation{in: in}
	var err error
	c.stages, err = newStages(ctx, &c.out.Stages)
	return c, err
}

func (c *curation) collect(ctx workflow.Context) error {
	c.stages.begin("collect")
	var parts []activities.StageResult
	for _, source := range c.in.Collect {
		plan, err := call(bulk(ctx), a.PlanCollect, source)
		if err != nil {
			return err
		}
		shards := make([]activities.StageResult, plan.Tasks)
		err = each(ctx, plan.Tasks, c.in.Window, func(ctx workflow.Context, i int) (err error) {
			shards[i], err = call(bulk(ctx), a.Collect, activities.CollectInput{Plan: plan.Plan, Task: i, MaxBad: source.MaxBad})
			return err
		})
		if err != nil {
			return err
		}
		parts = append(parts, shards...)
	}
	c.take("collect", parts)
	c.out.Raw = c.out.Shards
	return nil
}

// take makes the parts' records the shards of the next pass and records the stage.
func (c *curation) take(name string, parts []activities.StageResult) {
	c.out.Shards = nil
	for _, p := range parts {
		if out := p.Out("records"); out.Records > 0 {
			c.out.Shards = append(c.out.Shards, out)
		}
		c.out.Rejects = append(c.out.Rejects, nonEmpty(p.Outputs["rejects"])...)
	}
	c.stages.end(merge(name, parts))
}

// shards runs one activity a shard and takes what it keeps.
func (c *curation) shards(ctx workflow.Context, name string, f func(ctx workflow.Context, i int, shard dataset.Ref) (activities.StageResult, error)) error {
	c.stages.begin(name)
	parts := make([]activities.StageResult, len(c.out.Shards))
	err := each(ctx, len(parts), c.in.Window, func(ctx workflow.Context, i int) (err error) {
		parts[i], err = f(ctx, i, c.out.Shards[i])
		return err
	})
	if err != nil {
		return err
	}
	c.take(name, parts)
	return nil
}

func (c *curation) known(ctx workflow.Context) error {
	if c.in.Known.SHA256 == "" {
		return nil
	}
	return c.shards(ctx, "known", func(ctx workflow.Context, _ int, shard dataset.Ref) (activities.StageResult, error) {
		return call(bulk(ctx), a.Known, activities.KnownInput{Shard: shard, Known: c.in.Known})
	})
}

func (c *curation) filter(ctx workflow.Context) error {
	if len(c.in.Filter.Steps) == 0 {
		return nil
	}
	return c.shards(ctx, "filter", func(ctx workflow.Context, _ int, shard dataset.Ref) (activities.StageResult, error) {
		in := c.in.Filter
		in.Shard = shard
		scored, err := call(bulk(ctx), a.Score, in)
		if err != nil {
			return scored, err
		}
		in.Notes = scored.Out("notes")
		return call(bulk(ctx), a.Select, in)
	})
}

func (c *curation) exact(ctx workflow.Context) error {
	if c.in.Exact == nil || len(c.out.Shards) == 0 {
		return nil
	}
	c.stages.begin("exact")
	in := *c.in.Exact
	in.Shards = c.out.Shards
	all, err := call(bulk(ctx), a.Exact, in)
	if err != nil {
		return err
	}
	c.out.Shards = nonEmpty(all.Outputs["records"])
	c.out.Rejects = append(c.out.Rejects, nonEmpty(all.Outputs["rejects"])...)
	c.stages.end(all)
	return nil
}

func (c *curation) near(ctx workflow.Context) error {
	if c.in.Near == nil || len(c.out.Shards) == 0 {
		return nil
	}
	c.stages.begin("near")
	in := *c.in.Near
	in.Shards = c.out.Shards
	in.Signatures = make([]dataset.Ref, len(in.Shards))
	err := each(ctx, len(in.Shards), c.in.Window, func(ctx workflow.Context, i int) error {
		sign := activities.NearInput{Shards: in.Shards[i : i+1], Options: in.Options}
		signed, err := call(bulk(ctx), a.Sign, sign)
		in.Signatures[i] = signed.Out("signatures")
		return err
	})
	if err != nil {
		return err
	}
	clusters, err := call(bulk(ctx), a.Cluster, in)
	if err != nil {
		return err
	}
	return c.shards(ctx, "near", func(ctx workflow.Context, i int, shard dataset.Ref) (activities.StageResult, error) {
		one := activities.NearInput{Shards: []dataset.Ref{shard}, Clusters: clusters.Out("clusters"), Options: in.Options}
		return call(bulk(ctx), a.Near, one)
	})
}

func (c *curation) decontaminate(ctx workflow.Context) error {
	if c.in.Decontaminate == nil {
		return nil
	}
	return c.shards(ctx, "decontaminate", func(ctx workflow.Context, _ int, shard dataset.Ref) (activities.StageResult, error) {
		in := *c.in.Decontaminate
		in.Shard = shard
		return call(bulk(ctx), a.Decontaminate, in)
	})
}
