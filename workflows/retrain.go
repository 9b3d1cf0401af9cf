package workflows

import (
	"go.temporal.io/sdk/temporal"
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
	ctx2 := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:          workflow.GetInfo(ctx).WorkflowExecution.ID + RetrainID,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	var out PipelineResult
	if err := workflow.ExecuteChildWorkflow(ctx2, Pipeline, in).Get(ctx, &out); err != nil {
		return out, err
	}
	if out.Nothing {
		return out, nil
	}
	_, err = call(bulk(ctx), a.Remember, activities.RememberInput{Name: in.Name, Previous: known, Rows: out.Raw})
	return out, err
}
