package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"temper/collect"
	"temper/dataset"
	"temper/dedup"
	"temper/filter"
	"temper/finetune"
	"temper/lora"
	"temper/model/hub"
	"temper/model/tiny"
	"temper/synth"
)

// A world is activities over a store, run as a worker runs them.
type world struct {
	t *testing.T
	a *Activities
	// env sets, if not nil, what one activity runs in.
	env func(*testsuite.TestActivityEnvironment)
}

func newWorld(t *testing.T, s dataset.Store) *world {
	t.Helper()
	return &world{t: t, a: &Activities{Store: s, Sources: collect.Local{}, Models: hub.Puller{Folder: t.TempDir()}, Scratch: t.TempDir(), Threads: 1}}
}

// do runs one activity.
func do[In, Out any](w *world, act func(context.Context, In) (Out, error), in In) (out Out, err error) {
	w.t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(w.a)
	if w.env != nil {
		w.env(env)
	}
	v, err := env.ExecuteActivity(act, in)
	if err == nil {
		err = v.Get(&out)
	}
	return out, err
}

// must is do for what has to go well.
func must[In, Out any](w *world, act func(context.Context, In) (Out, error), in In) Out {
	w.t.Helper()
	out, err := do(w, act, in)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// kind is the type of an activity's error, and whether it is retried.
func kind(err error) (string, bool) {
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return "", true
	}
	return app.Type(), !app.NonRetryable()
}

