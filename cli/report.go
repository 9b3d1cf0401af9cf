package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"temper/activities"
	"temper/finetune"
	"temper/web"
	"temper/worker"
)

type reportCommand struct {
	oneRun
	Out   string `short:"o" placeholder:"FILE.html" help:"Write the report as one HTML page instead."`
	Force bool   `help:"Replace an existing output."`
}

// Help is shown below the flags.
func (c *reportCommand) Help() string {
	return "Examples:\n  temper report go-docs\n  temper report go-docs -o report.html"
}

// Run prints or writes the report.
func (c *reportCommand) Run(a *app) error {
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
	if c.Out == "" {
		where := Connection{Store: c.Store}
		if dev, err := DevStack(c.Dir); err == nil && dev != nil {
			where = *dev
		}
		return WriteReport(a.out, run, where)
	}
	f, err := create(c.Out, c.Force)
	if err != nil {
		return err
	}
	if err := web.WriteReport(f, run, nil); err != nil {
		f.Close()
		os.Remove(c.Out)
		return err
	}
	return f.Close()
}

// WriteReport writes what a run collected, dropped and why, learnt and decided, and where everything lies.
func WriteReport(w io.Writer, run worker.Run, where Connection) error {
	took := time.Since(run.Started)
	if !run.Ended.IsZero() {
		took = run.Ended.Sub(run.Started)
	}
	fmt.Fprintf(w, "\nRun %s: %s in %s\n", run.ID, run.Status, took.Round(time.Second))
	if run.Error != "" {
		fmt.Fprintf(w, "  %s\n", run.Error)
	}
	if run.Result != nil && run.Result.Nothing {
		fmt.Fprintln(w, "  Nothing new was found: no dataset was made, nothing was trained.")
	}
	fmt.Fprintln(w, "\nStages")
	if err := stagesTable(w, run); err != nil {
		return err
	}
	if err := reasonsTable(w, run); err != nil {
		return err
	}
	training(w, run)
	heldOut(w, run)
	beforeAfter(w, run)
	places(w, run, where)
	return nil
}

func stagesTable(w io.Writer, run worker.Run) error {
	t := newTable(w, "  STAGE", "IN", "OUT", "DROPPED", "BAD", "TIME", "")
	n := func(v int64) string {
		if v == 0 {
			return "-"
		}
		return fmt.Sprint(v)
	}
	for _, s := range run.Stages {
		note := ""
		if s.Cached {
			note = "cached"
		}
		t.row("  "+s.Name, n(s.Counts.In), n(s.Counts.Out), n(s.Counts.Dropped), n(s.Counts.Bad), fmt.Sprintf("%.1f s", s.Seconds), note)
	}
	if run.Current != "" && run.Status == "running" {
		t.row("  "+run.Current, "", "", "", "", "", "running")
	}
	return t.flush()
}

// reasonsTable says why rows were dropped, the commonest rules of each stage first.
func reasonsTable(w io.Writer, run worker.Run) error {
	const most = 8
	t := newTable(w, "\nWhy rows were dropped")
	any := false
	for _, s := range run.Stages {
		top := s.Counts.Reasons.Top()
		for i, rule := range top {
			if i == most {
				t.row("  "+s.Name, fmt.Sprintf("%d more rules", len(top)-most))
				break
			}
			t.row("  "+s.Name, rule, fmt.Sprint(s.Counts.Reasons[rule]))
			any = true
		}
	}
	if !any {
		return nil
	}
	return t.flush()
}

// training shows the loss curve, the speed and the memory.
func training(w io.Writer, run worker.Run) {
	curve := activities.CurveOf(run.Stages)
	if len(curve) == 0 {
		return
	}
	first, last := curve[0], curve[len(curve)-1]
	fmt.Fprintf(w, "\nTraining\n  loss %.4f → %.4f in %d steps  %s\n", first.Loss, last.Loss, last.Step, sparkline(curve, 60))
	for _, s := range run.Stages {
		if s.Name != "train" {
			continue
		}
		memory := activities.MetricOf[finetune.Memory](s, "memory")
		fmt.Fprintf(w, "  %.0f tokens at %.0f tokens/s, checkpointing %s; predicted %s, peak of the process %s\n",
			activities.MetricOf[float64](s, "tokens"), activities.MetricOf[float64](s, "tokens_per_second"), memory.Checkpointing,
			web.Bytes(memory.Total), web.Bytes(activities.MetricOf[int64](s, "peak_bytes")))
	}
}

