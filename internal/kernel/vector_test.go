package kernel

import (
	"math"
	"slices"
	"testing"

	"temper/internal/quant"
)

// nan is no number.
var nan = float32(math.NaN())

// vectorTests are the vector operations: each computes its results, of which there is at least one, from n values of up to five
// inputs, and want is the same in float64.
var vectorTests = []struct {
	name string
	do   func(x [5][]float32) [][]float32
	want func(x [5][]float32, i int) []float64 // of value i
}{
	{"add", func(x [5][]float32) [][]float32 { add(x[0], x[1], x[2]); return [][]float32{x[0]} },
		func(x [5][]float32, i int) []float64 { return []float64{float64(x[1][i]) + float64(x[2][i])} }},
	{"axpy", func(x [5][]float32) [][]float32 { Axpy(x[0], 0.7, x[1]); return [][]float32{x[0]} },
		func(x [5][]float32, i int) []float64 {
			return []float64{float64(x[0][i]) + float64(float32(0.7))*float64(x[1][i])}
		}},
	{"scale", func(x [5][]float32) [][]float32 { Scale(x[0], 0.7); return [][]float32{x[0]} },
		func(x [5][]float32, i int) []float64 { return []float64{float64(float32(0.7)) * float64(x[0][i])} }},
	{"norm", func(x [5][]float32) [][]float32 { norm(x[0], x[1], x[2], 1.5); return [][]float32{x[0]} },
		func(x [5][]float32, i int) []float64 { return []float64{float64(x[1][i]) * 1.5 * float64(x[2][i])} }},
	{"normBack", func(x [5][]float32) [][]float32 {
		normBack(x[0], x[1], x[2], x[3], 1.5, 0.25)
		return [][]float32{x[0]}
	},
		func(x [5][]float32, i int) []float64 {
			return []float64{float64(x[1][i])*float64(x[3][i])*1.5 - float64(x[2][i])*0.25}
		}},
	{"expSum", func(x [5][]float32) [][]float32 { expSum(x[0], 1.5, 0.25); return [][]float32{x[0]} },
		func(x [5][]float32, i int) []float64 { return []float64{math.Exp(float64(x[0][i])*1.5 - 0.25)} }},
	{"attend", func(x [5][]float32) [][]float32 { attend(x[0], x[1], 1.5, 0.25, 0.5); return [][]float32{x[0], x[1]} },
		func(x [5][]float32, i int) []float64 {
			p := math.Exp(float64(x[0][i])*1.5 - 0.25)
			return []float64{p, p * (float64(x[1][i]) - 0.5) * 1.5}
		}},
	{"SwiGLU", func(x [5][]float32) [][]float32 { SwiGLU(x[0], x[1], x[2]); return [][]float32{x[0]} },
		func(x [5][]float32, i int) []float64 {
			g := float64(x[1][i])
			return []float64{g / (1 + math.Exp(-g)) * float64(x[2][i])}
		}},
	{"SwiGLUBackward", func(x [5][]float32) [][]float32 {
		SwiGLUBackward(x[0], x[1], x[2], x[3], x[4])
		return [][]float32{x[0], x[1]}
	},
		func(x [5][]float32, i int) []float64 {
			dy, g, u := float64(x[2][i]), float64(x[3][i]), float64(x[4][i])
			s := 1 / (1 + math.Exp(-g))
			return []float64{dy * u * (s + g*s*(1-s)), dy * g * s}
		}},
	{"GeGLU", func(x [5][]float32) [][]float32 { GeGLU(x[0], x[1], x[2]); return [][]float32{x[0]} },
		func(x [5][]float32, i int) []float64 {
			return []float64{exactGELU(float64(x[1][i])) * float64(x[2][i])}
		}},
	{"GeGLUBackward", func(x [5][]float32) [][]float32 {
		GeGLUBackward(x[0], x[1], x[2], x[3], x[4])
		return [][]float32{x[0], x[1]}
	},
		func(x [5][]float32, i int) []float64 {
			dy, g, u := float64(x[2][i]), float64(x[3][i]), float64(x[4][i])
			return []float64{dy * u * (exactGELU(g+1e-6) - exactGELU(g-1e-6)) / 2e-6, dy * exactGELU(g)}
		}},
	{"AdamW", func(x [5][]float32) [][]float32 {
		for i, v := range x[3] {
			x[3][i] = v * v
		}
		AdamW{LR: 0.01, Beta1: 0.9, Beta2: 0.99, Eps: 1e-3, WeightDecay: 0.1}.Step(x[0], x[1], x[2], x[3], 3, 0.5)
		return [][]float32{x[0], x[2], x[3]}
	}, func(x [5][]float32, i int) []float64 {
		p, g, m, v := float64(x[0][i]), float64(x[1][i])*0.5, float64(x[2][i]), float64(x[3][i])*float64(x[3][i])
		m, v = 0.9*m+0.1*g, 0.99*v+0.01*g*g
		return []float64{p*(1-0.01*0.1) - 0.01*m/(1-math.Pow(0.9, 3))/(math.Sqrt(v/(1-math.Pow(0.99, 3)))+1e-3), m, v}
	}},
}

