package workflows

import (
	"go.temporal.io/sdk/workflow"

	"temper/activities"
)

// RetrainID is the suffix of the pipeline's ID below a retrain's.
const RetrainID = "/run"

// Retrain is a timed [Pipeline]: it sees only what no earlier retrain of this name has seen, drops what is near to what one has kept, and
// remembers it once the run has ended, whatever its gate decided. Its result is the pipeline's.
func Retrain(ctx workflow.Context, in PipelineInput) (PipelineResult, error) {
	recall := activities.RecallInput{Name: in.Name}
	if near := in.Curate.Near; near != nil && near.Options.Remember != nil && *near.Options.Remember { // absent: recorded before it was there
		recall.Near = &near.Options
	}
	known, err := call(quick(ctx), a.RecallKnown, recall)
	if err != nil {
		return PipelineResult{}, err
	}
	in.Curate.Known, in.Curate.Kept, in.Curate.Remember = known.Index, known.Kept, recall.Near != nil
	out, err := child[PipelineResult](ctx, RetrainID, Pipeline, in)
	if err != nil || out.Nothing {
		return out, err
	}
	remember := activities.RememberInput{Name: in.Name, Rows: out.Raw, Kept: out.Kept, Near: recall.Near}
	_, err = call(whole(ctx, append(append(out.Raw, known.Index), known.Kept...)), a.Remember, remember)
	return out, err
}
