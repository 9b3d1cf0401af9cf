package quant

import "fmt"

// Decode writes the values of the blocks in src to dst. src holds exactly len(dst) values of type t.
//
// Source: ggml-quants.c, dequantize_row_*. Every value is rounded once: products of a binary16 scale and a quant are exact in
// float32 (but those of Q6_K, which are single products), so a fused multiply-add gives the same bits.
func Decode(t Type, dst []float32, src []byte) {
	if l := layouts[t]; l.block == 0 || len(dst)/l.block*l.bytes != len(src) || len(dst)%l.block != 0 {
		panic(fmt.Sprintf("quant: %d values of %v do not take %d bytes", len(dst), t, len(src)))
	}
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
	case Q4_0:
		each(dst, src, 32, 18, decodeQ4_0)
	case Q4_1:
		each(dst, src, 32, 20, decodeQ4_1)
	case Q5_0:
		each(dst, src, 32, 22, decodeQ5_0)
	case Q5_1:
		each(dst, src, 32, 24, decodeQ5_1)
	case Q8_0:
		each(dst, src, 32, 34, decodeQ8_0)
	case Q4_K:
		each(dst, src, 256, 144, decodeQ4K)
	case Q5_K:
		each(dst, src, 256, 176, decodeQ5K)
	case Q6_K:
		each(dst, src, 256, 210, decodeQ6K)
	}
}

// each calls f for every block.
func each(dst []float32, src []byte, values, size int, f func(dst []float32, b []byte)) {
	for len(dst) > 0 {
		f(dst[:values], src[:size])
		dst, src = dst[values:], src[size:]
	}
}

// uint16At is the little-endian number at b[i:].
func uint16At(b []byte, i int) uint16 { return uint16(b[i]) | uint16(b[i+1])<<8 }

// uint32At is the little-endian number at b[i:].
func uint32At(b []byte, i int) uint32 { return uint32(uint16At(b, i)) | uint32(uint16At(b, i+2))<<16 }

// decodeQ4_0 reads d, 16 bytes of nibbles (low: values 0 to 15, high: 16 to 31): d·(q-8).
func decodeQ4_0(dst []float32, b []byte) {
	d := half(uint16At(b, 0))
	for j, q := range b[2:18] {
		dst[j] = float32(int(q&15)-8) * d
		dst[j+16] = float32(int(q>>4)-8) * d
	}
}

// decodeQ4_1 reads d, m, nibbles: d·q + m.
func decodeQ4_1(dst []float32, b []byte) {
	d, m := half(uint16At(b, 0)), half(uint16At(b, 2))
	for j, q := range b[4:20] {
		dst[j] = float32(float32(q&15)*d) + m
		dst[j+16] = float32(float32(q>>4)*d) + m
	}
}

// decodeQ5_0 reads d, 32 high bits, nibbles: d·(q-16).
func decodeQ5_0(dst []float32, b []byte) {
	d, high := half(uint16At(b, 0)), uint32At(b, 2)
	for j, q := range b[6:22] {
		dst[j] = float32(int(q&15)|int(high>>j&1)<<4-16) * d
		dst[j+16] = float32(int(q>>4)|int(high>>(j+16)&1)<<4-16) * d
	}
}

// decodeQ5_1 reads d, m, 32 high bits, nibbles: d·q + m.
func decodeQ5_1(dst []float32, b []byte) {
	d, m, high := half(uint16At(b, 0)), half(uint16At(b, 2)), uint32At(b, 4)
	for j, q := range b[8:24] {
		dst[j] = float32(float32(uint32(q&15)|high>>j&1<<4)*d) + m
		dst[j+16] = float32(float32(uint32(q>>4)|high>>(j+16)&1<<4)*d) + m
	}
}

// decodeQ8_0 reads d, 32 signed bytes: d·q.
func decodeQ8_0(dst []float32, b []byte) {
	d := half(uint16At(b, 0))
	for j, q := range b[2:34] {
		dst[j] = float32(int8(q)) * d
	}
}
