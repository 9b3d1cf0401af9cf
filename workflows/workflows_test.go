package workflows

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"temper/activities"
	"temper/filter"
)

var oneStep = []filter.Step{{FixText: &filter.FixText{}}}

// inOrder is every activity of a run that does everything with two shards, one at a time.
const inOrder = "FetchBase Preflight PlanCollect Collect×2 Known×2 Score Select Score Select Exact Sign×2 Cluster Near×2 Decontaminate×2 " +
	"Synthesize FetchBase Synthesize Publish FetchBase Tokenize×2 Train Evaluate×2 Champion Evaluate Answers Gate"

// TestOrder: the activities of a run and of a retrain, in order, and what comes of them.
func TestOrder(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start any
		edit  func(*world, *PipelineInput)
		want  string
		check func(PipelineResult) bool
	}{
		{name: "everything", start: Pipeline, want: inOrder},
		{name: "retrain", start: Retrain, want: "RecallKnown " + inOrder + " Remember"},
		{name: "nothing new", start: Retrain, edit: func(w *world, _ *PipelineInput) { w.keeps = 0 },
			want:  "RecallKnown FetchBase Preflight PlanCollect Collect×2 Known×2",
			check: func(r PipelineResult) bool { return r.Nothing && r.Dataset.Version == "" }},
		{name: "no tuning", start: Pipeline, edit: func(_ *world, in *PipelineInput) { in.Tune = nil },
			want:  inOrder[len("FetchBase Preflight "):strings.Index(inOrder, " FetchBase Tokenize")],
			check: func(r PipelineResult) bool { return r.Adapter.Version == "" && r.Dataset.Version == "v1" }},
		{name: "only collect", start: Pipeline, edit: func(_ *world, in *PipelineInput) {
			*in = PipelineInput{Name: "n", Curate: CurateInput{Collect: in.Curate.Collect}}
		}, want: "PlanCollect Collect×2 Publish"},
		{name: "two sources", start: Pipeline, edit: func(_ *world, in *PipelineInput) {
			*in = PipelineInput{Name: "n", Curate: CurateInput{Window: 1, Collect: []activities.PlanInput{{}, {}}}}
		}, want: "PlanCollect Collect×2 PlanCollect Collect×2 Publish"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, in := newWorld(t), everything()
			if tt.edit != nil {
				tt.edit(w, &in)
			}
			w.ExecuteWorkflow(tt.start, in)
			var r PipelineResult
			if err := w.GetWorkflowResult(&r); err != nil {
				t.Fatal(err)
			}
			if got := names(w.begun()); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if tt.check != nil && !tt.check(r) {
				t.Errorf("result %+v", r)
			}
		})
	}
}

