package kernel

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
)

// Rope is the rotations of rotary position embedding. It is safe for concurrent use. Source: Su et al. 2021, arXiv:2104.09864.
type Rope struct {
	half, max int
	freqs     []float64 // radians a position, half of them
	scale     float64   // of what is rotated

	mu    sync.Mutex // held while the table grows
	table atomic.Pointer[angles]
}

// angles are the rotations of the positions so far, (positions, half).
type angles struct{ cos, sin []float32 }

// NewRope prepares positions below maxPos for heads of dim values. divisors, if not nil, divide the dim/2 frequencies.
// The table grows as positions are asked for.
func NewRope(maxPos, dim int, base float64, divisors []float32) *Rope {
	h := dim / 2
	r := &Rope{half: h, max: maxPos, freqs: make([]float64, h), scale: 1}
	for i := range r.freqs {
		r.freqs[i] = math.Pow(base, -float64(i)/float64(h))
		if divisors != nil {
			r.freqs[i] /= float64(divisors[i])
		}
	}
	r.table.Store(&angles{})
	return r
}

// Scaled returns the same rotations that also multiply by scale, as YaRN and LongRoPE do.
func (r *Rope) Scaled(scale float64) *Rope {
	out := &Rope{half: r.half, max: r.max, freqs: r.freqs, scale: r.scale * scale}
	out.table.Store(&angles{})
	return out
}

// upTo returns a table with at least n positions.
func (r *Rope) upTo(n int) *angles {
	if t := r.table.Load(); len(t.cos) >= n*r.half {
		return t
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.table.Load()
	have := len(t.cos) / max(1, r.half)
	if have >= n {
		return t
	}
	if n > r.max {
		panic(fmt.Sprintf("kernel: position %d in a table for %d", n-1, r.max))
	}
	size := min(r.max, max(n, 2*have, 512))
	next := &angles{cos: make([]float32, size*r.half), sin: make([]float32, size*r.half)}
	copy(next.cos, t.cos)
	copy(next.sin, t.sin)
	for p := have; p < size; p++ {
		for i, f := range r.freqs {
			s, c := math.Sincos(float64(p) * f)
			next.cos[p*r.half+i], next.sin[p*r.half+i] = float32(c*r.scale), float32(s*r.scale)
		}
	}
	r.table.Store(next)
	return next
}

// Apply rotates n rows of heads × dim values by their positions: value i of a head with value i+dim/2, as Hugging Face orders
// them. inverse rotates back, which is the gradient. y may be x.
func (r *Rope) Apply(y, x []float32, pos []int32, n, heads, dim int, inverse bool) {
	r.rotate(y, x, pos, n, heads, dim, inverse, 1, r.half)
}

// ApplyInterleaved is Apply for rows whose pairs are adjacent, as GGUF orders the llama architecture's queries and keys.
func (r *Rope) ApplyInterleaved(y, x []float32, pos []int32, n, heads, dim int, inverse bool) {
	r.rotate(y, x, pos, n, heads, dim, inverse, 2, 1)
}

// rotate turns the pairs (step*i, step*i+apart) of each head.
func (r *Rope) rotate(y, x []float32, pos []int32, n, heads, dim int, inverse bool, step, apart int) {
	sign, last := float32(1), int32(0)
	if inverse {
		sign = -1
	}
	for _, p := range pos[:n] {
		last = max(last, p)
	}
	table := r.upTo(int(last) + 1)
	Parallel(n, rows(heads*dim), func(_, lo, hi int) {
		for t := lo; t < hi; t++ {
			cos, sin := table.cos[int(pos[t])*r.half:][:r.half], table.sin[int(pos[t])*r.half:][:r.half]
			for h := range heads {
				at := (t*heads + h) * dim
				for i, c := range cos {
					j := at + step*i
					a, b, s := x[j], x[j+apart], sign*sin[i]
					y[j], y[j+apart] = a*c-b*s, b*c+a*s
				}
			}
		}
	})
}
