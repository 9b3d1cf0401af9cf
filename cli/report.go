package cli

import (
	"fmt"
	"io"
	"strings"

	"temper/activities"
	"temper/finetune"
	"temper/web"
	"temper/worker"
)

type reportCommand struct {
	oneRun
	Out   string `short:"o" placeholder:"FILE.html" help:"Write the report as one HTML page instead; - is standard output."`
	Force bool   `help:"Replace an existing output."`
}

// Help is shown below the flags.
func (c *reportCommand) Help() string {
	return "Examples:\n  temper report go-docs\n  temper report go-docs -o report.html"
}

// Run prints or writes the report.
func (c *reportCommand) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	t, err := a.dial(c.serverFlags, c.storeFlags)
	if err != nil {
		return err
	}
	defer t.Close()
	run, err := worker.LoadRun(a.ctx, t, c.ID)
	if err != nil {
		return err
	}
	return c.write(a, run)
}

// check refuses an output that exists before anything is asked.
func (c *reportCommand) check() error {
	if c.Out == "" || c.Out == "-" {
		return nil
	}
	return room(c.Out, c.Force, aFile)
}

// write writes the report of run as the flags say.
func (c *reportCommand) write(a *app, run worker.Run) error {
	if c.JSON {
		return a.printJSON(run)
	}
	where := Connection{Store: c.Store}
	if dev, err := DevStack(c.Dir); err == nil && dev != nil && c.Store == "" {
		where = *dev
	}
	if c.Out == "" {
		return WriteReport(a.out, run, where)
	}
	page := func(w io.Writer) error { return web.WriteReport(w, run, placesOf(run, where)) }
	if c.Out == "-" {
		return page(a.out)
	}
	return place(c.Out, page)
}

// WriteReport writes what a run collected, dropped and why, learnt and decided, and where everything lies.
func WriteReport(w io.Writer, run worker.Run, where Connection) error {
	r := report{w: w, run: run, columns: lineWidth(w)}
	r.opening()
	for _, part := range []func() error{r.stages, r.reasons, r.mixture, r.training, r.heldOut, r.answers} {
		if err := part(); err != nil {
			return err
		}
	}
	return r.places(where)
}

// A report is being written.
type report struct {
	w       io.Writer
	run     worker.Run
	columns int
}

