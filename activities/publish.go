package activities

import (
	"context"
	"errors"
	"fmt"

	"temper/dataset"
	"temper/model"
)

// Split says what is held out.
type Split = dataset.Holdout

// PublishInput is the input of [Activities.Publish].
type PublishInput struct {
	Name    string        `json:"name"`
	Recipe  string        `json:"recipe"`
	Split   Split         `json:"split"`
	Mix     *dataset.Mix  `json:"mix,omitempty"` // nil: all rows that are not held out are trained on, once
	Base    Base          `json:"base,omitzero"` // whose tokens the mix counts; zero: it counts bytes
	Rows    []dataset.Ref `json:"rows,omitempty"`
	Rejects []dataset.Ref `json:"rejects,omitempty"`
	Stages  []string      `json:"stages,omitempty"` // keys of the stages the rows came from
	New     bool          `json:"new,omitempty"`    // the rows are new ones of a timed run: too few are no error
}

// PublishResult names a published version of a dataset.
type PublishResult struct {
	Name    string        `json:"name"`
	Version string        `json:"version"`
	Train   []dataset.Ref `json:"train"`
	Test    []dataset.Ref `json:"test"`
	Stage   StageResult   `json:"stage"`
	Few     string        `json:"few,omitempty"` // why nothing was published: there are too few new rows
}

// engineSplit is the version of splits, mixes and published files; see engineCollect.
const engineSplit = "split/2"

// errFew means that a split would have no rows.
var errFew = errors.New("too few rows")

// Publish splits the rows, mixes those to train on, and publishes them as a version of the dataset.
func (a *Activities) Publish(ctx context.Context, in PublishInput) (PublishResult, error) {
	in.Split = in.Split.WithDefaults()
	inputs := append(append([]dataset.Ref{}, in.Rows...), in.Rejects...)
	options := struct {
		Name  string       `json:"name"`
		Split Split        `json:"split"`
		Mix   *dataset.Mix `json:"mix,omitempty"`
		Rows  int          `json:"rows"` // how many of the inputs are rows; the rest are rejects, and the base
	}{in.Name, in.Split, in.Mix, len(in.Rows)}
	if in.Mix != nil && in.Base.Ref.SHA256 != "" {
		inputs = append(inputs, in.Base.Ref)
	}
	r, err := a.stage(ctx, work{name: "split", engine: engineSplit, options: options, inputs: inputs, do: func(ctx context.Context, s *dataset.Stage) error {
		if err := a.parted(ctx, in, s); err != nil {
			return err
		}
		if s.Outputs[dataset.Train][0].Records == 0 || s.Outputs[dataset.Test][0].Records == 0 {
			return fmt.Errorf("%d rows to train on and %d held out: %w were kept; see the rejects, and lower thresholds or raise split.test: %w",
				s.Outputs[dataset.Train][0].Records, s.Outputs[dataset.Test][0].Records, errFew, errInput)
		}
		say(ctx, Progress{Stage: "publish", Done: s.Counts.In, Unit: "records"})
		m, err := dataset.Publish(ctx, a.store(), dataset.Publication{
			Name: in.Name, Recipe: in.Recipe, Stages: in.Stages, Rejects: append(append([]dataset.Ref{}, in.Rejects...), s.Outputs["rejects"]...),
			Splits: []dataset.SplitRefs{{Name: dataset.Train, Refs: s.Outputs[dataset.Train]}, {Name: dataset.Test, Refs: s.Outputs[dataset.Test]}},
		})
		s.Metrics["version"] = m.Version
		return err
	}})
	if in.New && errors.Is(err, errFew) {
		return PublishResult{Name: in.Name, Few: err.Error()}, nil
	}
	if err != nil {
		return PublishResult{}, err
	}
	version, _ := r.Metrics["version"].(string)
	return PublishResult{Name: in.Name, Version: version, Train: r.Outputs[dataset.Train], Test: r.Outputs[dataset.Test], Stage: r}, nil
}

// parted stores the rows of each split, and those that the mix leaves out.
func (a *Activities) parted(ctx context.Context, in PublishInput, s *dataset.Stage) error {
	if err := in.Split.Validate(); err != nil {
		return fmt.Errorf("split: %w: %w", err, errInput)
	}
	unit, size, err := a.measure(ctx, in)
	if err != nil {
		return err
	}
	rows := func() dataset.Rows {
		return beat(ctx, Progress{Stage: "split", Unit: "records"}, a.chain(ctx, in.Rows))
	}
	p, err := dataset.Part(rows, in.Split, in.Mix, unit, size)
	if err != nil {
		return err
	}
	for _, split := range []string{dataset.Train, dataset.Test} {
		left := rejected{}
		kept := func(yield func(dataset.Row, error) bool) {
			for row, err := range p.Rows(rows(), split) {
				if err == nil && row.Verdict != nil {
					s.Counts.Dropped++
					if err = left.add(ctx, a, s, row); err == nil {
						continue
					}
					row = dataset.Row{}
				}
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
		ref, err := a.putRows(ctx, kept)
		if err == nil {
			err = left.flush(ctx, a, s)
		}
		if err != nil {
			return err
		}
		s.Outputs[split] = []dataset.Ref{ref}
		s.Counts.Out += ref.Records
		s.Metrics[split] = ref.Records
	}
	for _, ref := range in.Rows {
		s.Counts.In += ref.Records
	}
	if p.Mixture != nil {
		s.Counts.Reasons = dataset.Reasons{"mix": s.Counts.Dropped}
		s.Metrics["mix"] = p.Mixture
	}
	return nil
}

// measure returns what a mix counts: tokens of the base, or bytes where there is none.
func (a *Activities) measure(ctx context.Context, in PublishInput) (unit string, size func(dataset.Record) (int64, error), err error) {
	if in.Mix == nil {
		return "", nil, nil
	}
	if err := in.Mix.Validate(); err != nil {
		return "", nil, fmt.Errorf("mix: %w: %w", err, errInput)
	}
	if in.Base.Ref.SHA256 == "" {
		return "bytes", func(r dataset.Record) (int64, error) { return dataset.TextBytes(r), nil }, nil
	}
	base, err := a.open(ctx, in.Base)
	if err != nil {
		return "", nil, err
	}
	if base.Tokenizer == nil {
		return "", nil, fmt.Errorf("base %s has no tokenizer to count by: %w", in.Base.Name, errInput)
	}
	return "tokens", TokensOf(base), nil
}

// TokensOf returns what counts the tokens of a record's text and turns, without those of a chat template.
func TokensOf(base *model.Model) func(dataset.Record) (int64, error) {
	return func(r dataset.Record) (int64, error) {
		n := len(base.Tokenizer.Encode(r.Text, false))
		for _, m := range r.Messages {
			n += len(base.Tokenizer.Encode(m.Content, false))
		}
		return int64(n), nil
	}
}
