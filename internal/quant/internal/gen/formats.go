package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// fives are Q5_0 and Q5_1: 32 fifth bits, of the values in order, and 16 bytes of nibbles.
func fives() {
	values := func(high Mem, codes Mem, use func(q reg.VecVirtual, at int)) {
		bits := YMM()
		VPBROADCASTD(high, bits)
		for i := 0; i < 16; i += 8 {
			low, up := nibbles(codes.Offset(i))
			for k, q := range []reg.VecVirtual{low, up} {
				at := uint32(16*k + i)
				b := YMM()
				VPSRLVD(word(at, at+1, at+2, at+3, at+4, at+5, at+6, at+7), bits, b)
				take(b, 4, 16, q)
				use(q, int(at))
			}
		}
	}
	blocks("decodeQ5_0AVX2", 22, 32, func(src, dst Mem) {
		d := half(src)
		values(src.Offset(2), src.Offset(6), func(q reg.VecVirtual, at int) {
			VPSUBD(word(16), q, q)
			product(q, d, dst.Offset(4*at))
		})
	})
	blocks("decodeQ5_1AVX2", 24, 32, func(src, dst Mem) {
		d, m := halves(src)
		values(src.Offset(4), src.Offset(8), func(q reg.VecVirtual, at int) { sum(q, d, m, dst.Offset(4*at)) })
	})
}

// sixBits unpacks the eight scales and the eight minima of the 12 bytes at m as bytes.
func sixBits(m Mem) (scales, lows reg.GPVirtual) {
	a, b, c, t := GP32(), GP32(), GP32(), GP32()
	low := func(v, to reg.GPVirtual) {
		MOVL(v, to)
		ANDL(U32(0x3f3f3f3f), to)
	}
	up := func(v reg.GPVirtual, shift uint64, to reg.GPVirtual) { // four bits of c above the upper two of v
		MOVL(c, to)
		if shift > 0 {
			SHRL(Imm(shift), to)
		}
		ANDL(U32(0x0f0f0f0f), to)
		MOVL(v, t)
		SHRL(Imm(6), t)
		ANDL(U32(0x03030303), t)
		SHLL(Imm(4), t)
		ORL(t, to)
	}
	MOVL(m, a)
	MOVL(m.Offset(4), b)
	MOVL(m.Offset(8), c)
	join := func(v reg.GPVirtual, shift uint64) reg.GPVirtual {
		l, h := GP64(), GP64()
		low(v, l.As32().(reg.GPVirtual))
		up(v, shift, h.As32().(reg.GPVirtual))
		SHLQ(Imm(32), h)
		ORQ(h, l)
		return l
	}
	return join(a, 0), join(b, 4)
}

// byteScales writes the eight bytes of r times d at m.
func byteScales(r reg.GPVirtual, d reg.VecVirtual, m Mem) {
	x, v := XMM(), YMM()
	VMOVQ(r, x)
	VPMOVZXBD(x, v)
	scale(v, d, m)
}

// supers are Q4_K, Q5_K and Q6_K.
func supers() {
	for _, five := range []bool{false, true} {
		name, size, codes := "decodeQ4KAVX2", 144, 16
		if five {
			name, size, codes = "decodeQ5KAVX2", 176, 48
		}
		blocks(name, size, 256, func(src, dst Mem) {
			local := AllocLocal(64)
			d, dmin := halves(src)
			scales, lows := sixBits(src.Offset(4))
			byteScales(scales, d, local)
			byteScales(lows, dmin, local.Offset(32))
			for j := 0; j < 8; j += 2 {
				d0, d1 := spread(local.Offset(4*j)), spread(local.Offset(4*j+4))
				l0, l1 := spread(local.Offset(32+4*j)), spread(local.Offset(36+4*j))
				for i := 0; i < 32; i += 8 {
					low, high := nibbles(src.Offset(codes + 16*j + i))
					if five {
						bits := bytes(src.Offset(16 + i))
						take(bits, 4-j, 16, low)
						take(bits, 3-j, 16, high)
					}
					difference(low, d0, l0, dst.Offset(4*(32*j+i)))
					difference(high, d1, l1, dst.Offset(4*(32*j+32+i)))
				}
			}
		})
	}
	blocks("decodeQ6KAVX2", 210, 256, func(src, dst Mem) {
		local := AllocLocal(64)
		d := half(src.Offset(208))
		for i := 0; i < 16; i += 8 {
			v := YMM()
			VPMOVSXBD(src.Offset(192+i), v)
			scale(v, d, local.Offset(4*i))
		}
		for h := range 2 {
			for i := 0; i < 32; i += 8 {
				l0, l2 := nibbles(src.Offset(64*h + i))
				l1, l3 := nibbles(src.Offset(64*h + 32 + i))
				bits := bytes(src.Offset(128 + 32*h + i))
				for k, q := range []reg.VecVirtual{l0, l1, l2, l3} {
					take(bits, 4-2*k, 48, q)
					VPSUBD(word(32), q, q)
					product(q, spread(local.Offset(4*(8*h+2*k+i/16))), dst.Offset(4*(128*h+32*k+i)))
				}
			}
		}
	})
}

