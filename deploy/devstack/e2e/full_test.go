//go:build linux

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"temper/deploy/devstack/stack"
	"temper/worker"
)

// disk mounts a file system of so many bytes at dir, and returns what makes it larger.
func disk(t *testing.T, dir, size string) (grow func(size string)) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("only root may mount a small disk")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the gateway ends a moment after its stack
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return func(size string) {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size="+size); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDisk: a run ends when the disk below the S3 server is full, and the error says so, where, and what to do. With room made,
// a retry goes on from what is there and comes to the same files as a run that always had room.
func TestFullDisk(t *testing.T) {
	data := t.TempDir()
	corpus(t, filepath.Join(data, "a.jsonl"), 1, 150)
	in := input(t, data)
	in.Tune, in.Synthesize.Steps = nil, in.Synthesize.Steps[:1]

	_, roomy := stackAt(t, t.TempDir())
	workerAt(t, roomy, t.TempDir(), "", 0)
	begin(t, roomy, "run", in)
	want := await(t.Context(), t, roomy, "run")

	dir := t.TempDir()
	grow := disk(t, filepath.Join(dir, "s3"), "176k")
	servers, at := stackAt(t, dir)
	workerAt(t, at, t.TempDir(), "", 0)
	begin(t, at, "run", in)
	failed := ended(t, at, "run")
	for _, part := range []string{"no space left", "s3://" + stack.Bucket + "/", "make room", "temper retry"} {
		if !strings.Contains(failed.Error, part) {
			t.Errorf("%q does not say %q", failed.Error, part)
		}
	}
	if len(failed.Stages) == 0 {
		t.Error("nothing fits: nothing can be lost")
	}
	grow("64m")
	c, err := worker.Dial(t.Context(), at.Temporal, at.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if started, err := worker.Start(t.Context(), c, "run", in, worker.AfterFailure); err != nil || !started {
		t.Fatalf("started %v, %v", started, err)
	}
	if got := await(t.Context(), t, at, "run"); !reflect.DeepEqual(got, want) {
		t.Errorf("after a full disk: %+v\nwith room: %+v", got, want)
	}
	cached := map[string]bool{}
	for _, s := range ended(t, at, "run").Stages {
		cached[s.Name] = s.Cached
	}
	for _, s := range failed.Stages {
		if !cached[s.Name] {
			t.Errorf("%s was done before the disk was full, and was done again", s.Name)
		}
	}
	servers.kill()
}

// ended awaits a run's end, however it ends, and tells it.
func ended(t *testing.T, at stack.Info, id string) worker.Run {
	t.Helper()
	c, err := worker.Dial(t.Context(), at.Temporal, at.Namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil) //nolint:errcheck // told by the run
	r, err := worker.LoadRun(t.Context(), c, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
