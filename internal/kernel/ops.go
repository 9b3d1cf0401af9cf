package kernel

import (
	"math"
)

// dot is the inner product in eight running sums, in a fixed order.
func dot(a, b []float32) float32 {
	var s [8]float32
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x, y := (*[8]float32)(a[i:]), (*[8]float32)(b[i:])
		for j := range s {
			s[j] += x[j] * y[j]
		}
	}
	for ; i < len(a); i++ {
		s[0] += a[i] * b[i]
	}
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

// rows is how many rows of width d make a chunk worth a thread.
func rows(d int) int { return max(1, 8192/max(1, d)) }

// RMSNorm computes y = x / rms(x) * w for each of n rows of d values, and keeps 1/rms of each row in inv. Source: Zhang and
// Sennrich 2019, arXiv:1910.07467.
func RMSNorm(y, x, w, inv []float32, n, d int, eps float32) {
	Parallel(n, rows(d), func(_, lo, hi int) {
		for t := lo; t < hi; t++ {
			xr, yr := x[t*d:(t+1)*d], y[t*d:(t+1)*d]
			r := float32(1 / math.Sqrt(float64(dot(xr, xr))/float64(d)+float64(eps)))
			inv[t] = r
			for i, v := range xr {
				yr[i] = v * r * w[i]
			}
		}
	})
}

// RMSNormBackward computes dx for [RMSNorm]; w is frozen.
func RMSNormBackward(dx, dy, x, w, inv []float32, n, d int) {
	Parallel(n, rows(d), func(_, lo, hi int) {
		for t := lo; t < hi; t++ {
			xr, dyr, dxr := x[t*d:(t+1)*d], dy[t*d:(t+1)*d], dx[t*d:(t+1)*d]
			var s float32
			for i, v := range xr {
				s += dyr[i] * w[i] * v
			}
			r := inv[t]
			c := s * r * r * r / float32(d)
			for i, v := range xr {
				dxr[i] = dyr[i]*w[i]*r - v*c
			}
		}
	})
}

// SwiGLU computes y = silu(gate) * up. Source: Shazeer 2020, arXiv:2002.05202.
func SwiGLU(y, gate, up []float32) {
	Parallel(len(y), 4096, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			y[i] = gate[i] / (1 + exp(-gate[i])) * up[i]
		}
	})
}

// SwiGLUBackward computes the gradients of [SwiGLU]'s inputs.
func SwiGLUBackward(dgate, dup, dy, gate, up []float32) {
	Parallel(len(dy), 4096, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			s := 1 / (1 + exp(-gate[i]))
			silu := gate[i] * s
			g, u := dy[i], up[i]
			dup[i] = g * silu
			dgate[i] = g * u * (s + silu*(1-s))
		}
	})
}

// Add computes y = a + b.
func Add(y, a, b []float32) {
	Parallel(len(y), 1<<15, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			y[i] = a[i] + b[i]
		}
	})
}

// Scale multiplies x by s.
func Scale(x []float32, s float32) {
	for i := range x {
		x[i] *= s
	}
}

// Axpy adds a*x to y.
func Axpy(y []float32, a float32, x []float32) {
	for i, v := range x {
		y[i] += a * v
	}
}

// SumSquares is the sum of squares of x in float64, in order.
func SumSquares(x []float32) float64 {
	s := 0.0
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}

// exp is e to the x, by range reduction and a polynomial of degree seven (Cephes expf); its error is below 2 units in the
// last place, and it is 0 below -87 and +Inf above 88.
func exp(x float32) float32 {
	switch {
	case x < -87:
		return 0
	case x > 88:
		return float32(math.Inf(1))
	case x != x:
		return x
	}
	z := x*1.44269504 + 0.5
	n := int32(z)
	if float32(n) > z {
		n--
	}
	f := x - float32(n)*0.693359375 + float32(n)*2.12194440e-4
	p := float32(1.9875691500e-4)
	p = p*f + 1.3981999507e-3
	p = p*f + 8.3334519073e-3
	p = p*f + 4.1665795894e-2
	p = p*f + 1.6666665459e-1
	p = p*f + 5.0000001201e-1
	p = p*f*f + f + 1
	return p * math.Float32frombits(uint32(n+127)<<23)
}

// AdamW is one step's settings. Source: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2; decay as in torch.optim.AdamW.
type AdamW struct{ LR, Beta1, Beta2, Eps, WeightDecay float32 }

// Step updates parameters p and moments m and v with gradients g times scale; step counts from 1.
func (a AdamW) Step(p, g, m, v []float32, step int, scale float32) {
	c1 := 1 - math.Pow(float64(a.Beta1), float64(step))
	c2 := math.Sqrt(1 - math.Pow(float64(a.Beta2), float64(step)))
	rate := float32(float64(a.LR) / c1)
	decay := 1 - a.LR*a.WeightDecay
	Parallel(len(p), 1<<14, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			x := g[i] * scale
			m[i] += (x - m[i]) * (1 - a.Beta1)
			v[i] = v[i]*a.Beta2 + x*x*(1-a.Beta2)
			root := float32(math.Sqrt(float64(v[i])) / c2)
			p[i] = p[i]*decay - rate*m[i]/(root+a.Eps)
		}
	})
}
