package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"
)

// Mix says how much of every group of rows is trained on. Shares are the groups' weights; without weights they are n^(1/temperature)
// of a group that holds n (Conneau et al. 2020, arXiv:1911.02116, §3.1). What is counted is tokens, or bytes of text: see [PlanMix].
//
// Which rows are taken is told by hashes of their ids: a group's rows have a fixed order, of which it takes a beginning. So the
// sample is the same for any number of workers, and a share that is moved keeps all rows that the smaller of both has.
type Mix struct {
	By          string  `json:"by" doc:"what tells groups apart: source (the file), folder, license, language, meta.NAME or signals.NAME"`
	Groups      []Group `json:"groups,omitempty" doc:"a row is in the first that fits, and left out if none does; without any, each value is a group"`
	Temperature float64 `json:"temperature,omitempty" doc:"above 1 evens groups out: shares are n^(1/temperature); not with weights" default:"1"`
	Tokens      int64   `json:"tokens,omitempty" doc:"all together, at most, in tokens of the base that is tuned, else in bytes of text; 0: as many as there are"`
	MaxEpochs   float64 `json:"max_epochs,omitempty" doc:"how often a row may be repeated; what a group cannot give so goes to the others" default:"4"`
	Seed        uint64  `json:"seed,omitempty" doc:"of the choice" default:"0"`
}

// A Group is the rows of one value of the field, or of those that a pattern fits.
type Group struct {
	Name   string  `json:"name" doc:"the value, or a pattern of values: * stands for anything"`
	Weight float64 `json:"weight,omitempty" doc:"its part of the whole is its weight among all weights; all groups have one or none has"`
	Tokens int64   `json:"tokens,omitempty" doc:"of it, at most; 0: no bound of its own"`
}

const (
	maxGroups  = 10_000 // values of the field; more mean that it tells rows apart, not groups
	maxRepeats = 100    // bound of max_epochs
	mixBits    = 44     // of a draw, so that draws and small whole numbers add up exactly
)

// WithDefaults fills in what is 0.
func (m Mix) WithDefaults() Mix {
	m.Temperature, m.MaxEpochs = cmp.Or(m.Temperature, 1), cmp.Or(m.MaxEpochs, 4)
	return m
}

// Validate refuses settings that cannot be meant; the error begins with the key.
func (m Mix) Validate() error {
	m = m.WithDefaults()
	if err := CheckField(m.By); err != nil {
		return fmt.Errorf("by: %w", err)
	}
	switch {
	case !(m.Temperature >= 0.1 && m.Temperature <= 1000):
		return fmt.Errorf("temperature is %g; it must be 0.1 to 1000", m.Temperature)
	case m.Tokens < 0:
		return fmt.Errorf("tokens is %d; it must be 0 or more", m.Tokens)
	case !(m.MaxEpochs > 0 && m.MaxEpochs <= maxRepeats):
		return fmt.Errorf("max_epochs is %g; it must be above 0 and at most %d", m.MaxEpochs, maxRepeats)
	}
	weights, seen := 0, map[string]bool{}
	for i, g := range m.Groups {
		switch {
		case seen[g.Name]:
			return fmt.Errorf("groups[%d].name: %q is there twice", i, g.Name)
		case !(g.Weight >= 0 && g.Weight <= 1e12):
			return fmt.Errorf("groups[%d].weight is %g; it must be above 0", i, g.Weight)
		case g.Tokens < 0:
			return fmt.Errorf("groups[%d].tokens is %d; it must be 0 or more", i, g.Tokens)
		}
		seen[g.Name] = true
		if g.Weight > 0 {
			weights++
		}
	}
	if weights > 0 && weights < len(m.Groups) {
		return errors.New("groups: some have a weight and some have none; give one to each, or to none")
	}
	if weights > 0 && m.Temperature != 1 {
		return errors.New("temperature: weights say the shares already; leave one of both out")
	}
	return nil
}

// group returns the index of the group of a value, or -1.
func (m Mix) group(value string) int {
	return slices.IndexFunc(m.Groups, func(g Group) bool { return fits(g.Name, value) })
}

// fits reports whether a value is what a name says, in which * stands for anything.
func fits(pattern, value string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == value
	}
	value, ok := strings.CutPrefix(value, head)
	if !ok {
		return false
	}
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(value, part)
		}
		i := strings.Index(value, part)
		if i < 0 {
			return false
		}
		value, rest = value[i+len(part):], after
	}
}

// mixDraw is a row's place in the order of its group: from 0 to 1, in steps that add up exactly with small whole numbers.
func mixDraw(id string, seed uint64) float64 {
	return float64(xxh3.HashStringSeed("mix\x00"+id, seed)>>(64-mixBits)) / (1 << mixBits)
}
