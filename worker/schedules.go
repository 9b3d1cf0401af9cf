package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
func (s Schedule) ID() string { return ScheduleID(s.Name) }

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

// schedulePrefix begins the IDs of schedules.
const schedulePrefix = "retrain-"

// ScheduleID is the ID of the schedule of a recipe's name; an ID stays as it is.
func ScheduleID(name string) string {
	if strings.HasPrefix(name, schedulePrefix) {
		return name
	}
	return schedulePrefix + name
}

// A Scheduled is what is known of a schedule on the server.
type Scheduled struct {
	ID      string    `json:"id"`
	Paused  bool      `json:"paused"`
	Next    time.Time `json:"next,omitzero"`
	LastRun string    `json:"last_run,omitempty"` // the run's ID
}

// maxSchedules bounds a listing.
const maxSchedules = 1000

// Schedules lists the retrains on the server.
func Schedules(ctx context.Context, c client.Client) ([]Scheduled, error) {
	it, err := c.ScheduleClient().List(ctx, client.ScheduleListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list schedules: %w", err)
	}
	var all []Scheduled
	for it.HasNext() && len(all) < maxSchedules {
		e, err := it.Next()
		if err != nil {
			return nil, fmt.Errorf("list schedules: %w", err)
		}
		if !strings.HasPrefix(e.ID, schedulePrefix) {
			continue
		}
		s := Scheduled{ID: e.ID, Paused: e.Paused}
		if len(e.NextActionTimes) > 0 {
			s.Next = e.NextActionTimes[0]
		}
		if n := len(e.RecentActions); n > 0 && e.RecentActions[n-1].StartWorkflowResult != nil {
			s.LastRun = e.RecentActions[n-1].StartWorkflowResult.WorkflowID
		}
		all = append(all, s)
	}
	return all, nil
}

// PauseSchedule keeps a schedule from starting runs.
func PauseSchedule(ctx context.Context, c client.Client, id string) error {
	return wrapSchedule(id, c.ScheduleClient().GetHandle(ctx, id).Pause(ctx, client.SchedulePauseOptions{Note: "paused by temper schedule pause"}))
}

// ResumeSchedule lets it start runs again.
func ResumeSchedule(ctx context.Context, c client.Client, id string) error {
	return wrapSchedule(id, c.ScheduleClient().GetHandle(ctx, id).Unpause(ctx, client.ScheduleUnpauseOptions{Note: "resumed by temper schedule resume"}))
}

// TriggerSchedule starts a run now, unless one is going.
func TriggerSchedule(ctx context.Context, c client.Client, id string) error {
	return wrapSchedule(id, c.ScheduleClient().GetHandle(ctx, id).Trigger(ctx, client.ScheduleTriggerOptions{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP}))
}

// DeleteSchedule removes a schedule; runs and results stay.
func DeleteSchedule(ctx context.Context, c client.Client, id string) error {
	return wrapSchedule(id, c.ScheduleClient().GetHandle(ctx, id).Delete(ctx))
}
