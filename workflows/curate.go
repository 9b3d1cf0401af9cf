package workflows

import (
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"temper/activities"
	"temper/dataset"
)

// CurateInput is the input of [Curate]. New fields must work when absent: running histories lack them.
type CurateInput struct {
	Collect       []activities.PlanInput         `json:"collect"`
	Known         dataset.Ref                    `json:"known,omitzero"`     // index of records earlier runs have seen; zero: none
	Kept          []dataset.Ref                  `json:"kept,omitempty"`     // what near passes of earlier runs kept, the oldest first
	Remember      bool                           `json:"remember,omitempty"` // what the near pass keeps, for later runs
	Filter        activities.FilterInput         `json:"filter"`
	Exact         *activities.ExactInput         `json:"exact,omitempty"`
	Near          *activities.NearInput          `json:"near,omitempty"`
	Decontaminate *activities.DecontaminateInput `json:"decontaminate,omitempty"`
	Window        int                            `json:"window,omitempty"` // activities in flight; 0 means 4
	State         *CurateState                   `json:"state,omitempty"`  // where an earlier part of this run stopped
}

// CurateState is what one part of a long run hands on to the next.
type CurateState struct {
	Steps  int          `json:"steps"` // done
	Result CurateResult `json:"result"`
}

// CurateResult is the result of [Curate].
type CurateResult struct {
	Shards  []dataset.Ref            `json:"shards"`        // rows kept, with the signals and checks of every pass
	Rejects []dataset.Ref            `json:"rejects"`       // rows dropped, with the check that dropped them
	Raw     []dataset.Ref            `json:"raw"`           // records as collected
	Kept    dataset.Ref              `json:"kept,omitzero"` // what the near pass kept, if it is to be remembered
	Stages  []activities.StageResult `json:"stages"`
}

// Curate collects the sources and keeps what passes: known, filter, exact, near, decontaminate, in this order.
//
// Its history is bounded. All sources together have at most [activities.MaxTasks] shards (and one for each source, where there
// are more), every step runs at most two activities a shard, an activity is at most six events; and after a step the run goes on
// in a history of its own if the server suggests it, which it does at 4096 events or 4 MB. So there are at most
// 4096 + 6·2·256 = 7168 events of the 51200 that are allowed.
func Curate(ctx workflow.Context, in CurateInput) (CurateResult, error) {
	c, err := newCuration(ctx, in)
	if err != nil {
		return CurateResult{}, err
	}
	steps := []func(workflow.Context) error{c.collect, c.known, c.filter, c.exact, c.near, c.decontaminate}
	for c.done < len(steps) {
		if err := steps[c.done](ctx); err != nil {
			return CurateResult{}, err
		}
		if c.done++; c.done < len(steps) && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			in.State = &CurateState{Steps: c.done, Result: c.out}
			return CurateResult{}, workflow.NewContinueAsNewError(ctx, Curate, in)
		}
	}
	return c.out, nil
}

// A curation is the state of a [Curate].
type curation struct {
	in     CurateInput
	done   int // steps
	out    CurateResult
	stages *stages
}

func newCuration(ctx workflow.Context, in CurateInput) (*curation, error) {
	if in.Window == 0 {
		in.Window = 4
	}
	c := &curation{in: in}
	if in.State != nil {
		c.done, c.out = in.State.Steps, in.State.Result
	}
	var err error
	c.stages, err = newStages(ctx, &c.out.Stages)
	return c, err
}

