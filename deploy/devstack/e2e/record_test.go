package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"

	"temper/workflows"
)

var record = flag.String("record", "", "folder for histories of every workflow, which workflows' replay test then reads")

// TestRecord records histories of every workflow: a retrain that does everything, one that finds nothing, a run that fails. A release
// runs it once, before it goes out: go test ./e2e -run TestRecord -record ../../../workflows/testdata/replay/vX.Y
func TestRecord(t *testing.T) {
	if *record == "" {
		t.Skip("-record names no folder")
	}
	if err := os.MkdirAll(*record, 0o755); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	corpus(t, filepath.Join(data, "a.jsonl"), 1, 100)
	_, at := stackAt(t, t.TempDir())
	workerAt(t, at, t.TempDir(), "", 0)
	c, in := dial(t, at), quickly(input(t, data))
	retrain(t, c, "first", in)
	retrain(t, c, "second", in)
	in.Publish.Split.Test = 1e-6
	in.Name = "other"
	begin(t, at, "failed", in)
	if err := c.GetWorkflow(t.Context(), "failed", "").Get(t.Context(), nil); err == nil {
		t.Fatal("a run without held-out rows has not failed")
	}
	for name, id := range map[string]string{
		"retrain": "first", "pipeline": "first" + workflows.RetrainID, "curate": "first" + workflows.RetrainID + workflows.CurateID,
		"synthesize": "first" + workflows.RetrainID + workflows.SynthesizeID, "tune": "first" + workflows.RetrainID + workflows.TuneID,
		"evaluate": "first" + workflows.RetrainID + workflows.EvaluateID, "retrain-nothing": "second",
		"pipeline-nothing": "second" + workflows.RetrainID, "curate-nothing": "second" + workflows.RetrainID + workflows.CurateID, "pipeline-failed": "failed",
	} {
		if err := save(t.Context(), c, id, filepath.Join(*record, name+".json")); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// retrain runs a retrain to its end.
func retrain(t *testing.T, c client.Client, id string, in workflows.PipelineInput) {
	t.Helper()
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflows.Data}, workflows.Retrain, in)
	if err == nil {
		err = run.Get(t.Context(), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// save writes a workflow's history as JSON.
func save(ctx context.Context, c client.Client, id, file string) error {
	var h historypb.History
	for it := c.GetWorkflowHistory(ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); it.HasNext(); {
		e, err := it.Next()
		if err != nil {
			return err
		}
		h.Events = append(h.Events, e)
	}
	b, err := protojson.MarshalOptions{Indent: " "}.Marshal(&h)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	for _, form := range []string{"@%s@", `"%s:`} { // of identities and of sticky queues' names
		b = bytes.ReplaceAll(b, fmt.Appendf(nil, form, host), fmt.Appendf(nil, form, "recorder"))
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}
