package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.temporal.io/sdk/client"

	"temper/activities"
	"temper/collect"
	"temper/dataset"
	"temper/deploy/devstack/s3gw"
	"temper/deploy/devstack/stack"
	"temper/internal/store"
	"temper/model/hub"
	"temper/worker"
)

// role makes this test binary another process: a stack, a worker.
const role = "TEMPER_E2E_ROLE"

// TestMain makes this test binary what the tests kill.
func TestMain(m *testing.M) {
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == s3gw.Command:
		err = s3gw.Serve(os.Stdin, os.Stdout)
	case os.Getenv(role) == "stack":
		err = stackProcess(os.Args[1])
	case os.Getenv(role) == "worker":
		err = workerProcess()
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// stackProcess runs a stack until it is interrupted. It prints the stack's description.
func stackProcess(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := stack.Start(ctx, stack.Options{Dir: dir, NoUI: true})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(s.Info); err != nil {
		return err
	}
	<-ctx.Done()
	return s.Stop()
}

// A job is what a worker process is told on its standard input.
type job struct {
	At      stack.Info `json:"at"`
	Scratch string     `json:"scratch"`
	Stall   string     `json:"stall"` // part of a key: the Nth write of such an object waits
	Nth     int        `json:"nth"`
}

// workerProcess works until it is interrupted. It prints "ready", and "stalled" when a write waits; a line of input ends that.
func workerProcess() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var j job
	if err := json.Unmarshal(line, &j); err != nil {
		return err
	}
	s, err := openStore(ctx, j.At)
	if err != nil {
		return err
	}
	if j.Stall != "" {
		s = &stalling{Store: s, part: j.Stall, left: j.Nth, stalled: func() {
			fmt.Println("stalled")
			in.ReadBytes('\n') //nolint:errcheck // the end of the input ends the stall too
		}}
	}
	c, w, err := startWorker(ctx, j.At, s, j.Scratch)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	<-ctx.Done()
	w.Stop()
	c.Close()
	return nil
}

// stalling is a store one of whose writes waits: there a process can be killed at a known place.
type stalling struct {
	dataset.Store
	part    string
	stalled func()

	mu   sync.Mutex
	left int
}

// Put implements [dataset.Store].
func (s *stalling) Put(ctx context.Context, key string, body io.ReaderAt, size int64) (string, error) {
	if strings.Contains(key, s.part) {
		s.mu.Lock()
		s.left--
		now := s.left == 0
		s.mu.Unlock()
		if now {
			s.stalled()
		}
	}
	return s.Store.Put(ctx, key, body, size)
}

func openStore(ctx context.Context, at stack.Info) (dataset.Store, error) {
	return store.Open(ctx, at.Store, store.Options{Endpoint: at.S3, Region: at.Region, AccessKey: at.AccessKey, SecretKey: at.SecretKey})
}

// startWorker starts a worker of all queues.
func startWorker(ctx context.Context, at stack.Info, s dataset.Store, scratch string) (client.Client, *worker.Worker, error) {
	c, err := worker.Dial(ctx, at.Temporal, at.Namespace)
	if err != nil {
		return nil, nil, err
	}
	w, err := worker.New(c, &activities.Activities{Store: s, Sources: collect.Local{}, Models: hub.Puller{Folder: scratch}, Scratch: scratch,
		Threads: 1, HTTP: http.DefaultClient}, worker.Queues)
	if err == nil {
		err = w.Start()
	}
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return c, w, nil
}

// A process is this binary in another role.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string // of its output; closed when it has ended
}

func spawn(t *testing.T, as string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), role+"="+as)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: cmd, in: in, lines: make(chan string, 16)}
	go func() {
		for sc := bufio.NewScanner(out); sc.Scan(); {
			p.lines <- sc.Text()
		}
		cmd.Wait() //nolint:errcheck // killed processes end with their signal
		close(p.lines)
	}()
	t.Cleanup(p.kill)
	return p
}

// line awaits the next line of output.
func (p *process) line() string {
	p.t.Helper()
	select {
	case s, ok := <-p.lines:
		if !ok {
			p.t.Fatal("the process has ended")
		}
		return s
	case <-p.t.Context().Done():
		p.t.Fatal("waited in vain")
	}
	return ""
}

// say writes a line to its input.
func (p *process) say(v any) {
	p.t.Helper()
	if err := json.NewEncoder(p.in).Encode(v); err != nil {
		p.t.Fatal(err)
	}
}

// kill is kill -9, and waits for the end.
func (p *process) kill() {
	p.cmd.Process.Kill() //nolint:errcheck // it may have ended
	p.drain()
}

// interrupt is Ctrl-C, and waits for the end.
func (p *process) interrupt() {
	p.cmd.Process.Signal(os.Interrupt) //nolint:errcheck // it may have ended
	p.drain()
}

func (p *process) drain() {
	for range p.lines { //nolint:revive // until the end
	}
}

// stackAt spawns a stack in a folder.
func stackAt(t *testing.T, dir string) (*process, stack.Info) {
	t.Helper()
	p := spawn(t, "stack", dir)
	var info stack.Info
	if err := json.Unmarshal([]byte(p.line()), &info); err != nil {
		t.Fatal(err)
	}
	return p, info
}

// workerAt spawns a worker, which stalls at the nth write of an object whose key holds stall.
func workerAt(t *testing.T, at stack.Info, scratch, stall string, nth int) *process {
	t.Helper()
	p := spawn(t, "worker")
	p.say(job{at, scratch, stall, nth})
	if s := p.line(); s != "ready" {
		t.Fatalf("worker said %q", s)
	}
	return p
}
