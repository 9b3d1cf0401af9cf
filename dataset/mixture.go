package dataset

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A Mixture is a mix of certain rows.
type Mixture struct {
	Unit   string     `json:"unit"`   // what sizes count: tokens or bytes
	Tokens int64      `json:"tokens"` // taken in all, repeats included
	Wanted int64      `json:"wanted"` // the budget, or all there is
	Groups []MixGroup `json:"groups"` // by name, or as listed

	mix   Mix
	named map[string]int
}

// A MixGroup is what a mixture takes of a group.
type MixGroup struct {
	Name   string  `json:"name"`
	Rows   int64   `json:"rows"`   // there
	Size   int64   `json:"size"`   // of them
	Share  float64 `json:"share"`  // of the whole, as asked
	Taken  int64   `json:"taken"`  // size of what is taken, repeats included
	Out    int64   `json:"out"`    // rows taken, repeats included
	Below  float64 `json:"below"`  // copy k, from 0, of a row is taken if k plus the row's draw is below this
	Capped string  `json:"capped"` // "" or why it does not come to its share: tokens, max_epochs
	limit  float64 // in size
	bound  string  // what sets the limit
	target float64
}

// Epochs is how often the group is passed over.
func (g MixGroup) Epochs() float64 {
	if g.Size == 0 {
		return 0
	}
	return float64(g.Taken) / float64(g.Size)
}

// PlanMix reads all rows and decides how much of each group is taken; size measures one in the unit named. It holds 16 bytes a row.
func PlanMix(rows Rows, m Mix, unit string, size func(Record) (int64, error)) (*Mixture, error) {
	x := &Mixture{Unit: unit, mix: m.WithDefaults(), named: map[string]int{}}
	for i, g := range m.Groups {
		x.named[g.Name] = i
		x.Groups = append(x.Groups, MixGroup{Name: g.Name})
	}
	members := make([][]member, len(x.Groups))
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		i, err := x.place(row)
		if err != nil {
			return nil, err
		}
		if i < 0 {
			continue
		}
		if i == len(members) {
			members = append(members, nil)
		}
		n, err := size(row.Record)
		if err != nil {
			return nil, err
		}
		x.Groups[i].Rows++
		x.Groups[i].Size += n
		members[i] = append(members[i], member{mixDraw(row.ID, m.Seed), n})
	}
	x.share()
	for i := range x.Groups {
		x.Groups[i].take(members[i])
		x.Tokens += x.Groups[i].Taken
	}
	if len(m.Groups) == 0 {
		slices.SortFunc(x.Groups, func(a, b MixGroup) int { return cmp.Compare(a.Name, b.Name) })
		for i, g := range x.Groups {
			x.named[g.Name] = i
		}
	}
	return x, nil
}

// A member is one row of a group.
type member struct {
	draw float64
	size int64
}

// place returns the index of a row's group, a new one where groups are not listed, or -1.
func (x *Mixture) place(row Row) (int, error) {
	value := Field(row, x.mix.By)
	if len(x.mix.Groups) > 0 {
		return x.mix.group(value), nil
	}
	i, ok := x.named[value]
	if !ok {
		if i = len(x.Groups); i == maxGroups {
			return 0, fmt.Errorf("mix by %s: more than %d groups, the last %q: choose a field with fewer values, or list groups by patterns: %w",
				x.mix.By, maxGroups, value, ErrMalformed)
		}
		x.named[value] = i
		x.Groups = append(x.Groups, MixGroup{Name: value})
	}
	return i, nil
}

