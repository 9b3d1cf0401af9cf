package finetune

import (
	"math"
	"slices"

	"temper/internal/graph"
	"temper/internal/kernel"
	"temper/lora"
	"temper/model"
)

// params is an adapter's values and their gradients in the two slices the optimizer works on, in the row order of the base.
// Of a layer's pairs, the A factors of linear layers that read the same input lie one after the other.
type params struct {
	base        *model.Model
	like        *lora.Adapter // the adapter it came from
	wide        *lora.Adapter // the same with all pairs of one rank, as blocks compute
	value, grad []float32
	layers      []graph.Layer
	order       []span // the values of like's pairs, as the slices hold them
}

// A span is one factor's place.
type span struct {
	pair, at, n int
	b           bool
}

// newParams copies an adapter, which must fit the base.
func newParams(base *model.Model, a *lora.Adapter) (*params, error) {
	wide := a.Uniform()
	own, err := base.InRowOrder(wide)
	if err != nil {
		return nil, err
	}
	n := wide.Parameters()
	p := &params{base: base, like: a, wide: wide, value: make([]float32, n), grad: make([]float32, n), layers: make([]graph.Layer, len(base.Layers))}
	at := map[string]int{}
	for i, pair := range own.Pairs {
		at[pair.Name] = i + 1
	}
	used := 0
	take := func(pair int, b bool) (from, to int) {
		x := own.Pairs[pair].A
		if b {
			x = own.Pairs[pair].B
		}
		copy(p.value[used:], x)
		p.order = append(p.order, span{pair, used, len(x), b})
		used += len(x)
		return used - len(x), used
	}
	for i := range p.layers {
		l := &p.layers[i]
		w := &base.Layers[i]
		*l = graph.Layer{Index: i, AttnNorm: w.AttnNorm, FFNNorm: w.FFNNorm, PostAttnNorm: w.PostAttnNorm, PostFFNNorm: w.PostFFNNorm,
			QNorm: w.QNorm, KNorm: w.KNorm, Local: w.Local, Linear: w.Linear, Bias: w.Bias}
		for g, members := range graph.Members {
			start := used
			modules := slices.DeleteFunc(base.BlockModules(i), func(m model.Module) bool {
				return at[m.Name] == 0 || !slices.Contains(members, int(m.Kinds[0]))
			})
			for _, m := range modules {
				take(at[m.Name]-1, false)
			}
			if used > start {
				l.A[g], l.GradA[g] = p.value[start:used], p.grad[start:used]
			}
			for _, m := range modules {
				from, to := take(at[m.Name]-1, true)
				row := (to - from) / own.Pairs[at[m.Name]-1].Out
				scale := own.ScaleOf(own.Pairs[at[m.Name]-1])
				for _, k := range m.Kinds {
					l.Scale[k] = scale
					end := from + row*w.Linear[k].Rows
					l.B[k], l.GradB[k] = p.value[from:end], p.grad[from:end]
					from = end
				}
			}
		}
	}
	return p, nil
}

// adapter copies values, laid out as p.value is, back into an adapter in PEFT's row order.
func (p *params) adapter(values []float32) (*lora.Adapter, error) {
	a := p.wide.Clone()
	for _, s := range p.order {
		x := a.Pairs[s.pair].A
		if s.b {
			x = a.Pairs[s.pair].B
		}
		copy(x, values[s.at:s.at+s.n])
	}
	a, err := p.base.FromRowOrder(a)
	if err != nil {
		return nil, err
	}
	return a.Narrow(p.like), nil
}

// groups are the values as the optimizer takes them: one parameter, or, where the B factors learn ratio times as fast as the A
// factors, the runs of either in turn.
func (p *params) groups(ratio float64) (all graph.Params, sizes []int) {
	add := func(from, to int, rate float32) {
		all, sizes = append(all, graph.NewParam(p.value[from:to], p.grad[from:to], rate)), append(sizes, to-from)
	}
	if ratio == 1 {
		add(0, len(p.value), 1)
		return all, sizes
	}
	for i := 0; i < len(p.order); {
		from, b := p.order[i], p.order[i].b
		to := from.at
		for ; i < len(p.order) && p.order[i].b == b; i++ {
			to = p.order[i].at + p.order[i].n
		}
		rate := float32(1)
		if b {
			rate = float32(ratio)
		}
		add(from.at, to, rate)
	}
	return all, sizes
}

// norm is the length of the whole gradient.
func (p *params) norm() float64 { return math.Sqrt(kernel.SumSquares(p.grad)) }

// adapted says which linear layers carry a pair. Every layer of an adapter has the same.
func (p *params) adapted() (on [graph.Linears]bool) {
	for i := range p.layers {
		for m, b := range p.layers[i].B {
			on[m] = on[m] || b != nil
		}
	}
	return on
}
