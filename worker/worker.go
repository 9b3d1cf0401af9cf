// Package worker is the composition root: it joins workflows, activities and their dependencies, and starts what polls.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"temper/activities"
	"temper/workflows"
)

// Queues are all task queues, which is what a worker polls unless told otherwise.
var Queues = []string{workflows.Data, workflows.LLM, workflows.Train}

// heartbeatEvery is how often a running activity tells the server of its progress. A heartbeat that fails for this long ends
// the activity, so that it is also how long the server may be away without work being done again.
const heartbeatEvery = 3 * time.Second

// DrainTime is how long a stopping worker lets running activities write their checkpoint and hand over.
const DrainTime = 30 * time.Second

// Dial connects to a Temporal server; an unreachable one is an error that names it and says what to do.
func Dial(ctx context.Context, address, namespace string) (client.Client, error) {
	c, err := client.DialContext(ctx, client.Options{HostPort: address, Namespace: namespace, Logger: logger()})
	if err != nil {
		return nil, fmt.Errorf("no Temporal server at %s (namespace %s): %w; start one with `temper dev`, or give --temporal", address, namespace, err)
	}
	return c, nil
}

// logger passes errors on, to standard error: a workflow that cannot be replayed is seen nowhere else. What an activity fails
// with is left out: the server keeps it, and it reaches those who follow the run.
func logger() sdklog.Logger {
	return sdklog.NewStructuredLogger(slog.New(notActivities{slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})}))
}

// notActivities leaves the errors of activities out.
type notActivities struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h notActivities) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "Activity error." {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h notActivities) WithAttrs(attrs []slog.Attr) slog.Handler {
	return notActivities{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h notActivities) WithGroup(name string) slog.Handler {
	return notActivities{h.Handler.WithGroup(name)}
}

// A Worker polls one or more queues.
type Worker struct{ workers []worker.Worker }

// New returns a worker of the given queues. The data queue's also runs the workflows.
func New(c client.Client, a *activities.Activities, queues []string) (*Worker, error) {
	w := &Worker{}
	for _, q := range queues {
		if !slices.Contains(Queues, q) {
			return nil, fmt.Errorf("no task queue %q; there are %v", q, Queues)
		}
		o := worker.Options{
			WorkerStopTimeout:                  DrainTime,
			MaxHeartbeatThrottleInterval:       heartbeatEvery,
			DefaultHeartbeatThrottleInterval:   heartbeatEvery,
			MaxConcurrentActivityExecutionSize: 1, // llm and train use every core themselves
			DisableWorkflowWorker:              q != workflows.Data,
		}
		if q == workflows.Data {
			o.MaxConcurrentActivityExecutionSize = max(2, runtime.NumCPU())
		}
		one := worker.New(c, q, o)
		if q == workflows.Data {
			workflows.Register(one)
		}
		one.RegisterActivity(a)
		w.workers = append(w.workers, one)
	}
	return w, nil
}

// Start begins polling.
func (w *Worker) Start() error {
	for i, one := range w.workers {
		if err := one.Start(); err != nil {
			for _, started := range w.workers[:i] {
				started.Stop()
			}
			return errors.Join(errors.New("start worker"), err)
		}
	}
	return nil
}

// Stop drains: running activities are told to stop, write their checkpoint and are handed on. It returns after at most
// [DrainTime] a queue.
func (w *Worker) Stop() {
	done := make(chan struct{})
	for _, one := range w.workers {
		go func() { one.Stop(); done <- struct{}{} }()
	}
	for range w.workers {
		<-done
	}
}