// share sets every group's share and target. Groups that come to their limit hand the rest to the others, in proportion.
func (x *Mixture) share() {
	sum, whole := 0.0, 0.0
	for i := range x.Groups {
		g := &x.Groups[i]
		g.limit = x.mix.MaxEpochs * float64(g.Size)
		bound := math.Inf(1)
		g.Share = math.Pow(float64(g.Size), 1/x.mix.Temperature)
		if i < len(x.mix.Groups) {
			if n := x.mix.Groups[i].Tokens; n > 0 {
				bound = float64(n)
			}
			if w := x.mix.Groups[i].Weight; w > 0 {
				g.Share = w
			}
		}
		if g.bound = "max_epochs"; bound < g.limit {
			g.limit, g.bound = bound, "tokens"
		}
		sum += g.Share
		whole += min(float64(g.Size), bound)
	}
	if x.Wanted = x.mix.Tokens; x.Wanted == 0 {
		x.Wanted = int64(whole)
	}
	if sum == 0 {
		return
	}
	for i := range x.Groups {
		x.Groups[i].Share /= sum
	}
	x.fill(float64(x.Wanted))
}

// fill parts a budget by shares within limits.
func (x *Mixture) fill(budget float64) {
	open := make([]*MixGroup, 0, len(x.Groups))
	for i := range x.Groups {
		open = append(open, &x.Groups[i])
	}
	for len(open) > 0 {
		sum := 0.0
		for _, g := range open {
			sum += g.Share
		}
		var free []*MixGroup
		left := budget
		for _, g := range open {
			if g.target = g.Share / sum * budget; g.Share > 0 && g.target < g.limit {
				free = append(free, g)
				continue
			}
			if g.target > g.limit {
				g.Capped = g.bound
			}
			g.target = min(g.limit, max(g.target, 0))
			left -= g.target
		}
		if len(free) == len(open) {
			return
		}
		open, budget = free, max(left, 0)
	}
}

// take chooses the beginning of the group's order that fits its target.
func (g *MixGroup) take(rows []member) {
	if g.Size == 0 {
		return
	}
	target := int64(g.target + max(1e-6, 1e-12*g.target)) // down, but not by what adding up lost
	whole, free := float64(target/g.Size), target%g.Size
	slices.SortFunc(rows, func(a, b member) int { return cmp.Compare(a.draw, b.draw) })
	g.Taken, g.Out, g.Below = int64(whole)*g.Size, int64(whole)*g.Rows, whole
	for len(rows) > 0 && free > 0 {
		n, size := 1, rows[0].size // rows of one draw go together
		for n < len(rows) && rows[n].draw == rows[0].draw {
			size += rows[n].size
			n++
		}
		if size > free {
			break
		}
		free -= size
		g.Taken, g.Out = g.Taken+size, g.Out+int64(n)
		if rows = rows[n:]; len(rows) == 0 {
			g.Below = whole + 1
			return
		}
		g.Below = whole + rows[0].draw
	}
}

// Mixed yields the rows as often as the mixture takes them, and those it leaves out once, with a verdict; each has a check that says by
// which number. The rows must be those that it was planned with. Copies have ids of their own, and the row's cluster.
func (x *Mixture) Mixed(rows Rows) Rows {
	return func(yield func(Row, error) bool) {
		for row, err := range rows {
			if err != nil {
				yield(Row{}, err)
				return
			}
			if !x.copies(row, yield) {
				return
			}
		}
	}
}

// copies yields one row as often as it is taken, or once with a verdict.
func (x *Mixture) copies(row Row, yield func(Row, error) bool) bool {
	name, below := "in no group", 0.0
	value := Field(row, x.mix.By)
	if len(x.mix.Groups) > 0 {
		if i := x.mix.group(value); i >= 0 {
			name, below = x.Groups[i].Name, x.Groups[i].Below
		}
	} else if i, ok := x.named[value]; ok {
		name, below = value, x.Groups[i].Below
	}
	d := mixDraw(row.ID, x.mix.Seed)
	for k := 0; k == 0 || float64(k)+d < below; k++ {
		out, c := row, Check{Rule: "mix", Value: float64(k) + d, Op: "<", Threshold: below, Detail: name}
		if k > 0 {
			out.ID, out.Cluster = fmt.Sprintf("%s~%d", row.ID, k+1), ClusterOf(row)
		}
		if c.Drop = c.Value >= below; c.Drop {
			out.Verdict = &c
		}
		out.Checks = append(slices.Clip(row.Checks), c)
		if !yield(out, nil) {
			return false
		}
	}
	return true
}
