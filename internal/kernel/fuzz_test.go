package kernel

import (
	"math"
	"slices"
	"testing"

	"temper/internal/quant"
)

// eachPath runs f on every instruction set of this processor, with one thread and with three.
func eachPath(t *testing.T, f func(name string)) {
	was := Level()
	defer SetLevel(was) //nolint:errcheck // it was in use
	defer SetThreads(0)
	for _, l := range Levels() {
		if err := SetLevel(l); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 3} {
			SetThreads(n)
			f(l)
		}
	}
}

// off is the largest difference of values, as a share of limit of each.
func off(got []float32, want, limit []float64) (worst float64) {
	for i, v := range got {
		d := math.Abs(float64(v)-want[i]) / limit[i]
		if worst = max(worst, d); math.IsNaN(d) {
			return math.Inf(1)
		}
	}
	return worst
}

// shapes are seeds of sizes: nothing, one, odd, prime, and around the widths of tiles and vectors.
var shapes = [][3]uint16{{0, 3, 5}, {3, 0, 5}, {3, 5, 0}, {1, 1, 1}, {7, 17, 5}, {8, 48, 64}, {9, 49, 65}, {13, 97, 289}, {6, 16, 577}, {61, 53, 31}}

// FuzzProducts: products of every shape, with a, b or none of them turned, equal float64's within a rounding a term, and write nothing beside
// the result; so do those with few rows, which pack nothing.
func FuzzProducts(f *testing.F) {
	for i, s := range shapes {
		f.Add(s[0], s[1], s[2], uint8(i))
	}
	f.Fuzz(func(t *testing.T, m16, n16, k16 uint16, form uint8) {
		m, n, k := int(m16%70), int(n16%120), int(k16%700)
		a, b, start := random(1, m*k), random(2, k*n), random(3, m*(n+3))
		ars, acs, brs, bcs := k, 1, 1, k
		if form&1 != 0 {
			ars, acs = 1, m
		}
		if form&2 != 0 {
			brs, bcs = n, 1
		}
		acc := form&4 != 0
		want, limit := make([]float64, len(start)), make([]float64, len(start))
		for i := range m {
			for j := range n + 3 {
				v, size := float64(start[i*(n+3)+j]), 0.0
				if j < n {
					if !acc {
						v = 0
					}
					for p := range k {
						x := float64(a[i*ars+p*acs]) * float64(b[p*brs+j*bcs])
						v, size = v+x, size+math.Abs(x)
					}
				}
				want[i*(n+3)+j], limit[i*(n+3)+j] = v, 1e-6*(1+math.Abs(v)+size)
			}
		}
		w := quant.F32Tensor("w", n, k, b)
		eachPath(t, func(name string) {
			c := slices.Clone(start)
			Gemm(m, n, k, a, ars, acs, b, brs, bcs, c, n+3, acc)
			if d := off(c, want, limit); d > 1 {
				t.Errorf("%s: %d x %d x %d, form %d: off by %g of what is allowed", name, m, n, k, form%8, d)
			}
			if form&7 != 0 || m > 16 || n == 0 || k == 0 {
				return
			}
			y := make([]float32, m*n)
			MatVec(y, a, m, w)
			for i := range m {
				if d := off(y[i*n:(i+1)*n], want[i*(n+3):], limit[i*(n+3):]); d > 1 {
					t.Errorf("%s: %d rows of %d x %d: off by %g of what is allowed", name, m, n, k, d)
				}
			}
		})
	})
}

