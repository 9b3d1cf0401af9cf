package quant

import "math"

// half is the value of an IEEE 754 binary16 number. Source: IEEE 754-2008 §3.6.
func half(h uint16) float32 {
	sign, magnitude := uint32(h>>15)<<31, uint32(h&0x7fff)<<13
	if magnitude >= 31<<23 { // an infinity or none
		return math.Float32frombits(sign | 0xff<<23 | magnitude&(1<<23-1))
	}
	// The bits read as float32 are 2¹¹² times too small, subnormal numbers too.
	return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(magnitude)*0x1p112))
}

// toHalf rounds to the nearest binary16 number, ties to even; what is too large becomes an infinity, a NaN stays one.
func toHalf(f float32) uint16 {
	b := math.Float32bits(f)
	sign, abs := uint16(b>>16)&0x8000, b&0x7fffffff
	switch {
	case abs > 0xff<<23:
		return sign | 0x7e00
	case abs >= 0x477ff000: // halfway between the largest binary16 number and the next power of two
		return sign | 0x7c00
	case abs < 113<<23: // subnormal: adding ½ lets the processor round to multiples of 2⁻²⁴
		v := math.Float32frombits(abs) + 0.5
		return sign | uint16(math.Float32bits(v)-126<<23)
	}
	return sign | uint16((abs-112<<23+0xfff+abs>>13&1)>>13)
}

// Half rounds to the bits of the nearest binary16 number, ties to even.
func Half(f float32) uint16 { return toHalf(f) }

// brain is the value of a bfloat16 number: the upper half of a float32.
func brain(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// toBrain rounds to the nearest bfloat16 number, ties to even; a NaN stays one.
func toBrain(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0xff<<23 {
		return uint16(b>>16) | 64
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
