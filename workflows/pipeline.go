// Package workflows is the pipeline's durable orchestration. It decides the order of activities and nothing else: only refs
// and small structs pass through it, never records.
package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"temper/activities"
	"temper/dataset"
)

var a *activities.Activities // nil: only its method names are used

// PipelineInput is a whole run: a recipe with all defaults filled in.
type PipelineInput struct {
	Name       string                  `json:"name"`   // of the recipe; datasets and adapters are published under it
	Recipe     string                  `json:"recipe"` // the full recipe as JSON, for the manifest
	Curate     CurateInput             `json:"curate"`
	Synthesize SynthesizeInput         `json:"synthesize"`
	Publish    activities.PublishInput `json:"publish"`        // how to split
	Tune       *TuneInput              `json:"tune,omitempty"` // absent: the run ends with the dataset
	Gate       activities.GateInput    `json:"gate"`
}

// PipelineResult is the result of [Pipeline], and what reports are made of.
type PipelineResult struct {
	Dataset activities.PublishResult `json:"dataset"`
	Adapter activities.AdapterResult `json:"adapter,omitzero"`
	Gate    activities.GateResult    `json:"gate,omitzero"`
	Stages  []activities.StageResult `json:"stages"`
	Raw     []dataset.Ref            `json:"raw"`               // records as collected
	Kept    dataset.Ref              `json:"kept,omitzero"`     // what the near pass kept, if it is to be remembered
	Nothing bool                     `json:"nothing,omitempty"` // nothing new was found, or too little: no dataset was made and nothing trained
	Few     string                   `json:"few,omitempty"`     // why what was found was too little; the next timed run finds it again
}

// The suffixes of the child workflows' IDs below the run's.
const (
	CurateID     = "/curate"
	SynthesizeID = "/synthesize"
	TuneID       = "/tune"
	EvaluateID   = "/evaluate"
)

// Pipeline turns raw text into a promoted adapter: Curate, Synthesize, Tune, Evaluate, Gate.
func Pipeline(ctx workflow.Context, in PipelineInput) (PipelineResult, error) {
	p := &pipeline{in: in}
	var err error
	if p.stages, err = newStages(ctx, &p.out.Stages); err != nil {
		return p.out, err
	}
	if err := p.prepare(ctx); err != nil {
		return p.out, err
	}
	if err := p.data(ctx); err != nil || p.out.Nothing {
		return p.out, err
	}
	if in.Tune == nil {
		return p.out, nil
	}
	if err := p.model(ctx); err != nil {
		return p.out, err
	}
	return p.out, nil
}

// A pipeline is the state of a [Pipeline].
type pipeline struct {
	in     PipelineInput
	out    PipelineResult
	base   activities.Base // to be tuned; zero: none
	stages *stages
}

// prepare brings the base and refuses a training that would not fit, before anything is collected.
func (p *pipeline) prepare(ctx workflow.Context) error {
	if p.in.Tune == nil {
		return nil
	}
	p.stages.begin("base")
	base, err := call(fetch(ctx), a.FetchBase, activities.FetchInput{Base: p.in.Tune.Base})
	if err != nil {
		return err
	}
	p.base = base
	t := p.in.Tune.Train
	memory, err := call(fetch(ctx), a.Preflight, activities.PreflightInput{Base: base, LoRA: t.LoRA, Options: t.Options})
	if err != nil {
		return err
	}
	p.stages.end(activities.StageResult{Name: "base", Counts: dataset.Counts{Bytes: base.Ref.Bytes}, Metrics: map[string]any{
		"base": base.Name, "sha256": base.Ref.SHA256, "memory": memory}})
	return nil
}

// data curates, synthesizes and publishes the dataset.
func (p *pipeline) data(ctx workflow.Context) error {
	p.stages.begin("curate")
	curated, err := child[CurateResult](ctx, CurateID, Curate, p.in.Curate)
	if err != nil {
		return err
	}
	p.out.Stages = append(p.out.Stages, curated.Stages...)
	p.out.Raw, p.out.Kept = curated.Raw, curated.Kept
	if len(curated.Shards) == 0 && p.in.Curate.Known.SHA256 != "" {
		p.out.Nothing = true
		return nil
	}
	rows, rejects := curated.Shards, curated.Rejects
	if len(p.in.Synthesize.Steps) > 0 {
		in := p.in.Synthesize
		in.Shards = curated.Shards
		p.stages.begin("synthesize")
		made, err := child[SynthesizeResult](ctx, SynthesizeID, Synthesize, in)
		if err != nil {
			return err
		}
		p.out.Stages = append(p.out.Stages, made.Stages...)
		rows, rejects = made.Shards, append(rejects, made.Rejects...)
	}
	p.stages.begin("publish")
	publish := p.in.Publish
	publish.Name, publish.Recipe, publish.Rows, publish.Rejects = p.in.Name, p.in.Recipe, rows, rejects
	publish.Stages, publish.New = stageKeys(p.out.Stages), p.in.Curate.Known.SHA256 != ""
	if publish.Mix != nil {
		publish.Base = p.base
	}
	p.out.Dataset, err = call(bulk(ctx, rows...), a.Publish, publish)
	if err != nil {
		return err
	}
	if p.out.Few = p.out.Dataset.Few; p.out.Few != "" {
		p.out.Nothing = true
		return nil
	}
	p.stages.end(p.out.Dataset.Stage)
	return nil
}

// model trains, evaluates and decides.
func (p *pipeline) model(ctx workflow.Context) error {
	in := *p.in.Tune
	in.Name, in.Dataset = p.in.Name, p.out.Dataset
	p.stages.begin("tune")
	tuned, err := child[TuneResult](ctx, TuneID, Tune, in)
	if err != nil {
		return err
	}
	p.out.Adapter = tuned.Adapter
	p.out.Stages = append(p.out.Stages, tuned.Stages...)
	p.stages.begin("evaluate")
	eval, err := child[EvaluateResult](ctx, EvaluateID, Evaluate, EvaluateInput{
		Name: p.in.Name, Base: tuned.Base, Adapter: tuned.Adapter, Test: tuned.Test, Prompts: p.out.Dataset.Test, Show: in.Show,
	})
	if err != nil {
		return err
	}
	p.out.Stages = append(p.out.Stages, eval.Stages...)
	p.stages.begin("gate")
	gate := p.in.Gate
	gate.Name, gate.Adapter, gate.Base, gate.Challenger, gate.Champion = p.in.Name, tuned.Adapter, eval.Base, eval.Challenger, eval.Champion
	gate.ChampionVersion, gate.Dataset = eval.ChampionVersion, p.out.Dataset.Version
	p.out.Gate, err = call(quick(ctx), a.Gate, gate)
	if err != nil {
		return err
	}
	p.stages.end(p.out.Gate.Stage)
	return nil
}

// child runs one child workflow under the run's ID. It is cancelled with its parent, and is let finish its cancelling: a
// training writes its checkpoint.
func child[Out any](ctx workflow.Context, suffix string, f any, in any) (out Out, err error) {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:          workflow.GetInfo(ctx).WorkflowExecution.ID + suffix,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	err = workflow.ExecuteChildWorkflow(ctx, f, in).Get(ctx, &out)
	return out, err
}

// stageKeys returns the keys of stages and of their parts, in order.
func stageKeys(done []activities.StageResult) []string {
	var keys []string
	for _, s := range done {
		keys = append(keys, s.Parts...)
		if s.Key != "" && len(s.Parts) == 0 {
			keys = append(keys, s.Key)
		}
	}
	return keys
}
