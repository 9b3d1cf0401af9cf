package cli

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"temper/internal/tfevents"
)

// tuneArgs writes data to train on, and returns the arguments of a training but for its output.
func tuneArgs(t *testing.T, dir string) []string {
	t.Helper()
	var data strings.Builder
	for _, q := range []string{"one", "two", "three", "four", "five", "six"} {
		data.WriteString(`{"messages":[{"role":"user","content":"Count ` + q + `"},{"role":"assistant","content":"The word ` + q + `, said again: ` + q + `."}]}` + "\n")
	}
	path := filepath.Join(dir, "chats.jsonl")
	if err := os.WriteFile(path, []byte(data.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{"tune", "--base", "tiny", "--data", path, "--steps", "12", "--batch", "2", "--sequence", "64", "--rank", "2", "--dropout", "0.1", "--lr", "1e-2", "--save-every", "1"}
}

// program is this program as a process of its own.
func program(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Args = append([]string{"temper"}, args...)
	return c
}

// TestKillNine holds that a process killed at any time, over tiers and thread counts, resumes to the undisturbed bytes, and that its
// logs have every step once. A checkpoint that is damaged is set aside, said so, and the one before gives the same bytes.
func TestKillNine(t *testing.T) {
	dir := t.TempDir()
	args := tuneArgs(t, dir)
	if out, err := program(append(slices.Clone(args), "-o", filepath.Join(dir, "want"))...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want, err := os.ReadFile(filepath.Join(dir, "want", "adapter_model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(9, 9))
	for round := range 3 {
		out := filepath.Join(dir, "got")
		newest, spoilt := filepath.Join(out+".checkpoints", newestFile), false
		for life := 0; ; life++ {
			more := append(slices.Clone(args), "-o", out, "--resume", "--threads", []string{"1", "2", "3"}[r.IntN(3)], "--checkpointing", []string{"none", "selective", "full"}[r.IntN(3)])
			damaged := false
			_, err := os.Stat(filepath.Join(out+".checkpoints", previousFile)) // the kill may have come before a second one
			if b, err2 := os.ReadFile(newest); err == nil && err2 == nil && life > round && !spoilt {
				b[len(b)-1-r.IntN(len(b))] ^= 4
				if err := os.WriteFile(newest, b, 0o644); err != nil {
					t.Fatal(err)
				}
				damaged, spoilt = true, true
			}
			said, killed := lifeOf(t, program(more...), 1+r.IntN(4))
			if damaged && (!strings.Contains(said, "newest.ckpt is damaged and set aside") || !strings.Contains(said, "going on after step")) {
				t.Errorf("with a damaged checkpoint it says:\n%s", said)
			}
			if _, err := os.Stat(out); !killed || err == nil { // it may have ended before the kill came
				break
			}
		}
		got, err := os.ReadFile(filepath.Join(out, "adapter_model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("round %d: other bytes than the undisturbed run's", round)
		}
		logged(t, out, 12)
		for _, path := range []string{out, out + ".checkpoints"} {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// lifeOf runs a training and kills it after it has said a number of steps, if it has not ended; it returns what it said.
func lifeOf(t *testing.T, c *exec.Cmd, steps int) (said string, killed bool) {
	t.Helper()
	pipe, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	buf := make([]byte, 4096)
	for {
		n, err := pipe.Read(buf)
		all.Write(buf[:n])
		if !killed && strings.Count(all.String(), "\nstep ") >= steps {
			killed = true
			c.Process.Kill() //nolint:errcheck // it may have ended
		}
		if err != nil {
			break
		}
	}
	if err := c.Wait(); err != nil && !killed {
		t.Fatalf("%v: %s", err, all.String())
	} else if err == nil {
		killed = false // it ended first
	}
	return all.String(), killed
}

// logged holds that steps.jsonl and the event file have steps 1 to n once each.
func logged(t *testing.T, adapter string, n int) {
	t.Helper()
	lines, err := os.ReadFile(filepath.Join(adapter, stepsFile))
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(lines, []byte("\n")); got != n || !bytes.Contains(lines, []byte(`{"step":1,`)) {
		t.Errorf("%d lines of steps, want %d:\n%s", got, n, lines)
	}
	b, err := os.ReadFile(filepath.Join(adapter, eventsFile))
	if err != nil {
		t.Fatal(err)
	}
	events, err := tfevents.Parse(b)
	if err != nil || len(events) != n {
		t.Fatalf("%d events, want %d: %v", len(events), n, err)
	}
	for i, e := range events {
		if e.Step != int64(i+1) || e.Scalars[0].Tag != "train/loss" || !(e.Scalars[0].Value > 0) {
			t.Errorf("event %d is %+v", i, e)
		}
	}
}

// TestForeignLog: a training that goes on cuts its own log, torn or whole, and touches no file that is none.
func TestForeignLog(t *testing.T) {
	const one, two = `{"step":1,"loss":2}` + "\n", `{"step":2,"loss":1}` + "\n"
	for was, want := range map[string]string{"": "", one + two: one, one + `{"st`: one, `{"st`: "", "a diary\n": "refused", `{"text":"a row"}` + "\n": "refused"} {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(was), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := cutSteps(path, 1)
		if err == nil {
			f.Close()
		}
		b, readErr := os.ReadFile(path)
		if readErr != nil {
			t.Fatal(readErr)
		}
		switch {
		case want == "refused" && (!errors.Is(err, errInput) || string(b) != was):
			t.Errorf("%q: %v, left %q", was, err, b)
		case want != "refused" && (err != nil || string(b) != want):
			t.Errorf("%q: %v, left %q, want %q", was, err, b, want)
		}
	}
}
