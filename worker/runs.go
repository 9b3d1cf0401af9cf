package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"temper/activities"
	"temper/workflows"
)

// When says what a start does with an id that was used before. A run that is going on is never started twice.
type When enums.WorkflowIdReusePolicy

// The kinds of starts.
const (
	Once         = When(enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE)            // the same id is the same run, ended or not
	AfterFailure = When(enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY) // one that failed or was cancelled runs again
	Again        = When(enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)             // any that has ended runs again
)

// Start submits a run under id, and reports whether it was started: false means that the id's run is there already.
func Start(ctx context.Context, c client.Client, id string, in workflows.PipelineInput, when When) (started bool, err error) {
	return start(ctx, c, id, workflows.Pipeline, in, when)
}

func start(ctx context.Context, c client.Client, id string, workflow any, in workflows.PipelineInput, when When) (started bool, err error) {
	_, err = c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: workflows.Data, WorkflowIDReusePolicy: enums.WorkflowIdReusePolicy(when), WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary: in.Name,
	}, workflow, in)
	var exists *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &exists) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("start run %s: %w", id, err)
	}
	return true, nil
}

// A Run is what is known of one run.
type Run struct {
	ID      string                    `json:"id"`
	Name    string                    `json:"name"`   // of the recipe
	Kind    string                    `json:"kind"`   // Pipeline or Retrain
	Status  string                    `json:"status"` // running, completed, failed, canceled, terminated, timed_out
	Started time.Time                 `json:"started"`
	Ended   time.Time                 `json:"ended,omitzero"`
	Stages  []activities.StageResult  `json:"stages,omitempty"`
	Current string                    `json:"current,omitempty"` // the stage that runs
	Active  []activities.Progress     `json:"active,omitempty"`  // of the activities that run
	Error   string                    `json:"error,omitempty"`
	Failure Failure                   `json:"-"`                // of a run that did not complete
	Result  *workflows.PipelineResult `json:"result,omitempty"` // of a completed run
	Input   *workflows.PipelineInput  `json:"-"`
}

// ErrNoRun means no run has the ID.
var ErrNoRun = errors.New("no such run")

// Runs lists runs, the newest first, at most limit of them.
func Runs(ctx context.Context, c client.Client, limit int) ([]Run, error) {
	res, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: int32(limit), Query: "WorkflowType IN ('Pipeline','Retrain')",
	})
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var runs []Run
	for _, e := range res.Executions {
		id := e.Execution.WorkflowId
		if strings.HasSuffix(id, workflows.RetrainID) {
			continue // shown as its retrain
		}
		r := Run{ID: id, Kind: e.Type.Name, Status: status(e.Status), Started: e.StartTime.AsTime()}
		if e.CloseTime != nil {
			r.Ended = e.CloseTime.AsTime()
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// status spells a workflow's status as commands print it.
func status(s enums.WorkflowExecutionStatus) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "WORKFLOW_EXECUTION_STATUS_"))
}

// children are the IDs of a run's workflows below its own.
func children(id string) []string {
	return []string{id + workflows.CurateID, id + workflows.SynthesizeID, id + workflows.TuneID, id + workflows.EvaluateID}
}

// LoadRun reads all that is known of a run: its stages with their counts, the progress of what runs, the result or the error.
func LoadRun(ctx context.Context, c client.Client, id string) (Run, error) {
	d, err := c.DescribeWorkflowExecution(ctx, id, "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return Run{}, fmt.Errorf("%s: %w", id, ErrNoRun)
	}
	if err != nil {
		return Run{}, fmt.Errorf("describe run %s: %w", id, err)
	}
	e := d.WorkflowExecutionInfo
	r := Run{ID: id, Kind: e.Type.Name, Status: status(e.Status), Started: e.StartTime.AsTime()}
	if e.CloseTime != nil {
		r.Ended = e.CloseTime.AsTime()
	}
	if r.Input, err = input(ctx, c, id); err != nil {
		return r, err
	}
	r.Name = r.Input.Name
	switch {
	case e.Status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING:
		err = r.live(ctx, c)
	case e.Status == enums.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		r.Result = &workflows.PipelineResult{}
		if err = c.GetWorkflow(ctx, id, "").Get(ctx, r.Result); err == nil {
			r.Stages = r.Result.Stages
		}
	default:
		if failed := c.GetWorkflow(ctx, id, "").Get(ctx, nil); failed != nil {
			r.Error, r.Failure = Reason(failed), Kind(failed)
		}
		r.Stages, _ = gather(ctx, c, r.pipeline())
	}
	return r, err
}

