package activities

import (
	"context"
	"fmt"

	"temper/dataset"
	"temper/filter"
)

// FilterInput is the input of [Activities.Score] and [Activities.Select].
type FilterInput struct {
	Shard dataset.Ref   `json:"shard"`
	Notes dataset.Ref   `json:"notes,omitzero"` // of Score, for Select
	Steps []filter.Step `json:"steps"`
}

// Score computes the signals and edits of every step. Thresholds take no part in its key: changing one computes nothing here.
func (a *Activities) Score(ctx context.Context, in FilterInput) (StageResult, error) {
	ctx, release := begin(ctx, "score")
	defer release()
	modelled, models, err := a.withModels(ctx, in.Steps)
	if err != nil {
		return StageResult{}, finish(ctx, fmt.Errorf("score: %w", err))
	}
	steps := filter.ScoreOptions(modelled)
	keyed := steps
	if a.Secret != nil {
		keyed = filter.WithKey(steps, []byte(a.Secret("TEMPER_PII_KEY")))
	}
	return a.stage(ctx, work{name: "score", engine: engineFilter, options: steps, inputs: append([]dataset.Ref{in.Shard}, models...), do: func(ctx context.Context, s *dataset.Stage) error {
		if err := filter.Ready(keyed); err != nil {
			return fmt.Errorf("%w: %w", errInput, err)
		}
		recs := records(dataset.BlobRows(ctx, a.store(), in.Shard))
		notes, err := a.putNotes(ctx, beat(ctx, Progress{Stage: "score", Total: in.Shard.Records, Unit: "records"}, filter.Score(recs, keyed)))
		s.Outputs["notes"] = []dataset.Ref{notes}
		s.Counts.In, s.Counts.Out = in.Shard.Records, notes.Records
		return err
	}})
}

// Select judges the scored rows by the steps' thresholds and keeps what passes.
func (a *Activities) Select(ctx context.Context, in FilterInput) (StageResult, error) {
	return a.stage(ctx, work{name: "filter", engine: engineFilter, options: in.Steps, inputs: []dataset.Ref{in.Shard, in.Notes}, do: func(ctx context.Context, s *dataset.Stage) error {
		if err := filter.Check(in.Steps); err != nil {
			return fmt.Errorf("%w: %w", errInput, err)
		}
		scored := func() dataset.Rows {
			return dataset.Annotate(dataset.BlobRows(ctx, a.store(), in.Shard), dataset.BlobNotes(ctx, a.store(), in.Notes))
		}
		return a.pick(ctx, s, dataset.Annotate(scored(), filter.Judge(scored(), in.Steps)))
	}})
}
