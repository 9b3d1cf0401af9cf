package kernel

import (
	"fmt"
	"math"
	"testing"

	"temper/internal/quant"
)

// TestProducts: products side by side give the bits of a call for each, at every precision and for any number of threads, and write
// nothing beside their results.
func TestProducts(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for _, s := range [][3]int{{1, 64, 32}, {7, 576, 96}, {65, 192, 576}, {130, 96, 416}, {0, 32, 64}} {
			for _, c := range []Compute{FP32, BF16} {
				if !c.Supported() {
					continue
				}
				want := apart(t, c, s[0], s[1], s[2])
				for _, threads := range []int{1, 2, 3, 7, 16} {
					t.Run(fmt.Sprintf("%v, precision %d, %d threads", s, c, threads), func(t *testing.T) {
						SetThreads(threads)
						defer SetThreads(0)
						var p Products
						for range 2 { // the second time in what the first has left
							got := together(t, &p, c, s[0], s[1], s[2])
							for name, g := range got {
								for i, v := range g {
									if math.Float32bits(v) != math.Float32bits(want[name][i]) {
										t.Fatalf("%s, value %d of %d: %g, alone %g", name, i, len(g), v, want[name][i])
									}
								}
							}
						}
					})
				}
			}
		}
	})
}

const productRank, productGap = 5, 3

// operands are what the products of a layer group read: two weights (out,in), the input, gradients of both outputs, and pairs.
type operands struct {
	w       [2]*quant.Tensor
	x, a, b []float32
	dy      [2][]float32
	bias    []float32
	wide    []float32 // (productRank,in)

	y, dx, dz, far []float32 // results; far has rows productGap apart
}

func newOperands(t *testing.T, n, out, in int) (o operands) {
	for i := range o.w {
		w, err := quant.Quantize(quant.Q8_0, "w", out, in, random(uint64(i), out*in))
		if err != nil {
			t.Fatal(err)
		}
		o.w[i], o.dy[i] = w, random(uint64(10+i), n*out)
	}
	o.x, o.a, o.b, o.bias = random(20, n*in), random(21, n*productRank), random(22, out*productRank), random(23, out)
	o.wide, o.dz = random(27, productRank*in), random(28, n*in)
	o.y, o.dx, o.far = random(24, n*out), random(25, n*in), random(26, n*(productRank+productGap))
	return o
}

func (o operands) results() map[string][]float32 {
	return map[string][]float32{"y": o.y, "dx": o.dx, "dz": o.dz, "far": o.far}
}

// apart computes y = x·w₀ᵀ + bias + a·bᵀ, dx = dx + dy₀·w₀ + dy₁·w₁, dz = a·wide + dy₀·w₀, and far = dy₀·b by single calls, with one thread.
func apart(t *testing.T, c Compute, n, out, in int) map[string][]float32 {
	SetThreads(1)
	defer SetThreads(0)
	o := newOperands(t, n, out, in)
	c.MulT(o.y, o.x, n, o.w[0], false)
	AddRow(o.y, o.bias, n)
	Gemm(n, out, productRank, o.a, productRank, 1, o.b, 1, productRank, o.y, out, true)
	c.Mul(o.dx, o.dy[0], n, o.w[0], true)
	c.Mul(o.dx, o.dy[1], n, o.w[1], true)
	Gemm(n, in, productRank, o.a, productRank, 1, o.wide, in, 1, o.dz, in, false)
	c.Mul(o.dz, o.dy[0], n, o.w[0], true)
	Gemm(n, productRank, out, o.dy[0], out, 1, o.b, productRank, 1, o.far, productRank+productGap, false)
	return o.results()
}

// together computes the same side by side.
func together(t *testing.T, p *Products, c Compute, n, out, in int) map[string][]float32 {
	o := newOperands(t, n, out, in)
	p.Into(o.far, n, productRank, productRank+productGap, false)
	p.Gemm(out, o.dy[0], out, 1, o.b, productRank, 1)
	p.Into(o.y, n, out, out, false)
	p.MulT(c, o.x, o.w[0])
	p.AddRow(o.bias)
	p.Gemm(productRank, o.a, productRank, 1, o.b, 1, productRank)
	p.Into(o.dx, n, in, in, true)
	p.Mul(c, o.dy[0], o.w[0])
	p.Mul(c, o.dy[1], o.w[1])
	p.Into(o.dz, n, in, in, false)
	p.Gemm(productRank, o.a, productRank, 1, o.wide, in, 1)
	p.Mul(c, o.dy[0], o.w[0])
	p.Run()
	return o.results()
}