// FuzzNorms: norms and their gradients equal float64's for rows of any length and size.
func FuzzNorms(f *testing.F) {
	for _, s := range shapes {
		f.Add(s[0], s[2], float32(1))
	}
	f.Add(uint16(3), uint16(33), float32(1e-4))
	f.Add(uint16(3), uint16(33), float32(1e4))
	f.Fuzz(func(t *testing.T, n16, d16 uint16, size float32) {
		n, d := int(n16%40), int(d16%700)+1
		if size = float32(math.Abs(float64(size))); !(size >= 1e-6 && size <= 1e6) {
			size = 1
		}
		x, w, dy := random(1, n*d), random(2, d), random(3, n*d)
		for i := range x {
			x[i] *= size
		}
		const eps = 1e-5
		y, dx, limit, limitBack := make([]float64, n*d), make([]float64, n*d), make([]float64, n*d), make([]float64, n*d)
		for i := range n {
			sum, inner, mass := 0.0, 0.0, 0.0
			for j := range d {
				v := float64(x[i*d+j])
				g := float64(dy[i*d+j]) * float64(w[j]) * v
				sum, inner, mass = sum+v*v, inner+g, mass+math.Abs(g)
			}
			r := 1 / math.Sqrt(sum/float64(d)+eps)
			for j := range d {
				v, g := float64(x[i*d+j]), float64(dy[i*d+j])*float64(w[j])
				y[i*d+j] = v * r * float64(w[j])
				dx[i*d+j] = g*r - v*inner*r*r*r/float64(d)
				limit[i*d+j] = 2e-6 * (1e-9 + math.Abs(y[i*d+j]))
				limitBack[i*d+j] = 2e-6 * (1e-9 + math.Abs(g*r) + math.Abs(v)*mass*r*r*r/float64(d))
			}
		}
		eachPath(t, func(name string) {
			got, back, inv := make([]float32, n*d), make([]float32, n*d), make([]float32, n)
			RMSNorm(got, x, w, inv, n, d, eps)
			RMSNormBackward(back, dy, x, w, inv, n, d)
			if a, b := off(got, y, limit), off(back, dx, limitBack); a > 1 || b > 1 {
				t.Errorf("%s: %d rows of %d times %g: off by %g, and back by %g of what is allowed", name, n, d, size, a, b)
			}
		})
	})
}

// FuzzCrossEntropy: losses and gradients equal float64's for any number of rows and any vocabulary, with a cap and without.
func FuzzCrossEntropy(f *testing.F) {
	for i, s := range shapes {
		f.Add(s[0], s[1], s[2], i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, n16, v16, d16 uint16, bent bool) {
		n, vocab, d := int(n16%20), int(v16%300)+1, int(d16%100)+1
		h, w, weights := random(1, n*d), random(2, vocab*d), random(3, n)
		head, targets, cap := quant.F32Tensor("head", vocab, d, w), make([]int32, n), 0.0
		if bent {
			cap = 3
		}
		loss, dh, limit := make([]float64, n), make([]float64, n*d), make([]float64, n*d)
		for i := range n {
			targets[i] = int32(i * 31 % vocab)
			logits, slope, sum := make([]float64, vocab), make([]float64, vocab), 0.0
			for v := range vocab {
				for c := range d {
					logits[v] += float64(h[i*d+c]) * float64(w[v*d+c])
				}
				slope[v] = 1
				if bent {
					s := math.Tanh(logits[v] / cap)
					logits[v], slope[v] = cap*s, 1-s*s
				}
			}
			high := slices.Max(logits)
			for _, s := range logits {
				sum += math.Exp(s - high)
			}
			loss[i] = math.Log(sum) + high - logits[targets[i]]
			for v, s := range logits {
				p := math.Exp(s-high) / sum
				if v == int(targets[i]) {
					p--
				}
				for c := range d {
					dh[i*d+c] += 0.5 * float64(weights[i]) * p * slope[v] * float64(w[v*d+c])
					limit[i*d+c] += 1e-4 * math.Abs(float64(w[v*d+c])) * (math.Abs(p) + 1e-2/float64(vocab))
				}
			}
		}
		losses := slices.Repeat([]float64{2e-5 * float64(10+d)}, n)
		eachPath(t, func(name string) {
			got, back := make([]float32, n), make([]float32, n*d)
			CrossEntropy(back, got, h, targets, weights, n, head, 0.5, float32(cap))
			if a, b := off(got, loss, losses), off(back, dh, limit); a > 1 || b > 1 {
				t.Errorf("%s: %d rows, vocabulary %d, width %d, cap %g: off by %g, and back by %g of what is allowed", name, n, vocab, d, cap, a, b)
			}
		})
	})
}

