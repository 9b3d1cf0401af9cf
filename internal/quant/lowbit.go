package quant

// decodeQ2K reads 16 bytes of a four-bit scale and a four-bit minimum for 16 values each, 64 bytes of bit pairs, d, dmin: of each
// 32 bytes the lowest pairs are 32 values, then the next pairs: d·scale·q - dmin·low.
func decodeQ2K(dst []float32, b []byte) {
	d, dmin := half(uint16At(b, 80)), half(uint16At(b, 82))
	scales := b[:16]
	for h := range 2 {
		q := b[16+32*h:][:32]
		for j := range 4 {
			y := dst[128*h+32*j:][:32]
			for k := range 2 {
				s := scales[8*h+2*j+k]
				scale, low := d*float32(s&15), dmin*float32(s>>4)
				var level [4]float32
				for i := range level {
					level[i] = float32(scale*float32(i)) - low
				}
				for i, v := range q[16*k:][:16] {
					y[16*k+i] = level[v>>(2*j)&3]
				}
			}
		}
	}
}

// decodeQ3K reads 32 bytes of third bits, 64 of bit pairs in the order of decodeQ2K, 12 bytes of 16 six-bit scales for 16 values
// each, d: d·(scale-32)·(q-4), where the third bit of the 32 values of the step n is bit n.
func decodeQ3K(dst []float32, b []byte) {
	d, high := half(uint16At(b, 108)), b[:32]
	scales := scales6(b[96:108])
	for n := range 8 {
		q, y := b[32+32*(n/4):][:32], dst[32*n:][:32]
		shift := 2 * (n % 4)
		for k := range 2 {
			scale := d * float32(int(scales[2*n+k])-32)
			var level [8]float32
			for i := range level {
				level[i] = scale * float32(i-4)
			}
			for i := 16 * k; i < 16*k+16; i++ {
				y[i] = level[q[i]>>shift&3|high[i]>>n&1<<2]
			}
		}
	}
}

// scales6 unpacks 16 six-bit numbers: the low four bits of eight bytes, then their high ones; the upper two bits of the numbers
// i, i+4, i+8 and i+12 are in the byte 8+i.
func scales6(b []byte) (s [16]byte) {
	for i := range 8 {
		s[i] = b[i]&15 | b[8+i%4]>>(2*(i/4))&3<<4
		s[i+8] = b[i]>>4 | b[8+i%4]>>(2*(i/4)+4)&3<<4
	}
	return s
}

// decodeTQ1 reads 48 bytes of five base-3 digits each, 4 bytes of four, d: d·(digit-1). The first digits of 32 bytes are 32
// values, then the second ones; then the same of 16 bytes, then of the last 4.
func decodeTQ1(dst []float32, b []byte) {
	d := half(uint16At(b, 52))
	level := [3]float32{-d, 0 * d, d}
	for _, part := range []struct{ from, bytes, digits int }{{0, 32, 5}, {32, 16, 5}, {48, 4, 4}} {
		for n, power := 0, byte(1); n < part.digits; n, power = n+1, power*3 {
			y := dst[:part.bytes]
			for i, v := range b[part.from:][:part.bytes] {
				y[i] = level[uint16(v*power)*3>>8]
			}
			dst = dst[part.bytes:]
		}
	}
}

// decodeTQ2 reads 64 bytes of bit pairs in the order of decodeQ2K, d: d·(q-1).
func decodeTQ2(dst []float32, b []byte) {
	d := half(uint16At(b, 64))
	level := [4]float32{-d, 0 * d, d, 2 * d}
	for n := range 8 {
		y := dst[32*n:][:32]
		for i, v := range b[32*(n/4):][:32] {
			y[i] = level[v>>(2*(n%4))&3]
		}
	}
}
