package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"temper/dataset"
	"temper/finetune"
)

// checkpoints are the two newest checkpoints of one training on the store, and its curve so far. The pointer to them is
// replaced whole after the checkpoint is stored: a crash at any time leaves one that can be resumed.
type checkpoints struct {
	store dataset.Store
	key   string // of the stage

	evalEvery int // of the training's options

	Newest   dataset.Ref `json:"newest"`
	Previous dataset.Ref `json:"previous,omitzero"`
	Curve    []Point     `json:"curve"`
	Peak     int64       `json:"peak_bytes,omitempty"`
	Tokens   int64       `json:"tokens"`  // read so far
	Seconds  float64     `json:"seconds"` // that took
	now      finetune.Step
	passed   string // why the newest checkpoint was not gone on from; "" if it was
}

func (c *checkpoints) pointer() string { return "checkpoints/" + c.key + ".json" }

// load returns the checkpoint to go on from, or nil. One whose bytes are not what the pointer says is passed over for the one before.
func (c *checkpoints) load(ctx context.Context) (*finetune.Checkpoint, error) {
	b, _, err := readSmall(ctx, c.store, c.pointer())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err // not known is not the same as not there: training from the start again would cost days
	}
	if json.Unmarshal(b, c) != nil {
		c.forget()
		return nil, nil
	}
	for _, ref := range []dataset.Ref{c.Newest, c.Previous} {
		if ref.SHA256 == "" {
			continue
		}
		k, err := c.read(ctx, ref)
		if errors.Is(err, dataset.ErrMalformed) || errors.Is(err, fs.ErrNotExist) {
			c.passed = fmt.Sprintf("checkpoint %.12s is damaged or gone; went on from the one before", ref.SHA256)
			continue
		}
		if err != nil {
			return nil, err
		}
		c.rewind(k.Step)
		return k, nil
	}
	c.forget()
	c.passed = "no checkpoint is whole; began again"
	return nil, nil
}

func (c *checkpoints) read(ctx context.Context, ref dataset.Ref) (*finetune.Checkpoint, error) {
	if err := dataset.VerifyBlob(ctx, c.store, ref); err != nil {
		return nil, err
	}
	obj, err := dataset.OpenBlob(ctx, c.store, ref)
	if err != nil {
		return nil, err
	}
	k, err := finetune.OpenCheckpoint(obj, ref.Bytes) // the training closes it
	if err != nil {
		obj.Close() //nolint:errcheck // only read
	}
	return k, err
}

// forget is a training that has not begun.
func (c *checkpoints) forget() { *c = checkpoints{store: c.store, key: c.key, evalEvery: c.evalEvery} }

// rewind forgets the steps after a checkpoint: they will be done again.
func (c *checkpoints) rewind(step int) {
	for len(c.Curve) > 0 && c.Curve[len(c.Curve)-1].Step > step {
		c.Curve = c.Curve[:len(c.Curve)-1]
	}
}

// save stores a checkpoint, moves the pointer, and removes the checkpoint before the previous one.
func (c *checkpoints) save(ctx context.Context, k *finetune.Checkpoint) error {
	ref, err := dataset.PutBlob(ctx, c.store, ".checkpoint", func(w io.Writer) (int64, error) {
		_, err := k.WriteTo(w)
		return 1, err
	})
	if err != nil || ref == c.Newest {
		return err
	}
	old := c.Previous
	c.Newest, c.Previous = ref, c.Newest
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if _, err := c.store.Put(ctx, c.pointer(), bytes.NewReader(b), int64(len(b))); err != nil {
		return fmt.Errorf("write the pointer to the checkpoint of step %d: %w", k.Step, err)
	}
	if old.SHA256 != "" {
		return c.store.Delete(ctx, old.Key())
	}
	return nil
}

// removeCheckpoints deletes what a finished training no longer needs.
func removeCheckpoints(ctx context.Context, s dataset.Store, key string) error {
	c := &checkpoints{store: s, key: key}
	b, _, err := readSmall(ctx, s, c.pointer())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.Delete(ctx, c.pointer()); err != nil || json.Unmarshal(b, c) != nil {
		return err
	}
	for _, ref := range []dataset.Ref{c.Newest, c.Previous} {
		if ref.SHA256 == "" {
			continue
		}
		if err := s.Delete(ctx, ref.Key()); err != nil {
			return err
		}
	}
	return nil
}

// add notes a step on the curve.
func (c *checkpoints) add(s finetune.Step) {
	p := Point{Step: s.Step, Loss: s.Loss}
	if s.EvalLoss != nil {
		p.EvalLoss = *s.EvalLoss
	}
	if onCurve(s, c.evalEvery) && s.Skipped == "" {
		c.Curve = append(c.Curve, p)
	}
	c.Peak = max(c.Peak, s.PeakBytes)
	if n := s.Tokens - c.Tokens; s.TokensPerSecond > 0 && n > 0 {
		c.Seconds += float64(n) / s.TokensPerSecond
	}
	c.Tokens = s.Tokens
	c.now = s
}

// speed is the tokens a second over the steps.
func (c *checkpoints) speed() float64 {
	if c.Seconds == 0 {
		return 0
	}
	return float64(c.Tokens) / c.Seconds
}

// last says the last step in words.
func (c *checkpoints) last() string {
	note := "first step"
	if c.now.Step > 0 {
		note = fmt.Sprintf("loss %.4f, %.0f tokens/s", c.now.Loss, c.now.TokensPerSecond)
	}
	if c.passed != "" {
		note += " (" + c.passed + ")"
	}
	return note
}
