package e2e

import (
	"context"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"temper/activities"
	"temper/dataset"
	"temper/deploy/devstack/stack"
	"temper/worker"
	"temper/workflows"
)

// An outcome is what a run must come to, whatever happens meanwhile.
type outcome struct {
	Splits  []dataset.Split
	Rejects []dataset.File
	Adapter activities.Adapter
	Version string
	Curve   []activities.Point
	Gate    string
}

// await waits for a run's end, across restarts of the server.
func await(ctx context.Context, t *testing.T, at stack.Info, id string) outcome {
	t.Helper()
	c, err := worker.Dial(ctx, at.Temporal, at.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var r workflows.PipelineResult
	if err := c.GetWorkflow(ctx, id, "").Get(ctx, &r); err != nil {
		t.Fatalf("run %s: %v", id, err)
	}
	s, err := openStore(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dataset.LoadManifest(ctx, s, r.Dataset.Name, r.Dataset.Version)
	if err != nil {
		t.Fatal(err)
	}
	if err := dataset.VerifyDataset(ctx, s, dataset.DatasetDir(m.Name, m.Version), m); err != nil {
		t.Error(err)
	}
	for info, err := range s.List(ctx, "checkpoints/") {
		t.Errorf("left behind: %s, %v", info.Key, err)
	}
	return outcome{m.Splits, m.Rejects, r.Adapter.Adapter, r.Adapter.Version, activities.CurveOf(r.Stages), r.Gate.Decision}
}

func begin(t *testing.T, at stack.Info, id string, in workflows.PipelineInput) {
	t.Helper()
	c, err := worker.Dial(t.Context(), at.Temporal, at.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if started, err := worker.Start(t.Context(), c, id, in, worker.Once); err != nil || !started {
		t.Fatalf("started %v, %v", started, err)
	}
}

// TestKilled: a run whose worker is killed with SIGKILL in the middle of deduplication, of synthesis and of training, and whose
// servers, Temporal and S3, are killed during the training, comes to the same files, the same adapter and the same curve as a run
// that nothing disturbed.
func TestKilled(t *testing.T) {
	data, scratch := t.TempDir(), t.TempDir()
	corpus(t, filepath.Join(data, "a.jsonl"), 1, 150)
	corpus(t, filepath.Join(data, "b.jsonl"), 2, 150)
	in := input(t, data)
	want := make(chan outcome, 1)
	t.Run("runs", func(t *testing.T) { // both at once: the disturbed one mostly waits
		t.Run("undisturbed", func(t *testing.T) {
			t.Parallel()
			defer close(want)
			_, at := stackAt(t, t.TempDir())
			workerAt(t, at, scratch, "", 0)
			begin(t, at, "run", in)
			want <- await(t.Context(), t, at, "run")
		})
		t.Run("disturbed", func(t *testing.T) {
			t.Parallel()
			got := disturbed(t, in)
			want, ok := <-want
			if !ok {
				t.Fatal("the undisturbed run failed")
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("disturbed:   %+v\nundisturbed: %+v", got, want)
			}
			if len(want.Curve) != 60 || want.Adapter.Weights.SHA256 == "" || want.Splits[0].Records == 0 {
				t.Errorf("the run did not do its work: %+v", want)
			}
		})
	})
}

func disturbed(t *testing.T, in workflows.PipelineInput) outcome {
	dir, scratch, start := t.TempDir(), t.TempDir(), time.Now()
	servers, at := stackAt(t, dir)
	begun := false
	for _, stall := range []struct {
		where, part string
		nth         int
	}{{"deduplication", ".minhash", 2}, {"synthesis", "cache/llm/", 12}, {"training", "checkpoints/", 2}} {
		w := workerAt(t, at, scratch, stall.part, stall.nth)
		if !begun {
			begin(t, at, "run", in)
			begun = true
		}
		if s := w.line(); s != "stalled" {
			t.Fatalf("worker said %q", s)
		}
		w.kill()
		t.Logf("%5.1f s: worker killed in the middle of %s", time.Since(start).Seconds(), stall.where)
	}
	w := workerAt(t, at, scratch, "checkpoints/", 2)
	if s := w.line(); s != "stalled" {
		t.Fatalf("worker said %q", s)
	}
	servers.kill()
	t.Logf("%5.1f s: servers killed in the middle of training", time.Since(start).Seconds())
	w.say("go on")
	_, again := stackAt(t, dir)
	if again.Temporal != at.Temporal || again.S3 != at.S3 {
		t.Fatalf("the servers came back at %s, %s instead of %s, %s", again.Temporal, again.S3, at.Temporal, at.S3)
	}
	defer func() { t.Logf("%5.1f s: the run has ended", time.Since(start).Seconds()) }()
	return await(t.Context(), t, again, "run")
}
