package quant

import (
	"encoding/binary"
	"math"
)

// turn is 1.5·2²³: adding it to a number below 2²² rounds that to a whole one, ties to even.
const turn = 12582912

// round is the nearest whole number, ties to even, for |v| at most 2²²; beyond, what ggml makes of it.
func round(v float32) int { return int(math.Float32bits(float32(v)+turn)&0x7fffff) - 0x400000 }

// A search is the scales that fit looks at beside the range's own: the levels' number and from+step·i for i of 0 to tries, over
// the range of the values.
type search struct {
	levels     int // the largest q
	from, step float32
	tries      int
}

// fit finds d and low, at least 0, for which d·q - low is near the values x, of at most 32, where an error counts by the value's
// weight, and writes those levels to q. For the levels of each scale looked at, d and low are those of least squares.
func (s search) fit(q []byte, x, weights []float32) (d, low float32) {
	least, most := bounds(x)
	var sumW, sumX float32
	for i, w := range weights {
		sumW += w
		sumX += float32(w * x[i])
	}
	least = min(least, 0)
	if most == least {
		clear(q)
		return 0, -least
	}
	var buffer [32]float32
	try := buffer[:len(x)]
	scale := float32(s.levels) / (most - least)
	d = 1 / scale
	s.levelsOf(try, x, scale, least)
	keep(q, try)
	best := lossOf(try, x, weights, d, least)
	for i := range s.tries + 1 {
		scale := (s.from + float32(s.step*float32(i)) + float32(s.levels)) / (most - least)
		s.levelsOf(try, x, scale, least)
		slope, offset, ok := leastSquares(try, x, weights, sumW, sumX)
		if !ok {
			continue
		}
		if loss := lossOf(try, x, weights, slope, offset); loss < best {
			best, d, least = loss, slope, offset
			keep(q, try)
		}
	}
	return d, -least
}

// keep copies levels.
func keep(q []byte, levels []float32) {
	for i, v := range levels {
		q[i] = byte(v)
	}
}

// levelsOf sets q to the nearest levels of x.
func (s search) levelsOf(q, x []float32, scale, least float32) {
	top := float32(s.levels)
	for i, v := range x {
		l := float32(float32(scale*(v-least))+turn) - turn
		if l < 0 {
			l = 0
		}
		if l > top {
			l = top
		}
		q[i] = l
	}
}

// leastSquares returns the d and the offset, at most 0, for which the weighted squares of d·q + offset - x are least.
func leastSquares(q, x, weights []float32, sumW, sumX float32) (d, offset float32, ok bool) {
	var sumQ, sumQ2, sumXQ float32
	x, q = x[:len(weights)], q[:len(weights)]
	for i, w := range weights {
		wq := w * q[i]
		sumQ += wq
		sumQ2 += float32(wq * q[i])
		sumXQ += float32(wq * x[i])
	}
	det := float32(sumW*sumQ2) - float32(sumQ*sumQ)
	if !(det > 0) {
		return 0, 0, false
	}
	d = (float32(sumW*sumXQ) - float32(sumX*sumQ)) / det
	offset = (float32(sumQ2*sumX) - float32(sumQ*sumXQ)) / det
	if offset > 0 {
		return sumXQ / sumQ2, 0, true
	}
	return d, offset, true
}

// lossOf is the sum of the weighted squares of d·q + offset - x.
func lossOf(q, x, weights []float32, d, offset float32) (sum float32) {
	x, q = x[:len(weights)], q[:len(weights)]
	for i, w := range weights {
		diff := float32(d*q[i]) + offset - x[i]
		sum += float32(w * float32(diff*diff))
	}
	return sum
}

// subBlocks finds d and low of the eight sub-blocks of 32 values, and stores them in the first 16 bytes of b, as six-bit numbers
// and their two scales; it returns the levels found. Errors count by the value's size and the root of the sub-block's mean square.
func (s search) subBlocks(b []byte, x []float32) (q [256]byte) {
	var scales, lows [8]float32
	var most, deepest float32
	for j := range 8 {
		sub := x[32*j : 32*j+32]
		var squares float32
		for _, v := range sub {
			squares += float32(v * v)
		}
		mean := float32(math.Sqrt(float64(squares / 32)))
		var weights [32]float32
		for i, v := range sub {
			weights[i] = mean + max(v, -v)
		}
		scales[j], lows[j] = s.fit(q[32*j:32*j+32], sub, weights[:])
		most, deepest = max(most, scales[j]), max(deepest, lows[j])
	}
	is, il := ratio(63, most), ratio(63, deepest)
	packed := b[4:16]
	clear(packed)
	for j := range 8 {
		v, l := min(63, byte(round(float32(is*scales[j])))), min(63, byte(round(float32(il*lows[j]))))
		if j < 4 {
			packed[j], packed[j+4] = v, l
			continue
		}
		packed[j+4] = v&15 | l&15<<4
		packed[j-4] |= v >> 4 << 6
		packed[j] |= l >> 4 << 6
	}
	binary.LittleEndian.PutUint16(b, toHalf(most/63))
	binary.LittleEndian.PutUint16(b[2:], toHalf(deepest/63))
	return q
}

