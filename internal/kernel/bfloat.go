package kernel

import (
	"math"

	"temper/internal/quant"
)

// A Compute says in what precision products with a base's weights are computed.
type Compute int

// The precisions. With BF16 both sides of a product are rounded to bfloat16 (8 bits of mantissa, to nearest even); sums are float32.
const (
	FP32 Compute = iota
	BF16
)

// Supported reports whether this processor has the instructions: BF16 needs AVX512_BF16.
func (c Compute) Supported() bool { return c == FP32 || current.paired != nil }

// MulT is [MulT] in precision c.
func (c Compute) MulT(y, x []float32, n int, w *quant.Tensor, acc bool) {
	if c == FP32 || w.Cols%2 != 0 {
		MulT(y, x, n, w, acc)
		return
	}
	pairedProduct(n, w.Rows, w.Cols, x, transposed{w}, y, acc)
}

// Mul is [Mul] in precision c.
func (c Compute) Mul(dx, dy []float32, n int, w *quant.Tensor, acc bool) {
	if c == FP32 || w.Rows%2 != 0 {
		Mul(dx, dy, n, w, acc)
		return
	}
	pairedProduct(n, w.Cols, w.Rows, dy, straight{w}, dx, acc)
}

// pairedProduct computes c (m,n) = a (m,k)·b with both sides as pairs of bfloat16, k even. A pair has the size of a float32, and its
// product is a sum of two: so it is a float32 product of half the depth, by other micro-kernels.
func pairedProduct(m, n, k int, a []float32, b source, c []float32, acc bool) {
	if m == 0 || n == 0 {
		return
	}
	t, w := current.paired, large.take()
	half := k / 2
	pairs := grow(&w.panel, m*half)
	rows := max(1, matvecWork/max(1, k))
	Parallel(m, rows, func(_, lo, hi int) { t.bfloats(pairs[lo*half:hi*half], a[lo*k:hi*k]) })
	product(&t.level, m, n, half, left{pairs, half, 1}, paired{b, t.pair}, c, n, acc)
	large.give(w)
}

// A pairedLevel is a level whose micro-kernels multiply pairs of bfloat16.
type pairedLevel struct {
	level
	bfloat func(n int64, src, dst *float32)       // of n vectors of 16, to half the bytes
	pair   func(n int64, low, high, dst *float32) // of two rows of n vectors of 16
}

// bfloats writes the values of src as bfloat16, two in each of dst.
func (t *pairedLevel) bfloats(dst, src []float32) {
	n := len(src) / 16
	if n > 0 {
		t.bfloat(int64(n), &src[0], &dst[0])
	}
	for i := 16 * n; i+1 < len(src); i += 2 {
		dst[i/2] = math.Float32frombits(uint32(bfloat(src[i])) | uint32(bfloat(src[i+1]))<<16)
	}
}

// bfloat is v rounded to bfloat16, to nearest even. As the instruction does, it takes what is no normal number for 0.
func bfloat(v float32) uint16 {
	b := math.Float32bits(v)
	switch {
	case v != v:
		return uint16(b>>16) | 0x40
	case b&0x7f800000 == 0:
		return uint16(b >> 16 & 0x8000)
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// paired is a right side whose rows are taken two at a time, as pairs of bfloat16.
type paired struct {
	source
	pair func(n int64, low, high, dst *float32)
}

func (b paired) unit() int { return (b.source.unit() + 1) / 2 }

func (b paired) pack(t *level, w *workspace, dst []float32, n0, n1, k0, k1 int) {
	deep := k1 - k0
	wide := grow(&w.wide, (n1-n0+t.lane)*2*deep)
	b.source.pack(t, w, wide, n0, n1, 2*k0, 2*k1)
	for j := n0; j < n1; j += t.nr() {
		nr := t.width(min(n1-j, t.nr()))
		from, to := wide[(j-n0)*2*deep:][:2*deep*nr], dst[(j-n0)*deep:][:deep*nr]
		for p := range deep {
			b.pair(int64(nr/16), &from[2*p*nr], &from[(2*p+1)*nr], &to[p*nr])
		}
	}
}
