package activities

import (
	"context"
	"fmt"

	"temper/dataset"
)

// A StageResult is what an activity tells its workflow: where the outputs lie and what was counted.
type StageResult struct {
	Name    string                   `json:"name"`
	Key     string                   `json:"key,omitempty"`
	Parts   []string                 `json:"parts,omitempty"`   // keys of the parts, in order, where it was made of several
	Cached  bool                     `json:"cached,omitempty"`  // found, not made
	Seconds float64                  `json:"seconds,omitempty"` // from its begin to its end in the workflow
	Outputs map[string][]dataset.Ref `json:"outputs,omitempty"`
	Counts  dataset.Counts           `json:"counts"`
	Metrics map[string]any           `json:"metrics,omitempty"`
}

// Out returns the one output of a role, or the zero Ref.
func (r StageResult) Out(role string) dataset.Ref {
	if refs := r.Outputs[role]; len(refs) > 0 {
		return refs[0]
	}
	return dataset.Ref{}
}

// A work is one stage to be done: what its key is made of, and how to do it.
type work struct {
	name    string // of the stage, as reports show it
	engine  string // name/version: a change of an engine's output is a change of its version
	options any
	inputs  []dataset.Ref
	do      func(ctx context.Context, out *dataset.Stage) error // fills Outputs, Counts and Metrics
}

// stage returns the published stage of w's key, or does the work and publishes it.
func (a *Activities) stage(ctx context.Context, w work) (StageResult, error) {
	ctx, release := begin(ctx, w.name)
	defer release()
	r, err := a.published(ctx, w)
	if err != nil {
		return StageResult{}, finish(ctx, fmt.Errorf("%s: %w", w.name, err))
	}
	return r, nil
}

func (a *Activities) published(ctx context.Context, w work) (StageResult, error) {
	key, err := dataset.StageKey(w.engine, w.options, w.inputs)
	if err != nil {
		return StageResult{}, err
	}
	done, found, err := dataset.LoadStage(ctx, a.Store, key)
	if err != nil {
		return StageResult{}, err
	}
	if !found && a.look {
		return StageResult{}, ErrNotDone
	}
	if !found {
		s := dataset.Stage{SchemaVersion: dataset.SchemaVersion, Name: w.name, Key: key, Engine: w.engine, Options: w.options,
			Inputs: w.inputs, Outputs: map[string][]dataset.Ref{}, Metrics: map[string]any{}}
		if err := w.do(ctx, &s); err != nil {
			return StageResult{}, err
		}
		if done, err = dataset.PublishStage(ctx, a.Store, s); err != nil {
			return StageResult{}, fmt.Errorf("publish: %w", err)
		}
	}
	return StageResult{Name: w.name, Key: key, Cached: found, Outputs: done.Outputs, Counts: done.Counts, Metrics: done.Metrics}, nil
}
