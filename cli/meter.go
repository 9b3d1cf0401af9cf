package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"temper/dataset"
	"temper/web"
)

// lineEvery is how often progress is said where nobody watches a terminal.
const lineEvery = 10 * time.Second

// A meter shows the progress of long work: a line that is rewritten on a terminal, a line every ten seconds elsewhere.
type meter struct {
	w        io.Writer
	live     bool
	what     string
	start    time.Time
	shown    time.Time
	anything bool
}

func (a *app) meter(what string) *meter {
	now := time.Now()
	return &meter{w: a.err, live: terminal(a.err), what: what, start: now, shown: now}
}

// set says how far the work is; total 0 means unknown.
func (m *meter) set(done, total int64, unit string) {
	now := time.Now()
	every := lineEvery
	if m.live {
		every = 200 * time.Millisecond
	}
	if now.Sub(m.shown) < every {
		return
	}
	m.shown, m.anything = now, true
	m.say(m.line(done, total, unit, now.Sub(m.start)))
}

func (m *meter) say(line string) {
	if m.live {
		fmt.Fprintf(m.w, "\r\x1b[K%s", line)
		return
	}
	fmt.Fprintln(m.w, line)
}

// line is what, a bar, how much, how fast and how long still.
func (m *meter) line(done, total int64, unit string, took time.Duration) string {
	rate := float64(done) / max(took.Seconds(), 1e-3)
	amount := func(n int64) string {
		if unit == "bytes" {
			return web.Bytes(n)
		}
		return fmt.Sprintf("%d %s", n, unit)
	}
	if total <= 0 {
		return fmt.Sprintf("%s: %s, %s/s", m.what, amount(done), amount(int64(rate)))
	}
	left := "?"
	if rate > 0 {
		left = time.Duration(float64(total-done) / rate * float64(time.Second)).Round(time.Second).String()
	}
	const width = 24
	full := int(width * done / max(total, 1))
	return fmt.Sprintf("%s: [%s%s] %s of %s, %s/s, %s left", m.what, strings.Repeat("#", full), strings.Repeat(".", width-full), amount(done), amount(total), amount(int64(rate)), left)
}

// end clears a terminal's line.
func (m *meter) end() {
	if m.live && m.anything {
		fmt.Fprint(m.w, "\r\x1b[K")
	}
}

// metered passes records through and shows how many.
func (a *app) metered(what string, in dataset.Records) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		m := a.meter(what)
		defer m.end()
		n := int64(0)
		for rec, err := range in {
			if err == nil {
				n++
				m.set(n, 0, "records")
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}
