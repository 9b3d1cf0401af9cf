package activities

import (
	"context"
	"iter"

	"go.temporal.io/sdk/activity"
)

// Progress is what activities heartbeat: how far the loop has come that makes the progress.
type Progress struct {
	Stage string `json:"stage"`
	Done  int64  `json:"done"`
	Total int64  `json:"total,omitempty"` // 0 if unknown
	Unit  string `json:"unit,omitempty"`  // records, steps, tokens, bytes
	Note  string `json:"note,omitempty"`  // the loss, the source of a download
}

// beatEvery is how many items pass between heartbeats; the SDK sends at most about one a second of them.
const beatEvery = 64

// beat passes in through, heartbeats its progress, and ends the stream with an error when ctx ends. It beats from the loop
// that makes the progress: a ticker would hide a hang.
func beat[T any](ctx context.Context, p Progress, in iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range in {
			if p.Done++; p.Done%beatEvery == 0 {
				activity.RecordHeartbeat(ctx, p)
				if ctx.Err() != nil {
					var zero T
					yield(zero, context.Cause(ctx))
					return
				}
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
		activity.RecordHeartbeat(ctx, p)
	}
}
