package workflows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/mock"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"temper/activities"
	"temper/dataset"
	"temper/finetune"
	"temper/synth"
)

// A world runs workflows over activities that answer at once.
type world struct {
	*testsuite.TestWorkflowEnvironment
	tasks  int             // of a source
	keeps  int64           // records a shard keeps in Known
	fails  map[string]bool // activities that fail, for good
	answer activities.GateResult

	mu      sync.Mutex
	started []string // activities, in order
	sizes   sizes
}

// begun is the activities begun so far, in order. One that was cancelled may still be running when its workflow has ended.
func (w *world) begun() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.started)
}

// ref is a ref as long as a real one.
func ref(i, records int) dataset.Ref {
	return dataset.Ref{SHA256: fmt.Sprintf("%064x", i), Bytes: 123_456_789, Records: int64(records) * 100_000, Ext: ".parquet"}
}

func result(i int, roles ...string) activities.StageResult {
	r := activities.StageResult{Name: "stage", Key: fmt.Sprintf("%064x", i), Outputs: map[string][]dataset.Ref{}}
	r.Counts = dataset.Counts{In: 200_000, Out: 100_000, Dropped: 100_000, Bytes: 123_456_789, Reasons: dataset.Reasons{}}
	for n := range 20 {
		r.Counts.Reasons[fmt.Sprintf("gopher_quality.rule_%d", n)] = 5000
	}
	for _, role := range roles {
		r.Outputs[role] = []dataset.Ref{ref(i, 1)}
	}
	return r
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := emptyWorld(t)
	w.answers()
	return w
}

// emptyWorld is one in which no activity answers yet.
func emptyWorld(t *testing.T) *world {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	w := &world{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), tasks: 2, keeps: 1, fails: map[string]bool{}}
	w.answer.Decision = activities.Promoted
	Register(w)
	w.RegisterActivity(&activities.Activities{})
	w.sizes.DataConverter = converter.GetDefaultDataConverter()
	w.SetDataConverter(&w.sizes)
	return w
}

// answers makes all activities answer that have no other answer before.
func (w *world) answers() {
	stage := func(roles ...string) activities.StageResult { return result(1, roles...) }
	answer(w, "PlanCollect", a.PlanCollect, func(activities.PlanInput) activities.Plan {
		return activities.Plan{Plan: ref(1, 1), Tasks: w.tasks}
	})
	answer(w, "Collect", a.Collect, func(activities.CollectInput) activities.StageResult { return stage("records", "quarantine") })
	answer(w, "Known", a.Known, func(activities.KnownInput) activities.StageResult {
		r := stage("records", "rejects")
		r.Outputs["records"][0].Records = w.keeps
		return r
	})
	answer(w, "Score", a.Score, func(activities.FilterInput) activities.StageResult { return stage("notes") })
	answer(w, "Select", a.Select, func(activities.FilterInput) activities.StageResult { return stage("records", "rejects") })
	answer(w, "Exact", a.Exact, func(in activities.ExactInput) activities.StageResult {
		r := stage("rejects")
		r.Outputs["records"] = in.Shards
		return r
	})
	answer(w, "Sign", a.Sign, func(activities.NearInput) activities.StageResult { return stage("signatures") })
	answer(w, "Cluster", a.Cluster, func(activities.NearInput) activities.StageResult { return stage("clusters") })
	answer(w, "Near", a.Near, func(activities.NearInput) activities.StageResult { return stage("records", "rejects") })
	answer(w, "Decontaminate", a.Decontaminate, func(activities.DecontaminateInput) activities.StageResult { return stage("records", "rejects") })
	answer(w, "FetchBase", a.FetchBase, func(in activities.FetchInput) activities.Base {
		return activities.Base{Name: in.Base, Ref: ref(7, 0)}
	})
	answer(w, "Preflight", a.Preflight, func(activities.PreflightInput) finetune.Memory { return finetune.Memory{Total: 1} })
	answer(w, "Synthesize", a.Synthesize, func(activities.SynthInput) activities.StageResult { return stage("records", "rejects") })
	answer(w, "Publish", a.Publish, func(in activities.PublishInput) activities.PublishResult {
		return activities.PublishResult{Name: in.Name, Version: "v1", Train: in.Rows, Test: in.Rows, Stage: stage()}
	})
	answer(w, "Tokenize", a.Tokenize, func(activities.TokenizeInput) activities.StageResult { return stage("tokens") })
	answer(w, "Train", a.Train, func(in activities.TrainInput) activities.AdapterResult {
		return activities.AdapterResult{Name: in.Name, Version: "a1", Adapter: activities.Adapter{Weights: ref(8, 1), Config: ref(9, 1)}, Stage: stage()}
	})
	answer(w, "Evaluate", a.Evaluate, func(in activities.EvaluateInput) activities.Evaluation {
		return activities.Evaluation{Score: activities.Score{Loss: float64(len(in.Who))}, Stage: stage()}
	})
	answer(w, "Champion", a.Champion, func(activities.ChampionInput) activities.ChampionResult {
		return activities.ChampionResult{Version: "a0", Adapter: activities.Adapter{Weights: ref(5, 1)}}
	})
	answer(w, "Answers", a.Answers, func(activities.AnswersInput) activities.StageResult { return stage() })
	answer(w, "Gate", a.Gate, func(in activities.GateInput) activities.GateResult {
		r := w.answer
		r.Against, r.Champion = in.ChampionVersion, in.Adapter.Version
		r.Loss, r.Bar = in.Challenger.Loss, in.Base.Loss
		return r
	})
	answer(w, "RecallKnown", a.RecallKnown, func(activities.RecallInput) activities.Recalled { return activities.Recalled{Index: ref(6, 1)} })
	answer(w, "Remember", a.Remember, func(activities.RememberInput) activities.Recalled { return activities.Recalled{Index: ref(7, 1)} })
}

