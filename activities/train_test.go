package activities

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"go.temporal.io/sdk/testsuite"

	"temper/dataset"
	"temper/finetune"
	"temper/internal/store"
	"temper/lora"
	"temper/model/tiny"
)

// training is a small training, ready on the world's store.
func (w *world) training() TrainInput {
	w.t.Helper()
	base := must(w, w.a.FetchBase, FetchInput{Base: tiny.Name})
	var rows []dataset.Row
	for _, id := range strings.Fields("a b c d e f g h") {
		rows = append(rows, dataset.Row{Record: dataset.Record{ID: id, Text: strings.Repeat("The reader returns the bytes of "+id+". ", 5)}})
	}
	ref, err := w.a.putRows(w.t.Context(), all(rows))
	if err != nil {
		w.t.Fatal(err)
	}
	o := finetune.Options{Steps: 10, Sequence: 128, Batch: 2, SaveEvery: 2, EvalEvery: 5, LR: 1e-3}
	tokens := must(w, w.a.Tokenize, TokenizeInput{Base: base, Rows: []dataset.Ref{ref}, Train: o, Split: "train"}).Out("tokens")
	return TrainInput{Name: "small", Base: base, LoRA: lora.Options{Rank: 2}.WithDefaults(), Options: o, Tokens: tokens, Test: tokens, Dataset: "small@1"}
}

// watched is a store that tells of its writes before they are done; an error refuses one.
type watched struct {
	dataset.Store
	put func(key string) error
}

func (s watched) Put(ctx context.Context, key string, body io.ReaderAt, size int64) (string, error) {
	if err := s.put(key); err != nil {
		return "", err
	}
	return s.Store.Put(ctx, key, body, size)
}

func (s watched) PutIf(ctx context.Context, key string, body []byte, etag string) (string, error) {
	if err := s.put(key); err != nil {
		return "", err
	}
	return s.Store.PutIf(ctx, key, body, etag)
}

var errLost = errors.New("the worker is lost")

// lostAt runs the training on a worker that is lost at the nth write of a key that holds part, and returns its store.
func lostAt(t *testing.T, part string, nth int) (*store.Mem, TrainInput) {
	t.Helper()
	s := store.NewMem()
	w := newWorld(t, s)
	in := w.training()
	w.a.Store = watched{s, func(key string) error {
		if strings.Contains(key, part) {
			if nth--; nth <= 0 {
				return errLost
			}
		}
		return nil
	}}
	if _, err := do(w, w.a.Train, in); err == nil {
		t.Fatalf("no write of %s was refused", part)
	}
	return s, in
}

// resumed runs a training and returns the step it started from.
func resumed(t *testing.T, s dataset.Store, in TrainInput) (AdapterResult, int) {
	t.Helper()
	w := newWorld(t, s)
	k, err := (&checkpoints{store: s, key: trainingKey(t, s, in)}).load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	from := 0
	if k != nil {
		from = k.Step
	}
	return must(w, w.a.Train, in), from
}

// trainingKey is the stage of the one training on a store.
func trainingKey(t *testing.T, s dataset.Store, _ TrainInput) string {
	t.Helper()
	for info, err := range s.List(t.Context(), "checkpoints/") {
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(strings.TrimPrefix(info.Key, "checkpoints/"), ".json")
	}
	return "none"
}

// TestResume: wherever its worker is lost, a training goes on from its newest whole checkpoint and comes to the same adapter and the
// same curve, and then no checkpoint is left.
func TestResume(t *testing.T) {
	plain := store.NewMem()
	w := newWorld(t, plain)
	want := must(w, w.a.Train, w.training())
	for _, tt := range []struct {
		name, part string
		nth, from  int
		damage     func(t *testing.T, s dataset.Store)
	}{
		{name: "before the first checkpoint", part: ".checkpoint", nth: 1, from: 0},
		{name: "while one is stored", part: ".checkpoint", nth: 3, from: 4},
		{name: "before the pointer is moved", part: "checkpoints/", nth: 4, from: 6},
		{name: "before the adapter is stored", part: ".safetensors", nth: 1, from: 8},
		{name: "before the stage is published", part: "stages/", nth: 1, from: 8},
		{name: "the newest is damaged", part: "checkpoints/", nth: 4, from: 4, damage: damageNewest},
		{name: "the pointer is damaged", part: "checkpoints/", nth: 4, from: 0, damage: func(t *testing.T, s dataset.Store) {
			put(t, s, "checkpoints/"+trainingKey(t, s, TrainInput{})+".json", []byte("{broken"))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, in := lostAt(t, tt.part, tt.nth)
			if tt.damage != nil {
				tt.damage(t, s)
			}
			got, from := resumed(t, s, in)
			if from != tt.from {
				t.Errorf("resumed from step %d, want %d", from, tt.from)
			}
			if got.Adapter != want.Adapter || got.Version != want.Version {
				t.Errorf("adapter %+v, want %+v", got, want)
			}
			a, b := CurveOf([]StageResult{got.Stage}), CurveOf([]StageResult{want.Stage})
			if !reflect.DeepEqual(a, b) || len(a) != 10 {
				t.Errorf("curve %v, want %v", a, b)
			}
			noCheckpoints(t, s)
		})
	}
}

