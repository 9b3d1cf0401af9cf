package workflows

import (
	"go.temporal.io/sdk/workflow"

	"temper/activities"
)

// RetrainID is the suffix of the pipeline's ID below a retrain's.
const RetrainID = "/run"

// Retrain is a timed [Pipeline]: it sees only what no earlier retrain of this name has seen, and remembers it once the run
// has ended, whatever its gate decided. Its result is the pipeline's.
func Retrain(ctx workflow.Context, in PipelineInput) (PipelineResult, error) {
	known, err := call(quick(ctx), a.RecallKnown, activities.RecallInput{Name: in.Name})
	if err != nil {
		return PipelineResult{}, err
	}
	in.Curate.Known = known.Index
	out, err := child[PipelineResult](ctx, RetrainID, Pipeline, in)
	if err != nil || out.Nothing {
		return out, err
	}
	_, err = call(whole(ctx, append(out.Raw, known.Index)), a.Remember, activities.RememberInput{Name: in.Name, Rows: out.Raw})
	return out, err
}
