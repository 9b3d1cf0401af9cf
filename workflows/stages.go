package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"temper/activities"
	"temper/dataset"
)

// StagesQuery is the query every workflow here answers with its stages so far: a [StagesAnswer].
const StagesQuery = "stages"

// StagesAnswer is the answer to [StagesQuery].
type StagesAnswer struct {
	Stages  []activities.StageResult `json:"stages"`
	Current string                   `json:"current,omitempty"` // the stage that runs
}

// stages is a workflow's record of what is done and what runs.
type stages struct {
	done    *[]activities.StageResult
	current string
	now     func() time.Time // the workflow's clock
	began   time.Time
}

// newStages answers the stages query from done.
func newStages(ctx workflow.Context, done *[]activities.StageResult) (*stages, error) {
	s := &stages{done: done, now: func() time.Time { return workflow.Now(ctx) }}
	err := workflow.SetQueryHandler(ctx, StagesQuery, func() (StagesAnswer, error) {
		return StagesAnswer{Stages: *done, Current: s.current}, nil
	})
	return s, err
}

func (s *stages) begin(name string) { s.current, s.began = name, s.now() }

func (s *stages) end(r activities.StageResult) {
	r.Seconds = s.now().Sub(s.began).Seconds()
	*s.done = append(*s.done, r)
	s.current = ""
}

// shown are the roles of outputs that people look at: only they stay in a stage's result, which passes through every history above.
var shown = []string{"rejects", "quarantine"}

// merge makes one stage's result of its parts'.
func merge(name string, parts []activities.StageResult) activities.StageResult {
	sum := activities.StageResult{Name: name, Cached: len(parts) > 0, Outputs: map[string][]dataset.Ref{}}
	sum.Counts.Reasons = dataset.Reasons{}
	for _, p := range parts {
		sum.Cached = sum.Cached && p.Cached
		for _, role := range shown {
			if some := nonEmpty(p.Outputs[role]); len(some) > 0 {
				sum.Outputs[role] = append(sum.Outputs[role], some...)
			}
		}
		sum.Parts = append(sum.Parts, stageKeys([]activities.StageResult{p})...)
		sum.Counts.In += p.Counts.In
		sum.Counts.Out += p.Counts.Out
		sum.Counts.Dropped += p.Counts.Dropped
		sum.Counts.Bad += p.Counts.Bad
		sum.Counts.Bytes += p.Counts.Bytes
		for _, rule := range workflow.DeterministicKeys(p.Counts.Reasons) {
			sum.Counts.Reasons[rule] += p.Counts.Reasons[rule]
		}
	}
	if len(parts) == 1 {
		sum.Metrics = parts[0].Metrics
	}
	if len(sum.Parts) == 1 {
		sum.Key, sum.Parts = sum.Parts[0], nil
	}
	return sum
}

// nonEmpty drops the refs to shards without records.
func nonEmpty(refs []dataset.Ref) []dataset.Ref {
	var out []dataset.Ref
	for _, r := range refs {
		if r.Records > 0 {
			out = append(out, r)
		}
	}
	return out
}
