package quant

import (
	"fmt"
	"slices"

	"temper/dataset"
)

// A Nested is the scales of a tensor of NF4 quantized once more: QLoRA's double quantization (arXiv:2305.14314, §3).
type Nested struct {
	Codes  []byte    // a scale each
	Values []float32 // (256) what a code stands for, rising
	Scales []float32 // one for every Group codes
	Group  int
	Offset float32 // added to every scale
}

// Decode returns the scales.
func (n *Nested) Decode() ([]float32, error) {
	if n.Group < 1 || len(n.Values) != 256 || len(n.Scales) != (len(n.Codes)+n.Group-1)/n.Group {
		return nil, fmt.Errorf("%d scales in groups of %d have %d scales of their own and %d values: %w", len(n.Codes), n.Group, len(n.Scales), len(n.Values), dataset.ErrMalformed)
	}
	out := make([]float32, len(n.Codes))
	for i, c := range n.Codes {
		out[i] = float32(n.Values[c]*n.Scales[i/n.Group]) + n.Offset
	}
	return out, nil
}

// Nest quantizes the scales of a tensor of NF4 as bitsandbytes does for compress_statistics: the difference to their mean, 256 a
// scale, in the values of DynamicMap.
func Nest(scales []float32) *Nested {
	n := &Nested{Codes: make([]byte, len(scales)), Values: DynamicMap(), Group: NestedNF4}
	sum := 0.0
	for _, s := range scales {
		sum += float64(s)
	}
	n.Offset = float32(sum / max(1, float64(len(scales))))
	for from := 0; from < len(scales); from += NestedNF4 {
		to := min(len(scales), from+NestedNF4)
		high := float32(0)
		for _, s := range scales[from:to] {
			d := s - n.Offset
			high = max(high, d, -d)
		}
		n.Scales = append(n.Scales, high)
		inverse := ratio(1, high)
		for i := from; i < to; i++ {
			n.Codes[i] = nearest(n.Values, (scales[i]-n.Offset)*inverse)
		}
	}
	return n
}

// DynamicMap is the 256 values of the signed dynamic type of eight bits, rising: a sign, as many zeros as the power of ten, and a
// fraction in the bits that are left; and 0 and 1. Source: Dettmers 2016, arXiv:1511.04561, §2.1, in bitsandbytes' arithmetic.
func DynamicMap() []float32 {
	values := make([]float32, 0, 256)
	values = append(values, 0, 1)
	power := [7]float32{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1}
	for i, p := range power {
		n := 1 << i // intervals of [0.1,1], whose middles are the fractions
		for j := range n {
			v := (tenths(j, n) + tenths(j+1, n)) / 2 * p
			values = append(values, v, -v)
		}
	}
	slices.Sort(values)
	return values
}

// tenths is the end j of n intervals of one length in [0.1,1], in the bits of PyTorch's linspace on AVX2: counted from the nearer
// end, of 16 intervals and more in steps of eight.
func tenths(j, n int) float32 {
	step := (1 - float32(0.1)) / float32(n)
	from, lane := j, 0
	if n >= 16 && j < n {
		from, lane = j/8*8, j%8
	}
	at := 1 - float64(step)*float64(n-from)
	if from < (n+1)/2 {
		at = float64(float32(0.1)) + float64(step)*float64(from)
	}
	return float32(at) + float32(step*float32(lane))
}
