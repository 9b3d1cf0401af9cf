package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"temper/collect"
	"temper/dataset"
)

// The engines' versions take part in every stage's key: raise one when the same input gives other bytes.
const (
	engineCollect  = "collect/4"
	engineFilter   = "filter/4"
	engineDedup    = "dedup/9"
	engineSynth    = "synth/3"
	engineTokens   = "tokens/3"
	engineTrain    = "train/1"
	engineQuantize = "quantize/1"
	engineScore    = "evaluate/2"
)

// MaxTasks bounds the tasks of all sources of a run together, and so the size of histories: larger sources get larger tasks.
const MaxTasks = 256

// PlanInput is the input of [Activities.PlanCollect].
type PlanInput struct {
	Source    collect.Source `json:"source"`
	TaskBytes int64          `json:"task_bytes,omitempty"` // of input a task; 0 means 8 MiB
	MaxTasks  int            `json:"max_tasks,omitempty"`  // of this source; 0 means [MaxTasks]
	MaxBad    float64        `json:"max_bad,omitempty"`    // share of bad rows above which the run stops; 0 means 0.05
}

// Plan names the tasks of one source.
type Plan struct {
	Plan  dataset.Ref `json:"plan"` // the tasks, one a line, with the digest of every file in them
	Tasks int         `json:"tasks"`
	// Largest is the bytes of the largest file or range, which may be one record.
	Largest int64 `json:"largest"`
}

// PlanCollect lists the source's files with their digests and cuts them into tasks. It is never cached: it is what notices that
// a source has changed.
func (a *Activities) PlanCollect(ctx context.Context, in PlanInput) (Plan, error) {
	ctx, release := begin(ctx, "plan collect")
	defer release()
	tasks, err := a.plan(ctx, in)
	if err != nil {
		return Plan{}, finish(ctx, fmt.Errorf("plan collect: %w", err))
	}
	ref, err := putJSONL(ctx, a.store(), tasks)
	p := Plan{Plan: ref, Tasks: len(tasks)}
	for _, t := range tasks {
		for _, f := range t.Files {
			p.Largest = max(p.Largest, f.Length)
		}
	}
	return p, finish(ctx, err)
}

// plan cuts the source into at most MaxTasks tasks. How many there will be follows from the files' sizes, before one is read.
func (a *Activities) plan(ctx context.Context, in PlanInput) ([]collect.Task, error) {
	if err := in.Source.WithDefaults().Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", errInput, err)
	}
	most := cmp.Or(in.MaxTasks, MaxTasks)
	list, err := collect.List(ctx, a.sources(), in.Source)
	if err != nil {
		return nil, err
	}
	total := list.Bytes()
	bytes := max(cmp.Or(in.TaskBytes, 8<<20), total/int64(most))
	for n := list.Tasks(bytes); n > most; n = list.Tasks(bytes) {
		if bytes > total {
			return nil, fmt.Errorf("%d tasks of %d bytes: %d are allowed, and the source has files that stay apart: %w", n, bytes, most, errInput)
		}
		bytes *= 2
	}
	return list.Plan(ctx, a.sources(), bytes)
}

// CollectInput is the input of [Activities.Collect].
type CollectInput struct {
	Plan   dataset.Ref `json:"plan"`
	Task   int         `json:"task"` // its number in the plan
	MaxBad float64     `json:"max_bad,omitempty"`
}

// tolerated is how many bad rows of a task never stop a run by their share: of few rows it says little.
const tolerated = 100

// tooBad reports whether so many rows of a task are bad that the run stops: more than the share allowed, and more than a hundred or,
// if the task is all of its source, half.
func tooBad(bad, rows int, share float64, alone bool) bool {
	return float64(bad) > share*float64(rows) && (bad > tolerated || alone && 2*bad >= rows)
}

// Collect reads one task's files into records. Rows that cannot be read go to quarantine; more than MaxBad of them stop the run, if
// they are more than a hundred, or half of a source that is one task.
func (a *Activities) Collect(ctx context.Context, in CollectInput) (StageResult, error) {
	ctx, release := begin(ctx, "collect")
	defer release()
	task, alone, err := a.task(ctx, in)
	if err != nil {
		return StageResult{}, finish(ctx, fmt.Errorf("collect: %w", err))
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
		in2 := collect.Read(ctx, a.sources(), task, func(b dataset.Bad) error {
			bad = append(bad, b)
			return nil
		})
		recs, err := a.putRecords(ctx, count(&s.Counts, beat(ctx, Progress{Stage: "collect", Unit: "records"}, in2)))
		if err != nil {
			return err
		}
		s.Counts.In, s.Counts.Bad = s.Counts.Out+int64(len(bad)), int64(len(bad))
		if n := s.Counts.In; tooBad(len(bad), int(n), in.MaxBad, alone) {
			first := bad[0]
			return fmt.Errorf("%d of %d rows are bad, more than the %.3g allowed; the first: %s, offset %d: %s: %w",
				len(bad), n, in.MaxBad, first.Source.URI, first.Source.Offset, first.Reason, dataset.ErrMalformed)
		}
		quarantine, err := putJSONL(ctx, a.store(), bad)
		s.Outputs["records"], s.Outputs["quarantine"] = []dataset.Ref{recs}, []dataset.Ref{quarantine}
		return err
	}})
}

// task reads one line of the plan, and reports whether it is the only one.
func (a *Activities) task(ctx context.Context, in CollectInput) (t collect.Task, alone bool, err error) {
	obj, err := dataset.OpenBlob(ctx, a.store(), in.Plan)
	if err != nil {
		return t, false, err
	}
	defer obj.Close()
	dec := json.NewDecoder(io.NewSectionReader(obj, 0, in.Plan.Bytes))
	for i := 0; i <= in.Task; i++ {
		t = collect.Task{}
		if err := dec.Decode(&t); err != nil {
			return t, false, fmt.Errorf("task %d of plan %.12s: %w: %w", i, in.Plan.SHA256, dataset.ErrMalformed, err)
		}
	}
	return t, in.Task == 0 && !dec.More(), nil
}

// KnownInput is the input of [Activities.Known].
type KnownInput struct {
	Shard dataset.Ref `json:"shard"`
	Known dataset.Ref `json:"known"`
}
