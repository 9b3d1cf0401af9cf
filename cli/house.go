package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"

	"temper/activities"
	"temper/dataset"
	"temper/model/hub"
	"temper/web"
	"temper/worker"
)

// A House is a worker, and the page if it is wanted, in this process.
type House struct {
	Temporal client.Client
	Store    dataset.Store
	Web      string // URL of the page, or ""

	worker *worker.Worker
	page   *http.Server
	gauges *gauges
}

// HouseOptions say what a House is made of.
type HouseOptions struct {
	Queues  []string // nil means all
	Page    string   // address the page listens on, such as 127.0.0.1:7080; "" for none
	Scratch string   // folder for verified copies of base models; "" means the user's cache folder
	Threads int      // compute threads; 0 means all cores
	Metrics string   // address that answers Prometheus on /metrics; "" for none
}

// OpenHouse connects to the servers and starts to work.
func OpenHouse(a *Shell, at Connection, o HouseOptions) (_ *House, err error) {
	h := &House{}
	defer func() {
		if err != nil {
			h.Close()
		}
	}()
	if h.Store, err = OpenStore(a, at); err != nil {
		return nil, err
	}
	if h.Temporal, err = worker.Dial(a.ctx, at.Temporal, at.Namespace); err != nil {
		return nil, err
	}
	if o.Queues == nil {
		o.Queues = worker.Queues
	}
	if o.Scratch == "" {
		if o.Scratch, err = cacheFolder(); err != nil {
			return nil, err
		}
	}
	acts := &activities.Activities{Store: h.Store, Sources: sources{}, Models: hub.Default(), Scratch: o.Scratch, Threads: o.Threads,
		HTTP: &http.Client{Timeout: 5 * time.Minute}, Secret: os.Getenv, Peak: peak}
	if o.Metrics != "" {
		if h.gauges, err = openGauges(o.Metrics); err != nil {
			return nil, err
		}
		acts.OnStep = h.gauges.set
	}
	w, err := worker.New(h.Temporal, acts, o.Queues)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errInput, err)
	}
	if err := w.Start(); err != nil {
		return nil, err
	}
	h.worker = w
	if o.Page != "" {
		err = h.serve(o.Page, at)
	}
	return h, err
}

// serve starts the page.
func (h *House) serve(address string, at Connection) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("--page %s: %w: %w", address, errInput, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("--page %s: the page has no password and listens on loopback only, such as 127.0.0.1:7080: %w", address, errInput)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("the page's address %s is taken: choose another with --page, or port 0 for a free one: %w", address, err)
	}
	s := &web.Server{Store: h.Store, TemporalUI: at.TemporalUI, Namespace: at.Namespace,
		Runs: func(ctx context.Context, limit int) ([]worker.Run, error) { return worker.Runs(ctx, h.Temporal, limit) },
		Run:  func(ctx context.Context, id string) (worker.Run, error) { return worker.LoadRun(ctx, h.Temporal, id) }}
	h.page = &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	h.Web = "http://" + l.Addr().String()
	go h.page.Serve(l) //nolint:errcheck // ends with ErrServerClosed
	return nil
}

// Close drains the worker: what runs writes its checkpoint and is handed on.
func (h *House) Close() {
	if h.page != nil {
		h.page.Close()
	}
	if h.worker != nil {
		h.worker.Stop()
	}
	h.gauges.close()
	if h.Temporal != nil {
		h.Temporal.Close()
	}
}

// cacheFolder is Temper's folder in the user's cache.
func cacheFolder() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder for this user: set HOME or XDG_CACHE_HOME: %w", err)
	}
	return filepath.Join(dir, "temper"), nil
}

type workerCommand struct {
	Queues  []string `default:"data,llm,train" help:"What this worker works on: data, llm, train."`
	Page    string   `placeholder:"HOST:PORT" help:"Serve the page too, on a loopback address."`
	Scratch string   `help:"Folder for verified copies of base models. Default: the user's cache folder."`
	Threads int      `help:"Compute threads. Default: all cores."`
	Metrics string   `placeholder:"HOST:PORT" help:"Answer Prometheus on /metrics there: the figures of the training that runs."`
	serverFlags
	storeFlags
}

// Help is shown below the flags.
func (c *workerCommand) Help() string {
	return `SIGTERM drains: running work writes its checkpoint and is handed on.

Examples:
  temper worker --page 127.0.0.1:7080
  temper worker --queues train --temporal temporal:7233 --store s3://bucket/temper`
}

// Run works until it is told to stop.
func (c *workerCommand) Run(a *app) error {
	at, err := c.address()
	if err != nil {
		return err
	}
	h, err := OpenHouse(a, at, HouseOptions{Queues: c.Queues, Page: c.Page, Scratch: c.Scratch, Threads: c.Threads})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.err, "worker on %v, Temporal %s, store %s\n", c.Queues, at.Temporal, h.Store)
	if h.Web != "" {
		fmt.Fprintf(a.err, "page %s\n", h.Web)
	}
	<-a.ctx.Done()
	fmt.Fprintln(a.err, "draining")
	h.Close()
	if errors.Is(context.Cause(a.ctx), context.Canceled) {
		return nil // this is how a worker ends
	}
	return context.Cause(a.ctx)
}

// address joins the flags and the development stack's addresses.
func (c *workerCommand) address() (Connection, error) {
	dev, err := DevStack(c.Dir)
	if err != nil {
		return Connection{}, err
	}
	at := Connection{}
	if dev != nil {
		at = *dev
	}
	if c.Temporal != "" {
		at.Temporal, at.TemporalUI = c.Temporal, ""
	}
	at.Namespace = c.Namespace
	if c.Store != "" {
		at = Connection{Temporal: at.Temporal, Namespace: at.Namespace, TemporalUI: at.TemporalUI, Store: c.Store,
			S3: endpoint(), Region: os.Getenv("AWS_REGION")}
	}
	if at.Temporal == "" || at.Store == "" {
		return at, fmt.Errorf("no servers: give --temporal and --store, or start a development stack with `temper dev` (it has a worker already): %w", errInput)
	}
	return at, nil
}
