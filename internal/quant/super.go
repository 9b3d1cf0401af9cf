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
		d0, d1, l0, l1 := d*float32(s0), d*float32(s1), dmin*float32(m0), dmin*float32(m1)
		y := dst[32*j : 32*j+64]
		for i, q := range b[16+16*j : 48+16*j] {
			y[i] = float32(d0*float32(q&15)) - l0
			y[i+32] = float32(d1*float32(q>>4)) - l1
		}
	}
}

// decodeQ5K is decodeQ4K with a fifth bit of each value: bit j of the byte i before the nibbles belongs to value i of sub-block j.
func decodeQ5K(dst []float32, b []byte) {
	d, dmin := half(uint16At(b, 0)), half(uint16At(b, 2))
	high := b[16:48]
	for j := 0; j < 8; j += 2 {
		s0, m0 := scaleMin(b[4:16], j)
		s1, m1 := scaleMin(b[4:16], j+1)
		d0, d1, l0, l1 := d*float32(s0), d*float32(s1), dmin*float32(m0), dmin*float32(m1)
		y := dst[32*j : 32*j+64]
		for i, q := range b[48+16*j : 80+16*j] {
			y[i] = float32(d0*float32(q&15|high[i]>>j&1<<4)) - l0
			y[i+32] = float32(d1*float32(q>>4|high[i]>>(j+1)&1<<4)) - l1
		}
	}
}

// decodeQ6K reads 128 bytes of low nibbles, 64 of bit pairs, 16 signed scales of 16 values each, d: d·scale·(q-32).
func decodeQ6K(dst []float32, b []byte) {
	d := half(uint16At(b, 208))
	for h := range 2 {
		low, high, scales := b[64*h:64*h+64], b[128+32*h:160+32*h], b[192+8*h:200+8*h]
		y := dst[128*h : 128*h+128]
		for i := range 32 {
			s := i / 16
			q0 := int(low[i]&15 | high[i]&3<<4)
			q1 := int(low[i+32]&15 | high[i]>>2&3<<4)
			q2 := int(low[i]>>4 | high[i]>>4&3<<4)
			q3 := int(low[i+32]>>4 | high[i]>>6<<4)
			y[i] = d * float32(int8(scales[s])) * float32(q0-32)
			y[i+32] = d * float32(int8(scales[s+2])) * float32(q1-32)
			y[i+64] = d * float32(int8(scales[s+4])) * float32(q2-32)
			y[i+96] = d * float32(int8(scales[s+6])) * float32(q3-32)
		}
	}
}
