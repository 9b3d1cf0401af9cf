package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"

	"temper/dataset"
)

// A StageResult is what an activity tells its workflow: where the outputs lie and what was counted.
type StageResult struct {
	Name    string                   `json:"name"`
	Key     string                   `json:"key"`
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
	key, err := dataset.StageKey(w.engine, w.options, w.inputs)
	if err != nil {
		return StageResult{}, classify(fmt.Errorf("%s: %w", w.name, err))
	}
	done, found, err := dataset.LoadStage(ctx, a.Store, key)
	if err != nil {
		return StageResult{}, classify(fmt.Errorf("%s: %w", w.name, err))
	}
	if !found {
		activity.RecordHeartbeat(ctx, Progress{Stage: w.name})
		s := dataset.Stage{SchemaVersion: dataset.SchemaVersion, Name: w.name, Key: key, Engine: w.engine, Options: w.options,
			Inputs: w.inputs, Outputs: map[string][]dataset.Ref{}, Metrics: map[string]any{}}
		if err := w.do(ctx, &s); err != nil {
			return StageResult{}, classify(fmt.Errorf("%s: %w", w.name, err))
		}
		if done, err = dataset.PublishStage(ctx, a.Store, s); err != nil {
			return StageResult{}, classify(fmt.Errorf("%s: publish: %w", w.name, err))
		}
	}
	return StageResult{Name: w.name, Key: key, Cached: found, Outputs: done.Outputs, Counts: done.Counts, Metrics: done.Metrics}, nil
}