// TestFailure: an activity that fails for good ends the run with its error, and nothing is done after it.
func TestFailure(t *testing.T) {
	var all []string
	for _, name := range strings.Fields("RecallKnown " + inOrder + " Remember") {
		if name, _, _ = strings.Cut(name, "×"); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	for _, name := range all {
		w := newWorld(t)
		w.fails[name] = true
		w.ExecuteWorkflow(Retrain, everything())
		if got := failure(w.GetWorkflowError()); got != "Failed"+name {
			t.Errorf("%s: the run ended with %s", name, got)
		}
		if begun := w.begun(); begun[len(begun)-1] != name {
			t.Errorf("%s: then %s was begun", name, begun[len(begun)-1])
		}
	}
	if len(all) != reflect.TypeFor[*activities.Activities]().NumMethod() {
		t.Errorf("%d activities take part, there are %d", len(all), reflect.TypeFor[*activities.Activities]().NumMethod())
	}
}

// TestGatePasses: what the gate decides, and what it is told, reach the result.
func TestGatePasses(t *testing.T) {
	for _, decision := range []string{activities.Promoted, activities.Kept, activities.Unchanged} {
		w := newWorld(t)
		w.answer = activities.GateResult{Decision: decision, Reason: "because"}
		w.ExecuteWorkflow(Pipeline, everything())
		var r PipelineResult
		if err := w.GetWorkflowResult(&r); err != nil {
			t.Fatal(err)
		}
		want := activities.GateResult{Decision: decision, Reason: "because", Against: "a0", Champion: "a1", Loss: float64(len("challenger")), Bar: float64(len("base"))}
		if !reflect.DeepEqual(r.Gate, want) {
			t.Errorf("%s: %+v", decision, r.Gate)
		}
	}
}

// TestCancel: a run that is cancelled in the middle ends as cancelled, and begins nothing more.
func TestCancel(t *testing.T) {
	plain := newWorld(t)
	plain.ExecuteWorkflow(Retrain, everything())
	for _, at := range []string{"Collect", "Synthesize", "Train"} {
		w := newWorld(t)
		seen := false
		w.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
			if info.ActivityType.Name == at && !seen {
				seen = true
				w.CancelWorkflow()
			}
		})
		w.ExecuteWorkflow(Retrain, everything())
		if err := w.GetWorkflowError(); !errors.As(err, new(*temporal.CanceledError)) {
			t.Errorf("%s: ended with %v", at, err)
		}
		all, begun := plain.begun(), w.begun()
		if n := slices.Index(all, at); len(begun) > n+1 || !slices.Equal(begun, all[:len(begun)]) {
			t.Errorf("%s: begun were %v", at, begun)
		}
	}
}

// TestEach: at most window at a time, all of them, and the first error cancels the rest and is the one that is told.
func TestEach(t *testing.T) {
	w := newWorld(t)
	running, most, done := 0, 0, 0
	fan := func(ctx workflow.Context, fails int) error {
		return each(ctx, 20, 3, func(ctx workflow.Context, i int) error {
			running++
			most = max(most, running)
			defer func() { running--; done++ }()
			if i == fails {
				return temporal.NewApplicationError("the first", "First")
			}
			return workflow.Sleep(ctx, time.Duration(20-i)*time.Hour)
		})
	}
	w.RegisterWorkflow(fan)
	w.ExecuteWorkflow(fan, -1)
	if err := w.GetWorkflowError(); err != nil || most != 3 || done != 20 || running != 0 {
		t.Errorf("%d at most, %d done, %d running, %v", most, done, running, err)
	}
	w = newWorld(t)
	w.RegisterWorkflow(fan)
	running, most, done = 0, 0, 0
	begin := w.Now()
	w.ExecuteWorkflow(fan, 7)
	if got := failure(w.GetWorkflowError()); got != "First" || running != 0 || done > 10 {
		t.Errorf("ended with %s after %d, %d still running", got, done, running)
	}
	if took := w.Now().Sub(begin); took > 80*time.Hour {
		t.Errorf("what ran was not cancelled: %v", took)
	}
}

// TestPayloads: with as many shards as there may be, no payload comes near the 2 MB that the server takes.
func TestPayloads(t *testing.T) {
	w, in := newWorld(t), everything()
	w.SetTestTimeout(time.Minute)
	w.tasks, in.Curate.Window = activities.MaxTasks, 8
	w.ExecuteWorkflow(Retrain, in)
	var r PipelineResult
	if err := w.GetWorkflowResult(&r); err != nil {
		t.Fatal(err)
	}
	t.Logf("largest payload: %d bytes, of %s", w.sizes.largest, w.sizes.of)
	if w.sizes.largest > 1<<20 {
		t.Errorf("largest payload: %d bytes, of %s", w.sizes.largest, w.sizes.of)
	}
	if n := len(stageKeys(r.Stages)); n < 7*activities.MaxTasks {
		t.Errorf("%d keys of stages in the lineage; there were %d shards in 7 activities", n, activities.MaxTasks)
	}
}

