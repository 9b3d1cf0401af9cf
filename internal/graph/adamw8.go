package graph

import (
	"math"
	"slices"

	"temper/internal/kernel"
)

// codeBlock is how many moments share one scale.
const codeBlock = 256

// adamw8 is AdamW whose moments are kept in 8 bits a value: blocks of 256 share their largest magnitude, and a value is the nearest
// of 256 levels that are dense near 0 (dynamic tree quantization). It needs a quarter of the memory of AdamW's state, about 2.03
// bytes a value. Source: Dettmers et al. 2022, arXiv:2110.02861, §2 and appendix F.
type adamw8 struct {
	decay  float32
	blocks []int // number of the first block of each parameter
}

// newAdamW8 gives s its state: codes of first and second moments, and the scales of their blocks.
func newAdamW8(s *Solver, decay float32) *adamw8 {
	a := &adamw8{decay: decay}
	n, blocks := 0, 0
	for _, k := range s.sizes {
		a.blocks = append(a.blocks, blocks)
		n += k
		blocks += (k + codeBlock - 1) / codeBlock
	}
	s.floats = [][]float32{make([]float32, blocks), make([]float32, blocks)}
	s.codes = [][]byte{make([]byte, n), make([]byte, n)}
	for i, zero := range []byte{signedLevels.code(0), unsignedLevels.code(0)} {
		for k := range s.codes[i] {
			s.codes[i][k] = zero
		}
	}
	return a
}

func (a *adamw8) update(s *Solver, i, at int, p, g []float32, lr float32) {
	const beta1, beta2, eps = 0.9, 0.999, 1e-8
	rate := float32(float64(lr) / (1 - math.Pow(beta1, float64(s.Steps))))
	root := float32(1 / math.Sqrt(1-math.Pow(beta2, float64(s.Steps))))
	keep := 1 - lr*a.decay
	kernel.Parallel(len(p), updateChunk, func(_, lo, hi int) {
		var m, v [codeBlock]float32
		for ; lo < hi; lo += codeBlock {
			end := min(lo+codeBlock, hi)
			block := a.blocks[i] + lo/codeBlock
			m8, v8 := s.codes[0][at+lo:at+end], s.codes[1][at+lo:at+end]
			topM, topV := float32(0), float32(0)
			for k := range m8 {
				x := g[lo+k] * s.GradScale
				m[k] = signedLevels.level[m8[k]]*s.floats[0][block]*beta1 + x*(1-beta1)
				v[k] = unsignedLevels.level[v8[k]]*s.floats[1][block]*beta2 + x*x*(1-beta2)
				topM, topV = max(topM, m[k], -m[k]), max(topV, v[k])
				p[lo+k] = p[lo+k]*keep - rate*m[k]/(float32(math.Sqrt(float64(v[k])))*root+eps)
			}
			s.floats[0][block], s.floats[1][block] = topM, topV
			signedLevels.encode(m8, m[:len(m8)], topM)
			unsignedLevels.encode(v8, v[:len(v8)], topV)
		}
	})
}

// levels are the values of 256 codes in [-1, 1], rising, and the middles between them.
type levels struct{ level, middle [256]float32 }

var signedLevels, unsignedLevels = newLevels(true), newLevels(false)

// newLevels makes the dynamic levels: for each power of ten from 10⁻⁶ to 1, evenly spaced values of it from 0.1 to 1, twice as many
// for each next power; and 0 and 1. Unsigned levels spend the sign's bit on twice the values.
func newLevels(signed bool) *levels {
	const powers = 7
	values := []float64{0, 1}
	for i := range powers {
		n := 1 << i
		if !signed {
			n *= 2
		}
		for k := range n {
			v := math.Pow(10, float64(i-powers+1)) * (0.1 + 0.9*(float64(k)+0.5)/float64(n))
			values = append(values, v)
			if signed {
				values = append(values, -v)
			}
		}
	}
	slices.Sort(values)
	l := &levels{}
	for i, v := range values {
		l.level[i] = float32(v)
	}
	for i := range 255 {
		l.middle[i] = (l.level[i] + l.level[i+1]) / 2
	}
	l.middle[255] = float32(math.Inf(1))
	return l
}

// code is the code of the level nearest to x.
func (l *levels) code(x float32) byte {
	lo := 0
	for step := 128; step > 0; step /= 2 {
		if x > l.middle[lo+step-1] {
			lo += step
		}
	}
	return byte(lo)
}

// encode writes the codes of x, of which the largest magnitude is top.
func (l *levels) encode(codes []byte, x []float32, top float32) {
	scale := float32(0)
	if top > 0 {
		scale = 1 / top
	}
	for k, v := range x {
		codes[k] = l.code(v * scale)
	}
}
