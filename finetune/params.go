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
	like        *lora.Adapter // the adapter it came from, hollow
	wide        *lora.Adapter // the same with all pairs of one rank, as blocks compute
	value, grad []float32
	layers      []graph.Layer
	order       []span // the values of like's pairs, as the slices hold them
	lengths     *rowsLengths
	saved       map[string]span // modules that are trained whole, by name
}

// A span is the place of a factor, or, of B and the magnitudes, of the rows of one linear layer.
type span struct {
	pair, at, n int
	from        int  // in the pair's own
	b, m        bool // of B or the magnitudes; of the magnitudes
	whole       bool // a module that is trained whole: pair is its number among those
}

// of is the span's values in an adapter.
func (s span) of(a *lora.Adapter) []float32 {
	if s.whole {
		return a.Saved[s.pair].W
	}
	p := &a.Pairs[s.pair]
	switch {
	case s.m:
		return p.Magnitude[s.from : s.from+s.n]
	case s.b:
		return p.B[s.from : s.from+s.n]
	}
	return p.A
}

// newParams copies an adapter, which must fit the base. Magnitudes that are not there yet begin as the lengths they are to divide by.
func newParams(base *model.Model, a *lora.Adapter) (*params, error) {
	wide := a.Uniform()
	own, err := base.InRowOrder(wide)
	if err != nil {
		return nil, err
	}
	n := wide.Parameters()
	p := &params{base: base, like: hollow(a), wide: hollow(wide), value: make([]float32, n), grad: make([]float32, n), layers: make([]graph.Layer, len(base.Layers)),
		saved: map[string]span{}}
	l := layout{params: p, own: own, at: map[string]int{}, a: map[int][]float32{}}
	for i, pair := range own.Pairs {
		l.at[pair.Name] = i + 1
	}
	for i := range p.layers {
		l.layer(i)
	}
	for i, s := range own.Saved {
		l.whole(i, s)
	}
	if wide.DoRA {
		p.lengths = newLengths(l.rows)
		for _, r := range l.rows {
			if r.fresh {
				copy(r.magnitude, r.dst)
			}
		}
	}
	return p, nil
}

// A layout puts an adapter's values, in the row order of the base, where params has them.
type layout struct {
	*params
	own  *lora.Adapter
	at   map[string]int    // the number of a module's pair, from 1
	a    map[int][]float32 // A of a pair
	used int
	rows []rowLengths
}

// take gives a span its place, and its values where there are some.
func (l *layout) take(s span, values []float32) []float32 {
	s.at = l.used
	copy(l.value[s.at:s.at+s.n], values)
	l.order = append(l.order, s)
	l.used += s.n
	return l.value[s.at:l.used]
}

// layer lays out the pairs of a layer.
func (l *layout) layer(i int) {
	out, w := &l.layers[i], &l.base.Layers[i]
	*out = graph.Layer{Index: i, AttnNorm: w.AttnNorm, FFNNorm: w.FFNNorm, PostAttnNorm: w.PostAttnNorm, PostFFNNorm: w.PostFFNNorm,
		QNorm: w.QNorm, KNorm: w.KNorm, Local: w.Local, Linear: w.Linear, Bias: w.Bias}
	for g, members := range graph.Members {
		start := l.used
		modules := slices.DeleteFunc(l.base.BlockModules(i), func(m model.Module) bool {
			return l.at[m.Name] == 0 || !slices.Contains(members, int(m.Kinds[0]))
		})
		for _, m := range modules {
			pair := l.at[m.Name] - 1
			l.a[pair] = l.take(span{pair: pair, n: len(l.own.Pairs[pair].A)}, l.own.Pairs[pair].A)
		}
		if l.used > start {
			out.A[g], out.GradA[g] = l.value[start:l.used], l.grad[start:l.used]
		}
		for _, m := range modules {
			from := 0
			for _, k := range m.Kinds {
				l.linear(out, l.at[m.Name]-1, k, from)
				from += w.Linear[k].Rows
			}
		}
	}
}

// linear lays out the rows of a pair, from the given one on, that belong to one linear layer.
func (l *layout) linear(out *graph.Layer, number int, k model.Kind, from int) {
	pair, w, r, start := &l.own.Pairs[number], out.Linear[k], l.wide.Rank, l.used
	out.Scale[k] = l.own.ScaleOf(*pair)
	b := l.take(span{pair: number, from: from * r, n: w.Rows * r, b: true}, pair.B[from*r:])
	if l.own.DoRA {
		var values []float32
		if pair.Magnitude != nil {
			values = pair.Magnitude[from:]
		}
		m := l.take(span{pair: number, from: from, n: w.Rows, b: true, m: true}, values)
		out.Length[k] = make([]float32, w.Rows)
		l.rows = append(l.rows, rowLengths{dst: out.Length[k], w: w, squares: lora.Squares(w), a: l.a[number], b: b, scale: out.Scale[k], magnitude: m, fresh: values == nil})
	}
	out.B[k], out.GradB[k] = l.value[start:l.used], l.grad[start:l.used]
}

// whole lays out a module that is trained whole, and begins with the base's values if it has none.
func (l *layout) whole(number int, s lora.Saved) {
	place := l.take(span{pair: number, n: s.Out * s.In, whole: true}, s.W)
	l.saved[s.Name] = l.order[len(l.order)-1]
	if s.W != nil {
		return
	}
	w := l.base.Embedding
	if s.Name == model.HeadModule {
		w = l.base.Head
	}
	kernel.Parallel(w.Rows, max(1, 8192/w.Cols), func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			w.Row(place[r*w.Cols:(r+1)*w.Cols], r, 0, w.Cols)
		}
	})
}

// model is the base with the modules that are trained whole, as their values stand.
func (p *params) model() *model.Model {
	var saved []lora.Saved
	for _, s := range p.wide.Saved {
		at := p.saved[s.Name]
		saved = append(saved, lora.Saved{Module: s.Module, W: p.value[at.at : at.at+at.n]})
	}
	return p.base.With(saved)
}

// gradient is that of a module that is trained whole, or nil.
func (p *params) gradient(module string) []float32 {
	s := p.saved[module]
	if s.n == 0 {
		return nil
	}
	return p.grad[s.at : s.at+s.n]
}

// adapter copies values, laid out as p.value is, back into an adapter in PEFT's row order.
func (p *params) adapter(values []float32) (*lora.Adapter, error) {
	plain := *p.wide
	plain.Saved = nil
	a := plain.Clone()
	for _, s := range p.wide.Saved {
		a.Saved = append(a.Saved, lora.Saved{Module: s.Module, W: make([]float32, s.Out*s.In)})
	}
	for i := range a.Pairs {
		if a.DoRA {
			a.Pairs[i].Magnitude = make([]float32, a.Pairs[i].Out)
		}
	}
	for _, s := range p.order {
		copy(s.of(a), values[s.at:s.at+s.n])
	}
	a, err := p.base.FromRowOrder(a)
	if err != nil {
		return nil, err
	}
	return a.Narrow(p.like), nil
}

// groups are the values as the optimizer takes them: one parameter, or, where the B factors and the magnitudes learn ratio times as
// fast as the A factors, the runs of either in turn.
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