// sparkline draws the losses in at most width characters.
func sparkline(points []activities.Point, width int) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	n := min(width, len(points))
	means := make([]float64, n)
	lo, hi := points[0].Loss, points[0].Loss
	for i := range n {
		a, b := i*len(points)/n, (i+1)*len(points)/n
		for _, p := range points[a:b] {
			means[i] += p.Loss / float64(b-a)
		}
	}
	lo, hi = means[0], means[0]
	for _, m := range means {
		lo, hi = min(lo, m), max(hi, m)
	}
	var b strings.Builder
	for _, m := range means {
		b.WriteRune(bars[min(len(bars)-1, int(float64(len(bars))*(m-lo)/max(hi-lo, 1e-9)))])
	}
	return b.String()
}

// heldOut compares the losses on the held-out set and says what the gate decided.
func heldOut(w io.Writer, run worker.Run) {
	base, ok := activities.ScoreOf(run.Stages, "base")
	if !ok {
		return
	}
	fmt.Fprintf(w, "\nHeld-out loss (%d tokens of answers)\n  base      %.4f  perplexity %.2f\n", base.Tokens, base.Loss, base.Perplexity)
	for _, who := range []string{"challenger", "champion"} {
		if s, ok := activities.ScoreOf(run.Stages, who); ok {
			name := who
			if who == "challenger" {
				name = "tuned"
			}
			fmt.Fprintf(w, "  %-9s %.4f  perplexity %.2f  %+.1f %%\n", name, s.Loss, s.Perplexity, 100*(s.Loss/base.Loss-1))
		}
	}
	if run.Result != nil && run.Result.Gate.Decision != "" {
		fmt.Fprintf(w, "  gate: %s: %s\n", run.Result.Gate.Decision, run.Result.Gate.Reason)
	}
}

// beforeAfter shows the answers side by side, one below the other where lines are long.
func beforeAfter(w io.Writer, run worker.Run) {
	answers := activities.AnswersOf(run.Stages)
	if len(answers) == 0 {
		return
	}
	fmt.Fprintln(w, "\nBefore and after, on held-out questions")
	for _, q := range answers {
		fmt.Fprintf(w, "\n  %s\n", q.Question)
		fmt.Fprint(w, sideBySide(q.Before, q.After))
	}
}

// sideBySide sets two texts in two columns.
func sideBySide(left, right string) string {
	const width = 56
	a, b := wrap(left, width), wrap(right, width)
	var s strings.Builder
	fmt.Fprintf(&s, "  | %-*s | %s\n", width, "BASE", "TUNED")
	for i := range max(len(a), len(b)) {
		l, r := "", ""
		if i < len(a) {
			l = a[i]
		}
		if i < len(b) {
			r = b[i]
		}
		pad := strings.Repeat(" ", max(0, width-len([]rune(l))))
		fmt.Fprintf(&s, "  | %s%s | %s\n", l, pad, r)
	}
	return s.String()
}

// wrap breaks text in lines of at most width characters.
func wrap(text string, width int) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		var at []rune
		for _, word := range strings.Fields(strings.ReplaceAll(line, "\t", "    ")) {
			r := []rune(word)
			if len(at) > 0 && len(at)+1+len(r) > width {
				lines, at = append(lines, string(at)), nil
			}
			for len(r) > width {
				lines, r = append(lines, string(r[:width])), r[width:]
			}
			if len(at) > 0 {
				at = append(at, ' ')
			}
			at = append(at, r...)
		}
		lines = append(lines, string(at))
	}
	return lines
}

// places says where everything lies.
func places(w io.Writer, run worker.Run, where Connection) {
	if run.Result == nil || run.Result.Dataset.Version == "" {
		return
	}
	fmt.Fprintln(w, "\nWhere it lies")
	line := func(what, place string) {
		if place != "" {
			fmt.Fprintf(w, "  %-10s %s\n", what, place)
		}
	}
	d, ad := run.Result.Dataset, run.Result.Adapter
	line("Parquet", fmt.Sprintf("%s/datasets/%s/%s/data/", strings.TrimSuffix(where.Store, "/"), d.Name, d.Version))
	if ad.Version != "" {
		line("adapter", fmt.Sprintf("%s/%s", strings.TrimSuffix(where.Store, "/"), activities.AdapterDir(ad.Name, ad.Version)))
	}
	line("S3", where.S3)
	if where.Web != "" {
		line("page", where.Web+"/runs/"+run.ID)
	}
	line("Temporal", where.TemporalUI)
}
