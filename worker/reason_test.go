package worker

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.temporal.io/sdk/temporal"

	"temper/activities"
)

// TestKind: the kind of a run's failure, and the words for it, come from the activity that failed, however deep it lies.
func TestKind(t *testing.T) {
	app := func(kind string) error {
		return fmt.Errorf("child workflow: %w", temporal.NewNonRetryableApplicationError("why", kind, errors.New("cause")))
	}
	for _, tt := range []struct {
		err    error
		kind   Failure
		reason string
	}{
		{app(activities.TypeInput), BadInput, "why"},
		{app(activities.TypeMalformed), BadInput, "why"},
		{app(activities.TypeMissing), BadInput, "why"},
		{app(activities.TypeRefused), Refused, "why"},
		{app(activities.TypeFull), Failed, "why"},
		{app(activities.TypeConflict), Failed, "why"},
		{app(activities.TypeDiverged), Failed, "why"},
		{fmt.Errorf("child: %w", temporal.NewCanceledError()), Cancelled, "cancelled"},
		{errors.New("other"), Failed, "other"},
	} {
		if kind, reason := Kind(tt.err), Reason(tt.err); kind != tt.kind || reason != tt.reason {
			t.Errorf("%v: %d, %q; want %d, %q", tt.err, kind, reason, tt.kind, tt.reason)
		}
	}
}

// TestLog: errors that nothing else tells are printed, those of activities are not.
func TestLog(t *testing.T) {
	var b strings.Builder
	l := slog.New(notActivities{slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelError})}).With("a", 1).WithGroup("g")
	l.Error("Activity error.", "Error", "no room")
	l.Warn("less")
	l.Error("Workflow panic", "Error", "nondeterministic")
	if got := b.String(); strings.Contains(got, "no room") || strings.Contains(got, "less") || !strings.Contains(got, "nondeterministic") {
		t.Errorf("printed %q", got)
	}
}

// TestQueues: a worker of a queue that is none of ours is refused, with those there are.
func TestQueues(t *testing.T) {
	if _, err := New(nil, &activities.Activities{}, []string{"gpu"}); err == nil || !strings.Contains(err.Error(), `"gpu"`) || !strings.Contains(err.Error(), "train") {
		t.Errorf("got %v", err)
	}
	if ScheduleID("x") != "retrain-x" || ScheduleID(ScheduleID("x")) != "retrain-x" {
		t.Error("a schedule's ID is not its own")
	}
}
