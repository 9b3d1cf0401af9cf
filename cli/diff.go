package cli

import (
	"fmt"
	"slices"
	"strings"
)

type dataDiff struct {
	oneDataset
	Other string `arg:"" help:"The version to compare with."`
}

// Help is shown below the flags.
func (c *dataDiff) Help() string {
	return "Examples:\n  temper data diff go-docs@0123456789ab go-docs\n  temper data diff go-docs@0123456789ab go-docs --json"
}

// maxDiffRows bounds the rows a comparison holds.
const maxDiffRows = 20_000_000

// fates maps row ids to what became of them: "" for kept, else the rule that dropped them.
func (v version) fates(a *app) (map[string]string, error) {
	m := map[string]string{}
	for row, err := range v.all(a) {
		if err != nil {
			return nil, err
		}
		fate := ""
		if row.Verdict != nil {
			fate = row.Verdict.Rule
		}
		if m[row.ID] = fate; len(m) > maxDiffRows {
			return nil, fmt.Errorf("%s@%s has more than %d rows: too many to compare here: %w", v.Name, v.Version, maxDiffRows, errInput)
		}
	}
	return m, nil
}

// A change counts rows whose fate differs between two versions.
type change struct {
	From string `json:"from"` // "absent", "kept", or the rule
	To   string `json:"to"`
	Rows int    `json:"rows"`
	Such string `json:"such"` // one such row's id, the smallest
}

// Run compares.
func (c *dataDiff) Run(a *app) error {
	from, err := c.open(a, c.Dataset)
	if err != nil {
		return err
	}
	to, err := c.open(a, c.Other)
	if err != nil {
		return err
	}
	before, err := from.fates(a)
	if err != nil {
		return err
	}
	after, err := to.fates(a)
	if err != nil {
		return err
	}
	for _, ch := range changes(before, after) {
		if c.JSON {
			if err := a.printJSON(ch); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(a.out, "%6d rows: %s → %s (such as %s)\n", ch.Rows, ch.From, ch.To, ch.Such)
	}
	if !c.JSON {
		fmt.Fprintf(a.out, "%s@%s has %d kept rows, %s@%s has %d\n", from.Name, from.Version, from.Records, to.Name, to.Version, to.Records)
	}
	return nil
}

// changes groups the rows whose fate differs, the largest group first.
func changes(before, after map[string]string) []change {
	word := func(m map[string]string, id string) string {
		fate, ok := m[id]
		switch {
		case !ok:
			return "absent"
		case fate == "":
			return "kept"
		}
		return "dropped by " + fate
	}
	groups := map[[2]string]*change{}
	note := func(id string) {
		k := [2]string{word(before, id), word(after, id)}
		if k[0] == k[1] {
			return
		}
		g := groups[k]
		if g == nil {
			g = &change{From: k[0], To: k[1], Such: id}
			groups[k] = g
		}
		g.Rows++
		g.Such = min(g.Such, id)
	}
	for id := range before {
		note(id)
	}
	for id := range after {
		if _, both := before[id]; !both {
			note(id)
		}
	}
	var out []change
	for _, g := range groups {
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b change) int {
		if a.Rows != b.Rows {
			return b.Rows - a.Rows
		}
		return strings.Compare(a.From+a.To, b.From+b.To)
	})
	return out
}
