package cli

import (
	"fmt"

	"temper/dataset"
	"temper/web"
)

type dataStats struct{ oneDataset }

// Help is shown below the flags.
func (c *dataStats) Help() string {
	return "Examples:\n  temper data stats go-docs\n  temper data stats go-docs@0123456789ab --json"
}

// Run prints statistics.
func (c *dataStats) Run(a *app) error {
	v, err := c.open(a, c.Dataset)
	if err != nil {
		return err
	}
	stats, err := dataset.LoadStats(a.ctx, v.store, v.dir)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(stats)
	}
	fmt.Fprintf(a.out, "%s@%s\n\n", v.Name, v.Version)
	for _, part := range []func(*app, dataset.Stats) error{splitsOf, reasonsOf, signalsOf, labelsOf} {
		if err := part(a, stats); err != nil {
			return err
		}
	}
	return nil
}

// splitsOf tells rows and lengths of each split.
func splitsOf(a *app, stats dataset.Stats) error {
	t := a.table("SPLIT", ">RECORDS", ">TURNS", ">TEXT", ">CHARACTERS: LEAST", ">MEAN", ">MOST")
	for _, name := range sortedKeys(stats.Splits) {
		s := stats.Splits[name]
		t.row(name, web.Count(s.Records), web.Count(s.Messages), web.Bytes(s.Bytes), fmt.Sprintf("%.0f", s.Chars.Min), fmt.Sprintf("%.0f", s.Chars.Mean), fmt.Sprintf("%.0f", s.Chars.Max))
	}
	return t.flush()
}

// reasonsOf tells why rows were dropped.
func reasonsOf(a *app, stats dataset.Stats) error {
	t := a.table("DROPPED BY", ">ROWS", ">SHARE")
	for _, name := range sortedKeys(stats.Splits) {
		s := stats.Splits[name]
		for _, rule := range s.Reasons.Top() {
			t.row(rule, web.Count(s.Reasons[rule]), share(s.Reasons[rule], s.Records))
		}
	}
	return t.flushBelow()
}

// signalsOf tells the ranges of the signals that are numbers.
func signalsOf(a *app, stats dataset.Stats) error {
	t := a.table("SPLIT", "SIGNAL", ">ROWS", ">LEAST", ">MEAN", ">MOST")
	for _, name := range sortedKeys(stats.Splits) {
		s := stats.Splits[name]
		for _, signal := range sortedKeys(s.Signals) {
			r := s.Signals[signal]
			t.row(name, signal, web.Count(r.Count), value(r.Min), value(r.Mean), value(r.Max))
		}
	}
	return t.flushBelow()
}

// labelsOf tells the commonest values of the signals that are texts, and the licences.
func labelsOf(a *app, stats dataset.Stats) error {
	const most = 10
	t := a.table("SPLIT", "LABEL", "VALUE", ">ROWS")
	for _, name := range sortedKeys(stats.Splits) {
		s := stats.Splits[name]
		list := func(label string, values map[string]int64) {
			top := dataset.Reasons(values).Top()
			for i, v := range top {
				if i == most {
					t.row(name, label, fmt.Sprintf("%d more", len(top)-most), "")
					break
				}
				t.row(name, label, v, web.Count(values[v]))
			}
		}
		for _, label := range sortedKeys(s.Labels) {
			list(label, s.Labels[label])
		}
		list("licence", s.Licenses)
	}
	return t.flushBelow()
}
