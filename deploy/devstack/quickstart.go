package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"

	"temper/cli"
	"temper/examples"
	"temper/model/hub"
	"temper/model/tiny"
	"temper/worker"
)

// runID is the quickstart's run: one that was interrupted goes on.
const runID = "quickstart"

type quickstart struct {
	stackFlags
	Base string   `default:"auto" help:"Base model: auto takes the recipe's, and the one embedded here where that cannot be had."`
	Set  []string `sep:"none" placeholder:"KEY=VALUE" help:"Override a key of the recipe, such as tune.train.steps=20."`
	JSON bool     `name:"json" help:"Print the run as one JSON object instead of the report."`
}

// Help is shown below the flags.
func (q *quickstart) Help() string {
	return `Collects Go's standard library's documentation, cleans, filters and deduplicates it, makes instruction pairs, trains LoRA over a
quantized base, compares, and promotes. The recipe is written to DIR/recipe.yaml, to copy. Run again, every stage is found done;
interrupted, it goes on where it was.

Examples:
  temper quickstart
  temper quickstart --dir /tmp/try --set tune.train.steps=20`
}

// Run runs the whole way once.
func (q *quickstart) Run(sh *cli.Shell) error {
	start := time.Now()
	if err := os.MkdirAll(q.Dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(q.Dir, "recipe.yaml")
	if err := os.WriteFile(path, examples.GoDocs, 0o644); err != nil {
		return err
	}
	base, err := q.base(sh)
	if err != nil {
		return err
	}
	in, err := cli.Compile(path, append([]string{"tune.base=" + base}, q.Set...))
	if err != nil {
		return err
	}
	at, temporal, done, err := q.servers(sh)
	if err != nil {
		return err
	}
	defer done()
	fmt.Fprintf(sh.Stderr(), "servers ready after %.1f s: page %s/runs/%s, Temporal %s\n", time.Since(start).Seconds(), at.Web, runID, at.TemporalUI)
	if _, err := worker.Start(sh.Context(), temporal, runID, in, worker.Again); err != nil {
		return err
	}
	run, err := sh.Follow(temporal, runID)
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted; what is done is kept in %s, and `temper quickstart` goes on from it: %w", q.Dir, err)
	}
	if err != nil {
		return err
	}
	err = sh.Finish(run, q.JSON, at)
	if !q.JSON && run.Status == "completed" {
		fmt.Fprintf(sh.Stdout(), "\nNext\n  temper dev --dir %[1]s            the page and the servers again\n  temper data show %[2]s --dir %[1]s    (while temper dev runs)\n  %[3]s    the recipe, to copy and change\n", q.Dir, in.Name, path)
	}
	return err
}

// servers are those of a stack that runs on the folder already, or a new one.
func (q *quickstart) servers(sh *cli.Shell) (cli.Connection, client.Client, func(), error) {
	running, err := cli.DevStack(q.Dir)
	if err != nil {
		return cli.Connection{}, nil, nil, err
	}
	if running != nil {
		t, err := worker.Dial(sh.Context(), running.Temporal, running.Namespace)
		if err != nil {
			return cli.Connection{}, nil, nil, err
		}
		return *running, t, t.Close, nil
	}
	h, err := q.open(sh)
	if err != nil {
		return cli.Connection{}, nil, nil, err
	}
	closing := func() {
		if err := h.close(); err != nil {
			fmt.Fprintln(sh.Stderr(), "temper:", err)
		}
	}
	return cli.Connection(h.stack.Info), h.Temporal, closing, nil
}

// base finds the model to start from before anything runs, and falls back to the embedded one.
func (q *quickstart) base(sh *cli.Shell) (string, error) {
	if q.Base != "auto" {
		return q.Base, nil
	}
	const name = "smollm2-135m-instruct"
	shown := time.Now()
	_, err := hub.Default().Pull(sh.Context(), name, func(source string, done, total int64) {
		if time.Since(shown) > 5*time.Second {
			shown = time.Now()
			fmt.Fprintf(sh.Stderr(), "base %s from %s: %d of %d MB\n", name, source, done/1e6, total/1e6)
		}
	})
	switch {
	case err == nil:
		return name, nil
	case sh.Context().Err() != nil:
		return "", err
	case errors.Is(err, hub.ErrUnavailable):
		fmt.Fprintf(sh.Stderr(), "%s cannot be had:\n%v\nusing %q instead, a very small base in this binary: the way is the same, the answers are not\n", name, err, tiny.Name)
		return tiny.Name, nil
	}
	return "", err
}
