package lora

import (
	"math"
	"slices"
)

// Rank is the pair's own: rows of A and columns of B.
func (p Pair) Rank() int { return len(p.A) / p.In }

// ScaleOf is s of one pair, from its own rank and alpha.
func (a *Adapter) ScaleOf(p Pair) float32 {
	alpha := a.alphaOf(p)
	if a.RankRoot {
		return float32(alpha / math.Sqrt(float64(p.Rank())))
	}
	return float32(alpha / float64(p.Rank()))
}

// alphaOf is α of one pair.
func (a *Adapter) alphaOf(p Pair) float64 {
	if p.Alpha != 0 {
		return p.Alpha
	}
	return a.Alpha
}

// Widest is the highest rank of a pair, or the adapter's where it has none.
func (a *Adapter) Widest() int {
	if len(a.Pairs) == 0 {
		return a.Rank
	}
	n := 0
	for _, p := range a.Pairs {
		n = max(n, p.Rank())
	}
	return n
}

// Uniform returns an adapter that computes the same and whose pairs all have one rank, the widest: narrower ones get rows and columns
// of zeros, which training leaves at zero since each one's gradient is the other times something. It shares what need not change.
func (a *Adapter) Uniform() *Adapter {
	wide, same := a.Widest(), true
	for _, p := range a.Pairs {
		same = same && p.Rank() == wide
	}
	if same && a.Rank == wide {
		return a
	}
	out := *a
	out.Rank, out.Pairs = wide, make([]Pair, len(a.Pairs))
	for i, p := range a.Pairs {
		ratio := float64(wide) / float64(p.Rank())
		if a.RankRoot {
			ratio = math.Sqrt(ratio)
		}
		w := Pair{Module: p.Module, Alpha: a.alphaOf(p) * ratio, A: make([]float32, wide*p.In), B: make([]float32, p.Out*wide), Magnitude: p.Magnitude}
		copy(w.A, p.A)
		for o := range p.Out {
			copy(w.B[o*wide:], p.B[o*p.Rank():(o+1)*p.Rank()])
		}
		out.Pairs[i] = w
	}
	return &out
}

// Narrow undoes Uniform: it returns a's values in the ranks and with the settings of like, which a was made uniform from. It
// shares the modules that are trained whole.
func (a *Adapter) Narrow(like *Adapter) *Adapter {
	plain := *like
	plain.Saved = nil
	out := plain.Clone()
	out.Saved = a.Saved
	for i, p := range a.Pairs {
		q, wide := out.Pairs[i], p.Rank()
		copy(q.A, p.A)
		out.Pairs[i].Magnitude = slices.Clone(p.Magnitude)
		for o := range q.Out {
			copy(q.B[o*q.Rank():(o+1)*q.Rank()], p.B[o*wide:])
		}
	}
	return out
}
