package activities

import (
	"testing"

	"temper/collect"
	"temper/filter"
	"temper/internal/store"
)

// TestPlanByShard: of shards that stay apart, those that are done are counted by themselves; what comes out of the rest is not known
// before it is read, and at most what goes in once it is.
func TestPlanByShard(t *testing.T) {
	w := newWorld(t, store.NewMem())
	source := PlanInput{Source: collect.Source{JSONL: &collect.JSONL{Root: documents(t, 60)}}, TaskBytes: 24 << 10}
	plan := must(w, w.a.PlanCollect, source)
	if plan.Tasks < 3 {
		t.Fatalf("%d tasks, too few to tell", plan.Tasks)
	}
	where := "words > 5"
	request := PlanRequest{Name: "n", Collect: []PlanInput{source}, Filter: FilterInput{Steps: []filter.Step{{Where: &where}}}, Publish: PublishInput{}}
	of := func() map[string]Planned {
		p, err := PlanOf(t.Context(), LookUp(w.a), request)
		if err != nil {
			t.Fatal(err)
		}
		stages := map[string]Planned{}
		for _, s := range p.Stages {
			stages[s.Name] = s
		}
		return stages
	}
	for done := range plan.Tasks {
		raw := must(w, w.a.Collect, CollectInput{Plan: plan.Plan, Task: done})
		last := done == plan.Tasks-1
		now := of()
		c, f := now["collect"], now["filter"]
		if c.PartsCached != done+1 || c.Parts != plan.Tasks || (c.State == StateCached) != last || (c.Out == Expected{60, Exactly}) != last {
			t.Errorf("%d of %d collected: %+v", done+1, plan.Tasks, c)
		}
		if f.PartsCached != done || (f.Out.Bound == Unknown) == last || last && f.Out != (Expected{60, AtMost}) {
			t.Errorf("%d of %d filtered: %+v", done, plan.Tasks, f)
		}
		in := FilterInput{Shard: raw.Out("records"), Steps: request.Filter.Steps}
		in.Notes = must(w, w.a.Score, in).Out("notes")
		must(w, w.a.Select, in)
	}
	if now := of(); now["filter"].State != StateCached || now["split"].State != StateToRun || now["split"].Out != (Expected{60, Exactly}) {
		t.Errorf("all filtered: %+v", now)
	}
}
