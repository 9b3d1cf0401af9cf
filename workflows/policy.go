package workflows

import (
	"context"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"temper/activities"
	"temper/dataset"
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

// silence is how long an activity may go without a heartbeat. Its loops beat several times a second, over records, bytes and blocks
// of a model, and the worker sends every third second; 12 s of nothing mean that it is lost. To that comes the time of
// the one step between two beats that no loop divides, n units of work at the speed of a slow machine.
func silence(n, perSecond int64) time.Duration {
	return 12*time.Second + time.Duration(n/perSecond)*time.Second
}

// The speeds of a slow machine.
const (
	filtered = 1 << 20  // bytes of one record through a filter's rules, in a second: a shard may be one record
	sorted   = 20_000   // records sorted, linked and named in a second, between reading and writing them
	computed = 16 << 20 // bytes of a base in one block's backward pass over a long sequence
)

// quick is the policy of activities that only read or write a little metadata.
func quick(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           Data,
		StartToCloseTimeout: time.Minute, // a store that is slow, not one that is down: that is what retries are for
		RetryPolicy:         &temporal.RetryPolicy{MaximumInterval: time.Minute, MaximumAttempts: 20},
	})
}

// bulk is the policy of activities that stream shards.
func bulk(ctx workflow.Context, shards ...dataset.Ref) workflow.Context {
	largest := int64(0)
	for _, s := range shards {
		largest = max(largest, s.Bytes)
	}
	return data(ctx, silence(largest, filtered))
}

// whole is the policy of activities that hold something of every record and sort it.
func whole(ctx workflow.Context, shards []dataset.Ref) workflow.Context {
	records := int64(0)
	for _, s := range shards {
		records += s.Records
	}
	return data(ctx, silence(records, sorted))
}

func data(ctx workflow.Context, heartbeat time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           Data,
		StartToCloseTimeout: 6 * time.Hour,
		HeartbeatTimeout:    heartbeat,
		// Ten attempts, a quarter of an hour: a store that restarts is waited for, one that is gone ends the run.
		RetryPolicy: &temporal.RetryPolicy{MaximumInterval: 5 * time.Minute, MaximumAttempts: 10},
	})
}

// fetch is the policy of bringing a base model: gigabytes over a line that may break; the download resumes.
func fetch(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           Train,
		StartToCloseTimeout: 12 * time.Hour,
		HeartbeatTimeout:    2 * time.Minute, // a source may be silent that long before its first byte
		RetryPolicy:         &temporal.RetryPolicy{MaximumInterval: time.Minute, MaximumAttempts: 5},
	})
}

// ask is the policy of generation: every answer is cached under its request, so a retry pays for nothing twice. A base beats at
// every token; an endpoint is silent until it answers, and is given the worker's time limit for that.
func ask(ctx workflow.Context, base activities.Base) workflow.Context {
	heartbeat := silence(base.Ref.Bytes, computed)
	if base.Ref.SHA256 == "" {
		heartbeat = 6 * time.Minute
	}
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           LLM,
		StartToCloseTimeout: 24 * time.Hour,
		HeartbeatTimeout:    heartbeat,
		RetryPolicy:         &temporal.RetryPolicy{MaximumInterval: 5 * time.Minute, MaximumAttempts: 6},
	})
}

// train is the policy of training and evaluation: days of work, resumed from the last checkpoint, that beat at every block.
func train(ctx workflow.Context, base activities.Base) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           Train,
		StartToCloseTimeout: 7 * 24 * time.Hour,
		HeartbeatTimeout:    silence(base.Ref.Bytes, computed),
		WaitForCancellation: true, // so that a cancelled run writes its checkpoint
		RetryPolicy:         &temporal.RetryPolicy{MaximumInterval: time.Minute, MaximumAttempts: 50},
	})
}

// each runs f for 0..n-1, at most window at a time. The first error cancels what runs, and is returned once that has ended.
func each(ctx workflow.Context, n, window int, f func(ctx workflow.Context, i int) error) error {
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	slots := workflow.NewSemaphore(ctx, int64(window))
	wg := workflow.NewWaitGroup(ctx)
	var first error
	for i := range n {
		if err := slots.Acquire(ctx, 1); err != nil {
			if first == nil {
				first = err
			}
			break
		}
		wg.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer wg.Done()
			defer slots.Release(1)
			if err := f(ctx, i); err != nil && first == nil {
				first = err
				cancel()
			}
		})
	}
	wg.Wait(ctx)
	return first
}