func (c *curation) collect(ctx workflow.Context) error {
	c.stages.begin("collect")
	var parts []activities.StageResult
	for _, source := range c.in.Collect {
		if source.MaxTasks == 0 {
			source.MaxTasks = max(1, activities.MaxTasks/len(c.in.Collect))
		}
		plan, err := call(bulk(ctx), a.PlanCollect, source)
		if err != nil {
			return err
		}
		shards := make([]activities.StageResult, plan.Tasks)
		err = each(ctx, plan.Tasks, c.in.Window, func(ctx workflow.Context, i int) (err error) {
			shards[i], err = call(bulk(ctx, dataset.Ref{Bytes: plan.Largest}), a.Collect, activities.CollectInput{Plan: plan.Plan, Task: i})
			return err
		})
		if err != nil {
			return err
		}
		if err := activities.TooBad(source.MaxBad, shards); err != nil {
			return temporal.NewNonRetryableApplicationError(err.Error(), activities.TypeMalformed, err)
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
		c.out.Shards = append(c.out.Shards, nonEmpty(p.Outputs["records"])...)
		c.out.Rejects = append(c.out.Rejects, nonEmpty(p.Outputs["rejects"])...)
	}
	c.stages.end(merge(name, parts))
}

// shards runs one activity a shard and takes what it keeps.
func (c *curation) shards(ctx workflow.Context, name string, f func(ctx workflow.Context, i int, shard dataset.Ref) (activities.StageResult, error)) error {
	if c.stages.current != name {
		c.stages.begin(name)
	}
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
		return call(bulk(ctx, shard), a.Known, activities.KnownInput{Shard: shard, Known: c.in.Known})
	})
}

func (c *curation) filter(ctx workflow.Context) error {
	if len(c.in.Filter.Steps) == 0 {
		return nil
	}
	return c.shards(ctx, "filter", func(ctx workflow.Context, _ int, shard dataset.Ref) (activities.StageResult, error) {
		in := c.in.Filter
		in.Shard = shard
		scored, err := call(bulk(ctx, shard), a.Score, in)
		if err != nil {
			return scored, err
		}
		in.Notes = scored.Out("notes")
		kept, err := call(bulk(ctx, shard), a.Select, in)
		kept.Parts = []string{scored.Key, kept.Key}
		return kept, err
	})
}

func (c *curation) exact(ctx workflow.Context) error {
	if c.in.Exact == nil || len(c.out.Shards) == 0 {
		return nil
	}
	c.stages.begin("exact")
	in := *c.in.Exact
	in.Shards = c.out.Shards
	all, err := call(whole(ctx, in.Shards), a.Exact, in)
	if err != nil {
		return err
	}
	c.take("exact", []activities.StageResult{all})
	return nil
}

func (c *curation) near(ctx workflow.Context) error {
	if c.in.Near == nil || len(c.out.Shards) == 0 {
		return nil
	}
	c.stages.begin("near")
	in := *c.in.Near
	in.Shards, in.Known, in.Remember = c.out.Shards, c.in.Kept, c.in.Remember
	in.Signatures = make([]dataset.Ref, len(in.Shards))
	keys := make([]string, len(in.Shards)+1)
	err := each(ctx, len(in.Shards), c.in.Window, func(ctx workflow.Context, i int) error {
		sign := activities.NearInput{Shards: in.Shards[i : i+1], Options: in.Options}
		signed, err := call(bulk(ctx, in.Shards[i]), a.Sign, sign)
		in.Signatures[i], keys[i] = signed.Out("signatures"), signed.Key
		return err
	})
	if err != nil {
		return err
	}
	clusters, err := call(whole(ctx, slices.Concat(in.Shards, in.Known)), a.Cluster, in)
	if err != nil {
		return err
	}
	keys[len(in.Shards)], c.out.Kept = clusters.Key, clusters.Out("kept")
	return c.shards(ctx, "near", func(ctx workflow.Context, i int, shard dataset.Ref) (activities.StageResult, error) {
		one := activities.NearInput{Shards: []dataset.Ref{shard}, Clusters: clusters.Out("clusters"), Options: in.Options}
		kept, err := call(bulk(ctx, shard, one.Clusters), a.Near, one)
		kept.Parts = []string{kept.Key}
		if i == 0 {
			kept.Parts = append(keys, kept.Key)
		}
		return kept, err
	})
}

func (c *curation) decontaminate(ctx workflow.Context) error {
	if c.in.Decontaminate == nil {
		return nil
	}
	return c.shards(ctx, "decontaminate", func(ctx workflow.Context, _ int, shard dataset.Ref) (activities.StageResult, error) {
		in := *c.in.Decontaminate
		in.Shard = shard
		return call(bulk(ctx, shard), a.Decontaminate, in)
	})
}
