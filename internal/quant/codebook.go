package quant

import "math"

// The values that the codes of IQ4_NL and IQ4_XS, and of MXFP4 (twice E2M1 of the OCP Microscaling Formats v1.0, §5.3), stand for.
var (
	iq4Values   = [16]float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}
	mxfp4Values = [16]float32{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}
)

// decodeCodes writes 32 values: those of the low halves of 16 bytes, then those of the high ones, times d.
func decodeCodes(dst []float32, codes []byte, values *[16]float32, d float32) {
	var level [16]float32
	for i, v := range values {
		level[i] = v * d
	}
	y, q := (*[32]float32)(dst), (*[16]byte)(codes)
	for i, v := range q {
		y[i], y[i+16] = level[v&15], level[v>>4]
	}
}

// decodeIQ4NL reads d, 16 bytes of codes.
func decodeIQ4NL(dst []float32, b []byte) {
	decodeCodes(dst, b[2:18], &iq4Values, half(uint16At(b, 0)))
}

// decodeIQ4XS reads d, 16 bits with the upper two bits of eight scales, 4 bytes with their lower four, 128 bytes of codes, 32
// values a scale: d·(scale-32)·value.
func decodeIQ4XS(dst []float32, b []byte) {
	d, high := half(uint16At(b, 0)), uint16At(b, 2)
	for i := range 8 {
		scale := int(b[4+i/2]>>(4*(i%2))&15) | int(high>>(2*i)&3)<<4
		decodeCodes(dst[32*i:], b[8+16*i:24+16*i], &iq4Values, d*float32(scale-32))
	}
}

// decodeMXFP4 reads a power of two, 16 bytes of codes.
func decodeMXFP4(dst []float32, b []byte) {
	decodeCodes(dst, b[1:17], &mxfp4Values, halfPower(b[0]))
}

// halfPower is 2^(e-128), half of an E8M0 number: the values of the codes are twice what they stand for.
func halfPower(e byte) float32 {
	if e < 2 { // a subnormal number
		return math.Float32frombits(0x00200000 << e)
	}
	return math.Float32frombits(uint32(e-1) << 23)
}
