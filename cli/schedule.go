package cli

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/client"

	"temper/recipe"
	"temper/worker"
)

type scheduleCommand struct {
	Apply   scheduleApply   `cmd:"" help:"Create or change the nightly retrain of a recipe's schedule: section."`
	List    scheduleList    `cmd:"" help:"Schedules, and when they run next."`
	Pause   schedulePause   `cmd:"" help:"No more starts until resumed."`
	Resume  scheduleResume  `cmd:"" help:"Start again at the next time."`
	Trigger scheduleTrigger `cmd:"" help:"Run now."`
	Delete  scheduleDelete  `cmd:"" help:"Remove the schedule; runs and results stay."`
}

type scheduleApply struct {
	Recipe string   `arg:"" help:"The recipe, a YAML file with a schedule: section."`
	Set    []string `sep:"none" placeholder:"KEY=VALUE" help:"Override a key of the recipe."`
	JSON   bool     `name:"json" help:"Print one JSON object."`
	serverFlags
	storeFlags
}

// Help is shown below the flags.
func (c *scheduleApply) Help() string {
	return "A run that is still going when the next is due is not overlapped: the next is skipped. Each run sees only what no earlier one has seen.\n\nExamples:\n  temper schedule apply nightly.yaml\n  temper schedule apply nightly.yaml --set schedule.cron='0 3 * * *'"
}

// Run applies the schedule.
func (c *scheduleApply) Run(a *app) error {
	r, err := loadRecipe(c.Recipe, c.Set)
	if err != nil {
		return err
	}
	if r.Schedule == nil {
		return fmt.Errorf("%s has no schedule: section; give it one, such as `schedule: {cron: \"0 2 * * *\"}`: %w", c.Recipe, errInput)
	}
	in, err := recipe.Compile(r)
	if err != nil {
		return err
	}
	t, err := a.dial(c.serverFlags, c.storeFlags)
	if err != nil {
		return err
	}
	defer t.Close()
	s := worker.Schedule{Name: r.Name, Cron: r.Schedule.Cron, TimeZone: r.Schedule.TimeZone, Jitter: r.Schedule.Jitter, CatchUp: r.Schedule.CatchUp}
	created, err := worker.ApplySchedule(a.ctx, t, s, in)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(map[string]any{"id": s.ID(), "created": created})
	}
	verb := "changed"
	if created {
		verb = "created"
	}
	fmt.Fprintf(a.out, "%s %s: %s\n", verb, s.ID(), s.Cron)
	return nil
}

type scheduleList struct {
	JSON bool `name:"json" help:"Print one JSON object a schedule."`
	serverFlags
	storeFlags
}

// Help is shown below the flags.
func (c *scheduleList) Help() string {
	return "Examples:\n  temper schedule list\n  temper schedule list --json"
}

// Run lists schedules.
func (c *scheduleList) Run(a *app) error {
	t, err := a.dial(c.serverFlags, c.storeFlags)
	if err != nil {
		return err
	}
	defer t.Close()
	all, err := worker.Schedules(a.ctx, t)
	if err != nil {
		return err
	}
	table := a.table("SCHEDULE", "NEXT", "LAST RUN", "PAUSED")
	for _, s := range all {
		if c.JSON {
			if err := a.printJSON(s); err != nil {
				return err
			}
			continue
		}
		next, paused := "-", ""
		if !s.Next.IsZero() {
			next = s.Next.Local().Format(time.DateTime)
		}
		if s.Paused {
			paused = "paused"
		}
		table.row(s.ID, next, s.LastRun, paused)
	}
	if c.JSON {
		return nil
	}
	return table.flush()
}

// oneSchedule is the flags of commands about one schedule.
type oneSchedule struct {
	Name string `arg:"" help:"The recipe's name, or the schedule's id."`
	JSON bool   `name:"json" help:"Print one JSON object."`
	serverFlags
	storeFlags
}

func (c *oneSchedule) with(a *app, said string, f func(t client.Client, id string) error) error {
	t, err := a.dial(c.serverFlags, c.storeFlags)
	if err != nil {
		return err
	}
	defer t.Close()
	id := worker.ScheduleID(c.Name)
	if err := f(t, id); err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(map[string]string{"id": id, "result": said})
	}
	fmt.Fprintf(a.out, "%s: %s\n", id, said)
	return nil
}

type schedulePause struct{ oneSchedule }

// Help is shown below the flags.
func (c *schedulePause) Help() string {
	return "Examples:\n  temper schedule pause go-docs\n  temper schedule pause retrain-go-docs --json"
}

// Run pauses.
func (c *schedulePause) Run(a *app) error {
	return c.with(a, "paused", func(t client.Client, id string) error { return worker.PauseSchedule(a.ctx, t, id) })
}

type scheduleResume struct{ oneSchedule }

// Help is shown below the flags.
func (c *scheduleResume) Help() string {
	return "Examples:\n  temper schedule resume go-docs\n  temper schedule resume retrain-go-docs --json"
}

// Run resumes.
func (c *scheduleResume) Run(a *app) error {
	return c.with(a, "resumed", func(t client.Client, id string) error { return worker.ResumeSchedule(a.ctx, t, id) })
}

type scheduleTrigger struct{ oneSchedule }

// Help is shown below the flags.
func (c *scheduleTrigger) Help() string {
	return "Examples:\n  temper schedule trigger go-docs\n  temper schedule trigger retrain-go-docs --json"
}

// Run triggers.
func (c *scheduleTrigger) Run(a *app) error {
	return c.with(a, "triggered", func(t client.Client, id string) error { return worker.TriggerSchedule(a.ctx, t, id) })
}

type scheduleDelete struct{ oneSchedule }

// Help is shown below the flags.
func (c *scheduleDelete) Help() string {
	return "Examples:\n  temper schedule delete go-docs\n  temper schedule delete retrain-go-docs --json"
}

// Run deletes.
func (c *scheduleDelete) Run(a *app) error {
	return c.with(a, "deleted", func(t client.Client, id string) error { return worker.DeleteSchedule(a.ctx, t, id) })
}
