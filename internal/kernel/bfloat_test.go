package kernel

import (
	"math"
	"slices"
	"testing"

	"temper/internal/quant"
)

// TestBF16: a product in bfloat16 is the product of both sides rounded to it, to the order of the sums, for shapes around every
// width; it has the same bits for any number of threads, and a value that is no number stays one.
func TestBF16(t *testing.T) {
	if !BF16.Supported() {
		t.Skip("this processor has no AVX512_BF16")
	}
	defer SetThreads(0)
	round := func(x []float32) []float32 {
		out := make([]float32, len(x))
		for i, v := range x {
			out[i] = math.Float32frombits(uint32(bfloat(v)) << 16)
		}
		return out
	}
	for _, shape := range [][3]int{{1, 1, 2}, {7, 5, 32}, {8, 48, 64}, {9, 49, 66}, {33, 130, 576}, {250, 100, 1536}, {3, 3, 5}} {
		n, rows, cols := shape[0], shape[1], shape[2]
		w, x, dy := random(1, rows*cols), random(2, n*cols), random(3, n*rows)
		y, dx := random(4, n*rows), random(5, n*cols)
		wantY, wantX := slices.Clone(y), slices.Clone(dx)
		side := round
		if cols%2 != 0 {
			side = slices.Clone[[]float32]
		}
		MulT(wantY, side(x), n, quant.F32Tensor("w", rows, cols, side(w)), true)
		if side = round; rows%2 != 0 {
			side = slices.Clone[[]float32]
		}
		Mul(wantX, side(dy), n, quant.F32Tensor("w", rows, cols, side(w)), true)
		q := quant.F32Tensor("w", rows, cols, w)
		startY, startX := slices.Clone(y), slices.Clone(dx)
		for _, threads := range []int{1, 2, 7} {
			SetThreads(threads)
			gotY, gotX := slices.Clone(startY), slices.Clone(startX)
			BF16.MulT(gotY, x, n, q, true)
			BF16.Mul(gotX, dy, n, q, true)
			if threads == 1 {
				y, dx = gotY, gotX
			}
			if !slices.Equal(gotY, y) || !slices.Equal(gotX, dx) {
				t.Errorf("%v: other bits for %d threads", shape, threads)
			}
		}
		for i := range y {
			if math.Abs(float64(y[i]-wantY[i])) > 2e-4 {
				t.Fatalf("%v: y[%d] is %g, want %g", shape, i, y[i], wantY[i])
			}
		}
		for i := range dx {
			if math.Abs(float64(dx[i]-wantX[i])) > 2e-4 {
				t.Fatalf("%v: dx[%d] is %g, want %g", shape, i, dx[i], wantX[i])
			}
		}
	}
	x, y := random(1, 64), make([]float32, 3)
	x[5] = float32(math.NaN())
	if BF16.MulT(y, x, 1, quant.F32Tensor("w", 3, 64, random(2, 3*64)), false); !(y[0] != y[0]) {
		t.Errorf("a NaN became %g", y[0])
	}
}

// TestBfloat: the conversion of single values is that of whole vectors.
func TestBfloat(t *testing.T) {
	if !BF16.Supported() {
		t.Skip("this processor has no AVX512_BF16")
	}
	x := random(9, 1024)
	for i := range x {
		x[i] = math.Float32frombits(uint32(i*0x9e3779b9) ^ math.Float32bits(x[i]))
	}
	copy(x, []float32{0, float32(math.Copysign(0, -1)), 1e-40, float32(math.Inf(1)), float32(math.NaN()), math.MaxFloat32, 1.00390625, 1.01171875})
	whole, single := make([]float32, 512), make([]float32, 512)
	current.paired.bfloats(whole, x)
	for i := range 512 {
		current.paired.bfloats(single[i:i+1], x[2*i:2*i+2])
	}
	for i := range whole {
		if math.Float32bits(whole[i]) != math.Float32bits(single[i]) {
			t.Errorf("%x, %x: whole %x, single %x", math.Float32bits(x[2*i]), math.Float32bits(x[2*i+1]), math.Float32bits(whole[i]), math.Float32bits(single[i]))
		}
	}
}

// TestBF16Quantized: a product with blocks is the one with their float32, to the bit, where both are cut at the same depths.
func TestBF16Quantized(t *testing.T) {
	if !BF16.Supported() {
		t.Skip("this processor has no AVX512_BF16")
	}
	const rows, cols, n = 768, 1536, 9
	for _, typ := range []quant.Type{quant.Q4_1, quant.Q8_0, quant.Q4_K, quant.Q6_K, quant.BF16} {
		q, err := quant.Quantize(typ, "w", rows, cols, random(1, rows*cols))
		if err != nil {
			t.Fatal(err)
		}
		plain := make([]float32, rows*cols)
		for r := range rows {
			q.Row(plain[r*cols:(r+1)*cols], r, 0, cols)
		}
		f := quant.F32Tensor("w", rows, cols, plain)
		x, dy := random(2, n*cols), random(3, n*rows)
		y, wantY, dx, wantX := make([]float32, n*rows), make([]float32, n*rows), make([]float32, n*cols), make([]float32, n*cols)
		BF16.MulT(y, x, n, q, false)
		BF16.Mul(dx, dy, n, q, false)
		BF16.MulT(wantY, x, n, f, false)
		BF16.Mul(wantX, dy, n, f, false)
		if !slices.Equal(y, wantY) || !slices.Equal(dx, wantX) {
			t.Errorf("%s: another product than with the dequantized matrix", typ)
		}
	}
}
