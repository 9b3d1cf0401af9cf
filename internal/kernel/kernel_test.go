package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"temper/internal/quant"
)

func random(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// eachLevel runs f on every instruction set of this processor.
func eachLevel(t *testing.T, f func(t *testing.T)) {
	was := Level()
	defer SetLevel(was)
	for _, l := range Levels() {
		if err := SetLevel(l); err != nil {
			t.Fatal(err)
		}
		t.Run(l, f)
	}
}

func worst(got []float32, want []float64) float64 {
	w := 0.0
	for i, g := range got {
		w = max(w, math.Abs(float64(g)-want[i])/(1+math.Abs(want[i])))
	}
	return w
}

// TestGemm: products of odd shapes and all strides equal float64's, and nothing beside the result is written.
func TestGemm(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, s := range [][3]int{{1, 1, 1}, {6, 16, 4}, {7, 17, 5}, {65, 33, 257}, {3, 100, 576}, {130, 16, 300}, {16, 130, 64}, {250, 400, 31}} {
			m, n, k := s[0], s[1], s[2]
			for _, form := range []string{"nt", "nn", "tn"} {
				a, b := random(1, m*k), random(2, k*n)
				ars, acs, brs, bcs := k, 1, 1, k
				if form != "nt" {
					brs, bcs = n, 1
				}
				if form == "tn" {
					ars, acs = 1, m
				}
				const gap = 3
				c := random(3, m*(n+gap))
				was := slices.Clone(c)
				want := make([]float64, len(c))
				for i := range m {
					for j := range n + gap {
						v := float64(was[i*(n+gap)+j])
						for p := range k {
							if j < n {
								v += float64(a[i*ars+p*acs]) * float64(b[p*brs+j*bcs])
							}
						}
						want[i*(n+gap)+j] = v
					}
				}
				Gemm(m, n, k, a, ars, acs, b, brs, bcs, c, n+gap, true)
				if d := worst(c, want); d > 2e-5 {
					t.Errorf("%s %v: off by %g", form, s, d)
				}
			}
		}
	})
}

// TestQuantizedProducts: products with a quantized matrix equal those with its dequantized values, to the last bit.
func TestQuantizedProducts(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, typ := range []quant.Type{quant.Q4_0, quant.Q4_1, quant.Q8_0, quant.F16, quant.BF16} {
			rows, cols, n := 100, 320, 37
			q, err := quant.Quantize(typ, "w", rows, cols, random(4, rows*cols))
			if err != nil {
				t.Fatal(err)
			}
			plain := make([]float32, rows*cols)
			for r := range rows {
				q.Row(plain[r*cols:(r+1)*cols], r, 0, cols)
			}
			f := quant.F32Tensor("w", rows, cols, plain)
			x, dy := random(5, n*cols), random(6, n*rows)
			y1, y2, d1, d2 := make([]float32, n*rows), make([]float32, n*rows), make([]float32, n*cols), make([]float32, n*cols)
			MulT(y1, x, n, q, false)
			MulT(y2, x, n, f, false)
			Mul(d1, dy, n, q, false)
			Mul(d2, dy, n, f, false)
			if !slices.Equal(y1, y2) || !slices.Equal(d1, d2) {
				t.Errorf("%s: a product differs from the dequantized one", typ)
			}
			v := make([]float32, 3*rows)
			MatVec(v, x[:3*cols], 3, q)
			for i := range v {
				if math.Abs(float64(v[i]-y1[i])) > 1e-3 {
					t.Fatalf("%s: MatVec %g, MulT %g", typ, v[i], y1[i])
				}
			}
		}
	})
}

// TestThreads: every operation gives the same bits for 1, 2, 3 and 7 threads.
func TestThreads(t *testing.T) { eachLevel(t, testThreads) }

