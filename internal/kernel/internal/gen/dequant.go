package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// half is the binary16 number at m in every lane.
func (s isa) half(m Mem) reg.VecVirtual {
	v := s.vec()
	if s.wide() {
		y := YMM()
		VPBROADCASTW(m, y)
		VCVTPH2PS(y, v)
		return v
	}
	r, x := GP32(), XMM()
	MOVWLZX(m, r)
	VMOVD(r, x)
	VCVTPH2PS(x, x)
	VBROADCASTSS(x, v)
	return v
}

// halves are two binary16 numbers, one after the other at m, each in every lane.
func (s isa) halves(m Mem) (a, b reg.VecVirtual) {
	a, b = s.vec(), s.vec()
	if s.wide() {
		y, v := YMM(), s.vec()
		VPBROADCASTD(m, y)
		VCVTPH2PS(y, v)
		VMOVSLDUP(v, a)
		VMOVSHDUP(v, b)
		return a, b
	}
	x, y := XMM(), XMM()
	VMOVD(m, x)
	VCVTPH2PS(x, x)
	VBROADCASTSS(x, a)
	VMOVSHDUP(x, y)
	VBROADCASTSS(y, b)
	return a, b
}

// A format is a storage format's block of size bytes and so many values. decode calls use with the values of the block at src, a
// vector at a time and in order, as float32: bit for bit those of package quant.
type format struct {
	name         string
	size, values int
	decode       func(s isa, src Mem, use func(v reg.VecVirtual, at int))
}

var formats = []format{
	{"q40_", 18, 32, func(s isa, src Mem, use func(reg.VecVirtual, int)) {
		d := s.half(src)
		value := func(q reg.VecVirtual) {
			VSUBPS(c("eight"), q, q)
			VMULPS(d, q, q)
		}
		s.nibbles(src.Offset(2), value, use)
	}},
	{"q41_", 20, 32, func(s isa, src Mem, use func(reg.VecVirtual, int)) {
		d, m := s.halves(src)
		s.nibbles(src.Offset(4), func(q reg.VecVirtual) { VFMADD213PS(m, d, q) }, use)
	}},
	{"q80_", 34, 32, func(s isa, src Mem, use func(reg.VecVirtual, int)) {
		d := s.half(src)
		for i := 0; i < 32; i += s.floats() {
			v := s.vec()
			VPMOVSXBD(src.Offset(2+i), v)
			VCVTDQ2PS(v, v)
			VMULPS(d, v, v)
			use(v, i)
		}
	}},
	{"f16_", 32, 16, func(s isa, src Mem, use func(reg.VecVirtual, int)) {
		for i := 0; i < 16; i += s.floats() {
			v := s.vec()
			VCVTPH2PS(src.Offset(2*i), v)
			use(v, i)
		}
	}},
	{"bf16_", 32, 16, func(s isa, src Mem, use func(reg.VecVirtual, int)) {
		for i := 0; i < 16; i += s.floats() {
			v := s.vec()
			VPMOVZXWD(src.Offset(2*i), v)
			VPSLLD(Imm(16), v, v)
			use(v, i)
		}
	}},
}

// nibbles calls use with the 32 values of 16 bytes: those of the low halves, then those of the high ones. value turns the float32 of
// a half, 0 to 15, into the value it stands for. With AVX-512 it does so once for all 16, and each half looks its value up.
func (s isa) nibbles(src Mem, value func(q reg.VecVirtual), use func(v reg.VecVirtual, at int)) {
	if s.wide() {
		values, q, low, high := s.vec(), s.vec(), s.vec(), s.vec()
		VMOVUPS(c("count"), values)
		value(values)
		VPMOVZXBD(src, q)
		VPERMPS(values, q, low) // which reads the low four bits
		use(low, 0)
		VPSRLD(Imm(4), q, q)
		VPERMPS(values, q, high)
		use(high, 16)
		return
	}
	var high [2]reg.VecVirtual
	for i := range high {
		q := s.vec()
		high[i] = s.vec()
		VPMOVZXBD(src.Offset(8*i), q)
		VPSRLD(Imm(4), q, high[i])
		VPAND(c("nibble"), q, q)
		VCVTDQ2PS(q, q)
		value(q)
		use(q, 8*i)
	}
	for i, q := range high {
		VCVTDQ2PS(q, q)
		value(q)
		use(q, 16+8*i)
	}
}

// dequantizer turns n whole blocks, at least one, into float32.
func (s isa) dequantizer(b format) {
	f := s.function(b.name, "func(n int64, src *byte, dst *float32)")
	n, src, dst := load("n"), load("src"), load("dst")
	Label(f + "_loop")
	b.decode(s, Mem{Base: src}, func(v reg.VecVirtual, at int) { VMOVUPS(v, Mem{Base: dst, Disp: 4 * at}) })
	ADDQ(U32(uint32(b.size)), src)
	ADDQ(U32(uint32(4*b.values)), dst)
	DECQ(n)
	JNZ(LabelRef(f + "_loop"))
	done()
}

// dots is y = w·x for four rows of n blocks, at least one, stride bytes apart. It adds in the order of matvec over the rows'
// float32, and so gives the same bits.
func (s isa) dots(b format) {
	f := s.function("dots_"+b.name, "func(n int64, w *byte, stride int64, x *float32, y *float32)")
	n, w, stride, x := load("n"), load("w"), load("stride"), load("x")
	three := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, three)
	var acc [4]reg.VecVirtual
	for j := range acc {
		acc[j] = s.zero()
	}
	Label(f + "_loop")
	for j := range acc {
		b.decode(s, at(w, j, [2]reg.GPVirtual{stride, three}), func(v reg.VecVirtual, at int) {
			VFMADD231PS(Mem{Base: x, Disp: 4 * at}, v, acc[j])
		})
	}
	ADDQ(U32(uint32(b.size)), w)
	ADDQ(U32(uint32(4*b.values)), x)
	DECQ(n)
	JNZ(LabelRef(f + "_loop"))
	VMOVUPS(s.four(acc), Mem{Base: load("y")})
	done()
}
