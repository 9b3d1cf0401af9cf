package workflows

import (
	"go.temporal.io/sdk/workflow"

	"temper/activities"
	"temper/dataset"
)

// SynthesizeInput is the input of [Synthesize].
type SynthesizeInput struct {
	Steps  []activities.SynthInput `json:"steps"`
	Shards []dataset.Ref           `json:"shards,omitempty"` // curated rows
}

// SynthesizeResult is the result of [Synthesize].
type SynthesizeResult struct {
	Shards  []dataset.Ref            `json:"shards"`
	Rejects []dataset.Ref            `json:"rejects"`
	Stages  []activities.StageResult `json:"stages"`
}

// Synthesize makes instruction pairs of curated rows, step by step; the results of all steps together are the training rows.
func Synthesize(ctx workflow.Context, in SynthesizeInput) (SynthesizeResult, error) {
	var out SynthesizeResult
	stages, err := newStages(ctx, &out.Stages)
	if err != nil {
		return out, err
	}
	for _, step := range in.Steps {
		step.Shards = in.Shards
		stages.begin(step.Name())
		if name := step.LocalBase(); name != "" {
			base, err := call(fetch(ctx), a.FetchBase, activities.FetchInput{Base: name})
			if err != nil {
				return out, err
			}
			step.Base = base
		}
		made, err := call(ask(ctx, step.Base), a.Synthesize, step)
		if err != nil {
			return out, err
		}
		out.Shards = append(out.Shards, nonEmpty(made.Outputs["records"])...)
		out.Rejects = append(out.Rejects, nonEmpty(made.Outputs["rejects"])...)
		stages.end(made)
	}
	return out, nil
}