// pipeline is the ID of the run's pipeline: its own, or that below a retrain's.
func (r *Run) pipeline() string {
	if r.Kind == kindRetrain {
		return r.ID + workflows.RetrainID
	}
	return r.ID
}

// kindRetrain is the kind of runs that a schedule starts.
const kindRetrain = "Retrain"

// live fills in the stages and progress of a running run.
func (r *Run) live(ctx context.Context, c client.Client) error {
	id := r.pipeline()
	r.Stages, r.Current = gather(ctx, c, id)
	below := append([]string{id}, children(id)...)
	if id != r.ID {
		below = append(below, r.ID)
	}
	for _, w := range below {
		d, err := c.DescribeWorkflowExecution(ctx, w, "")
		if err != nil {
			continue // not started yet
		}
		for _, p := range d.PendingActivities {
			progress := activities.Progress{Stage: p.ActivityType.GetName()}
			if p.HeartbeatDetails != nil && len(p.HeartbeatDetails.Payloads) > 0 {
				converter.GetDefaultDataConverter().FromPayload(p.HeartbeatDetails.Payloads[0], &progress) //nolint:errcheck // an older build's form: the name will do
			}
			if p.LastFailure != nil && p.State != enums.PENDING_ACTIVITY_STATE_STARTED {
				progress.Note = fmt.Sprintf("attempt %d, after: %s", p.Attempt, p.LastFailure.Message)
			}
			r.Active = append(r.Active, progress)
		}
	}
	return nil
}

// gather asks a run and its children for their stages so far, in order.
func gather(ctx context.Context, c client.Client, id string) (done []activities.StageResult, current string) {
	seen := map[string]bool{}
	ask := func(w string) {
		v, err := c.QueryWorkflow(ctx, w, "", workflows.StagesQuery)
		if err != nil {
			return
		}
		var a workflows.StagesAnswer
		if v.Get(&a) != nil {
			return
		}
		for _, s := range a.Stages {
			if k := s.Name + s.Key; !seen[k] {
				seen[k] = true
				done = append(done, s)
			}
		}
		if a.Current != "" {
			current = a.Current
		}
	}
	ask(id)
	for _, w := range ownChildren(ctx, c, id) {
		ask(w)
	}
	return done, current
}

// ownChildren are the IDs of those workflows below a run that this execution of it has started: an earlier one under the same ID had
// children of the same IDs.
func ownChildren(ctx context.Context, c client.Client, id string) (own []string) {
	parent, err := c.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return nil
	}
	for _, w := range children(id) {
		d, err := c.DescribeWorkflowExecution(ctx, w, "")
		if err != nil {
			continue // not started yet
		}
		if d.WorkflowExecutionInfo.GetParentExecution().GetRunId() == parent.WorkflowExecutionInfo.Execution.RunId {
			own = append(own, w)
		}
	}
	return own
}

// input reads the recipe a run was started with from its history.
func input(ctx context.Context, c client.Client, id string) (*workflows.PipelineInput, error) {
	it := c.GetWorkflowHistory(ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !it.HasNext() {
		return nil, fmt.Errorf("run %s has no history", id)
	}
	ev, err := it.Next()
	if err != nil {
		return nil, fmt.Errorf("history of run %s: %w", id, err)
	}
	in := &workflows.PipelineInput{}
	if err := converter.GetDefaultDataConverter().FromPayloads(ev.GetWorkflowExecutionStartedEventAttributes().GetInput(), in); err != nil {
		return nil, fmt.Errorf("input of run %s: %w", id, err)
	}
	return in, nil
}

// Cancel asks a run to stop. What it has done is kept; a training writes a checkpoint first.
func Cancel(ctx context.Context, c client.Client, id string) error {
	err := c.CancelWorkflow(ctx, id, "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return fmt.Errorf("%s: %w, or it has ended", id, ErrNoRun)
	}
	return err
}

// Retry starts a run that failed or was cancelled again, with its own input. Stages that are done are found done.
func Retry(ctx context.Context, c client.Client, id string) error {
	run, err := LoadRun(ctx, c, id)
	if err != nil {
		return err
	}
	if run.Status == "running" || run.Status == "completed" {
		return fmt.Errorf("run %s is %s: there is nothing to retry", id, run.Status)
	}
	var workflow any = workflows.Pipeline
	if run.Kind == kindRetrain {
		workflow = workflows.Retrain
	}
	started, err := start(ctx, c, id, workflow, *run.Input, AfterFailure)
	if err == nil && !started {
		return fmt.Errorf("run %s was started by another meanwhile", id)
	}
	return err
}
