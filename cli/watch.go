package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"temper/finetune"
	"temper/internal/tfevents"
)

// The files a training is watched by: they lie beside its checkpoints while it runs, and in the adapter's folder after.
const (
	stepsFile  = "steps.jsonl"
	eventsFile = "events.out.tfevents.temper" // what TensorBoard looks for
)

// A watchLog writes every step as a line of JSON and as an event for TensorBoard.
type watchLog struct {
	steps  []*os.File // the one beside the checkpoints, and the user's own
	events *os.File
}

// watch opens the files in dir, and own, "" for none. A resumed run keeps the steps up to its checkpoint.
func watch(dir checkpointFolder, own string, from *finetune.Checkpoint, force bool) (_ *watchLog, err error) {
	if err := os.MkdirAll(string(dir), 0o755); err != nil {
		return nil, err
	}
	w := &watchLog{}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	until := 0
	if from != nil {
		until = from.Step
	}
	f, err := cutSteps(filepath.Join(string(dir), stepsFile), until)
	if err != nil {
		return nil, err
	}
	w.steps = append(w.steps, f)
	if own != "" {
		if from == nil {
			f, err = create(own, force)
		} else {
			f, err = cutSteps(own, until)
		}
		if err != nil {
			return nil, err
		}
		w.steps = append(w.steps, f)
	}
	w.events, err = cutEvents(filepath.Join(string(dir), eventsFile), until)
	return w, err
}

// cutSteps opens a log of steps for more, with its lines up to a step. A file that is none is not touched.
func cutSteps(path string, step int) (*os.File, error) {
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if begin := []byte(`{"step":`); len(b) > 0 && !bytes.HasPrefix(b, begin) && !bytes.HasPrefix(begin, b) {
		return nil, fmt.Errorf("%w: %s is no log of a training's steps: name another file with --log, or remove this one", errInput, path)
	}
	var kept []byte
	for line := range bytes.Lines(b) {
		var s finetune.Step
		if json.Unmarshal(line, &s) != nil || s.Step > step {
			break
		}
		kept = append(kept, line...)
	}
	return anew(path, kept)
}

// cutEvents opens an event file for more, with its events up to a step.
func cutEvents(path string, step int) (*os.File, error) {
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	kept := tfevents.Header(seconds(time.Now()))
	events, err := tfevents.Parse(b)
	if err != nil {
		events = nil // a damaged drawing is no reason to stop a training
	}
	for _, e := range events {
		if e.Step <= int64(step) {
			kept = append(kept, tfevents.Record(e)...)
		}
	}
	return anew(path, kept)
}

// anew writes a file with given bytes and leaves it open for more.
func anew(path string, b []byte) (*os.File, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(b); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// step writes one.
func (w *watchLog) step(s finetune.Step) error {
	line, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("step %d: %w", s.Step, err)
	}
	for _, f := range w.steps {
		if _, err := f.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	_, err = w.events.Write(tfevents.Record(eventOf(s)))
	return err
}

// eventOf is a step as TensorBoard draws it.
func eventOf(s finetune.Step) tfevents.Event {
	e := tfevents.Event{Time: seconds(time.Now()), Step: int64(s.Step), Scalars: []tfevents.Scalar{
		{Tag: "train/loss", Value: float32(s.Loss)}, {Tag: "train/learning_rate", Value: float32(s.LR)}, {Tag: "train/gradient_norm", Value: float32(s.GradNorm)},
		{Tag: "train/tokens_per_second", Value: float32(s.TokensPerSecond)}, {Tag: "train/tokens", Value: float32(s.Tokens)}, {Tag: "train/peak_bytes", Value: float32(s.PeakBytes)},
	}}
	if s.EvalLoss != nil {
		e.Scalars = append(e.Scalars, tfevents.Scalar{Tag: "eval/loss", Value: float32(*s.EvalLoss)})
	}
	return e
}

// keep copies the files beside the checkpoints into the adapter's folder.
func (w *watchLog) keep(dir checkpointFolder, adapter string) error {
	if err := w.close(); err != nil {
		return err
	}
	for _, name := range []string{stepsFile, eventsFile} {
		b, err := os.ReadFile(filepath.Join(string(dir), name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(adapter, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (w *watchLog) close() error {
	var errs []error
	for _, f := range append(w.steps, w.events) {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	w.steps, w.events = nil, nil
	return errors.Join(errs...)
}
