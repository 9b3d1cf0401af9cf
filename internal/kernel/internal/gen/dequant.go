package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// half is the binary16 number at m in every lane.
func (s isa) half(m Mem) reg.VecVirtual {
	r, x, v := GP32(), XMM(), s.vec()
	MOVWLZX(m, r)
	VMOVD(r, x)
	VCVTPH2PS(x, x)
	VBROADCASTSS(x, v)
	return v
}

// halves are two binary16 numbers, one after the other at m, each in every lane.
func (s isa) halves(m Mem) (a, b reg.VecVirtual) {
	x, y := XMM(), XMM()
	a, b = s.vec(), s.vec()
	VMOVD(m, x)
	VCVTPH2PS(x, x)
	VBROADCASTSS(x, a)
	VMOVSHDUP(x, y)
	VBROADCASTSS(y, b)
	return a, b
}

// blocks runs body for each of n blocks of size bytes, which it reads at src, and which become values floats at dst.
func (s isa) blocks(name string, size, values int, body func(src, dst reg.GPVirtual)) {
	f := s.function(name, "func(n int64, src *byte, dst *float32)")
	n, src, dst := load("n"), load("src"), load("dst")
	Label(f + "_loop")
	body(src, dst)
	ADDQ(U32(uint32(size)), src)
	ADDQ(U32(uint32(4*values)), dst)
	DECQ(n)
	JNZ(LabelRef(f + "_loop"))
	done()
}

// dequantizers turn whole blocks, at least one, into float32, bit for bit as package quant does.
func (s isa) dequantizers() {
	w := s.floats()
	// nibbles calls use with each vector of low and of high halves of 16 bytes, as float32.
	nibbles := func(src reg.GPVirtual, disp int, use func(v reg.VecVirtual, at int)) {
		for i := 0; i < 16; i += w {
			q, h := s.vec(), s.vec()
			VPMOVZXBD(Mem{Base: src, Disp: disp + i}, q)
			VPSRLD(Imm(4), q, h)
			if s.wide() {
				VPANDD(c("nibble"), q, q)
			} else {
				VPAND(c("nibble"), q, q)
			}
			VCVTDQ2PS(q, q)
			VCVTDQ2PS(h, h)
			use(q, i)
			use(h, i+16)
		}
	}
	s.blocks("q40_", 18, 32, func(src, dst reg.GPVirtual) {
		d := s.half(Mem{Base: src})
		nibbles(src, 2, func(v reg.VecVirtual, at int) {
			VSUBPS(c("eight"), v, v)
			VMULPS(d, v, v)
			VMOVUPS(v, Mem{Base: dst, Disp: 4 * at})
		})
	})
	s.blocks("q41_", 20, 32, func(src, dst reg.GPVirtual) {
		d, m := s.halves(Mem{Base: src})
		nibbles(src, 4, func(v reg.VecVirtual, at int) {
			VFMADD213PS(m, d, v)
			VMOVUPS(v, Mem{Base: dst, Disp: 4 * at})
		})
	})
	s.blocks("q80_", 34, 32, func(src, dst reg.GPVirtual) {
		d := s.half(Mem{Base: src})
		for i := 0; i < 32; i += w {
			v := s.vec()
			VPMOVSXBD(Mem{Base: src, Disp: 2 + i}, v)
			VCVTDQ2PS(v, v)
			VMULPS(d, v, v)
			VMOVUPS(v, Mem{Base: dst, Disp: 4 * i})
		}
	})
	s.blocks("f16_", 32, 16, func(src, dst reg.GPVirtual) {
		for i := 0; i < 16; i += w {
			v := s.vec()
			VCVTPH2PS(Mem{Base: src, Disp: 2 * i}, v)
			VMOVUPS(v, Mem{Base: dst, Disp: 4 * i})
		}
	})
	s.blocks("bf16_", 32, 16, func(src, dst reg.GPVirtual) {
		for i := 0; i < 16; i += w {
			v := s.vec()
			VPMOVZXWD(Mem{Base: src, Disp: 2 * i}, v)
			VPSLLD(Imm(16), v, v)
			VMOVUPS(v, Mem{Base: dst, Disp: 4 * i})
		}
	})
}
