package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"temper/activities"
	"temper/dataset"
	"temper/worker"
)

// Follow shows the progress of a run until it ends, and returns what is known of it then. An interrupt stops the following, not
// the run.
func (a *app) Follow(t client.Client, id string) (worker.Run, error) {
	ended := make(chan error, 1)
	go func() { ended <- t.GetWorkflow(a.ctx, id, "").Get(a.ctx, nil) }()
	live := terminal(a.err)
	every := 2 * time.Second
	if live {
		every = time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	f := &following{a: a, live: live, spoke: time.Now()}
	for {
		select {
		case <-ended:
			if a.ctx.Err() != nil {
				return worker.Run{}, fmt.Errorf("no longer following; run %s goes on: %w", id, context.Canceled)
			}
			run, err := worker.LoadRun(a.ctx, t, id)
			f.show(run)
			f.clear()
			return run, err
		case <-tick.C:
			if run, err := worker.LoadRun(a.ctx, t, id); err == nil {
				f.show(run)
			}
		}
	}
}

// following is what was shown of a run.
type following struct {
	a      *app
	live   bool
	stages int
	spoke  time.Time
	drawn  bool
}

// show prints the stages that ended since, and now and then what is going on.
func (f *following) show(run worker.Run) {
	for ; f.stages < len(run.Stages); f.stages++ {
		f.clear()
		fmt.Fprintln(f.a.err, stageLine(run.Stages[f.stages]))
		f.spoke = time.Now()
	}
	if run.Status != "running" || !f.live && time.Since(f.spoke) < lineEvery-2*time.Second {
		return
	}
	f.spoke = time.Now()
	line := run.Current
	if len(run.Active) > 0 {
		line = activeLine(run.Active[0])
		if n := len(run.Active); n > 1 {
			line += fmt.Sprintf(" (and %d more)", n-1)
		}
	}
	if line == "" {
		return
	}
	if f.live {
		fmt.Fprintf(f.a.err, "\r\x1b[K  %s", line)
		f.drawn = true
		return
	}
	fmt.Fprintf(f.a.err, "  %s\n", line)
}

func (f *following) clear() {
	if f.drawn {
		fmt.Fprint(f.a.err, "\r\x1b[K")
		f.drawn = false
	}
}

// activeLine says how far an activity is.
func activeLine(p activities.Progress) string {
	var b strings.Builder
	b.WriteString(p.Stage)
	if p.Total > 0 {
		const width = 20
		full := int(width * min(p.Done, p.Total) / p.Total)
		fmt.Fprintf(&b, " [%s%s] %d of %d %s", strings.Repeat("#", full), strings.Repeat(".", width-full), p.Done, p.Total, p.Unit)
	} else if p.Done > 0 {
		fmt.Fprintf(&b, " %d %s", p.Done, p.Unit)
	}
	if p.Note != "" {
		b.WriteString(", " + p.Note)
	}
	return b.String()
}

// stageLine says what a stage did.
func stageLine(s activities.StageResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-20s", s.Name)
	switch c := s.Counts; {
	case c.In > 0 || c.Out > 0:
		fmt.Fprintf(&b, " %7d in, %7d out", c.In, c.Out)
		if c.Dropped > 0 {
			fmt.Fprintf(&b, ", %d dropped (%s)", c.Dropped, topReasons(c.Reasons, 3))
		}
		if c.Bad > 0 {
			fmt.Fprintf(&b, ", %d in quarantine", c.Bad)
		}
	default:
		b.WriteString(" done")
	}
	if s.Cached {
		b.WriteString(", cached")
	}
	if s.Seconds > 0 {
		fmt.Fprintf(&b, ", %.1f s", s.Seconds)
	}
	return b.String()
}

// topReasons names the rules that dropped most.
func topReasons(r dataset.Reasons, n int) string {
	var parts []string
	top := r.Top()
	for _, rule := range top[:min(n, len(top))] {
		parts = append(parts, fmt.Sprintf("%s %d", rule, r[rule]))
	}
	if len(top) > n {
		parts = append(parts, "…")
	}
	return strings.Join(parts, ", ")
}
