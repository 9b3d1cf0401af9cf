package quant

// scaleMin unpacks the scale and the minimum of the sub-block j of 8 from the 12 bytes that hold 16 six-bit numbers.
func scaleMin(s []byte, j int) (scale, low byte) {
	if j < 4 {
		return s[j] & 63, s[j+4] & 63
	}
	return s[j+4]&15 | s[j-4]>>6<<4, s[j+4]>>4 | s[j]>>6<<4
}

// decodeQ4K reads d, dmin, 12 bytes of scales, 128 of nibbles; of each 32 bytes the low nibbles are one sub-block of 32 values
// and the high ones the next: d·scale·q - dmin·low.
func decodeQ4K(dst []float32, b []byte) {
	d, dmin := half(uint16At(b, 0)), half(uint16At(b, 2))
	for j := 0; j < 8; j += 2 {
		s0, m0 := scaleMin(b[4:16], j)
		s1, m1 := scaleMin(b[4:16], j+1)
		low, high := ladder(d*float32(s0), -(dmin*float32(m0))), ladder(d*float32(s1), -(dmin*float32(m1)))
		y := (*[64]float32)(dst[32*j:])
		for i, q := range (*[32]byte)(b[16+16*j:]) {
			y[i], y[i+32] = low[q&15], high[q>>4]
		}
	}
}

// decodeQ5K is decodeQ4K with a fifth bit of each value: bit j of the byte i before the nibbles belongs to value i of sub-block j.
func decodeQ5K(dst []float32, b []byte) {
	d, dmin := half(uint16At(b, 0)), half(uint16At(b, 2))
	bits := (*[32]byte)(b[16:])
	for j := 0; j < 8; j += 2 {
		s0, m0 := scaleMin(b[4:16], j)
		s1, m1 := scaleMin(b[4:16], j+1)
		low, high := ladder5(d*float32(s0), -(dmin*float32(m0))), ladder5(d*float32(s1), -(dmin*float32(m1)))
		y := (*[64]float32)(dst[32*j:])
		for i, q := range (*[32]byte)(b[48+16*j:]) {
			h := bits[i] >> (j & 7)
			y[i] = low[q&15|h<<4&16]
			y[i+32] = high[q>>4|h<<3&16]
		}
	}
}

// decodeQ6K reads 128 bytes of low nibbles, 64 of bit pairs, 16 signed scales of 16 values each, d: d·scale·(q-32).
func decodeQ6K(dst []float32, b []byte) {
	d := half(uint16At(b, 208))
	for h := range 2 {
		low, high := (*[64]byte)(b[64*h:]), (*[32]byte)(b[128+32*h:])
		y := (*[128]float32)(dst[128*h:])
		var scale [8]float32
		for i := range scale {
			scale[i] = d * float32(int8(b[192+8*h+i]))
		}
		for i, v := range high {
			s := scale[i/16:]
			y[i] = s[0] * float32(int(low[i]&15|v<<4&48)-32)
			y[i+32] = s[2] * float32(int(low[i+32]&15|v<<2&48)-32)
			y[i+64] = s[4] * float32(int(low[i]>>4|v&48)-32)
			y[i+96] = s[6] * float32(int(low[i+32]>>4|v>>2&48)-32)
		}
	}
}