func noCheckpoints(t *testing.T, s dataset.Store) {
	t.Helper()
	for info, err := range s.List(t.Context(), "") {
		if err != nil || strings.Contains(info.Key, "checkpoint") {
			t.Errorf("left behind: %s, %v", info.Key, err)
		}
	}
}

func put(t *testing.T, s dataset.Store, key string, b []byte) {
	t.Helper()
	if _, err := s.Put(t.Context(), key, strings.NewReader(string(b)), int64(len(b))); err != nil {
		t.Fatal(err)
	}
}

// damageNewest flips a byte of the newest checkpoint.
func damageNewest(t *testing.T, s dataset.Store) {
	b, _, err := readSmall(t.Context(), s, "checkpoints/"+trainingKey(t, s, TrainInput{})+".json")
	if err != nil {
		t.Fatal(err)
	}
	var c checkpoints
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	k, err := readBlob(t.Context(), s, c.Newest)
	if err != nil {
		t.Fatal(err)
	}
	k[len(k)/2] ^= 1
	put(t, s, c.Newest.Key(), k)
}

// unread is a store that cannot be read for a while.
type unread struct{ dataset.Store }

func (s unread) Open(ctx context.Context, key string) (dataset.Object, error) {
	if strings.HasPrefix(key, "checkpoints/") {
		return nil, errLost
	}
	return s.Store.Open(ctx, key)
}

// TestNotKnownIsNotGone: a checkpoint that cannot be read now is waited for; the training does not begin again.
func TestNotKnownIsNotGone(t *testing.T) {
	s, in := lostAt(t, "checkpoints/", 4)
	w := newWorld(t, unread{s})
	_, err := do(w, w.a.Train, in)
	if _, again := kind(err); err == nil || !again {
		t.Errorf("retried %v: %v", again, err)
	}
	if _, from := resumed(t, s, in); from != 6 {
		t.Errorf("then resumed from step %d, want 6", from)
	}
}

// TestHandedOn: a worker that stops in the middle of a training writes a checkpoint of the last whole step; the training is
// handed on, and comes to the same.
func TestHandedOn(t *testing.T) {
	long := func(w *world) TrainInput {
		in := w.training()
		in.Options.Steps, in.Options.SaveEvery = 24, 5
		return in
	}
	w := newWorld(t, store.NewMem())
	want := must(w, w.a.Train, long(w))
	s := store.NewMem()
	w = newWorld(t, s)
	in := long(w)
	stop := make(chan struct{})
	w.env = func(env *testsuite.TestActivityEnvironment) { env.SetWorkerStopChannel(stop) }
	saved := 0
	w.a.Store = watched{s, func(key string) error {
		if strings.Contains(key, ".checkpoint") {
			if saved++; saved == 2 {
				close(stop)
			}
		}
		return nil
	}}
	_, err := do(w, w.a.Train, in)
	if k, again := kind(err); k != TypeDrained || !again {
		t.Fatalf("kind %q, retried %v: %v", k, again, err)
	}
	got, from := resumed(t, s, in)
	if from < 10 || from == 24 {
		t.Errorf("resumed from step %d", from)
	}
	if got.Adapter != want.Adapter || !reflect.DeepEqual(CurveOf([]StageResult{got.Stage}), CurveOf([]StageResult{want.Stage})) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	noCheckpoints(t, s)
}

// TestCurveIsBounded: however long a training, its curve has the first step, the last and few between, evaluations among them.
func TestCurveIsBounded(t *testing.T) {
	loss := 1.0
	for _, tt := range []struct{ steps, evalEvery int }{{1, 0}, {400, 1}, {401, 0}, {100_000, 1}, {100_000, 10_000}, {999_999, 7}} {
		c := &checkpoints{evalEvery: tt.evalEvery}
		evals := 0
		for step := 1; step <= tt.steps; step++ {
			s := finetune.Step{Step: step, Steps: tt.steps}
			if tt.evalEvery > 0 && (step%tt.evalEvery == 0 || step == tt.steps) {
				s.EvalLoss = &loss
			}
			c.add(s)
		}
		for _, p := range c.Curve {
			if p.EvalLoss > 0 {
				evals++
			}
		}
		n := len(c.Curve)
		if n > 2*curvePoints+1 || n < min(tt.steps, curvePoints/2) || c.Curve[0].Step != 1 || c.Curve[n-1].Step != tt.steps {
			t.Errorf("%+v: %d points from %d to %d", tt, n, c.Curve[0].Step, c.Curve[n-1].Step)
		}
		if tt.evalEvery > 0 && evals < min(tt.steps/tt.evalEvery, curvePoints/2) {
			t.Errorf("%+v: %d evaluations on the curve", tt, evals)
		}
	}
}
