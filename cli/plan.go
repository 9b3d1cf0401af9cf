package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"temper/activities"
	"temper/dataset"
	"temper/internal/store"
	"temper/model/hub"
	"temper/web"
	"temper/worker"
	"temper/workflows"
)

type planCommand struct {
	Recipe string   `arg:"" help:"The recipe, a YAML file."`
	Set    []string `sep:"none" placeholder:"KEY=VALUE" help:"Override a key of the recipe, such as tune.train.steps=20."`
	JSON   bool     `name:"json" help:"Print one JSON object."`
	storeFlags
}

// Help is shown below the flags.
func (c *planCommand) Help() string {
	return `Sources are read, nothing is run, written or downloaded. ≤ is at most, ~ is about.

Examples:
  temper plan examples/go-docs/recipe.yaml
  temper plan recipe.yaml --set tune.train.steps=100 --json

Exit status: 0 it may run, 2 wrong recipe or input, 4 the training would not fit tune.train.memory.`
}

// Run prints what a run would do.
func (c *planCommand) Run(a *app) error {
	in, err := Compile(c.Recipe, c.Set)
	if err != nil {
		return err
	}
	s, unseen := c.reach(a)
	if unseen != nil {
		s = store.NewMem()
	}
	scratch, err := cacheFolder()
	if err != nil {
		return err
	}
	look := activities.LookUp(&activities.Activities{Store: s, Sources: sources{}, Models: hub.Default(), Scratch: scratch})
	plan, err := activities.PlanOf(a.ctx, look, planned(in))
	if err != nil && plan.Refused == "" {
		return beforehand(err)
	}
	p := planView{RunPlan: plan}
	if unseen != nil {
		p.Store, p.Unseen = "", say(unseen)
	}
	if c.JSON {
		return errors.Join(a.printJSON(p), err)
	}
	return errors.Join(p.write(a, in), err)
}

// A planView is a plan as the command prints it.
type planView struct {
	activities.RunPlan
	Unseen string `json:"store_not_looked_at,omitempty"` // why
}

// planned is the inputs of a run's activities.
func planned(in workflows.PipelineInput) activities.PlanRequest {
	r := activities.PlanRequest{Name: in.Name, Collect: in.Curate.Collect, Filter: in.Curate.Filter, Exact: in.Curate.Exact, Near: in.Curate.Near,
		Decontaminate: in.Curate.Decontaminate, Synthesize: in.Synthesize.Steps, Publish: in.Publish}
	if t := in.Tune; t != nil {
		r.Base, r.Train, r.Show = t.Base, &t.Train, t.Show
	}
	return r
}

// reachTime is how long a store may take to answer.
const reachTime = 10 * time.Second

// reach opens the store and asks it something; the error is why it was not looked at. A folder that is not there is not made.
func (c *planCommand) reach(a *app) (dataset.Store, error) {
	if path := strings.TrimPrefix(c.Store, "file://"); path != "" && path != "mem:" && !strings.Contains(path, "://") {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s does not exist yet", path)
		}
	}
	s, err := a.openStore(c.storeFlags)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(a.ctx, reachTime)
	defer cancel()
	if _, err := s.Stat(ctx, "stages/"+strings.Repeat("0", 64)+".json"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", s, err)
	}
	return s, nil
}

// beforehand is an error that a run would end with, as one of this command's input.
func beforehand(err error) error {
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return err
	}
	cause := errors.Unwrap(app)
	if cause == nil {
		return err
	}
	if worker.Kind(err) == worker.BadInput {
		return fmt.Errorf("%w: %w", errInput, cause)
	}
	return cause
}

// write prints the plan for people.
func (p planView) write(a *app, in workflows.PipelineInput) error {
	if p.Unseen != "" {
		fmt.Fprintf(a.out, "%s: the store was not looked at, so every stage is to run: %s\n\n", p.Name, p.Unseen)
	} else {
		fmt.Fprintf(a.out, "%s, with what %s has\n\n", p.Name, p.Store)
	}
	t := a.table("STAGE", "STATE", ">ROWS IN", ">ROWS OUT", ">BYTES", ">TOKENS", ">TIME", ">MONEY")
	cached := 0
	for _, s := range p.Stages {
		state := s.State
		switch s.State {
		case activities.StateCached:
			cached++
		case activities.StatePart:
			state = fmt.Sprintf("%d of %d cached", s.PartsCached, s.Parts)
		}
		t.row(s.Name, state, expected(s.In, web.Count), expected(s.Out, web.Count), expected(s.Bytes, web.Bytes), expected(s.Tokens, web.Count), took(s), s.Money)
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "\n%d of %d stages are cached.\n", cached, len(p.Stages))
	for _, line := range p.notes(in) {
		for _, l := range wrap(line, lineWidth(a.out)) {
			fmt.Fprintln(a.out, l)
		}
	}
	return nil
}

// notes are what the table has no room for.
func (p planView) notes(in workflows.PipelineInput) (lines []string) {
	unknown := false
	for _, s := range p.Stages {
		if s.Files > 0 {
			lines = append(lines, fmt.Sprintf("%s: %s files, %s, %d tasks", s.Name, web.Count(int64(s.Files)), web.Bytes(s.Read), s.Parts))
		}
		if s.Note != "" {
			lines = append(lines, s.Name+": "+s.Note)
		}
		if s.Money != "0" {
			lines = append(lines, s.Name+": an endpoint is asked, whose prices Temper does not know; the tokens are what it may charge for")
		}
		unknown = unknown || s.Seconds == nil
	}
	if m := p.Memory; m != nil {
		limit := "no limit"
		if in.Tune.Train.Options.Memory > 0 {
			limit = web.Bytes(in.Tune.Train.Options.Memory) + " allowed"
		}
		lines = append(lines, fmt.Sprintf("memory of training: %s (%s), checkpointing %s: base %s, adapter %s, blocks %s, scratch %s, inputs %s, head %s, program %s",
			web.Bytes(m.Total), limit, m.Checkpointing, web.Bytes(m.Base), web.Bytes(m.Adapter), web.Bytes(m.Blocks), web.Bytes(m.Scratch),
			web.Bytes(m.Inputs), web.Bytes(m.Head), web.Bytes(m.Program)))
	}
	if unknown {
		lines = append(lines, "time: ? is unknown; that of a training is known once the recipe has an adapter")
	}
	return lines
}

// expected is a number with how well it is known.
func expected(e activities.Expected, show func(int64) string) string {
	switch e.Bound {
	case activities.Unknown:
		return "?"
	case activities.AtMost:
		return "≤ " + show(e.N)
	case activities.About:
		return "~ " + show(e.N)
	}
	if e.N == 0 {
		return "-"
	}
	return show(e.N)
}

// took is how long a stage will take.
func took(s activities.Planned) string {
	switch {
	case s.State == activities.StateCached:
		return "-"
	case s.Seconds == nil:
		return "?"
	}
	return "≤ " + web.Seconds(*s.Seconds)
}