// exactGELU is the tanh form as its paper writes it.
func exactGELU(x float64) float64 {
	return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

// lengths are around every width of vectors and unrolled loops.
var lengths = []int{1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 100, 127, 128, 129, 257}

// TestVectors: operations on vectors of any length equal float64's, write nothing beyond them, and hand on what is no number.
func TestVectors(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, tt := range vectorTests {
			for _, n := range lengths {
				var whole, x, was [5][]float32
				for k := range x {
					whole[k] = random(uint64(k+1), n+40)
					x[k] = whole[k][20 : 20+n]
					was[k] = slices.Clone(whole[k])
				}
				got := tt.do(x)
				var before [5][]float32
				for k := range before {
					before[k] = was[k][20 : 20+n]
				}
				for i := range n {
					for k, w := range tt.want(before, i) {
						if math.Abs(float64(got[k][i])-w) > 2e-6*(1+math.Abs(w)) {
							t.Fatalf("%s: value %d of %d, result %d: %g, want %g", tt.name, i, n, k, got[k][i], w)
						}
					}
				}
				for k := range whole {
					if !slices.Equal(whole[k][:20], was[k][:20]) || !slices.Equal(whole[k][20+n:], was[k][20+n:]) {
						t.Fatalf("%s of %d writes beyond its vectors", tt.name, n)
					}
					for i := range whole[k] {
						whole[k][i] = nan
					}
				}
				for k, y := range tt.do(x) {
					for i, v := range y {
						if v == v {
							t.Fatalf("%s: result %d of no numbers at %d of %d is %g", tt.name, k, i, n, v)
						}
					}
				}
			}
		}
	})
}

// TestReductions: sums, products and maxima over any length equal float64's, whatever lies beyond.
func TestReductions(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, n := range lengths {
			a, b, d := random(1, n+40), random(2, n+40), random(3, n+40)
			for _, x := range [][]float32{a, b, d} {
				for i := range x {
					if i < 20 || i >= 20+n {
						x[i] = 1000
					}
				}
			}
			a, b, d = a[20:20+n], b[20:20+n], d[20:20+n]
			var ab, abd, aa, e float64
			for i := range n {
				ab += float64(a[i]) * float64(b[i])
				abd += float64(a[i]) * float64(b[i]) * float64(d[i])
				aa += float64(a[i]) * float64(a[i])
				e += math.Exp(float64(b[i]))
			}
			if got := highest(a); got != slices.Max(a) {
				t.Errorf("highest of %d is %g, want %g", n, got, slices.Max(a))
			}
			for name, v := range map[string][2]float64{"dot": {float64(dot(a, b)), ab}, "dot3": {float64(dot3(a, b, d)), abd},
				"SumSquares": {SumSquares(a), aa}, "expSum": {float64(expSum(b, 1, 0)), e}} {
				if math.Abs(v[0]-v[1]) > 1e-5*(1+math.Abs(v[1])) {
					t.Errorf("%s of %d is %g, want %g", name, n, v[0], v[1])
				}
			}
		}
	})
}

// TestExp: the polynomial stays within two units in the last place over its range, and its ends are 0, infinity and no number.
func TestExp(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		var x []float32
		for v := float32(-87); v < 87; v += 0.00371 {
			x = append(x, v)
		}
		y := slices.Clone(x)
		expSum(y, 1, 0)
		for i, v := range x {
			want := math.Exp(float64(v))
			if e := math.Abs(float64(y[i])-want) / want; e > 2.5e-7 {
				t.Fatalf("exp(%g) is off by %g", v, e)
			}
		}
		ends := slices.Repeat([]float32{-88, -1000, float32(math.Inf(-1)), 89, 1000, float32(math.Inf(1)), nan}, 5)
		expSum(ends, 1, 0)
		for i, v := range ends {
			ok := v == 0
			if i%7 > 2 {
				ok = math.IsInf(float64(v), 1)
			}
			if i%7 == 6 {
				ok = v != v
			}
			if !ok {
				t.Errorf("end %d of the range is %g", i%7, v)
			}
		}
	})
}

