package quant

import (
	"encoding/binary"
	"fmt"
)

// Decode writes the values of the blocks in src to dst. src holds exactly len(dst) values of type t, which is none of those with
// scales apart.
//
// Source: ggml-quants.c, dequantize_row_*. Every value is rounded once, or is a product rounded once and a sum: products of a
// binary16 scale, a scale of at most eight bits and a quant are exact in float32 before a sum, so a fused multiply-add gives the
// same bits.
func Decode(t Type, dst []float32, src []byte) {
	if !t.InGGUF() || len(dst)/layouts[t].block*layouts[t].bytes != len(src) || len(dst)%layouts[t].block != 0 {
		panic(fmt.Sprintf("quant: %d values of %v do not take %d bytes", len(dst), t, len(src)))
	}
	if f := vectorized[t]; f != nil && len(dst) > 0 {
		f(int64(len(dst)/layouts[t].block), &src[0], &dst[0])
		return
	}
	decode(t, dst, src)
}

// decode is Decode in plain Go.
func decode(t Type, dst []float32, src []byte) {
	switch t {
	case F32:
		copy(bytesOf(dst), src)
	case F16:
		for i := range dst {
			dst[i] = half(uint16At(src, 2*i))
		}
	case BF16:
		for i := range dst {
			dst[i] = brain(uint16At(src, 2*i))
		}
	default:
		l := layouts[t]
		for f := decoders[t]; len(dst) > 0; dst, src = dst[l.block:], src[l.bytes:] {
			f(dst[:l.block], src[:l.bytes])
		}
	}
}

// decoders read one block.
var decoders = [Types]func(dst []float32, b []byte){
	Q4_0: decodeQ4_0, Q4_1: decodeQ4_1, Q5_0: decodeQ5_0, Q5_1: decodeQ5_1, Q8_0: decodeQ8_0,
	Q2_K: decodeQ2K, Q3_K: decodeQ3K, Q4_K: decodeQ4K, Q5_K: decodeQ5K, Q6_K: decodeQ6K,
	IQ4_NL: decodeIQ4NL, IQ4_XS: decodeIQ4XS, MXFP4: decodeMXFP4, TQ1_0: decodeTQ1, TQ2_0: decodeTQ2,
}

// uint16At is the little-endian number at b[i:].
func uint16At(b []byte, i int) uint16 { return binary.LittleEndian.Uint16(b[i:]) }

// uint32At is the little-endian number at b[i:].
func uint32At(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }

// decodeQ4_0 reads d, 16 bytes of nibbles (low: values 0 to 15, high: 16 to 31): d·(q-8).
func decodeQ4_0(dst []float32, b []byte) {
	d := half(uint16At(b, 0))
	var level [16]float32
	for i := range level {
		level[i] = float32(i-8) * d
	}
	spread(dst, b[2:18], &level, &level)
}

// spread writes 32 values: the levels of the low halves of 16 bytes, then those of the high ones.
func spread(dst []float32, codes []byte, low, high *[16]float32) {
	y, q := (*[32]float32)(dst), (*[16]byte)(codes)
	for i, v := range q {
		y[i], y[i+16] = low[v&15], high[v>>4]
	}
}

// decodeQ4_1 reads d, m, nibbles: d·q + m.
func decodeQ4_1(dst []float32, b []byte) {
	level := ladder(half(uint16At(b, 0)), half(uint16At(b, 2)))
	spread(dst, b[4:20], &level, &level)
}

// ladder is d·q + m for every q of four bits.
func ladder(d, m float32) (level [16]float32) {
	for i := range level {
		level[i] = float32(d*float32(i)) + m
	}
	return level
}

// ladder5 is d·q + m for every q of five bits.
func ladder5(d, m float32) (level [32]float32) {
	for i := range level {
		level[i] = float32(d*float32(i)) + m
	}
	return level
}

// decodeQ5_0 reads d, 32 high bits, nibbles: d·(q-16).
func decodeQ5_0(dst []float32, b []byte) {
	d := half(uint16At(b, 0))
	var level [32]float32
	for i := range level {
		level[i] = float32(i-16) * d
	}
	spread5(dst, b[6:22], uint32At(b, 2), &level)
}

// spread5 is spread with the fifth bits of all 32 values in high.
func spread5(dst []float32, codes []byte, high uint32, level *[32]float32) {
	y, q := (*[32]float32)(dst), (*[16]byte)(codes)
	for i, v := range q {
		y[i] = level[uint32(v&15)|high<<4&16]
		y[i+16] = level[uint32(v>>4)|high>>12&16]
		high >>= 1
	}
}

// decodeQ5_1 reads d, m, 32 high bits, nibbles: d·q + m.
func decodeQ5_1(dst []float32, b []byte) {
	level := ladder5(half(uint16At(b, 0)), half(uint16At(b, 2)))
	spread5(dst, b[8:24], uint32At(b, 4), &level)
}

// decodeQ8_0 reads d, 32 signed bytes: d·q.
func decodeQ8_0(dst []float32, b []byte) {
	d, y, q := half(uint16At(b, 0)), (*[32]float32)(dst), (*[32]byte)(b[2:])
	for i, v := range q {
		y[i] = float32(int8(v)) * d
	}
}