// ratio is a/b, 0 where b is not above 0.
func ratio(a, b float32) float32 {
	if b > 0 {
		return a / b
	}
	return 0
}

// quants stores the sub-blocks of x in b and returns the levels of the values for the scales as they are stored. Where a stored
// scale is 0 a level counts for nothing, and is that of the fit, as ggml leaves it.
func (s search) quants(b []byte, x []float32) [256]byte {
	q := s.subBlocks(b, x)
	d, dmin := half(uint16At(b, 0)), half(uint16At(b, 2))
	for j := range 8 {
		scale, low := scaleMin(b[4:16], j)
		ds, dl := d*float32(scale), dmin*float32(low)
		if ds == 0 {
			continue
		}
		for i, v := range x[32*j : 32*j+32] {
			q[32*j+i] = byte(max(0, min(s.levels, round((v+dl)/ds))))
		}
	}
	return q
}

func encodeQ4K(b []byte, x []float32) {
	s := search{levels: 15, from: -1, step: 0.1, tries: 20}
	q := s.quants(b, x)
	for j := range 128 {
		at := j/32*64 + j%32
		b[16+j] = q[at] | q[at+32]<<4
	}
}

func encodeQ5K(b []byte, x []float32) {
	s := search{levels: 31, from: -0.5, step: 0.1, tries: 15}
	q := s.quants(b, x)
	clear(b[16:48])
	for j := range 128 {
		at := j/32*64 + j%32
		b[48+j] = q[at]&15 | q[at+32]&15<<4
		b[16+j%32] |= q[at]>>4<<(j/32*2) | q[at+32]>>4<<(j/32*2+1)
	}
}

// tiny is the magnitude below which a group of values counts as zeros.
const tiny = 1e-15

// symmetric finds d for which d·q is near the values x, where an error counts by the square of the value: of 19 scales near the
// one that makes the largest value -top, that of least squares. It writes the levels, from 0, to q.
func symmetric(top float32, q []byte, x []float32) (d float32) {
	most := largest(x)
	if max(most, -most) < tiny {
		clear(q)
		return 0
	}
	var best float32
	var try [16]float32
	for i := range 19 {
		// The middle one comes first: of equals the first stays.
		off := i - 10
		if i == 0 {
			off = 0
		} else if off >= 0 {
			off++
		}
		scale := -(top + float32(0.1*float32(off))) / most
		var sumXQ, sumQ2 float32
		for i, v := range x {
			l := float32(float32(scale*v)+turn) - turn
			if l < -top {
				l = -top
			}
			if l > top-1 {
				l = top - 1
			}
			try[i] = l
			w := v * v
			sumXQ += float32(float32(w*v) * l)
			sumQ2 += float32(float32(w*l) * l)
		}
		better := sumQ2 > 0 && float32(sumXQ*sumXQ) > float32(best*sumQ2)
		if i > 0 && !better {
			continue
		}
		if sumQ2 > 0 {
			d = sumXQ / sumQ2
			best = d * sumXQ
		}
		for i := range x {
			q[i] = byte(try[i] + top)
		}
	}
	return d
}

func encodeQ6K(b []byte, x []float32) {
	clear(b)
	var scales [16]float32
	var q [256]byte
	for j := range scales {
		scales[j] = symmetric(32, q[16*j:16*j+16], x[16*j:16*j+16])
	}
	most := largest(scales[:])
	if max(most, -most) < tiny {
		return
	}
	inverse := -128 / most
	binary.LittleEndian.PutUint16(b[208:], toHalf(1/inverse))
	d := half(uint16At(b, 208))
	for j := range scales {
		stored := int8(min(127, round(float32(inverse*scales[j]))))
		b[192+j] = byte(stored)
		scale := d * float32(stored)
		if scale == 0 {
			continue
		}
		for i := 16 * j; i < 16*j+16; i++ {
			q[i] = byte(max(-32, min(31, round(x[i]/scale))) + 32)
		}
	}
	for h := range 2 {
		for i := range 32 {
			v := q[128*h+i:]
			b[64*h+i] = v[0]&15 | v[64]&15<<4
			b[64*h+32+i] = v[32]&15 | v[96]&15<<4
			b[128+32*h+i] = v[0]>>4 | v[32]>>4<<2 | v[64]>>4<<4 | v[96]>>4<<6
		}
	}
}
