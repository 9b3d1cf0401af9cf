// Command gen writes the assembly of package quant: blocks of quantized weights to float32 with AVX2, bit for bit as its plain Go.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!purego")
	fives()
	supers()
	codebooks()
	lowBits()
	scaled()
	Generate()
}

// words are constants of eight numbers each, one a lane.
var words = map[string]Mem{}

// word is a constant of eight 32-bit numbers; fewer are repeated.
func word(v ...uint32) Mem {
	name := fmt.Sprint(v)
	m, ok := words[name]
	if !ok {
		m = GLOBL(fmt.Sprintf("word%d", len(words)), RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(v[i%len(v)]))
		}
		words[name] = m
	}
	return m
}

// load is a parameter in a general register.
func load(name string) reg.GPVirtual {
	r := GP64()
	Load(Param(name), r)
	return r
}

// blocks runs body for each of n blocks of size bytes, which it reads at src, and which become values floats at dst.
func blocks(name string, size, values int, body func(src, dst Mem)) {
	TEXT(name, NOSPLIT, "func(n int64, src *byte, dst *float32)")
	Pragma("noescape")
	n, src, dst := load("n"), load("src"), load("dst")
	Label(name + "_loop")
	body(Mem{Base: src}, Mem{Base: dst})
	ADDQ(U32(uint32(size)), src)
	ADDQ(U32(uint32(4*values)), dst)
	DECQ(n)
	JNZ(LabelRef(name + "_loop"))
	VZEROUPPER()
	RET()
}

// half is the binary16 number at m in every lane.
func half(m Mem) reg.VecVirtual {
	r, x, v := GP32(), XMM(), YMM()
	MOVWLZX(m, r)
	VMOVD(r, x)
	VCVTPH2PS(x, x)
	VBROADCASTSS(x, v)
	return v
}

// halves are two binary16 numbers, one after the other at m, each in every lane.
func halves(m Mem) (a, b reg.VecVirtual) {
	x, y := XMM(), XMM()
	a, b = YMM(), YMM()
	VMOVD(m, x)
	VCVTPH2PS(x, x)
	VBROADCASTSS(x, a)
	VMOVSHDUP(x, y)
	VBROADCASTSS(y, b)
	return a, b
}

// bytes are the eight bytes at m as 32-bit numbers.
func bytes(m Mem) reg.VecVirtual {
	v := YMM()
	VPMOVZXBD(m, v)
	return v
}

// nibbles are the low and the high halves of the eight bytes at m.
func nibbles(m Mem) (low, high reg.VecVirtual) {
	low, high = bytes(m), YMM()
	VPSRLD(Imm(4), low, high)
	VPAND(word(15), low, low)
	return low, high
}

// shifted is v with its bits moved up by n, down where n is below 0.
func shifted(v reg.VecVirtual, n int) reg.VecVirtual {
	out := YMM()
	switch {
	case n > 0:
		VPSLLD(Imm(uint64(n)), v, out)
	case n < 0:
		VPSRLD(Imm(uint64(-n)), v, out)
	default:
		VMOVDQA(v, out)
	}
	return out
}

// take moves bits of v up by n and adds those of mask to q.
func take(v reg.VecVirtual, n int, mask uint32, q reg.VecVirtual) {
	s := shifted(v, n)
	VPAND(word(mask), s, s)
	VPOR(s, q, q)
}

// spread is the number at m in every lane.
func spread(m Mem) reg.VecVirtual {
	v := YMM()
	VBROADCASTSS(m, v)
	return v
}

// scale writes float32(v)·by at m, and the eight numbers after them with the next call.
func scale(v, by reg.VecVirtual, m Mem) {
	VCVTDQ2PS(v, v)
	VMULPS(by, v, v)
	VMOVUPS(v, m)
}

// product stores q·d for whole numbers q.
func product(q, d reg.VecVirtual, dst Mem) {
	VCVTDQ2PS(q, q)
	VMULPS(d, q, q)
	VMOVUPS(q, dst)
}

// sum stores q·d + m.
func sum(q, d, m reg.VecVirtual, dst Mem) {
	VCVTDQ2PS(q, q)
	VFMADD213PS(m, d, q)
	VMOVUPS(q, dst)
}

// difference stores q·d - low.
func difference(q, d, low reg.VecVirtual, dst Mem) {
	VCVTDQ2PS(q, q)
	VFMSUB213PS(low, d, q)
	VMOVUPS(q, dst)
}
