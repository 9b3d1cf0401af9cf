// Command gen writes the assembly of package kernel: for amd64 each operation for AVX-512 and for AVX2, for arm64 the
// micro-kernels of matrix products.
package main

import (
	"flag"
	"fmt"
	"log"
	"math"
	"os"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// An isa is an instruction set: the bytes of its vectors, and what they are called.
type isa struct {
	bytes int
	name  string
	vec   func() reg.VecVirtual
}

var (
	avx512 = isa{64, "512", ZMM}
	avx2   = isa{32, "256", YMM}
)

// wide reports whether vectors have mask registers.
func (s isa) wide() bool { return s.bytes == 64 }

// floats is the number of float32 in a vector.
func (s isa) floats() int { return s.bytes / 4 }

// function begins a function whose name ends in the instruction set's.
func (s isa) function(name, signature string) string {
	name = name + s.name
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	return name
}

// load is a parameter in a general register.
func load(name string) reg.GPVirtual {
	r := GP64()
	Load(Param(name), r)
	return r
}

// broadcast is a float32 parameter in every lane.
func (s isa) broadcast(name string) reg.VecVirtual {
	v := s.vec()
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(p.Addr, v)
	return v
}

// zero is a vector of zeros.
func (s isa) zero() reg.VecVirtual {
	v := s.vec()
	if s.wide() {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
	return v
}

// constants are rows of 16 equal values, so that any vector width reads them as a memory operand.
var (
	constants Mem
	places    = map[string]int{}
)

// c is a constant's row.
func c(name string) Mem {
	at, ok := places[name]
	if !ok {
		panic("no constant " + name)
	}
	return constants.Offset(at)
}

// table writes the constants, and the lane masks of AVX2.
func table() {
	constants = GLOBL("constants", RODATA|NOPTR)
	at := 0
	row := func(name string, bits uint32) {
		places[name] = at
		for range 16 {
			DATA(at, U32(bits))
			at += 4
		}
	}
	for _, v := range []struct {
		name  string
		value float32
	}{
		{"one", 1}, {"minus one", -1}, {"eight", 8},
		// exp: ln 2 in two parts, and Cephes' polynomial.
		{"log2e", math.Log2E}, {"ln2 high", 0.693359375}, {"ln2 low", -2.12194440e-4},
		{"e0", 1.9875691500e-4}, {"e1", 1.3981999507e-3}, {"e2", 8.3334519073e-3}, {"e3", 4.1665795894e-2}, {"e4", 1.6666665459e-1}, {"e5", 5.0000001201e-1},
		{"exp low", -87.33}, {"exp high", 89},
	} {
		row(v.name, math.Float32bits(v.value))
	}
	places["count"] = at
	for i := range 16 {
		DATA(at, U32(math.Float32bits(float32(i))))
		at += 4
	}
	row("bias", 127)
	row("nibble", 15)
	row("ones", 0xffffffff)
	row("zeros", 0)
}

// A pass is one vector's turn in a loop: whole, or at the end of the data, where mask says which lanes there are.
type pass struct {
	isa
	tail bool
	k    reg.OpmaskVirtual
	mask reg.VecVirtual
	disp int // bytes from the pointers
	turn int // among the unrolled
}

// load reads a vector; lanes beyond the data are 0.
func (p pass) load(from reg.Register) reg.VecVirtual { return p.at(Mem{Base: from}) }

// at is load from an address.
func (p pass) at(m Mem) reg.VecVirtual {
	v := p.vec()
	m.Disp += p.disp
	switch {
	case !p.tail:
		VMOVUPS(m, v)
	case p.wide():
		VMOVUPS_Z(m, p.k, v)
	default:
		VMASKMOVPS(m, p.mask, v)
	}
	return v
}

// store writes the lanes there are.
func (p pass) store(v reg.VecVirtual, to reg.Register) {
	m := Mem{Base: to, Disp: p.disp}
	switch {
	case !p.tail:
		VMOVUPS(v, m)
	case p.wide():
		VMOVUPS(v, p.k, m)
	default:
		VMASKMOVPS(v, p.mask, m)
	}
}

// keep sets lanes beyond the data to 0.
func (p pass) keep(v reg.VecVirtual) {
	switch {
	case !p.tail:
	case p.wide():
		VMOVAPS_Z(v, p.k, v)
	default:
		VANDPS(p.mask, v, v)
	}
}

// loop runs body over n values at the pointers: unroll vectors at a time, then one, then what is left. It destroys n and moves
// the pointers.
func (s isa) loop(name string, n reg.GPVirtual, pointers []reg.GPVirtual, unroll int, body func(p pass)) {
	rounds := GP64()
	turn := func(label string, count int) {
		Label(name + label)
		for i := range count {
			body(pass{isa: s, disp: i * s.bytes, turn: i})
		}
		for _, p := range pointers {
			ADDQ(U32(count*s.bytes), p)
		}
		DECQ(rounds)
		JNZ(LabelRef(name + label))
	}
	shift := uint64(math.Log2(float64(s.floats())))
	if unroll > 1 {
		MOVQ(n, rounds)
		SHRQ(Imm(shift+uint64(math.Log2(float64(unroll)))), rounds)
		JZ(LabelRef(name + "_single"))
		turn("_many", unroll)
		ANDQ(U32(uint32(unroll*s.floats()-1)), n)
		Label(name + "_single")
	}
	MOVQ(n, rounds)
	SHRQ(Imm(shift), rounds)
	JZ(LabelRef(name + "_rest"))
	turn("_one", 1)
	Label(name + "_rest")
	ANDQ(U32(uint32(s.floats()-1)), n)
	JZ(LabelRef(name + "_end"))
	p := pass{isa: s, tail: true}
	if s.wide() {
		ones := GP32()
		MOVL(U32(0xffffffff), ones)
		BZHIL(n.As32(), ones, ones)
		p.k = K()
		KMOVW(ones, p.k)
	} else {
		masks := GP64()
		LEAQ(c("zeros"), masks)
		SHLQ(Imm(2), n)
		SUBQ(n, masks)
		p.mask = YMM()
		VMOVUPS(Mem{Base: masks}, p.mask)
	}
	body(p)
	Label(name + "_end")
}

// sum adds the lanes of the accumulators in a fixed order and stores the result as ret.
func (s isa) sum(acc []reg.VecVirtual) {
	for len(acc) > 1 {
		half := len(acc) / 2
		for i := range half {
			VADDPS(acc[half+i], acc[i], acc[i])
		}
		acc = acc[:half]
	}
	x, z := s.quarter(acc[0]), XMM()
	VPERMILPS(Imm(0x4e), x, z)
	VADDPS(z, x, x)
	VPERMILPS(Imm(0xb1), x, z)
	VADDPS(z, x, x)
	VZEROUPPER()
	Store(x, ReturnIndex(0))
}

// quarter adds the four parts of a vector, or the two of AVX2's.
func (s isa) quarter(v reg.VecVirtual) reg.VecVirtual {
	y, x := YMM(), XMM()
	if s.wide() {
		VEXTRACTF64X4(Imm(1), v, y)
		VADDPS(v.(reg.Vec).AsY(), y, y)
	} else {
		VMOVUPS(v, y)
	}
	VEXTRACTF128(Imm(1), y, x)
	VADDPS(y.AsX(), x, x)
	return x
}

// done ends a function.
func done() {
	VZEROUPPER()
	RET()
}

var arm64 = flag.String("arm64", "", "file to write arm64's assembly to")

func main() {
	ConstraintExpr("amd64,!purego")
	table()
	for _, s := range []isa{avx512, avx2} {
		for vectors := 1; vectors <= s.bytes/32+1; vectors++ {
			rows := 6
			if s.wide() {
				rows = 8
			}
			s.kernel(fmt.Sprintf("kern%dx%d_", rows, s.floats()*vectors), rows, vectors, func(b, a, acc Op) { VFMADD231PS(b, a, acc) })
			if s.wide() {
				s.kernel(fmt.Sprintf("pair%dx%d_", rows, s.floats()*vectors), rows, vectors, dotPairs)
			}
		}
		s.elementwise()
		s.reductions()
		s.matvec(1)
		s.matvec(2)
		s.activations()
		s.adam()
		for _, b := range formats {
			s.dequantizer(b)
			s.dots(b)
		}
	}
	packT16()
	packT8()
	bfloats()
	lanes()
	Generate()
	if err := encode(flag.Lookup("out").Value.String()); err != nil {
		log.Fatal(err)
	}
	if *arm64 == "" {
		return
	}
	if err := os.WriteFile(*arm64, []byte(neonKernels()), 0o644); err != nil {
		log.Fatal(err)
	}
}