// quiet is a logger of nothing.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// documents writes n documents in files of 20: of each, the tenth equals the first and the eleventh nearly does.
func documents(t *testing.T, n int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for file := 0; file*20 < n; file++ {
		var b strings.Builder
		for i := file * 20; i < min(n, file*20+20); i++ {
			k := i
			if i%20 == 10 || i%20 == 11 {
				k = i / 20 * 20
			}
			text := ""
			for j := range 30 {
				text += fmt.Sprintf("Word %d of document %d says %d. ", j, k, (j*7+k*13)%101)
			}
			if i%20 == 11 {
				text += "The end."
			}
			row, err := json.Marshal(map[string]string{"text": text, "title": fmt.Sprintf("document %d", i), "summary": fmt.Sprintf("Document %d has thirty sentences about words.", i)})
			if err != nil {
				t.Fatal(err)
			}
			b.Write(append(row, '\n'))
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.jsonl", file)), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// way runs every activity of a run in turn, as the workflows do, and returns the stages and the gate's decision. It ends at the first
// error.
func (w *world) way(dir string) (stages []StageResult, gate GateResult, err error) {
	step := func(r StageResult, e error) StageResult {
		if err == nil {
			if err = e; e == nil {
				stages = append(stages, r)
			}
		}
		return r
	}
	plan, err := do(w, w.a.PlanCollect, PlanInput{Source: collect.Source{JSONL: &collect.JSONL{Root: dir}}, TaskBytes: 24 << 10})
	if err != nil {
		return nil, gate, err
	}
	var shards []dataset.Ref
	where := "words > 5"
	steps := []filter.Step{{FixText: &filter.FixText{}}, {Where: &where}}
	for i := range plan.Tasks {
		raw := step(do(w, w.a.Collect, CollectInput{Plan: plan.Plan, Task: i}))
		scored := step(do(w, w.a.Score, FilterInput{Shard: raw.Out("records"), Steps: steps}))
		kept := step(do(w, w.a.Select, FilterInput{Shard: raw.Out("records"), Notes: scored.Out("notes"), Steps: steps}))
		if shards = append(shards, kept.Out("records")); err != nil {
			return stages, gate, err
		}
	}
	exact := step(do(w, w.a.Exact, ExactInput{Shards: shards}))
	near := NearInput{Shards: exact.Outputs["records"], Options: dedup.Near{}.WithDefaults()}
	for _, shard := range near.Shards {
		near.Signatures = append(near.Signatures, step(do(w, w.a.Sign, NearInput{Shards: []dataset.Ref{shard}, Options: near.Options})).Out("signatures"))
	}
	clusters := step(do(w, w.a.Cluster, near)).Out("clusters")
	shards = nil
	for _, shard := range near.Shards {
		one := NearInput{Shards: []dataset.Ref{shard}, Clusters: clusters, Options: near.Options}
		shards = append(shards, step(do(w, w.a.Near, one)).Out("records"))
	}
	if err != nil {
		return stages, gate, err
	}
	base, err := do(w, w.a.FetchBase, FetchInput{Base: tiny.Name})
	if err != nil {
		return stages, gate, err
	}
	pairs := synth.Step{Pairs: &synth.Pairs{Templates: []synth.Template{{Name: "about", Ask: []string{"What is {{.title}}?"}, Answer: "{{.summary}}"}}}}
	asked := synth.Step{QuestionsFromText: &synth.Questions{Records: 3, MaxTokens: 8, MaxText: 150, Judge: synth.Judge{Min: 1}}}
	rows := step(do(w, w.a.Synthesize, SynthInput{Step: pairs.WithDefaults(), Shards: shards})).Outputs["records"]
	step(do(w, w.a.Synthesize, SynthInput{Step: asked.WithDefaults(), Shards: shards, Base: base}))
	published, e := do(w, w.a.Publish, PublishInput{Name: "small", Split: Split{Test: 20}, Rows: rows})
	step(published.Stage, e)
	if err != nil {
		return stages, gate, err
	}
	more, gate, err := w.learn(base, published)
	return append(stages, more...), gate, err
}

// small is a training of a second.
var small = finetune.Options{Steps: 8, Sequence: 128, Batch: 2, SaveEvery: 2, EvalEvery: 4, LR: 2e-3}

// learn is the way's second half.
func (w *world) learn(base Base, d PublishResult) (stages []StageResult, gate GateResult, err error) {
	rows, err := do(w, w.a.Tokenize, TokenizeInput{Base: base, Rows: d.Train, Train: small, Split: "train"})
	if err != nil {
		return stages, gate, err
	}
	held, err := do(w, w.a.Tokenize, TokenizeInput{Base: base, Rows: d.Test, Train: small, Split: "test"})
	if err != nil {
		return stages, gate, err
	}
	tuned, err := do(w, w.a.Train, TrainInput{Name: "small", Base: base, LoRA: lora.Options{Rank: 2}.WithDefaults(), Options: small, Tokens: rows.Out("tokens"), Test: held.Out("tokens"), Dataset: "small@" + d.Version})
	if err != nil {
		return stages, gate, err
	}
	stages = append(stages, rows, held, tuned.Stage)
	in := GateInput{Name: "small", Adapter: tuned}
	before, err := do(w, w.a.Evaluate, EvaluateInput{Who: "base", Base: base, Tokens: held.Out("tokens")})
	if err != nil {
		return stages, gate, err
	}
	after, err := do(w, w.a.Evaluate, EvaluateInput{Who: "challenger", Base: base, Adapter: tuned.Adapter, Tokens: held.Out("tokens")})
	if err != nil {
		return stages, gate, err
	}
	stages, in.Base, in.Challenger = append(stages, before.Stage, after.Stage), before.Score, after.Score
	answers, err := do(w, w.a.Answers, AnswersInput{Base: base, Adapter: tuned.Adapter, Rows: d.Test, Count: 2})
	if err != nil {
		return stages, gate, err
	}
	champion, err := do(w, w.a.Champion, ChampionInput{Name: "small", Base: base})
	if err != nil {
		return stages, gate, err
	}
	in.ChampionVersion = champion.Version
	gate, err = do(w, w.a.Gate, in)
	return append(stages, answers), gate, err
}

// byName are stages' outputs by name and key.
func byName(stages []StageResult) map[string]map[string][]dataset.Ref {
	out := map[string]map[string][]dataset.Ref{}
	for _, s := range stages {
		out[s.Name+" "+s.Key] = s.Outputs
	}
	return out
}
