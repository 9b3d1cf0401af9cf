package activities

import (
	"context"
	"fmt"

	"temper/dataset"
)

// Split says how rows are parted.
type Split struct {
	Test float64 `json:"test,omitempty"` // percent of clusters held out; 0 means 2
	Seed uint64  `json:"seed,omitempty"`
}

// PublishInput is the input of [Activities.Publish].
type PublishInput struct {
	Name    string        `json:"name"`
	Recipe  string        `json:"recipe"`
	Split   Split         `json:"split"`
	Rows    []dataset.Ref `json:"rows,omitempty"`
	Rejects []dataset.Ref `json:"rejects,omitempty"`
	Stages  []string      `json:"stages,omitempty"` // keys of the stages the rows came from
}

// PublishResult names a published version of a dataset.
type PublishResult struct {
	Name    string        `json:"name"`
	Version string        `json:"version"`
	Train   []dataset.Ref `json:"train"`
	Test    []dataset.Ref `json:"test"`
	Stage   StageResult   `json:"stage"`
}

// Publish splits the rows by cluster and publishes them as a version of the dataset.
func (a *Activities) Publish(ctx context.Context, in PublishInput) (PublishResult, error) {
	if in.Split.Test == 0 {
		in.Split.Test = 2
	}
	inputs := append(append([]dataset.Ref{}, in.Rows...), in.Rejects...)
	options := struct {
		Name  string `json:"name"`
		Split Split  `json:"split"`
		Rows  int    `json:"rows"` // how many of the inputs are rows; the rest are rejects
	}{in.Name, in.Split, len(in.Rows)}
	r, err := a.stage(ctx, work{name: "split", engine: "split/1", options: options, inputs: inputs, do: func(ctx context.Context, s *dataset.Stage) error {
		for _, split := range []string{"train", "test"} {
			part := func(yield func(dataset.Row, error) bool) {
				for row, err := range beat(ctx, Progress{Stage: "split", Unit: "records"}, a.chain(ctx, in.Rows)) {
					if err == nil && dataset.SplitOf(clusterOf(row), in.Split.Test, in.Split.Seed) != split {
						continue
					}
					if !yield(row, err) || err != nil {
						return
					}
				}
			}
			ref, err := a.putRows(ctx, part)
			if err != nil {
				return err
			}
			s.Outputs[split] = []dataset.Ref{ref}
			s.Counts.In += ref.Records
			s.Counts.Out += ref.Records
			s.Metrics[split] = ref.Records
		}
		if s.Outputs["train"][0].Records == 0 || s.Outputs["test"][0].Records == 0 {
			return fmt.Errorf("%d rows to train on and %d held out: too few were kept; see the rejects, and lower thresholds or raise split.test: %w",
				s.Outputs["train"][0].Records, s.Outputs["test"][0].Records, errInput)
		}
		say(ctx, Progress{Stage: "publish", Done: s.Counts.In, Unit: "records"})
		m, err := dataset.Publish(ctx, a.store(), dataset.Publication{
			Name: in.Name, Recipe: in.Recipe, Stages: in.Stages, Rejects: in.Rejects,
			Splits: []dataset.SplitRefs{{Name: "train", Refs: s.Outputs["train"]}, {Name: "test", Refs: s.Outputs["test"]}},
		})
		s.Metrics["version"] = m.Version
		return err
	}})
	if err != nil {
		return PublishResult{}, err
	}
	version, _ := r.Metrics["version"].(string)
	return PublishResult{Name: in.Name, Version: version, Train: r.Outputs["train"], Test: r.Outputs["test"], Stage: r}, nil
}

// clusterOf is what must not straddle the split: the near-duplicate cluster, or the record itself.
func clusterOf(row dataset.Row) string {
	if row.Cluster != "" {
		return row.Cluster
	}
	return row.ID
}