func testThreads(t *testing.T) {
	defer SetThreads(0)
	a := Attention{Heads: 6, KVHeads: 2, Dim: 16, Scale: 0.25}
	const n, d, vocab = 150, 96, 700
	seg := make([]int32, n)
	for i := 70; i < n; i++ {
		seg[i] = 70
	}
	q, k, v, do := random(1, n*d), random(2, n*32), random(3, n*32), random(4, n*d)
	head := quant.F32Tensor("head", vocab, d, random(5, vocab*d))
	targets, weights := make([]int32, n), make([]float32, n)
	for i := range targets {
		targets[i], weights[i] = int32(i*31%vocab), 1
	}
	all := func() string {
		o, lse := make([]float32, n*d), make([]float32, n*6)
		a.Forward(o, lse, q, k, v, seg, n)
		dq, dk, dv := make([]float32, n*d), make([]float32, n*32), make([]float32, n*32)
		a.Backward(dq, dk, dv, do, q, k, v, o, lse, seg, n)
		y, inv, dx := make([]float32, n*d), make([]float32, n), make([]float32, n*d)
		RMSNorm(y, q, q[:d], inv, n, d, 1e-5)
		RMSNormBackward(dx, do, q, q[:d], inv, n, d)
		loss, dh := make([]float32, n), make([]float32, n*d)
		CrossEntropy(dh, loss, q, targets, weights, n, head, 0.01, 0)
		c := make([]float32, n*n)
		Gemm(n, n, d, q, d, 1, do, 1, d, c, n, false)
		h := uint64(1)
		for _, x := range [][]float32{o, lse, dq, dk, dv, y, dx, loss, dh, c} {
			for _, f := range x {
				h = (h ^ uint64(math.Float32bits(f))) * 1099511628211
			}
		}
		return fmt.Sprint(h)
	}
	SetThreads(1)
	want := all()
	for _, threads := range []int{2, 3, 7} {
		SetThreads(threads)
		if got := all(); got != want {
			t.Errorf("%d threads give other bits than one", threads)
		}
	}
}

// TestAttention: forward equals float64's definition over packed documents; gradients equal finite differences; a cached decode
// equals the whole.
func TestAttention(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, a := range []Attention{{}, {Window: 10}, {Window: 1}, {Cap: 2}, {Window: 70, Cap: 3}} {
			a.Heads, a.KVHeads, a.Dim, a.Scale = 4, 2, 8, 0.3
			testAttention(t, a)
		}
	})
}

