package quant

// blocks dequantizes one block of each format; the layouts are ggml's (ggml-quants.c, dequantize_row_*).
var blocks = map[Type]func(y []float32, b []byte){
	Q4_0: q4_0, Q4_1: q4_1, Q5_0: q5_0, Q5_1: q5_1, Q8_0: q8_0, Q4_K: q4_K, Q5_K: q5_K, Q6_K: q6_K,
}

func q4_0(y []float32, b []byte) {
	d := half(b)
	lo, hi := y[:16], y[16:32]
	for j, q := range b[2:18] {
		lo[j] = float32(int(q&15)-8) * d
		hi[j] = float32(int(q>>4)-8) * d
	}
}

func q4_1(y []float32, b []byte) {
	d, m := half(b), half(b[2:])
	lo, hi := y[:16], y[16:32]
	for j, q := range b[4:20] {
		lo[j] = float32(q&15)*d + m
		hi[j] = float32(q>>4)*d + m
	}
}

func q5_0(y []float32, b []byte) {
	d := half(b)
	high := uint32(b[2]) | uint32(b[3])<<8 | uint32(b[4])<<16 | uint32(b[5])<<24
	for j, q := range b[6:22] {
		y[j] = float32(int(uint32(q&15)|high>>j<<4&16)-16) * d
		y[j+16] = float32(int(uint32(q>>4)|high>>(j+16)<<4&16)-16) * d
	}
}

func q5_1(y []float32, b []byte) {
	d, m := half(b), half(b[2:])
	high := uint32(b[4]) | uint32(b[5])<<8 | uint32(b[6])<<16 | uint32(b[7])<<24
	for j, q := range b[8:24] {
		y[j] = float32(uint32(q&15)|high>>j<<4&16)*d + m
		y[j+16] = float32(uint32(q>>4)|high>>(j+16)<<4&16)*d + m
	}
}

func q8_0(y []float32, b []byte) {
	d := half(b)
	y = y[:32]
	for j, q := range b[2:34] {
		y[j] = float32(int8(q)) * d
	}
}

// scaleMin unpacks the six-bit scale and minimum j of a K-quant's twelve bytes.
func scaleMin(s []byte, j int) (scale, min float32) {
	if j < 4 {
		return float32(s[j] & 63), float32(s[j+4] & 63)
	}
	return float32(s[j+4]&15 | s[j-4]>>6<<4), float32(s[j+4]>>4 | s[j]>>6<<4)
}

func q4_K(y []float32, b []byte) {
	d, dmin := half(b), half(b[2:])
	for k := range 4 {
		s0, m0 := scaleMin(b[4:16], 2*k)
		s1, m1 := scaleMin(b[4:16], 2*k+1)
		d0, d1, n0, n1 := d*s0, d*s1, dmin*m0, dmin*m1
		lo, hi := y[64*k:64*k+32], y[64*k+32:64*k+64]
		for l, q := range b[16+32*k : 48+32*k] {
			lo[l] = d0*float32(q&15) - n0
			hi[l] = d1*float32(q>>4) - n1
		}
	}
}

func q5_K(y []float32, b []byte) {
	d, dmin := half(b), half(b[2:])
	high := b[16:48]
	for k := range 4 {
		s0, m0 := scaleMin(b[4:16], 2*k)
		s1, m1 := scaleMin(b[4:16], 2*k+1)
		d0, d1, n0, n1 := d*s0, d*s1, dmin*m0, dmin*m1
		for l, q := range b[48+32*k : 80+32*k] {
			h := high[l] >> (2 * k)
			y[64*k+l] = d0*float32(q&15+h&1<<4) - n0
			y[64*k+32+l] = d1*float32(q>>4+h>>1&1<<4) - n1
		}
	}
}

func q6_K(y []float32, b []byte) {
	d := half(b[208:])
	for n := range 2 {
		low, high, scales, out := b[64*n:], b[128+32*n:], b[192+8*n:], y[128*n:]
		for l := range 32 {
			h, i := high[l], l/16
			out[l] = d * float32(int8(scales[i])) * float32(int(low[l]&15|h&3<<4)-32)
			out[l+32] = d * float32(int8(scales[i+2])) * float32(int(low[l+32]&15|h>>2&3<<4)-32)
			out[l+64] = d * float32(int8(scales[i+4])) * float32(int(low[l]>>4|h>>4&3<<4)-32)
			out[l+96] = d * float32(int8(scales[i+6])) * float32(int(low[l+32]>>4|h>>6<<4)-32)
		}
	}
}
