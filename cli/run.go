package cli

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"

	"temper/activities"
	"temper/recipe"
	"temper/worker"
	"temper/workflows"
)

// errKept means that the run is done and its gate kept what there was: exit status 3.
var errKept = errors.New("the gate kept the champion")

type runCommand struct {
	Recipe string   `arg:"" help:"The recipe, a YAML file."`
	ID     string   `name:"id" help:"The same id is the same run. Default: the recipe's name and the time."`
	Wait   bool     `help:"Follow the run, print its report and exit by its result."`
	Set    []string `sep:"none" placeholder:"KEY=VALUE" help:"Override a key of the recipe, such as tune.train.steps=20."`
	JSON   bool     `name:"json" help:"Print one JSON object."`
	serverFlags
	storeFlags
}

// Help is shown below the flags.
func (c *runCommand) Help() string {
	return `Examples:
  temper run examples/go-docs/recipe.yaml --wait
  temper run nightly.yaml --id nightly-2026-11-24 --wait --set tune.train.steps=100

Exit status with --wait: 0 promoted or unchanged, 1 failed, 2 wrong recipe or input, 3 the gate kept the champion, 4 refused beforehand, 130 cancelled.`
}

// Run submits the run.
func (c *runCommand) Run(a *app) error {
	in, err := Compile(c.Recipe, c.Set)
	if err != nil {
		return err
	}
	t, err := a.dial(c.serverFlags, c.storeFlags)
	if err != nil {
		return err
	}
	defer t.Close()
	id := c.ID
	if id == "" {
		id = in.Name + "-" + time.Now().UTC().Format("20060102-150405")
	}
	started, err := worker.Start(a.ctx, t, id, in, worker.Once)
	if err != nil {
		return err
	}
	if !c.Wait {
		if c.JSON {
			return a.printJSON(map[string]any{"id": id, "started": started})
		}
		if !started {
			fmt.Fprintf(a.err, "run %s exists; it is not started again\n", id)
		}
		fmt.Fprintln(a.out, id)
		return nil
	}
	run, err := a.Follow(t, id)
	if err != nil {
		return err
	}
	return a.Finish(run, c.JSON, c.connection())
}

// connection is what reports say about where to look.
func (c *runCommand) connection() Connection {
	if dev, err := DevStack(c.Dir); err == nil && dev != nil {
		return *dev
	}
	return Connection{Store: c.Store}
}

// Finish prints the report of an ended run and returns the error its exit status comes from.
func (a *app) Finish(run worker.Run, asJSON bool, where Connection) error {
	if asJSON {
		if err := a.printJSON(run); err != nil {
			return err
		}
	} else if err := WriteReport(a.out, run, where); err != nil {
		return err
	}
	return resultOf(run)
}

// resultOf is the error that stands for how a run ended, or nil.
func resultOf(run worker.Run) error {
	switch {
	case run.Status == "completed" && run.Result != nil && run.Result.Gate.Decision == activities.Kept:
		return errKept
	case run.Status == "completed":
		return nil
	}
	return &runError{run}
}

// A runError is a run that did not complete.
type runError struct{ run worker.Run }

func (e *runError) Error() string {
	if e.run.Error == "" {
		return fmt.Sprintf("run %s: %s", e.run.ID, e.run.Status)
	}
	return fmt.Sprintf("run %s %s: %s", e.run.ID, e.run.Status, e.run.Error)
}

// status is the exit status for a run that did not complete.
func (e *runError) status() int {
	switch e.run.Failure {
	case worker.BadInput:
		return badInput
	case worker.Refused:
		return refused
	case worker.Cancelled:
		return cancelled
	}
	return failed
}

// Compile reads a recipe as the input of a run. Sets override its keys: a.b=v.
func Compile(path string, sets []string) (workflows.PipelineInput, error) {
	r, err := loadRecipe(path, sets)
	if err != nil {
		return workflows.PipelineInput{}, err
	}
	return recipe.Compile(r)
}