// answer makes an activity answer with f, or fail where the world says so.
func answer[In, Out any](w *world, name string, act func(context.Context, In) (Out, error), f func(In) Out) {
	w.OnActivity(act, mock.Anything, mock.Anything).Return(func(ctx context.Context, in In) (out Out, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.started = append(w.started, name)
		if w.fails[name] {
			return out, temporal.NewNonRetryableApplicationError(name+" cannot", "Failed"+name, nil)
		}
		activity.GetInfo(ctx) // the activity's own context, as a real one has
		return f(in), nil
	}).Maybe()
}

// everything is a run that does everything.
func everything() PipelineInput {
	return PipelineInput{
		Name: "n", Recipe: "{}",
		Curate: CurateInput{
			Collect: []activities.PlanInput{{}}, Known: ref(6, 1), Window: 1,
			Filter: activities.FilterInput{Steps: oneStep}, Exact: &activities.ExactInput{}, Near: &activities.NearInput{},
			Decontaminate: &activities.DecontaminateInput{},
		},
		Synthesize: SynthesizeInput{Steps: []activities.SynthInput{{Step: synth.Step{Pairs: &synth.Pairs{}}}, {Self: "b", Step: synth.Step{QuestionsFromText: &synth.Questions{}}}}},
		Tune:       &TuneInput{Base: "b"},
	}
}

// sizes is a data converter that remembers the largest payload.
type sizes struct {
	converter.DataConverter
	mu      sync.Mutex
	largest int
	of      string
}

func (s *sizes) note(v any, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if size > s.largest {
		s.largest, s.of = size, fmt.Sprintf("%T", v)
	}
}

// ToPayload implements [converter.DataConverter].
func (s *sizes) ToPayload(v any) (*commonpb.Payload, error) {
	p, err := s.DataConverter.ToPayload(v)
	s.note(v, len(p.GetData()))
	return p, err
}

// ToPayloads implements [converter.DataConverter].
func (s *sizes) ToPayloads(vs ...any) (*commonpb.Payloads, error) {
	ps, err := s.DataConverter.ToPayloads(vs...)
	for i, p := range ps.GetPayloads() {
		s.note(vs[i], len(p.GetData()))
	}
	return ps, err
}

// quiet is a logger of nothing.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// failure is the type of the error a run ended with.
func failure(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Type()
	}
	return fmt.Sprint(err)
}

// names joins runs of one name: "Collect×2 Score".
func names(started []string) string {
	var out []string
	for i := 0; i < len(started); {
		n := 1
		for i+n < len(started) && started[i+n] == started[i] {
			n++
		}
		name := started[i]
		if n > 1 {
			name += fmt.Sprintf("×%d", n)
		}
		out = append(out, name)
		i += n
	}
	return strings.Join(out, " ")
}