// TestLongCurate: a curation whose history grows long goes on in another after any step, and comes to the same.
func TestLongCurate(t *testing.T) {
	w := newWorld(t)
	w.ExecuteWorkflow(Curate, everything().Curate)
	var want, got CurateResult
	if err := w.GetWorkflowResult(&want); err != nil {
		t.Fatal(err)
	}
	in, parts := everything().Curate, 0
	var started []string
	for {
		w := newWorld(t)
		w.SetContinueAsNewSuggested(true)
		w.ExecuteWorkflow(Curate, in)
		started = append(started, w.begun()...)
		var next *workflow.ContinueAsNewError
		if err := w.GetWorkflowError(); err == nil {
			if err := w.GetWorkflowResult(&got); err != nil {
				t.Fatal(err)
			}
			break
		} else if !errors.As(err, &next) {
			t.Fatal(err)
		}
		in = CurateInput{}
		if err := w.sizes.FromPayloads(next.Input, &in); err != nil {
			t.Fatal(err)
		}
		if parts++; parts > 10 {
			t.Fatal("it never ends")
		}
	}
	for _, r := range []*CurateResult{&want, &got} {
		for i := range r.Stages {
			r.Stages[i].Seconds = 0
		}
	}
	if !reflect.DeepEqual(got, want) || parts != 5 {
		t.Errorf("in %d parts: %+v\nat once: %+v", parts+1, got, want)
	}
	if all := inOrder[strings.Index(inOrder, "PlanCollect"):strings.Index(inOrder, " Synthesize")]; names(started) != all {
		t.Errorf("got %s, want %s", names(started), all)
	}
}

// TestStages: every workflow tells its stages while it runs.
func TestStages(t *testing.T) {
	w := newWorld(t)
	w.ExecuteWorkflow(Pipeline, everything())
	v, err := w.QueryWorkflow(StagesQuery)
	if err != nil {
		t.Fatal(err)
	}
	var got StagesAnswer
	if err := v.Get(&got); err != nil {
		t.Fatal(err)
	}
	var r PipelineResult
	if err := w.GetWorkflowResult(&r); err != nil || !reflect.DeepEqual(got.Stages, r.Stages) || got.Current != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

// A registry is what Register is called with.
type registry struct{ got []string }

func (r *registry) RegisterWorkflow(w any) {
	name := runtime.FuncForPC(reflect.ValueOf(w).Pointer()).Name()
	r.got = append(r.got, name[strings.LastIndexByte(name, '.')+1:])
}
func (r *registry) RegisterWorkflowWithOptions(w any, _ workflow.RegisterOptions) {
	r.RegisterWorkflow(w)
}
func (r *registry) RegisterDynamicWorkflow(any, workflow.DynamicRegisterOptions) {}

// TestRegister: every exported function that takes a workflow's context is registered.
func TestRegister(t *testing.T) {
	var r registry
	Register(&r)
	var want []string
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !fn.Name.IsExported() || len(fn.Type.Params.List) == 0 {
				continue
			}
			if sel, ok := fn.Type.Params.List[0].Type.(*ast.SelectorExpr); ok && sel.Sel.Name == "Context" {
				want = append(want, fn.Name.Name)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(r.got)
	if !slices.Equal(r.got, want) {
		t.Errorf("registered %v, there are %v", r.got, want)
	}
}

// TestSilence: an activity may be silent for the longest step no loop divides, and no longer.
func TestSilence(t *testing.T) {
	for _, tt := range []struct {
		n, perSecond int64
		want         time.Duration
	}{{0, filtered, 12 * time.Second}, {8 << 20, filtered, 20 * time.Second}, {10_000_000, sorted, 512 * time.Second}, {4 << 30, computed, 268 * time.Second}} {
		if got := silence(tt.n, tt.perSecond); got != tt.want {
			t.Errorf("silence(%d, %d) = %v, want %v", tt.n, tt.perSecond, got, tt.want)
		}
	}
}