type runsCommand struct {
	Limit int  `default:"20" help:"How many, the newest first."`
	JSON  bool `name:"json" help:"Print one JSON object a run."`
	serverFlags
	storeFlags
}

// Help is shown below the flags.
func (c *runsCommand) Help() string {
	return "Examples:\n  temper runs\n  temper runs --json --limit 1"
}

// Run lists runs.
func (c *runsCommand) Run(a *app) error {
	t, err := a.dial(c.serverFlags, c.storeFlags)
	if err != nil {
		return err
	}
	defer t.Close()
	runs, err := worker.Runs(a.ctx, t, c.Limit)
	if err != nil {
		return err
	}
	table := a.table("RUN", "STATUS", "STARTED", "TOOK")
	for _, r := range runs {
		if c.JSON {
			if err := a.printJSON(r); err != nil {
				return err
			}
			continue
		}
		took := time.Since(r.Started)
		if !r.Ended.IsZero() {
			took = r.Ended.Sub(r.Started)
		}
		table.row(r.ID, r.Status, r.Started.Local().Format("2006-01-02 15:04:05"), took.Round(time.Second).String())
	}
	if c.JSON {
		return nil
	}
	return table.flush()
}

// oneRun is the flags of commands about one run.
type oneRun struct {
	ID   string `arg:"" name:"run" help:"The run's id."`
	JSON bool   `name:"json" help:"Print one JSON object."`
	serverFlags
	storeFlags
}

type showCommand struct{ oneRun }

// Help is shown below the flags.
func (c *showCommand) Help() string {
	return "Examples:\n  temper show go-docs\n  temper show go-docs --json"
}

// Run shows a run's stages.
func (c *showCommand) Run(a *app) error {
	t, err := a.dial(c.serverFlags, c.storeFlags)
	if err != nil {
		return err
	}
	defer t.Close()
	run, err := worker.LoadRun(a.ctx, t, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(run)
	}
	fmt.Fprintf(a.out, "%s: %s, %s of %s, started %s\n\n", run.ID, run.Status, run.Kind, run.Name, run.Started.Local().Format("2006-01-02 15:04:05"))
	if err := stagesTable(a.out, run); err != nil {
		return err
	}
	for _, p := range run.Active {
		fmt.Fprintln(a.out, activeLine(p))
	}
	if run.Error != "" {
		fmt.Fprintf(a.out, "\n%s\n", run.Error)
	}
	return nil
}

type cancelCommand struct{ oneRun }

// Help is shown below the flags.
func (c *cancelCommand) Help() string {
	return "A training writes a checkpoint first; `temper retry` goes on from it.\n\nExamples:\n  temper cancel go-docs\n  temper cancel nightly-2026-11-24 --json"
}

// Run asks the run to stop.
func (c *cancelCommand) Run(a *app) error {
	return c.with(a, func(t client.Client) error { return worker.Cancel(a.ctx, t, c.ID) }, "cancelling")
}

type retryCommand struct{ oneRun }

// Help is shown below the flags.
func (c *retryCommand) Help() string {
	return "Starts a run that failed or was cancelled again, with the recipe it had; stages that are done are not done again.\n\nExamples:\n  temper retry go-docs\n  temper retry nightly-2026-11-24 --json"
}

// Run starts the run again.
func (c *retryCommand) Run(a *app) error {
	return c.with(a, func(t client.Client) error { return worker.Retry(a.ctx, t, c.ID) }, "started again")
}

// with does something to the run and says so.
func (c *oneRun) with(a *app, f func(client.Client) error, said string) error {
	t, err := a.dial(c.serverFlags, c.storeFlags)
	if err != nil {
		return err
	}
	defer t.Close()
	if err := f(t); err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(map[string]string{"id": c.ID, "result": said})
	}
	fmt.Fprintf(a.out, "%s: %s\n", c.ID, said)
	return nil
}
