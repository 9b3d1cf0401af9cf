package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"temper/collect"
	"temper/dataset"
)

// The engines' versions take part in every stage's key: raise one when the same input gives other bytes.
const (
	engineCollect  = "collect/5"
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
	Plan dataset.Ref `json:"plan"`
	Task int         `json:"task"` // its number in the plan
}

// tolerated is how many bad rows of a source never stop a run by their share: of few rows it says little.
const tolerated = 100

// TooBad is an error if more than a share of a source's rows are bad, and they are more than a hundred or half of them. Share 0 means
// 0.05; parts are the results of all the source's tasks.
func TooBad(share float64, parts []StageResult) error {
	share = cmp.Or(share, 0.05)
	var c dataset.Counts
	first := any(nil)
	for _, p := range parts {
		c.In += p.Counts.In
		c.Bad += p.Counts.Bad
		first = cmp.Or(first, p.Metrics[MetricFirstBad])
	}
	if float64(c.Bad) <= share*float64(c.In) || c.Bad <= tolerated && 2*c.Bad < c.In {
		return nil
	}
	return fmt.Errorf("collect: %d of %d rows are bad, more than the %.3g allowed (max_bad); the first: %v: %w", c.Bad, c.In, share, first, dataset.ErrMalformed)
}

// MetricFirstBad is the metric of a task's first bad row: its place and the reason.
const MetricFirstBad = "first_bad"

// SayBad says where a bad row is and why it is one.
func SayBad(b dataset.Bad) string {
	return fmt.Sprintf("%s, offset %d, row %d: %s", b.Source.URI, b.Source.Offset, b.Source.Row, b.Reason)
}

// Collect reads one task's files into records. Rows that cannot be read go to quarantine, the first maxQuarantined of them with their
// places and reasons; all are counted.
func (a *Activities) Collect(ctx context.Context, in CollectInput) (StageResult, error) {
	ctx, release := begin(ctx, "collect")
	defer release()
	task, err := a.task(ctx, in)
	if err != nil {
		return StageResult{}, finish(ctx, fmt.Errorf("collect: %w", err))
	}
	options := struct {
		Task collect.Task `json:"task"`
	}{task}
	return a.stage(ctx, work{name: "collect", engine: engineCollect, options: options, do: func(ctx context.Context, s *dataset.Stage) error {
		bad, err := newQuarantine()
		if err != nil {
			return err
		}
		defer bad.close()
		in := collect.Read(ctx, a.sources(), task, func(b dataset.Bad) error {
			touch(ctx)
			return errors.Join(context.Cause(ctx), bad.take(b))
		})
		recs, err := a.putRecords(ctx, count(&s.Counts, beat(ctx, Progress{Stage: "collect", Unit: "records"}, in)))
		if err != nil {
			return err
		}
		s.Counts.In, s.Counts.Bad = s.Counts.Out+bad.n, bad.n
		if bad.n > 0 {
			s.Metrics[MetricFirstBad] = SayBad(bad.first)
		}
		quarantine, err := bad.put(ctx, a.store())
		s.Outputs["records"], s.Outputs["quarantine"] = []dataset.Ref{recs}, []dataset.Ref{quarantine}
		return err
	}})
}

// task reads one line of the plan.
func (a *Activities) task(ctx context.Context, in CollectInput) (t collect.Task, err error) {
	obj, err := dataset.OpenBlob(ctx, a.store(), in.Plan)
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
