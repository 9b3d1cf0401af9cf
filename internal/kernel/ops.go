package kernel

import (
	"math"
)

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
			norm(yr, xr, w, r)
		}
	})
}

// RMSNormBackward computes dx for [RMSNorm]; w is frozen.
func RMSNormBackward(dx, dy, x, w, inv []float32, n, d int) {
	Parallel(n, rows(d), func(_, lo, hi int) {
		for t := lo; t < hi; t++ {
			xr, dyr, dxr := x[t*d:(t+1)*d], dy[t*d:(t+1)*d], dx[t*d:(t+1)*d]
			r := inv[t]
			normBack(dxr, dyr, xr, w, r, dot3(dyr, w[:d], xr)*r*r*r/float32(d))
		}
	})
}

// SwiGLU computes y = silu(gate) * up. Source: Shazeer 2020, arXiv:2002.05202.
func SwiGLU(y, gate, up []float32) {
	Parallel(len(y), 4096, func(_, lo, hi int) {
		if f := current.swiglu; f != nil {
			f(int64(hi-lo), &gate[lo:hi][0], &up[lo:hi][0], &y[lo])
			return
		}
		for i := lo; i < hi; i++ {
			y[i] = gate[i] / (1 + exp(-gate[i])) * up[i]
		}
	})
}

// SwiGLUBackward computes the gradients of [SwiGLU]'s inputs.
func SwiGLUBackward(dgate, dup, dy, gate, up []float32) {
	Parallel(len(dy), 4096, func(_, lo, hi int) {
		if f := current.swigluBack; f != nil {
			f(int64(hi-lo), &gate[lo:hi][0], &up[lo:hi][0], &dy[lo], &dgate[lo:hi][0], &dup[lo:hi][0])
			return
		}
		for i := lo; i < hi; i++ {
			s := 1 / (1 + exp(-gate[i]))
			silu := gate[i] * s
			g, u := dy[i], up[i]
			dup[i] = g * silu
			dgate[i] = g * u * (s + silu*(1-s))
		}
	})
}

// The tanh form of GELU: x/2·(1+tanh(√(2/π)·(x+0.044715x³))), which is x times the logistic function of 2√(2/π)·(x+0.044715x³).
const (
	geluSlope = 1.5957691216057308
	geluCubic = 0.044715
)

// GeGLU computes y = gelu(gate) * up, with the tanh form of GELU. Source: Shazeer 2020, arXiv:2002.05202; Hendrycks and Gimpel
// 2016, arXiv:1606.08415, §2.
func GeGLU(y, gate, up []float32) {
	gelu(gate, func(at int, gate, s []float32) {
		y, up := y[at:at+len(gate)], up[at:at+len(gate)]
		for i, x := range gate {
			y[i] = x * s[i] * up[i]
		}
	})
}

// GeGLUBackward computes the gradients of [GeGLU]'s inputs.
func GeGLUBackward(dgate, dup, dy, gate, up []float32) {
	gelu(gate, func(at int, gate, s []float32) {
		n := len(gate)
		dgate, dup, dy, up := dgate[at:at+n], dup[at:at+n], dy[at:at+n], up[at:at+n]
		for i, x := range gate {
			g, s := dy[i], s[i]
			dup[i] = g * x * s
			dgate[i] = g * up[i] * (s + x*s*(1-s)*geluSlope*(1+3*geluCubic*x*x))
		}
	})
}

// gelu calls f for pieces of gate, from at on, with the share s of each value that GELU lets pass.
func gelu(gate []float32, f func(at int, gate, s []float32)) {
	const piece = 1024
	Parallel(len(gate), 4*piece, func(_, lo, hi int) {
		w := workspaces.take()
		for at := lo; at < hi; at += piece {
			part := gate[at:min(hi, at+piece)]
			s := grow(&w.row, len(part))
			for i, x := range part {
				s[i] = -geluSlope * (x + geluCubic*x*x*x)
			}
			expSum(s, 1, 0)
			for i, e := range s {
				s[i] = 1 / (1 + e)
			}
			f(at, part, s)
		}
		workspaces.give(w)
	})
}

// Cap bends x towards ±cap in place: cap·tanh(x/cap).
func Cap(x []float32, cap float32) {
	Parallel(len(x), 4096, func(_, lo, hi int) { bend(x[lo:hi], 1, cap) })
}

// AddRow adds the row b to each of n rows of y.
func AddRow(y, b []float32, n int) {
	d := len(b)
	Parallel(n, rows(d), func(_, lo, hi int) {
		for t := lo; t < hi; t++ {
			r := y[t*d : (t+1)*d]
			add(r, r, b)
		}
	})
}

// Add computes y = a + b.
func Add(y, a, b []float32) {
	Parallel(len(y), 1<<15, func(_, lo, hi int) { add(y[lo:hi], a[lo:hi], b[lo:hi]) })
}

// SumSquares is the sum of squares of x: in float32 over 256 values, in float64 beyond, in order.
func SumSquares(x []float32) float64 {
	const piece, part = 256, 1 << 16
	sums := make([]float64, (len(x)+part-1)/part)
	Parallel(len(x), part, func(_, lo, hi int) {
		for i := lo; i < hi; i += piece {
			v := x[i:min(hi, i+piece)]
			sums[i/part] += float64(dot(v, v))
		}
	})
	s := 0.0
	for _, v := range sums {
		s += v
	}
	return s
}

// norm computes y = x·r·w.
func norm(y, x, w []float32, r float32) {
	x, w = x[:len(y)], w[:len(y)]
	if f := current.norm; f != nil && len(y) > 0 {
		f(int64(len(y)), r, &x[0], &w[0], &y[0])
		return
	}
	for i, v := range x {
		y[i] = v * r * w[i]
	}
}

// normBack computes dx = dy·w·r - x·k.
func normBack(dx, dy, x, w []float32, r, k float32) {
	dy, x, w = dy[:len(dx)], x[:len(dx)], w[:len(dx)]
	if f := current.normBack; f != nil && len(dx) > 0 {
		f(int64(len(dx)), r, k, &x[0], &w[0], &dy[0], &dx[0])
		return
	}
	for i, v := range x {
		dx[i] = dy[i]*w[i]*r - v*k
	}
}

// AdamW is one step's settings. Source: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2; decay as in torch.optim.AdamW.
type AdamW struct{ LR, Beta1, Beta2, Eps, WeightDecay float32 }

// Step updates parameters p and moments m and v with gradients g times scale; step counts from 1.
func (a AdamW) Step(p, g, m, v []float32, step int, scale float32) {
	c1 := 1 - math.Pow(float64(a.Beta1), float64(step))
	c2 := math.Sqrt(1 - math.Pow(float64(a.Beta2), float64(step)))
	// What assembly reads, in its order.
	k := [8]float32{scale, 1 - a.Beta1, a.Beta2, 1 - a.Beta2, 1 - a.LR*a.WeightDecay, float32(float64(a.LR) / c1), float32(1 / c2), a.Eps}
	Parallel(len(p), 1<<14, func(_, lo, hi int) {
		if f := current.adam; f != nil {
			f(int64(hi-lo), &k[0], &p[lo], &g[lo:hi][0], &m[lo:hi][0], &v[lo:hi][0])
			return
		}
		for i := lo; i < hi; i++ {
			x := g[i] * k[0]
			m[i] += (x - m[i]) * k[1]
			v[i] = v[i]*k[2] + x*x*k[3]
			root := float32(math.Sqrt(float64(v[i])))
			p[i] = p[i]*k[4] - k[5]*m[i]/(root*k[6]+k[7])
		}
	})
}
