package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"temper/collect"
	"temper/dataset"
)

// The engines' versions take part in every stage's key: raise one when the same input gives other bytes.
const (
	engineCollect = "collect/1"
	engineFilter  = "filter/1"
	engineDedup   = "dedup/1"
	engineSynth   = "synth/1"
	engineTokens  = "tokens/1"
	engineTrain   = "train/1"
	engineScore   = "evaluate/1"
)

// maxTasks bounds the tasks of one source, and so the size of a history: larger sources get larger tasks.
const maxTasks = 256

// PlanInput is the input of [Activities.PlanCollect].
type PlanInput struct {
	Source    collect.Source `json:"source"`
	TaskBytes int64          `json:"task_bytes,omitempty"` // of input a task; 0 means 8 MiB
	MaxBad    float64        `json:"max_bad,omitempty"`    // share of bad rows above which the run stops; 0 means 0.05
}

// Plan names the tasks of one source.
type Plan struct {
	Plan  dataset.Ref `json:"plan"` // the tasks, one a line, with the digest of every file in them
	Tasks int         `json:"tasks"`
}

// PlanCollect lists the source's files with their digests and cuts them into tasks. It is never cached: it is what notices that
// a source has changed.
func (a *Activities) PlanCollect(ctx context.Context, in PlanInput) (Plan, error) {
	if in.TaskBytes == 0 {
		in.TaskBytes = 8 << 20
	}
	tasks, err := collect.Plan(ctx, a.Sources, in.Source, in.TaskBytes)
	for err == nil && len(tasks) > maxTasks {
		in.TaskBytes *= 2
		tasks, err = collect.Plan(ctx, a.Sources, in.Source, in.TaskBytes)
	}
	if err != nil {
		return Plan{}, classify(fmt.Errorf("plan collect: %w", err))
	}
	ref, err := dataset.PutBlob(ctx, a.Store, ".jsonl", func(w io.Writer) (int64, error) {
		enc := json.NewEncoder(w)
		for _, t := range tasks {
			if err := enc.Encode(t); err != nil {
				return 0, err
			}
		}
		return int64(len(tasks)), nil
	})
	return Plan{Plan: ref, Tasks: len(tasks)}, classify(err)
}

// CollectInput is the input of [Activities.Collect].
type CollectInput struct {
	Plan   dataset.Ref `json:"plan"`
	Task   int         `json:"task"` // its number in the plan
	MaxBad float64     `json:"max_bad,omitempty"`
}

// Collect reads one task's files into records. Rows that cannot be read go to quarantine; more than MaxBad of them stop the run.
func (a *Activities) Collect(ctx context.Context, in CollectInput) (StageResult, error) {
	task, err := a.task(ctx, in)
	if err != nil {
		return StageResult{}, classify(fmt.Errorf("collect: %w", err))
	}
	if in.MaxBad == 0 {
		in.MaxBad = 0.05
	}
	options := struct {
		Task   collect.Task `json:"task"`
		MaxBad float64      `json:"max_bad"`
	}{task, in.MaxBad}
	return a.stage(ctx, work{name: "collect", engine: engineCollect, options: options, do: func(ctx context.Context, s *dataset.Stage) error {
		var bad []dataset.Bad
		in2 := collect.Read(ctx, a.Sources, task, func(b dataset.Bad) error {
			bad = append(bad, b)
			return nil
		})
		recs, err := a.putRecords(ctx, count(&s.Counts, beat(ctx, Progress{Stage: "collect", Unit: "records"}, in2)))
		if err != nil {
			return err
		}
		s.Counts.In, s.Counts.Bad = s.Counts.Out+int64(len(bad)), int64(len(bad))
		if n := float64(s.Counts.In); float64(len(bad)) > in.MaxBad*n {
			first := bad[0]
			return fmt.Errorf("%d of %.0f rows are bad, more than the %.3g allowed; the first: %s, offset %d: %s: %w",
				len(bad), n, in.MaxBad, first.Source.URI, first.Source.Offset, first.Reason, dataset.ErrMalformed)
		}
		quarantine, err := putJSONL(ctx, a.Store, bad)
		s.Outputs["records"], s.Outputs["quarantine"] = []dataset.Ref{recs}, []dataset.Ref{quarantine}
		return err
	}})
}

// task reads one line of the plan.
func (a *Activities) task(ctx context.Context, in CollectInput) (t collect.Task, err error) {
	obj, err := dataset.OpenBlob(ctx, a.Store, in.Plan)
	if err != nil {
		return t, err
	}
	defer obj.Close()
	dec := json.NewDecoder(io.NewSectionReader(obj, 0, in.Plan.Bytes))
	for i := 0; i <= in.Task; i++ {
		t = collect.Task{}
		if err := dec.Decode(&t); err != nil {
			return t, fmt.Errorf("task %d of plan %.12s: %w: %w", i, in.Plan.SHA256, dataset.ErrMalformed, err)
		}
	}
	return t, nil
}

// KnownInput is the input of [Activities.Known].
type KnownInput struct {
	Shard dataset.Ref `json:"shard"`
	Known dataset.Ref `json:"known"`
}