// tables are 16 signed bytes each.
func table(name string, v [16]int8) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i, b := range v {
		DATA(i, U8(uint8(b)))
	}
	return m
}

// codebooks are IQ4_NL, IQ4_XS and MXFP4.
func codebooks() {
	iq4 := table("iq4Table", [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113})
	mx := table("mxfp4Table", [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12})
	values := func(values, codes Mem, d reg.VecVirtual, dst Mem) {
		low, high, t := XMM(), XMM(), XMM()
		VMOVDQU(codes, low)
		VPSRLW(Imm(4), low, high)
		VMOVDQU(values, t)
		for k, x := range []reg.VecVirtual{low, high} {
			VPAND(word(0x0f0f0f0f), x, x)
			VPSHUFB(x, t, x)
			for i := 0; i < 16; i += 8 {
				v := YMM()
				VPMOVSXBD(x, v)
				product(v, d, dst.Offset(4*(16*k+i)))
				if i == 0 {
					VPSRLDQ(Imm(8), x, x)
				}
			}
		}
	}
	blocks("decodeIQ4NLAVX2", 18, 32, func(src, dst Mem) { values(iq4, src.Offset(2), half(src), dst) })
	blocks("decodeIQ4XSAVX2", 136, 256, func(src, dst Mem) {
		local := AllocLocal(32)
		d := half(src)
		high, low, r := YMM(), YMM(), GP32()
		MOVWLZX(src.Offset(2), r)
		x := XMM()
		VMOVD(r, x)
		VPBROADCASTD(x, high)
		VPBROADCASTD(src.Offset(4), low)
		VPSRLVD(word(0, 4, 8, 12, 16, 20, 24, 28), low, low)
		VPAND(word(15), low, low)
		VPSRLVD(word(0, 2, 4, 6, 8, 10, 12, 14), high, high)
		take(high, 4, 48, low)
		VPSUBD(word(32), low, low)
		scale(low, d, local)
		for i := range 8 {
			values(iq4, src.Offset(8+16*i), spread(local.Offset(4*i)), dst.Offset(4*32*i))
		}
	})
	blocks("decodeMXFP4AVX2", 17, 32, func(src, dst Mem) {
		e, small, count, d := GP32(), GP32(), reg.ECX, YMM()
		MOVBLZX(src, e)
		MOVL(e, count)
		MOVL(U32(0x00200000), small)
		SHLL(reg.CL, small)
		DECL(e)
		SHLL(Imm(23), e)
		CMPL(count, Imm(2))
		CMOVLCS(small, e) // a subnormal number
		x := XMM()
		VMOVD(e, x)
		VBROADCASTSS(x, d)
		values(mx, src.Offset(1), d, dst)
	})
}

// lowBits are Q2_K, Q3_K, TQ1_0 and TQ2_0.
func lowBits() {
	blocks("decodeQ2KAVX2", 84, 256, func(src, dst Mem) {
		local := AllocLocal(128)
		d, dmin := halves(src.Offset(80))
		for i := 0; i < 16; i += 8 {
			s, m := nibbles(src.Offset(i))
			scale(s, d, local.Offset(4*i))
			scale(m, dmin, local.Offset(64+4*i))
		}
		pairs(src.Offset(16), func(q reg.VecVirtual, n, i int) {
			at := 4 * (2*n + i/16)
			difference(q, spread(local.Offset(at)), spread(local.Offset(64+at)), dst.Offset(4*(32*n+i)))
		})
	})
	blocks("decodeQ3KAVX2", 110, 256, func(src, dst Mem) {
		local := AllocLocal(64)
		d, x, y := half(src.Offset(108)), XMM(), XMM()
		VMOVQ(src.Offset(96), x) // low four bits of scales 0 to 7 and, in the upper halves, of 8 to 15
		VPBROADCASTD(src.Offset(104), y)
		for k := range 2 {
			low, up, v := XMM(), XMM(), YMM()
			VPSRLW(Imm(uint64(4*k)), x, low)
			VPAND(word(0x0f0f0f0f), low, low)
			VPSRLVD(word(uint32(4*k), uint32(4*k+2)), y, up)
			VPAND(word(0x03030303), up, up)
			VPSLLD(Imm(4), up, up)
			VPOR(up, low, low)
			VPMOVZXBD(low, v)
			VPSUBD(word(32), v, v)
			scale(v, d, local.Offset(32*k))
		}
		pairs(src.Offset(32), func(q reg.VecVirtual, n, i int) {
			take(bytes(src.Offset(i)), 2-n, 4, q)
			VPSUBD(word(4), q, q)
			product(q, spread(local.Offset(4*(2*n+i/16))), dst.Offset(4*(32*n+i)))
		})
	})
	blocks("decodeTQ2AVX2", 66, 256, func(src, dst Mem) {
		d := half(src.Offset(64))
		pairs(src, func(q reg.VecVirtual, n, i int) {
			VPSUBD(word(1), q, q)
			product(q, d, dst.Offset(4*(32*n+i)))
		})
	})
	blocks("decodeTQ1AVX2", 54, 256, func(src, dst Mem) {
		d, at := half(src.Offset(52)), 0
		for _, part := range []struct{ from, bytes, digits int }{{0, 32, 5}, {32, 16, 5}} {
			for i := 0; i < part.bytes; i += 8 {
				v := bytes(src.Offset(part.from + i))
				for n := range part.digits {
					digits(v, n < part.digits-1, d, dst.Offset(4*(at+n*part.bytes+i)))
				}
			}
			at += part.bytes * part.digits
		}
		v := YMM() // eight bytes of which four count: each store is half overwritten by the next
		x := XMM()
		VMOVD(src.Offset(48), x)
		VPMOVZXBD(x, v)
		for n := range 4 {
			q := digit(v, n < 3)
			VCVTDQ2PS(q, q)
			VMULPS(d, q, q)
			VMOVUPS(q.AsX(), dst.Offset(4*(at+4*n)))
		}
	})
}

