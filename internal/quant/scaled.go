package quant

import (
	"math"
	"slices"
)

// nf4Values are the 16 values of NF4, quantiles of a normal distribution scaled to [-1,1]. Source: Dettmers et al. 2023,
// arXiv:2305.14314, appendix E.
var nf4Values = [16]float32{-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
	-0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634,
	0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1}

// GroupNF4 is how many values of NF4 share a scale in the files this package writes, and NestedNF4 how many scales share one of
// their own where the scales are quantized too.
const (
	GroupNF4  = 64
	NestedNF4 = 256
)

// decodeNF4 writes the values that begin at the value at of the whole matrix.
func (t *Tensor) decodeNF4(dst []float32, at int) {
	for len(dst) > 0 {
		if whole := len(dst) / t.Group; at%t.Group == 0 && whole > 0 && t.Group%16 == 0 && vectorizedNF4 != nil {
			n := whole * t.Group
			_ = t.Data[(at+n)/2-1]
			vectorizedNF4(int64(whole), int64(t.Group/16), &t.Scales[at/t.Group : (at+n)/t.Group][0], &t.Data[at/2], &dst[0])
			dst, at = dst[n:], at+n
			continue
		}
		n := min(len(dst), t.Group-at%t.Group)
		t.decodePart(dst[:n], at)
		dst, at = dst[n:], at+n
	}
}

// decodePart writes values of one group.
func (t *Tensor) decodePart(dst []float32, at int) {
	scale := t.Scales[at/t.Group]
	if at%2 == 1 {
		dst[0] = nf4Values[t.Data[at/2]&15] * scale
		dst, at = dst[1:], at+1
	}
	src := t.Data[at/2:][:(len(dst)+1)/2]
	if whole := len(dst) / 16; whole > 0 && vectorizedNF4 != nil {
		vectorizedNF4(1, int64(whole), &scale, &src[:8*whole][0], &dst[0])
		dst, src = dst[16*whole:], src[8*whole:]
	}
	if len(dst) == 0 {
		return
	}
	var level [16]float32
	for i, v := range nf4Values {
		level[i] = v * scale
	}
	for i, v := range src[:len(dst)/2] {
		dst[2*i], dst[2*i+1] = level[v>>4], level[v&15]
	}
	if n := len(dst); n%2 == 1 {
		dst[n-1] = level[src[n/2]>>4]
	}
}

// decodeInt8 writes q·scale/127, in the order of bitsandbytes' int8_vectorwise_dequant.
func decodeInt8(dst []float32, src []byte, scale float32) {
	n := 0
	if whole := len(dst) / 16; whole > 0 && vectorizedInt8 != nil {
		n = 16 * whole
		vectorizedInt8(int64(whole), scale, &src[0], &dst[0])
	}
	const inverse = float32(1.0 / 127)
	for i, v := range src[n:] {
		dst[n+i] = float32(float32(int8(v))*scale) * inverse
	}
}

// quantizeNF4 stores w as bitsandbytes' quantize_4bit of blocksize GroupNF4 does: of the values over the group's largest
// magnitude, the nearest of nf4Values, the lower of two that are as near.
func quantizeNF4(out *Tensor, w []float32) {
	out.Group = GroupNF4
	out.Data, out.Scales = make([]byte, out.bytes()), make([]float32, out.scales())
	for i := range out.Scales {
		group := w[i*GroupNF4 : min(len(w), (i+1)*GroupNF4)]
		v := largest(group)
		out.Scales[i] = max(v, -v)
		inverse := ratio(1, out.Scales[i])
		for j, v := range group {
			at := i*GroupNF4 + j
			out.Data[at/2] |= nearest(nf4Values[:], v*inverse) << (4 - 4*(at%2))
		}
	}
	if len(w)%2 == 1 { // the half after the last value is padding: the code of 0
		out.Data[len(out.Data)-1] |= 7
	}
}

// nearest is the place in values, which rise, of the one nearest to v between -1 and 1: the lower of two as near.
// Distances are of float32, as in bitsandbytes.
func nearest(values []float32, v float32) byte {
	v = min(max(v, -1), 1)
	best, distance := 0, float32(math.MaxFloat32)
	lo, hi := 0, len(values)
	for lo < hi { // the first that is at least v
		if mid := (lo + hi) / 2; values[mid] < v {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for i := max(0, lo-2); i < min(len(values), lo+2); i++ {
		if d := float32(math.Abs(float64(v - values[i]))); d < distance {
			best, distance = i, d
		}
	}
	return byte(best)
}

// quantizeInt8 stores w as bitsandbytes' int8_vectorwise_quant does: a row over its largest magnitude, times 127, rounded.
func quantizeInt8(out *Tensor, w []float32) {
	out.Data, out.Scales = make([]byte, len(w)), make([]float32, out.Rows)
	for r := range out.Rows {
		row := w[r*out.Cols : (r+1)*out.Cols]
		v := largest(row)
		out.Scales[r] = max(v, -v)
		by := ratio(127, out.Scales[r])
		for i, v := range row {
			out.Data[r*out.Cols+i] = byte(int8(round(float32(v * by))))
		}
	}
}

// NF4Values are the values that the codes of NF4 stand for, rising.
func NF4Values() []float32 { return slices.Clone(nf4Values[:]) }
