package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// Neither avo nor Go's assembler knows the instructions of AVX512_BF16. Each is written here as another instruction of the same
// operands, which nothing else uses, and encode replaces it by its bytes.

// dotPairs is VDPBF16PS: every lane of a and b is two bfloat16, whose products are added to acc.
func dotPairs(b, a, acc Op) { VPDPWSSD(b, a, acc) }

// round is VCVTNEPS2BF16: the float32 of a ZMM register, rounded to nearest even, in a YMM register.
func round(src, dst Op) { VCVTPD2PS(src, dst) }

// bfloats are the conversions: bfloat16 of n vectors of 16 float32, and pairs of bfloat16 of two rows of n such vectors.
func bfloats() {
	s := avx512
	f := s.function("bfloat", "func(n int64, src *float32, dst *float32)")
	n, src, dst := load("n"), load("src"), load("dst")
	Label(f + "_loop")
	y := YMM()
	v := s.vec()
	VMOVUPS(Mem{Base: src}, v)
	round(v, y)
	VMOVUPS(y, Mem{Base: dst})
	ADDQ(Imm(64), src)
	ADDQ(Imm(32), dst)
	DECQ(n)
	JNZ(LabelRef(f + "_loop"))
	done()

	f = s.function("pair", "func(n int64, low *float32, high *float32, dst *float32)")
	n, low, high, to := load("n"), load("low"), load("high"), load("dst")
	Label(f + "_loop")
	a, b, ya, yb := s.vec(), s.vec(), YMM(), YMM()
	VMOVUPS(Mem{Base: low}, a)
	VMOVUPS(Mem{Base: high}, b)
	round(a, ya)
	round(b, yb)
	VPMOVZXWD(ya, a)
	VPMOVZXWD(yb, b)
	VPSLLD(Imm(16), b, b)
	VPORD(a, b, b)
	VMOVUPS(b, Mem{Base: to})
	ADDQ(Imm(64), low)
	ADDQ(Imm(64), high)
	ADDQ(Imm(64), to)
	DECQ(n)
	JNZ(LabelRef(f + "_loop"))
	done()
}

var (
	dotLine   = regexp.MustCompile(`(?m)^\tVPDPWSSD +Z(\d+), Z(\d+), Z(\d+)$`)
	roundLine = regexp.MustCompile(`(?m)^\tVCVTPD2PS +Z(\d+), Y(\d+)$`)
)

// encode writes the bytes of the instructions that stand for others in a file of assembly.
func encode(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	dots, rounds := 0, 0
	text = dotLine.ReplaceAllFunc(text, func(line []byte) []byte {
		dots++
		r := registers(dotLine, line)
		return evex(fmt.Sprintf("VDPBF16PS Z%d, Z%d, Z%d", r[0], r[1], r[2]), 0x52, r[0], r[1], r[2])
	})
	text = roundLine.ReplaceAllFunc(text, func(line []byte) []byte {
		rounds++
		r := registers(roundLine, line)
		return evex(fmt.Sprintf("VCVTNEPS2BF16 Z%d, Y%d", r[0], r[1]), 0x72, r[0], 0, r[1])
	})
	if dots == 0 || rounds != 3 || bytes.Contains(text, []byte("VPDPWSSD")) || bytes.Contains(text, []byte("VCVTPD2PS")) {
		return fmt.Errorf("%s: %d products and %d conversions of bfloat16 were found, and others left", file, dots, rounds)
	}
	return os.WriteFile(file, text, 0o644)
}

func registers(re *regexp.Regexp, line []byte) (r [3]int) {
	for i, m := range re.FindSubmatch(line)[1:] {
		r[i], _ = strconv.Atoi(string(m)) // digits
	}
	return r
}

// evex is an instruction EVEX.512.F3.0F38.W0 opcode /r (Intel's manual, volume 2, 2.7): rm and v are sources, dst is the target.
func evex(comment string, opcode byte, rm, v, dst int) []byte {
	not := func(r, bit int) byte { return byte(^r>>bit) & 1 }
	code := []byte{0x62,
		not(dst, 3)<<7 | not(rm, 4)<<6 | not(rm, 3)<<5 | not(dst, 4)<<4 | 2,
		byte(^v&15)<<3 | 1<<2 | 2,
		2<<5 | not(v, 4)<<3,
		opcode, 3<<6 | byte(dst&7)<<3 | byte(rm&7)}
	var b bytes.Buffer
	for i, c := range code {
		if i == 0 {
			b.WriteString("\t")
		} else {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "BYTE $%#02x", c)
	}
	fmt.Fprintf(&b, " // %s", comment)
	return b.Bytes()
}
