package workflows

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// TestReplay: every workflow still takes the decisions that are in the histories recorded by each release, so that runs that are
// going on when a worker is upgraded go on too. `go test ./e2e -run TestRecord -record DIR` in deploy/devstack records them.
func TestReplay(t *testing.T) {
	releases, err := filepath.Glob("testdata/replay/*")
	if err != nil || len(releases) == 0 {
		t.Fatalf("no recorded histories: %v", err)
	}
	var all registry
	Register(&all)
	for _, release := range releases {
		files, err := filepath.Glob(filepath.Join(release, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, file := range files {
			t.Run(filepath.Base(release)+"/"+filepath.Base(file), func(t *testing.T) {
				kind, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "-")
				seen[kind] = true
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if err := replay(string(b)); err != nil {
					t.Error(err)
				}
			})
		}
		for _, name := range all.got {
			if !seen[strings.ToLower(name)] {
				t.Errorf("%s has no history of %s", release, name)
			}
		}
	}
}

// TestReplayNotices: a history that does not fit the workflow is refused, so that TestReplay can fail.
func TestReplayNotices(t *testing.T) {
	files, err := filepath.Glob("testdata/replay/*/retrain.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded history: %v", err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := replay(strings.ReplaceAll(string(b), `"RecallKnown"`, `"Forget"`)); err == nil {
		t.Error("another activity was taken for the recorded one")
	}
}

// replay runs the workflow of a history again, under its own ID: its children's come from that.
func replay(history string) error {
	h, err := client.HistoryFromJSON(strings.NewReader(history), client.HistoryJSONOptions{})
	if err != nil {
		return err
	}
	started := h.Events[0].GetWorkflowExecutionStartedEventAttributes()
	r := worker.NewWorkflowReplayer()
	Register(r)
	return r.ReplayWorkflowHistoryWithOptions(quiet{}, h, worker.ReplayWorkflowHistoryOptions{
		OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()},
	})
}