// pairs calls use with the two bits of 64 bytes: the lowest of the first 32 bytes are the step n 0, the next are 1, and so on; the
// values of a step begin at i.
func pairs(m Mem, use func(q reg.VecVirtual, n, i int)) {
	for h := range 2 {
		for i := 0; i < 32; i += 8 {
			v := bytes(m.Offset(32*h + i))
			for n := range 4 {
				q := shifted(v, -2*n)
				VPAND(word(3), q, q)
				use(q, 4*h+n, i)
			}
		}
	}
}

// digit is the first base-3 digit of each number of v less 1; v becomes the rest if there is more.
func digit(v reg.VecVirtual, more bool) reg.VecVirtual {
	q, third := YMM(), YMM()
	VPADDD(v, v, third)
	VPADDD(v, third, third)
	VPSRLD(Imm(8), third, q)
	VPSUBD(word(1), q, q)
	if more {
		VPAND(word(255), third, v)
	}
	return q
}

func digits(v reg.VecVirtual, more bool, d reg.VecVirtual, dst Mem) {
	product(digit(v, more), d, dst)
}

// scaled are NF4, groups of 16 times per values that share a scale, and int8, n times 16 values that do.
func scaled() {
	nf4()
	TEXT("decodeInt8AVX2", NOSPLIT, "func(n int64, scale float32, src *byte, dst *float32)")
	Pragma("noescape")
	n, src, dst, by := load("n"), load("src"), load("dst"), YMM()
	p, err := Param("scale").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(p.Addr, by)
	inverse := spread(word(0x3c010204)) // 1/127
	Label("int8_loop")
	for i := 0; i < 16; i += 8 {
		q := YMM()
		VPMOVSXBD(Mem{Base: src, Disp: i}, q)
		VCVTDQ2PS(q, q)
		VMULPS(by, q, q)
		VMULPS(inverse, q, q)
		VMOVUPS(q, Mem{Base: dst, Disp: 4 * i})
	}
	ADDQ(Imm(16), src)
	ADDQ(Imm(64), dst)
	DECQ(n)
	JNZ(LabelRef("int8_loop"))
	VZEROUPPER()
	RET()
}

func nf4() {
	book := GLOBL("nf4Table", RODATA|NOPTR)
	for i, v := range []float32{-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
		-0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634,
		0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1} {
		DATA(4*i, F32(v))
	}
	TEXT("decodeNF4AVX2", NOSPLIT, "func(n, per int64, scales *float32, src *byte, dst *float32)")
	Pragma("noescape")
	n, per, scales, src, dst, left := load("n"), load("per"), load("scales"), load("src"), load("dst"), GP64()
	Label("nf4_group")
	scale, low, high := spread(Mem{Base: scales}), YMM(), YMM()
	VMULPS(book, scale, low)
	VMULPS(book.Offset(32), scale, high)
	MOVQ(per, left)
	Label("nf4_loop")
	a, b := XMM(), XMM()
	VMOVQ(Mem{Base: src}, a)
	VPSRLW(Imm(4), a, b)
	VPUNPCKLBW(a, b, a) // the high half of a byte comes first
	for i := range 2 {
		q, x, y := YMM(), YMM(), YMM()
		VPMOVZXBD(a, q)
		VPERMPS(low, q, x) // which reads the low three bits
		VPERMPS(high, q, y)
		VPSLLD(Imm(28), q, q)
		VBLENDVPS(q, y, x, x)
		VMOVUPS(x, Mem{Base: dst, Disp: 32 * i})
		if i == 0 {
			VPSRLDQ(Imm(8), a, a)
		}
	}
	ADDQ(Imm(8), src)
	ADDQ(Imm(64), dst)
	DECQ(left)
	JNZ(LabelRef("nf4_loop"))
	ADDQ(Imm(4), scales)
	DECQ(n)
	JNZ(LabelRef("nf4_group"))
	VZEROUPPER()
	RET()
}
