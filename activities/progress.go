package activities

import (
	"context"
	"io"
	"iter"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"temper/dataset"
)

// Progress is what activities heartbeat: how far the loop has come that makes the progress.
type Progress struct {
	Stage string  `json:"stage"`
	Done  int64   `json:"done"`
	Total int64   `json:"total,omitempty"` // 0 if unknown
	Unit  string  `json:"unit,omitempty"`  // records, steps, tokens, bytes
	Note  string  `json:"note,omitempty"`  // the loss, the source of a download
	Curve []Point `json:"curve,omitempty"` // of a training, so far
}

// A pulse is one activity's sign of life. It is beaten by the loops that make progress, over records and over bytes: a ticker would
// hide a hang.
type pulse struct {
	mu   sync.Mutex
	last Progress
	sent time.Time
}

// beatEvery is how far apart heartbeats are at least; the SDK sends fewer of them to the server.
const beatEvery = 200 * time.Millisecond

type pulseKey struct{}

// begin returns the context of an activity's work: it has a pulse, and ends when the activity is cancelled or its worker stops.
// Outside an activity nobody hears a pulse: what is looked up has none.
func begin(ctx context.Context, stage string) (context.Context, func()) {
	if !activity.IsActivity(ctx) {
		return ctx, func() {}
	}
	ctx, release := untilDrained(ctx)
	ctx = context.WithValue(ctx, pulseKey{}, &pulse{})
	say(ctx, Progress{Stage: stage})
	return ctx, release
}

// untilDrained returns a context that ends when ctx does, or when the worker stops.
func untilDrained(ctx context.Context) (context.Context, func()) {
	stopping, cancel := context.WithCancelCause(ctx)
	stop := activity.GetWorkerStopChannel(ctx)
	go func() {
		select {
		case <-stop:
			cancel(errDrain)
		case <-stopping.Done():
		}
	}()
	return stopping, func() { cancel(nil) }
}

// say heartbeats p, if the last heartbeat is not too near.
func say(ctx context.Context, p Progress) {
	if b := pulseOf(ctx); b != nil {
		b.say(ctx, func(last *Progress) { *last = p })
	}
}

// touch heartbeats the last progress again: bytes have moved.
func touch(ctx context.Context) {
	if b := pulseOf(ctx); b != nil {
		b.say(ctx, func(*Progress) {})
	}
}

func (b *pulse) say(ctx context.Context, update func(*Progress)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	update(&b.last)
	if now := time.Now(); now.Sub(b.sent) >= beatEvery {
		b.sent = now
		activity.RecordHeartbeat(ctx, b.last)
	}
}

// pulseOf is the pulse of an activity's work.
func pulseOf(ctx context.Context) *pulse {
	b, _ := ctx.Value(pulseKey{}).(*pulse)
	return b
}

// time is when the pulse was beaten last.
func (b *pulse) time() time.Time {
	if b == nil {
		return time.Time{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sent
}

// beat passes in through, heartbeats its progress, and ends the stream with an error when ctx ends.
func beat[T any](ctx context.Context, p Progress, in iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		say(ctx, p)
		for v, err := range in {
			p.Done++
			say(ctx, p)
			if err == nil && ctx.Err() != nil {
				var zero T
				v, err = zero, context.Cause(ctx)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// alive is a store whose transfers beat, so that publishing, hashing and loading a model are seen to go on.
type alive struct{ dataset.Store }

func (a *Activities) store() dataset.Store { return alive{a.Store} }

// Open implements [dataset.Store].
func (s alive) Open(ctx context.Context, key string) (dataset.Object, error) {
	obj, err := s.Store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	return moving{obj, beating{ctx, obj}}, nil
}

// Put implements [dataset.Store].
func (s alive) Put(ctx context.Context, key string, body io.ReaderAt, size int64) (string, error) {
	return s.Store.Put(ctx, key, beating{ctx, body}, size)
}

// moving is an object whose reads beat.
type moving struct {
	dataset.Object
	at beating
}

// ReadAt implements [io.ReaderAt].
func (m moving) ReadAt(p []byte, off int64) (int, error) { return m.at.ReadAt(p, off) }

// beating is bytes that beat when they are read, and cannot be read on when ctx has ended.
type beating struct {
	ctx context.Context // of the call that opened it: io.ReaderAt has none
	r   io.ReaderAt
}

// ReadAt implements [io.ReaderAt].
func (b beating) ReadAt(p []byte, off int64) (int, error) {
	if b.ctx.Err() != nil {
		return 0, context.Cause(b.ctx)
	}
	touch(b.ctx)
	return b.r.ReadAt(p, off)
}
