package convert

import (
	"fmt"
	"strings"

	"temper/internal/quant"
	"temper/lora"
	"temper/model"
)

// ParseMerge reads what merged weights are turned into: one of Names, or keep.
func ParseMerge(name string) (Target, error) {
	if strings.EqualFold(name, "keep") {
		return Target{Keep: true}, nil
	}
	return ParseTarget(name)
}

// Merge has the adapter's modules written with their pairs added: W + s·B·A, with DoRA each row as long as its magnitude, and
// with the modules that were trained whole. m is the open base, of the same path.
func (s *Source) Merge(m *model.Model, a *lora.Adapter) error {
	if err := a.Fits(m.Modules()); err != nil {
		return err
	}
	s.headDim, s.interleaved, s.tied, s.saved = m.HeadDim, m.Interleaved, m.Tied, a.Saved
	s.deltas = map[string]*delta{}
	for _, p := range a.Pairs {
		s.deltas[p.Name+".weight"] = &delta{pair: p, scale: a.ScaleOf(p), rank: p.Rank()}
	}
	return nil
}

// A delta is what an adapter adds to a tensor.
type delta struct {
	pair  lora.Pair
	scale float32
	rank  int
}

// adapt gives items, of a GGUF file or of a folder, what is to be added to them. Every module of the adapter must have its tensor.
func (s *Source) adapt(items []item, form int) error {
	found := 0
	for i := range items {
		it := &items[i]
		name, ok := it.name, true
		if form == inGGUF {
			name, ok = rename(it.name, inGGUF)
		}
		d := s.deltas[name]
		if !ok || d == nil {
			continue
		}
		if it.from.Rows != d.pair.Out || it.from.Cols != d.pair.In {
			return fmt.Errorf("tensor %s is (%d, %d), the adapter's %s (%d, %d)", it.name, it.from.Rows, it.from.Cols, name, d.pair.Out, d.pair.In)
		}
		it.delta, it.own = d, func(r int) int { return r }
		if form == inGGUF && it.row != nil {
			it.own = it.row // a folder's rows are the adapter's
		} else if form == inGGUF && s.interleaved && rotary.MatchString(it.name) {
			it.own = toPairs(s.headDim)
		}
		found++
	}
	if found != len(s.deltas) {
		return fmt.Errorf("the adapter has %d modules, %d of them as tensors of their own in the base: the others cannot be merged", len(s.deltas), found)
	}
	return nil
}

// add adds to values, the rows from r0 of the output, the pair's part.
func (it item) add(values []float32, r0 int) {
	d, n := it.delta, it.from.Cols
	for i := 0; i*n < len(values); i++ {
		row, b := values[i*n:(i+1)*n], d.pair.B[it.own(r0+i)*d.rank:]
		for k := range d.rank {
			w := d.scale * b[k]
			for c, v := range d.pair.A[k*n : (k+1)*n] {
				row[c] += w * v
			}
		}
		if d.pair.Magnitude != nil {
			lora.Stretch(row, d.pair.Magnitude[it.own(r0+i)])
		}
	}
}

// inFolder is the type that a tensor of its own type gets in a folder.
func (t Target) inFolder(own quant.Type, dims int, linear bool) quant.Type {
	switch {
	case t.Keep && stored[own] == "":
		return quant.F32
	case t.Keep:
		return own
	case stored[t.Type] != "" && dims == 2, linear:
		return t.Type
	case stored[own] == "":
		return quant.F16
	}
	return own
}

// plain reports whether a folder's weights are numbers that need no settings of a quantization.
func (t Target) plain() bool { return t.Keep || stored[t.Type] != "" }
