package workflows

import (
	"context"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// The task queues, so that each kind of work scales by itself. Workflows run on Data.
const (
	Data  = "data"  // streams over shards: cores and the store
	LLM   = "llm"   // generation by a local base or an endpoint
	Train = "train" // training, evaluation: all cores of a machine, one at a time
)

// call runs one activity and waits; the compiler checks its input and output.
func call[In, Out any](ctx workflow.Context, act func(context.Context, In) (Out, error), in In) (out Out, err error) {
	err = workflow.ExecuteActivity(ctx, act, in).Get(ctx, &out)
	return out, err
}

// quick is the policy of activities that only read or write a little metadata.
func quick(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           Data,
		StartToCloseTimeout: time.Minute, // a store that is slow, not one that is down: that is what retries are for
		RetryPolicy:         &temporal.RetryPolicy{MaximumInterval: time.Minute, MaximumAttempts: 20},
	})
}

// bulk is the policy of activities that stream a shard. They heartbeat every few dozen records, so that a lost worker is
// noticed in half a minute and not after the whole timeout.
func bulk(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           Data,
		StartToCloseTimeout: 6 * time.Hour,
		HeartbeatTimeout:    30 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumInterval: 5 * time.Minute, MaximumAttempts: 10},
	})
}

// fetch is the policy of bringing a base model: gigabytes over a line that may break; the download resumes.
func fetch(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           Train,
		StartToCloseTimeout: 12 * time.Hour,
		HeartbeatTimeout:    2 * time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{MaximumInterval: time.Minute, MaximumAttempts: 5},
	})
}

// ask is the policy of generation: every answer is cached under its request, so a retry pays for nothing twice.
func ask(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           LLM,
		StartToCloseTimeout: 24 * time.Hour,
		HeartbeatTimeout:    30 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumInterval: 5 * time.Minute, MaximumAttempts: 6},
	})
}

// train is the policy of a training run: days of work that resumes from its last checkpoint. It heartbeats at every
// micro-batch, which is seconds of work.
func train(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           Train,
		StartToCloseTimeout: 7 * 24 * time.Hour,
		HeartbeatTimeout:    30 * time.Second,
		WaitForCancellation: true, // so that a cancelled run writes its checkpoint
		RetryPolicy:         &temporal.RetryPolicy{MaximumInterval: time.Minute, MaximumAttempts: 50},
	})
}

// each runs f for 0..n-1, at most window at a time, and returns the first error once all that started have ended.
func each(ctx workflow.Context, n, window int, f func(ctx workflow.Context, i int) error) error {
	slots := workflow.NewSemaphore(ctx, int64(window))
	wg := workflow.NewWaitGroup(ctx)
	var first error
	for i := range n {
		if err := slots.Acquire(ctx, 1); err != nil {
			first = err
			break
		}
		if first != nil {
			slots.Release(1)
			break
		}
		wg.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer wg.Done()
			defer slots.Release(1)
			if err := f(ctx, i); err != nil && first == nil {
				first = err
			}
		})
	}
	wg.Wait(ctx)
	return first
}