// FuzzAttention: attention of any length, heads, width, window, cap and documents equals float64's definition.
func FuzzAttention(f *testing.F) {
	f.Add(uint8(0), uint8(1), uint8(8), uint8(0), uint8(0), false)
	f.Add(uint8(1), uint8(1), uint8(1), uint8(0), uint8(0), false)
	f.Add(uint8(67), uint8(3), uint8(7), uint8(5), uint8(31), true)
	f.Add(uint8(129), uint8(2), uint8(16), uint8(0), uint8(1), false)
	f.Add(uint8(97), uint8(1), uint8(33), uint8(97), uint8(96), true)
	f.Fuzz(func(t *testing.T, n8, group, dim8, window, start uint8, bent bool) {
		n, dim := int(n8%140), int(dim8%40)+1
		a := Attention{KVHeads: 2, Heads: 2 * (int(group%3) + 1), Dim: dim, Window: int(window), Scale: float32(1 / math.Sqrt(float64(dim)))}
		if bent {
			a.Cap = 3
		}
		wide, narrow := a.Heads*dim, a.KVHeads*dim
		q, k, v, do, seg := random(1, n*wide), random(2, n*narrow), random(3, n*narrow), random(4, n*wide), make([]int32, n)
		for i := range n {
			if int(start) <= i {
				seg[i] = int32(start)
			}
		}
		want := define(a, q, k, v, do, seg, n)
		eachPath(t, func(name string) {
			o, lse := make([]float32, n*wide), make([]float32, n*a.Heads)
			a.Forward(o, lse, q, k, v, seg, n)
			dq, dk, dv := make([]float32, n*wide), make([]float32, n*narrow), make([]float32, n*narrow)
			a.Backward(dq, dk, dv, do, q, k, v, o, lse, seg, n)
			for i, got := range [][]float32{o, dq, dk, dv} {
				if d := worst(got, want[i]); !(d < 1e-4) {
					t.Errorf("%s: %d rows of %+v, documents at %d: %s is off by %g", name, n, a, start, []string{"o", "dq", "dk", "dv"}[i], d)
				}
			}
		})
	})
}

// define is attention as its formula says, in float64: o, dq, dk and dv.
func define(a Attention, q, k, v, do []float32, seg []int32, n int) [4][]float64 {
	wide, narrow, dim := a.Heads*a.Dim, a.KVHeads*a.Dim, a.Dim
	out := [4][]float64{make([]float64, n*wide), make([]float64, n*wide), make([]float64, n*narrow), make([]float64, n*narrow)}
	product := func(x, y []float32) (s float64) {
		for c := range dim {
			s += float64(x[c]) * float64(y[c])
		}
		return s
	}
	for i := range n {
		for h := range a.Heads {
			at, kv, first := i*wide+h*dim, h/(a.Heads/a.KVHeads)*dim, int(seg[i])
			if a.Window > 0 {
				first = max(first, i-a.Window+1)
			}
			p, slope, dp := make([]float64, n), make([]float64, n), make([]float64, n)
			sum, delta := 0.0, 0.0
			for j := first; j <= i; j++ {
				s := product(q[at:], k[j*narrow+kv:]) * float64(a.Scale)
				slope[j] = float64(a.Scale)
				if c := float64(a.Cap); c > 0 {
					b := math.Tanh(s / c)
					s, slope[j] = c*b, slope[j]*(1-b*b)
				}
				p[j] = math.Exp(s)
				sum += p[j]
			}
			for j := first; j <= i; j++ {
				p[j] /= sum
				dp[j] = product(do[at:], v[j*narrow+kv:])
				delta += p[j] * dp[j]
			}
			for j := first; j <= i; j++ {
				ds := p[j] * (dp[j] - delta) * slope[j]
				for c := range dim {
					out[0][at+c] += p[j] * float64(v[j*narrow+kv+c])
					out[1][at+c] += ds * float64(k[j*narrow+kv+c])
					out[2][j*narrow+kv+c] += ds * float64(q[at+c])
					out[3][j*narrow+kv+c] += p[j] * float64(do[at+c])
				}
			}
		}
	}
	return out
}
