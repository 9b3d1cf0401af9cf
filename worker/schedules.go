package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"temper/workflows"
)

// Schedule is a timed retrain.
type Schedule struct {
	Name     string        `json:"name"`                // of the recipe; the schedule's ID is "retrain-" and it
	Cron     string        `json:"cron"`                // five fields, such as "0 2 * * *"
	TimeZone string        `json:"time_zone,omitempty"` // IANA name; "" means UTC
	Jitter   time.Duration `json:"jitter,omitempty"`    // each start is delayed by up to this much
	CatchUp  time.Duration `json:"catch_up,omitempty"`  // missed starts within this window are made up; 0 means one hour
}

// ID is the Temporal Schedule's ID.
func (s Schedule) ID() string { return "retrain-" + s.Name }

// ApplySchedule makes the server's schedule match s: it is created, or its timing and input replaced. A run that is still
// going when the next is due is not overlapped: the next is skipped.
func ApplySchedule(ctx context.Context, c client.Client, s Schedule, in workflows.PipelineInput) (created bool, err error) {
	if s.CatchUp == 0 {
		s.CatchUp = time.Hour
	}
	spec := client.ScheduleSpec{CronExpressions: []string{s.Cron}, Jitter: s.Jitter, TimeZoneName: s.TimeZone}
	action := &client.ScheduleWorkflowAction{ID: s.ID(), Workflow: workflows.Retrain, Args: []any{in}, TaskQueue: workflows.Data}
	_, err = c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: s.ID(), Spec: spec, Action: action, Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: s.CatchUp,
	})
	if err == nil || !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return err == nil, wrapSchedule(s.ID(), err)
	}
	err = c.ScheduleClient().GetHandle(ctx, s.ID()).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(u client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			now := u.Description.Schedule
			now.Spec, now.Action = &spec, action
			now.Policy.Overlap, now.Policy.CatchupWindow = enums.SCHEDULE_OVERLAP_POLICY_SKIP, s.CatchUp
			return &client.ScheduleUpdate{Schedule: &now}, nil
		},
	})
	return false, wrapSchedule(s.ID(), err)
}

func wrapSchedule(id string, err error) error {
	if err != nil {
		return fmt.Errorf("schedule %s: %w", id, err)
	}
	return nil
}
