package e2e

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"temper/activities"
	"temper/dataset"
	"temper/deploy/devstack/stack"
	"temper/worker"
	"temper/workflows"
)

// dial connects to a stack's server.
func dial(t *testing.T, at stack.Info) client.Client {
	t.Helper()
	c, err := worker.Dial(t.Context(), at.Temporal, at.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// until asks again and again, at the pace of the server, until yes says so.
func until(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for tick := time.NewTicker(20 * time.Millisecond); !yes(); {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

// trigger starts a schedule's run now and waits for its end.
func trigger(t *testing.T, c client.Client, id, before string) (run string, r workflows.PipelineResult) {
	t.Helper()
	until(t, "the schedule to see that its last run has ended", func() bool { // until then it skips
		d, err := c.ScheduleClient().GetHandle(t.Context(), id).Describe(t.Context())
		return err == nil && len(d.Info.RunningWorkflows) == 0
	})
	if err := worker.TriggerSchedule(t.Context(), c, id); err != nil {
		t.Fatal(err)
	}
	until(t, "the schedule's run", func() bool {
		all, err := worker.Schedules(t.Context(), c)
		if err != nil || len(all) != 1 || all[0].ID != id {
			t.Fatalf("schedules %+v, %v", all, err)
		}
		run = all[0].LastRun
		return run != "" && run != before
	})
	if err := c.GetWorkflow(t.Context(), run, "").Get(t.Context(), &r); err != nil {
		t.Fatalf("run %s: %v", run, err)
	}
	return run, r
}

// stage is a run's stage of a name.
func stage(t *testing.T, r workflows.PipelineResult, name string) activities.StageResult {
	t.Helper()
	for _, s := range r.Stages {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no stage %s among %d", name, len(r.Stages))
	return activities.StageResult{}
}

// again writes each document of a file a little longer to another one.
func again(t *testing.T, from, to string) (n int) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	longer := bytes.ReplaceAll(b, []byte(`","title":`), []byte(` And so on.","title":`))
	if err := os.WriteFile(to, longer, 0o644); err != nil {
		t.Fatal(err)
	}
	return bytes.Count(longer, []byte("And so on."))
}

// TestRetrain: a schedule's runs see only what no earlier one has, and nothing that is near to what one has kept: all, then nothing, then
// one new file of two.
func TestRetrain(t *testing.T) {
	data := t.TempDir()
	corpus(t, filepath.Join(data, "a.jsonl"), 1, 100)
	_, at := stackAt(t, t.TempDir())
	workerAt(t, at, t.TempDir(), "", 0)
	c, in := dial(t, at), quickly(input(t, data))
	s := worker.Schedule{Name: in.Name, Cron: "0 2 * * *", TimeZone: "Europe/Paris", Jitter: time.Minute}
	for _, first := range []bool{true, false} {
		if created, err := worker.ApplySchedule(t.Context(), c, s, in); err != nil || created != first {
			t.Fatalf("created %v, %v", created, err)
		}
	}
	run, all := trigger(t, c, s.ID(), "")
	if all.Nothing || all.Dataset.Version == "" || all.Adapter.Version == "" || all.Gate.Decision == "" {
		t.Errorf("first: %+v", all)
	}
	loaded, err := worker.LoadRun(t.Context(), c, run)
	if err != nil || loaded.Kind != "Retrain" || loaded.Status != "completed" || len(loaded.Stages) != len(all.Stages) {
		t.Errorf("loaded %+v, %v", loaded, err)
	}
	run, none := trigger(t, c, s.ID(), run)
	if known := stage(t, none, "known"); !none.Nothing || known.Counts.Out != 0 || known.Counts.In != stage(t, all, "collect").Counts.Out {
		t.Errorf("second: nothing %v, known %+v", none.Nothing, known.Counts)
	}
	corpus(t, filepath.Join(data, "b.jsonl"), 2, 100)
	if n := again(t, filepath.Join(data, "a.jsonl"), filepath.Join(data, "c.jsonl")); n != 100 {
		t.Fatalf("%d documents are near to earlier ones", n)
	}
	_, more := trigger(t, c, s.ID(), run)
	if more.Nothing || more.Dataset.Version == all.Dataset.Version {
		t.Errorf("third: %+v", more.Dataset)
	}
	if near := stage(t, more, "near"); near.Counts.Reasons["known_near"] < 80 || near.Counts.Out < 50 {
		t.Errorf("third: near %+v", near.Counts)
	}
	store, err := openStore(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dataset.LoadManifest(t.Context(), store, more.Dataset.Name, more.Dataset.Version)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, split := range m.Splits {
		for row, err := range dataset.DatasetRows(t.Context(), store, dataset.DatasetDir(m.Name, m.Version), split.Files) {
			if rows++; err != nil || filepath.Base(row.Source.URI) != "b.jsonl" {
				t.Fatalf("a row of %s, %v", row.Source.URI, err)
			}
		}
	}
	if rows == 0 {
		t.Error("third: no row")
	}
	manage(t, c, s.ID())
}

// manage pauses, resumes and deletes a schedule.
func manage(t *testing.T, c client.Client, id string) {
	t.Helper()
	paused := func() bool {
		all, err := worker.Schedules(t.Context(), c)
		return err == nil && len(all) == 1 && all[0].Paused
	}
	if err := worker.PauseSchedule(t.Context(), c, id); err != nil {
		t.Error(err)
	}
	until(t, "the pause", paused)
	if err := worker.ResumeSchedule(t.Context(), c, id); err != nil {
		t.Error(err)
	}
	until(t, "the end of the pause", func() bool { return !paused() })
	if err := worker.DeleteSchedule(t.Context(), c, id); err != nil {
		t.Error(err)
	}
	until(t, "the schedule's end", func() bool {
		all, err := worker.Schedules(t.Context(), c)
		return err == nil && len(all) == 0
	})
}

// quickly makes a run's training short.
func quickly(in workflows.PipelineInput) workflows.PipelineInput {
	in.Tune.Train.Options.Steps = 12
	in.Synthesize.Steps[1].Step.QuestionsFromText.Records = 8
	return in
}

// TestCancelAndRetry: a run that is cancelled in the middle of training ends as cancelled with a checkpoint written; the same id is
// the same run; retried, it goes on from there, finds the rest done and comes to its end.
func TestCancelAndRetry(t *testing.T) {
	data := t.TempDir()
	corpus(t, filepath.Join(data, "a.jsonl"), 1, 100)
	_, at := stackAt(t, t.TempDir())
	w := workerAt(t, at, t.TempDir(), "checkpoints/", 1)
	c, in := dial(t, at), input(t, data)
	in.Tune.Train.Options.Steps, in.Tune.Train.Options.SaveEvery = 400, 5
	begin(t, at, "run", in)
	if started, err := worker.Start(t.Context(), c, "run", in, worker.Once); err != nil || started {
		t.Errorf("the same id was started twice: %v, %v", started, err)
	}
	if s := w.line(); s != "stalled" {
		t.Fatalf("worker said %q", s)
	}
	if err := worker.Cancel(t.Context(), c, "run"); err != nil {
		t.Fatal(err)
	}
	w.say("go on")
	err := c.GetWorkflow(t.Context(), "run", "").Get(t.Context(), nil)
	if !errors.As(err, new(*temporal.CanceledError)) || worker.Kind(err) != worker.Cancelled {
		t.Fatalf("ended with %v", err)
	}
	store, err := openStore(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	saved := 0
	for range store.List(t.Context(), "checkpoints/") {
		saved++
	}
	if saved != 1 {
		t.Errorf("%d checkpoints were written", saved)
	}
	if err := worker.Retry(t.Context(), c, "run"); err != nil {
		t.Fatal(err)
	}
	if got := await(t.Context(), t, at, "run"); len(got.Curve) != 400 {
		t.Errorf("%d points on the curve", len(got.Curve))
	}
	run, err := worker.LoadRun(t.Context(), c, "run")
	if err != nil || run.Status != "completed" {
		t.Fatalf("%+v, %v", run, err)
	}
	for _, s := range run.Stages {
		if cached := s.Name != "train" && s.Name != "evaluate base" && s.Name != "evaluate challenger" && s.Name != "answers" && s.Name != "gate" && s.Name != "base"; s.Cached != cached {
			t.Errorf("%s: found done %v", s.Name, s.Cached)
		}
	}
	if err := worker.Retry(t.Context(), c, "run"); err == nil {
		t.Error("a run that has completed was retried")
	}
}