func testAttention(t *testing.T, a Attention) {
	const n = 90
	wide, narrow := 32, 16
	q, k, v, do := random(1, n*wide), random(2, n*narrow), random(3, n*narrow), random(4, n*wide)
	seg := make([]int32, n)
	for i := 25; i < n; i++ {
		seg[i] = 25
	}
	define := func() []float64 {
		o := make([]float64, n*wide)
		for i := range n {
			for h := range 4 {
				p, sum := make([]float64, n), 0.0
				first := int(seg[i])
				if a.Window > 0 {
					first = max(first, i-a.Window+1)
				}
				for j := first; j <= i; j++ {
					s := 0.0
					for c := range 8 {
						s += float64(q[i*wide+h*8+c]) * float64(k[j*narrow+h/2*8+c])
					}
					s *= 0.3
					if c := float64(a.Cap); c > 0 {
						s = c * math.Tanh(s/c)
					}
					p[j] = math.Exp(s)
					sum += p[j]
				}
				for j := first; j <= i; j++ {
					for c := range 8 {
						o[i*wide+h*8+c] += p[j] / sum * float64(v[j*narrow+h/2*8+c])
					}
				}
			}
		}
		return o
	}
	o, lse := make([]float32, n*wide), make([]float32, n*4)
	a.Forward(o, lse, q, k, v, seg, n)
	if d := worst(o, define()); d > 1e-5 {
		t.Errorf("forward is off by %g", d)
	}
	dq, dk, dv := make([]float32, n*wide), make([]float32, n*narrow), make([]float32, n*narrow)
	a.Backward(dq, dk, dv, do, q, k, v, o, lse, seg, n)
	r := rand.New(rand.NewPCG(9, 9))
	for _, g := range []struct {
		name    string
		x, grad []float32
	}{{"dq", q, dq}, {"dk", k, dk}, {"dv", v, dv}} {
		for range 20 {
			i := r.IntN(len(g.x))
			at, diff := g.x[i], 0.0
			for _, e := range []float32{1e-2, -1e-2} {
				g.x[i] = at + e
				for j, y := range define() {
					diff += y * float64(do[j]) / float64(2*e)
				}
			}
			g.x[i] = at
			if math.Abs(diff-float64(g.grad[i])) > 2e-3*(1+math.Abs(diff)) {
				t.Errorf("%s[%d] = %g, finite difference %g", g.name, i, g.grad[i], diff)
			}
		}
	}
	clear(seg)
	a.Forward(o, lse, q, k, v, seg, n)
	got := make([]float32, n*wide)
	a.Decode(got[:60*wide], q, k, v, 60, 0)
	for i := 60; i < n; i++ {
		a.Decode(got[i*wide:(i+1)*wide], q[i*wide:], k, v, 1, i)
	}
	lengths := []int{1, 3, 4, 61, n}
	var last, each []float32
	for _, keys := range lengths {
		last = append(last, q[(keys-1)*wide:keys*wide]...)
		each = append(each, o[(keys-1)*wide:keys*wide]...)
	}
	many := make([]float32, len(last))
	a.DecodeEach(many, last, slices.Repeat([][]float32{k}, len(lengths)), slices.Repeat([][]float32{v}, len(lengths)), lengths)
	for i := range got {
		if math.Abs(float64(got[i]-o[i])) > 1e-5 {
			t.Fatalf("decode differs at %d: %g, %g", i, got[i], o[i])
		}
	}
	for i := range many {
		if math.Abs(float64(many[i]-each[i])) > 1e-5 {
			t.Fatalf("decode of several sequences differs at %d: %g, %g", i, many[i], each[i])
		}
	}
}

// TestCrossEntropy: losses equal float64's, gradients their finite differences, over several chunks of rows.
func TestCrossEntropy(t *testing.T) {
	eachLevel(t, func(t *testing.T) { testCrossEntropy(t, 0); testCrossEntropy(t, 3) })
}

func testCrossEntropy(t *testing.T, cap float64) {
	const n, d, vocab = 9, 12, 50
	h, w := random(1, n*d), random(2, vocab*d)
	head := quant.F32Tensor("head", vocab, d, w)
	targets, weights := make([]int32, n), random(3, n)
	for i := range targets {
		targets[i] = int32(i * 5)
	}
	loss := func(i int) float64 {
		sum, at := 0.0, 0.0
		for v := range vocab {
			s := 0.0
			for c := range d {
				s += float64(h[i*d+c]) * float64(w[v*d+c])
			}
			if cap > 0 {
				s = cap * math.Tanh(s/cap)
			}
			sum += math.Exp(s)
			if v == int(targets[i]) {
				at = s
			}
		}
		return math.Log(sum) - at
	}
	got, dh := make([]float32, n), make([]float32, n*d)
	CrossEntropy(dh, got, h, targets, weights, n, head, 0.5, float32(cap))
	for i := range n {
		if math.Abs(float64(got[i])-loss(i)) > 1e-5 {
			t.Errorf("loss %d: %g, want %g", i, got[i], loss(i))
		}
		for c := range d {
			at, diff := h[i*d+c], 0.0
			for _, e := range []float32{1e-3, -1e-3} {
				h[i*d+c] = at + e
				diff += loss(i) / float64(2*e)
			}
			h[i*d+c] = at
			if want := 0.5 * float64(weights[i]) * diff; math.Abs(want-float64(dh[i*d+c])) > 1e-3*(1+math.Abs(want)) {
				t.Errorf("dh[%d,%d] = %g, finite difference %g", i, c, dh[i*d+c], want)
			}
		}
	}
}
