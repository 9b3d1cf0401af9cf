package kernel

import "math"

// Rope is the rotations of rotary position embedding. Source: Su et al. 2021, arXiv:2104.09864.
type Rope struct {
	half     int
	cos, sin []float32 // (positions, half)
}

// NewRope tabulates positions below maxPos for heads of dim values. freqs, if not nil, divide the dim/2 frequencies.
func NewRope(maxPos, dim int, base float64, freqs []float32) *Rope {
	h := dim / 2
	r := &Rope{half: h, cos: make([]float32, maxPos*h), sin: make([]float32, maxPos*h)}
	for i := range h {
		f := math.Pow(base, -float64(i)/float64(h))
		if freqs != nil {
			f /= float64(freqs[i])
		}
		for t := range maxPos {
			s, c := math.Sincos(float64(t) * f)
			r.cos[t*h+i], r.sin[t*h+i] = float32(c), float32(s)
		}
	}
	return r
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
	sign := float32(1)
	if inverse {
		sign = -1
	}
	Parallel(n, rows(heads*dim), func(_, lo, hi int) {
		for t := lo; t < hi; t++ {
			cos, sin := r.cos[int(pos[t])*r.half:][:r.half], r.sin[int(pos[t])*r.half:][:r.half]
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
