// Package s3gw is the development stack's S3 server: versitygw over a folder, run as a child process of the same binary,
// because the gateway changes the working directory of its process and allows one instance in it.
package s3gw

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

// Command is the hidden first argument that makes a process the gateway.
const Command = "__s3-gateway"

// Region is the region the gateway answers for.
const Region = "us-east-1"

// Options are the gateway's settings; they reach the child through its standard input, so no secret is on a command line.
type Options struct {
	Dir       string `json:"dir"`     // absolute; each folder in it is a bucket
	Address   string `json:"address"` // host:port, free
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`

	Hold *os.File `json:"-"` // kept open by the child, with its lock; nil for none
}

// A Gateway is a running child.
type Gateway struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	done  chan struct{} // closed when the child has ended
}

// Start runs this program as a gateway and returns when it accepts connections.
func Start(ctx context.Context, o Options) (*Gateway, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	if err := (meta.XattrMeta{}).Test(o.Dir); err != nil {
		return nil, fmt.Errorf("%s: the S3 gateway needs a file system with extended attributes: %w; choose another folder with --dir", o.Dir, err)
	}
	cmd := exec.Command(self, Command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches the parent, which drains before it stops the gateway
	if o.Hold != nil {
		cmd.ExtraFiles = []*os.File{o.Hold}
	}
	errs := &tail{}
	cmd.Stderr = errs
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the S3 gateway: %w", err)
	}
	g := &Gateway{cmd: cmd, stdin: stdin, done: make(chan struct{})}
	ready := make(chan error, 1)
	go func() {
		_, err := bufio.NewReader(stdout).ReadString('\n')
		ready <- err
		io.Copy(io.Discard, stdout) //nolint:errcheck // drained so that the child never blocks
		cmd.Wait()                  //nolint:errcheck // a stopped child ends with its signal
		close(g.done)
	}()
	if err := json.NewEncoder(stdin).Encode(o); err != nil {
		g.Stop()
		return nil, fmt.Errorf("start the S3 gateway: %w: %s", err, errs)
	}
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		g.Stop()
		return nil, fmt.Errorf("the S3 gateway on %s did not come up: %w: %s", o.Address, err, errs)
	}
	return g, nil
}

// Stop ends the child and waits for it.
func (g *Gateway) Stop() {
	g.stdin.Close()
	select {
	case <-g.done:
	case <-time.After(5 * time.Second):
		g.cmd.Process.Kill() //nolint:errcheck // it has ended already otherwise
		<-g.done
	}
}

// Serve is the child: it serves until its standard input ends, which it does when the parent dies, however it dies.
func Serve(stdin io.Reader, stdout io.Writer) error {
	in := bufio.NewReader(stdin)
	var o Options
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read options: %w", err)
	}
	if err := json.Unmarshal(line, &o); err != nil {
		return fmt.Errorf("read options: %w", err)
	}
	if !filepath.IsAbs(o.Dir) {
		return fmt.Errorf("%s is not an absolute path", o.Dir)
	}
	be, err := posix.New(o.Dir, meta.XattrMeta{}, posix.PosixOpts{CopyObjectThreshold: 5 << 30})
	if err != nil {
		return fmt.Errorf("serve %s: %w", o.Dir, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- run(ctx, be, o) }()
	if err := waitListening(o.Address, done); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "ready")
	go func() {
		io.Copy(io.Discard, in) //nolint:errcheck // any end of input is the signal
		cancel()
	}()
	return <-done
}

func run(ctx context.Context, be *posix.Posix, o Options) error {
	err := embedgw.RunVersityGW(ctx, be, &embedgw.Config{
		RootUserAccess: o.AccessKey, RootUserSecret: o.SecretKey, Region: Region, Ports: []string{o.Address},
		MaxConnections: 2000, MaxRequests: 1000, MultipartMaxParts: 10000, Quiet: true, HealthPath: "/healthz",
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