// TestRow: rows of every format come out in quant's own bits, from any block to any other.
func TestRow(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, typ := range []quant.Type{quant.F32, quant.F16, quant.BF16, quant.Q4_0, quant.Q4_1, quant.Q8_0} {
			const rows, cols = 3, 7 * 32
			w, err := quant.Quantize(typ, "w", rows, cols, random(1, rows*cols))
			if err != nil {
				t.Fatal(err)
			}
			unit := typ.Block()
			for c0 := 0; c0 < cols; c0 += unit {
				for c1 := c0; c1 <= cols; c1 += 5 * unit {
					got, want := make([]float32, c1-c0+8), make([]float32, c1-c0+8)
					current.row(got, w, 1, c0, c1)
					w.Row(want, 1, c0, c1)
					if !slices.Equal(got, want) {
						t.Fatalf("%s: values [%d,%d) differ", typ, c0, c1)
					}
				}
			}
		}
	})
}

// TestMatVec: products of any number of rows equal float64's, for row lengths around every width.
func TestMatVec(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, cols := range lengths {
			for n := 1; n <= 9; n++ {
				const rows = 5
				w, x := random(1, rows*cols), random(2, n*cols)
				y := make([]float32, n*rows)
				MatVec(y, x, n, quant.F32Tensor("w", rows, cols, w))
				want := make([]float64, n*rows)
				for i := range want {
					for p := range cols {
						want[i] += float64(x[i/rows*cols+p]) * float64(w[i%rows*cols+p])
					}
				}
				if d := worst(y, want); d > 1e-5 {
					t.Fatalf("%d rows of %d: off by %g", n, cols, d)
				}
			}
		}
	})
}

// TestMatVecQuantized: a row of x has the same product whatever rows are beside it, and the one with the dequantized matrix, to the
// last bit, although a row alone is multiplied with the blocks themselves.
func TestMatVecQuantized(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, typ := range []quant.Type{quant.Q4_0, quant.Q4_1, quant.Q8_0, quant.F16, quant.BF16} {
			for _, cols := range []int{32, 64, 96, 576} {
				const rows, n = 23, 3
				q, err := quant.Quantize(typ, "w", rows, cols, random(4, rows*cols))
				if err != nil {
					t.Fatal(err)
				}
				plain := make([]float32, rows*cols)
				for r := range rows {
					q.Row(plain[r*cols:(r+1)*cols], r, 0, cols)
				}
				x := random(5, n*cols)
				want, all, one := make([]float32, n*rows), make([]float32, n*rows), make([]float32, rows)
				MatVec(want, x, n, quant.F32Tensor("w", rows, cols, plain))
				MatVec(all, x, n, q)
				if !slices.Equal(all, want) {
					t.Fatalf("%s, %d columns: another product than with the dequantized matrix", typ, cols)
				}
				for i := range n {
					MatVec(one, x[i*cols:], 1, q)
					if !slices.Equal(one, want[i*rows:(i+1)*rows]) {
						t.Fatalf("%s, %d columns: row %d alone has another product", typ, cols, i)
					}
				}
			}
		}
	})
}

// TestMatVecs: several matrices at once have the products that each has alone, for any number of threads.
func TestMatVecs(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		defer SetThreads(0)
		const cols = 576
		var ws []*quant.Tensor
		for i, rows := range []int{576, 3, 193, 1, 1536} {
			w, err := quant.Quantize(quant.Q4_1, "w", rows, cols, random(uint64(i), rows*cols))
			if err != nil {
				t.Fatal(err)
			}
			ws = append(ws, w)
		}
		for _, n := range []int{1, 2, 5} {
			x := random(9, n*cols)
			for _, threads := range []int{1, 2, 7} {
				SetThreads(threads)
				ys := make([][]float32, len(ws))
				for i, w := range ws {
					ys[i] = make([]float32, n*w.Rows)
				}
				MatVecs(ys, x, n, ws)
				for i, w := range ws {
					alone := make([]float32, n*w.Rows)
					MatVec(alone, x, n, w)
					if !slices.Equal(ys[i], alone) {
						t.Fatalf("%d rows of x, %d threads: matrix %d has another product", n, threads, i)
					}
				}
			}
		}
	})
}