// heading begins a part.
func (r report) heading(text string) {
	if terminal(r.w) {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	fmt.Fprintf(r.w, "\n%s\n", text)
}

// say writes text, wrapped and indented.
func (r report) say(format string, args ...any) {
	for _, line := range wrap(fmt.Sprintf(format, args...), r.columns-2) {
		fmt.Fprintln(r.w, "  "+line)
	}
}

// nothing says that a run ended without a dataset, and why.
func nothing(few string) string {
	if few == "" {
		return "Nothing new was found: no dataset was made, nothing was trained."
	}
	return "Too little that is new was found: no dataset was made, nothing was trained; the next run of the schedule finds it again. " + few
}

// opening says in a few lines what came of the run.
func (r report) opening() {
	r.heading(fmt.Sprintf("Run %s: %s in %s", printable(r.run.ID), r.run.Status, web.Seconds(web.Took(r.run).Seconds())))
	if r.run.Error != "" {
		r.say("%s", r.run.Error)
	}
	if r.run.Result != nil && r.run.Result.Nothing {
		r.say("%s", nothing(r.run.Result.Few))
	}
	base, had := activities.ScoreOf(r.run.Stages, "base")
	if tuned, ok := activities.ScoreOf(r.run.Stages, "challenger"); had && ok {
		r.say("held-out loss %.4f → %.4f (%s)", base.Loss, tuned.Loss, web.Change(base.Loss, tuned.Loss))
	}
	if r.run.Result != nil && r.run.Result.Gate.Decision != "" {
		r.say("%s: %s", r.run.Result.Gate.Decision, r.run.Result.Gate.Reason)
	}
}

func (r report) stages() error {
	if len(r.run.Stages) == 0 && r.run.Current == "" {
		return nil
	}
	r.heading("Stages")
	return stagesTable(r.w, r.run)
}

// stagesTable lists a run's stages with their counts and times.
func stagesTable(w io.Writer, run worker.Run) error {
	t := newTable(w, "  STAGE", ">IN", ">OUT", ">DROPPED", ">KEPT", ">BAD", ">TIME", "")
	n := func(v int64) string {
		if v == 0 {
			return "-"
		}
		return web.Count(v)
	}
	for _, s := range run.Stages {
		note, share := "", "-"
		if s.Cached {
			note = "cached"
		}
		if c := s.Counts; c.Dropped > 0 && c.In > 0 {
			share = fmt.Sprintf("%.1f %%", 100*float64(c.Out)/float64(c.In))
		}
		t.row("  "+s.Name, n(s.Counts.In), n(s.Counts.Out), n(s.Counts.Dropped), share, n(s.Counts.Bad), web.Seconds(s.Seconds), note)
	}
	if run.Current != "" && run.Status == "running" {
		t.row("  "+run.Current, "", "", "", "", "", "", "running")
	}
	return t.flush()
}

// listedReasons is how many rules of a stage are listed.
const listedReasons = 8

// reasons says why rows were dropped, the commonest rules of each stage first.
func (r report) reasons() error {
	t := newTable(r.w, "  STAGE", "RULE", ">ROWS", ">OF THE STAGE")
	for _, s := range r.run.Stages {
		top := s.Counts.Reasons.Top()
		var rest int64
		for i, rule := range top {
			rows := s.Counts.Reasons[rule]
			if i >= listedReasons && len(top) > listedReasons+1 {
				rest += rows
				continue
			}
			t.row("  "+s.Name, rule, web.Count(rows), share(rows, s.Counts.In))
		}
		if rest > 0 {
			t.row("  "+s.Name, fmt.Sprintf("%d more rules", len(top)-listedReasons), web.Count(rest), share(rest, s.Counts.In))
		}
	}
	if len(t.rows) == 1 {
		return nil
	}
	r.heading("Why rows were dropped")
	return t.flush()
}

func share(part, whole int64) string {
	if whole <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

// training shows the loss curve, the speed and the memory.
func (r report) training() error {
	curve := activities.CurveOf(r.run.Stages)
	if len(curve) == 0 {
		return nil
	}
	r.heading("Training")
	for _, line := range plotLoss(curve, min(r.columns-2, 90), 10) {
		fmt.Fprintln(r.w, "  "+line)
	}
	held := ""
	for _, p := range curve {
		if p.EvalLoss > 0 {
			held = ", ● held out"
		}
	}
	first, last := curve[0], curve[len(curve)-1]
	r.say("loss %.4f → %.4f in %s steps (moving average drawn%s)", first.Loss, last.Loss, web.Count(int64(last.Step)), held)
	for _, s := range r.run.Stages {
		if s.Name != "train" {
			continue
		}
		memory := activities.MetricOf[finetune.Memory](s, "memory")
		r.say("%s tokens at %.0f tokens/s, checkpointing %s; memory predicted %s, peak of the process %s",
			web.Count(activities.MetricOf[int64](s, "tokens")), activities.MetricOf[float64](s, "tokens_per_second"), memory.Checkpointing,
			web.Bytes(memory.Total), web.Bytes(activities.MetricOf[int64](s, "peak_bytes")))
	}
	return nil
}

// heldOut compares the losses on the held-out set.
func (r report) heldOut() error {
	base, ok := activities.ScoreOf(r.run.Stages, "base")
	if !ok {
		return nil
	}
	r.heading(fmt.Sprintf("Held-out loss, on %s tokens of answers", web.Count(base.Tokens)))
	t := newTable(r.w, "  MODEL", ">LOSS", ">CHANGE", ">PERPLEXITY")
	for _, who := range []struct{ name, shown string }{{"base", "base"}, {"challenger", "tuned"}, {"champion", "champion so far"}} {
		if s, ok := activities.ScoreOf(r.run.Stages, who.name); ok {
			change := ""
			if who.name != "base" {
				change = web.Change(base.Loss, s.Loss)
			}
			t.row("  "+who.shown, fmt.Sprintf("%.4f", s.Loss), change, fmt.Sprintf("%.2f", s.Perplexity))
		}
	}
	return t.flush()
}

// answers shows base and tuned model side by side.
func (r report) answers() error {
	answers := activities.AnswersOf(r.run.Stages)
	if len(answers) == 0 {
		return nil
	}
	r.heading("Before and after, on held-out questions")
	for i, q := range answers {
		if i > 0 {
			fmt.Fprintln(r.w)
		}
		r.say("%d. %s", i+1, strings.TrimSpace(q.Question))
		sideBySide(r.w, r.columns-2, [2]string{"BASE", "TUNED"}, [2]string{q.Before, q.After})
	}
	return nil
}

// placesOf says where everything lies: on the store, and on the pages of the servers.
func placesOf(run worker.Run, where Connection) []web.Place {
	places := web.Places(run, where.Store)
	if where.S3 != "" && len(places) > 0 {
		places = append(places, web.Place{What: "S3", Where: where.S3})
	}
	if where.Web != "" {
		places = append(places, web.Place{What: "page", Where: web.RunAddress(where.Web, run.ID)})
	}
	if where.TemporalUI != "" {
		places = append(places, web.Place{What: "Temporal", Where: where.TemporalUI})
	}
	return places
}

func (r report) places(where Connection) error {
	places := placesOf(r.run, where)
	if len(places) == 0 {
		return nil
	}
	r.heading("Where it lies")
	for _, p := range places {
		fmt.Fprintf(r.w, "  %-13s %s\n", p.What, printable(p.Where)) // never broken, to be copied
	}
	return nil
}
