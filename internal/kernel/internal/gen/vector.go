package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// elementwise are sums and products of vectors.
func (s isa) elementwise() {
	f := s.function("add", "func(n int64, a, b, y *float32)")
	n, a, b, y := load("n"), load("a"), load("b"), load("y")
	s.loop(f, n, []reg.GPVirtual{a, b, y}, 4, func(p pass) {
		v, w := p.load(a), p.load(b)
		VADDPS(w, v, v)
		p.store(v, y)
	})
	done()

	f = s.function("axpy", "func(n int64, a float32, x, y *float32)")
	n, x, y := load("n"), load("x"), load("y")
	factor := s.broadcast("a")
	s.loop(f, n, []reg.GPVirtual{x, y}, 4, func(p pass) {
		v, w := p.load(x), p.load(y)
		VFMADD231PS(factor, v, w)
		p.store(w, y)
	})
	done()

	f = s.function("scale", "func(n int64, a float32, x *float32)")
	n, x = load("n"), load("x")
	factor = s.broadcast("a")
	s.loop(f, n, []reg.GPVirtual{x}, 4, func(p pass) {
		v := p.load(x)
		VMULPS(factor, v, v)
		p.store(v, x)
	})
	done()

	f = s.function("norm", "func(n int64, r float32, x, w, y *float32)") // y = x·r·w
	n, x, w, y := load("n"), load("x"), load("w"), load("y")
	factor = s.broadcast("r")
	s.loop(f, n, []reg.GPVirtual{x, w, y}, 2, func(p pass) {
		v, u := p.load(x), p.load(w)
		VMULPS(factor, v, v)
		VMULPS(u, v, v)
		p.store(v, y)
	})
	done()

	f = s.function("normBack", "func(n int64, r, k float32, x, w, dy, dx *float32)") // dx = dy·w·r - x·k
	n, x, w = load("n"), load("x"), load("w")
	dy, dx := load("dy"), load("dx")
	r, k := s.broadcast("r"), s.broadcast("k")
	s.loop(f, n, []reg.GPVirtual{x, w, dy, dx}, 2, func(p pass) {
		g, u, v := p.load(dy), p.load(w), p.load(x)
		VMULPS(u, g, g)
		VMULPS(k, v, v)
		VFMSUB213PS(v, r, g)
		p.store(g, dx)
	})
	done()
}

// reductions are inner products and the maximum.
func (s isa) reductions() {
	accumulators := func() []reg.VecVirtual {
		acc := make([]reg.VecVirtual, 4)
		for i := range acc {
			acc[i] = s.zero()
		}
		return acc
	}
	f := s.function("dot", "func(n int64, a, b *float32) float32")
	n, a, b := load("n"), load("a"), load("b")
	acc := accumulators()
	s.loop(f, n, []reg.GPVirtual{a, b}, 4, func(p pass) {
		v, w := p.load(a), p.load(b)
		VFMADD231PS(w, v, acc[p.turn])
	})
	s.sum(acc)
	RET()

	f = s.function("dot3_", "func(n int64, a, b, d *float32) float32")
	n, a, b = load("n"), load("a"), load("b")
	d := load("d")
	acc = accumulators()
	s.loop(f, n, []reg.GPVirtual{a, b, d}, 4, func(p pass) {
		v, w, x := p.load(a), p.load(b), p.load(d)
		VMULPS(w, v, v)
		VFMADD231PS(x, v, acc[p.turn])
	})
	s.sum(acc)
	RET()

	// highest takes n of at least a vector: the last, which may overlap the one before, needs no mask.
	f = s.function("highest", "func(n int64, x *float32) float32")
	n, from := load("n"), load("x")
	top := s.vec()
	VMOVUPS(Mem{Base: from}, top)
	end := GP64()
	LEAQ(Mem{Base: from, Index: n, Scale: 4, Disp: -s.bytes}, end)
	Label(f + "_loop")
	CMPQ(from, end)
	JAE(LabelRef(f + "_last"))
	VMAXPS(Mem{Base: from}, top, top)
	ADDQ(U32(uint32(s.bytes)), from)
	JMP(LabelRef(f + "_loop"))
	Label(f + "_last")
	VMAXPS(Mem{Base: end}, top, top)
	half := YMM()
	if s.wide() {
		VEXTRACTF64X4(Imm(1), top, half)
		VMAXPS(top.(reg.Vec).AsY(), half, half)
	} else {
		VMOVUPS(top, half)
	}
	v, z := XMM(), XMM()
	VEXTRACTF128(Imm(1), half, v)
	VMAXPS(half.AsX(), v, v)
	VPERMILPS(Imm(0x4e), v, z)
	VMAXPS(z, v, v)
	VPERMILPS(Imm(0xb1), v, z)
	VMAXPS(z, v, v)
	VZEROUPPER()
	Store(v, ReturnIndex(0))
	RET()
}

// matvec is y = a·bᵀ for a few rows of a and four of b, lda and ldb apart; rows of y are ldy apart.
func (s isa) matvec(rows int) {
	f := s.function(fmt.Sprintf("dots%dx4_", rows), "func(n int64, a *float32, lda int64, b *float32, ldb int64, y *float32, ldy int64)")
	n, a, lda, b, ldb := load("n"), load("a"), load("lda"), load("b"), triple(load("ldb"))
	SHLQ(Imm(2), lda)
	acc := make([][4]reg.VecVirtual, rows)
	for i := range acc {
		for j := range acc[i] {
			acc[i][j] = s.zero()
		}
	}
	s.loop(f, n, []reg.GPVirtual{a, b}, 2, func(p pass) {
		v := make([]reg.VecVirtual, rows)
		for i := range v {
			v[i] = p.at(at(a, i, [2]reg.GPVirtual{lda}))
		}
		for j := range 4 {
			w := p.at(at(b, j, ldb))
			for i := range v {
				VFMADD231PS(w, v[i], acc[i][j])
			}
		}
	})
	y, ldy := load("y"), load("ldy")
	SHLQ(Imm(2), ldy)
	for i := range acc {
		VMOVUPS(s.four(acc[i]), at(y, i, [2]reg.GPVirtual{ldy}))
	}
	done()
}

// four is the sums of four vectors' lanes.
func (s isa) four(acc [4]reg.VecVirtual) reg.VecVirtual {
	var x [4]reg.VecVirtual
	for j := range x {
		x[j] = s.quarter(acc[j])
	}
	VHADDPS(x[1], x[0], x[0])
	VHADDPS(x[3], x[2], x[2])
	VHADDPS(x[2], x[0], x[0])
	return x[0]
}

// limits are the bounds of exp's argument, in registers: where one operand of a maximum is no number, the result is the second.
func (s isa) limits() (low, high reg.VecVirtual) {
	low, high = s.vec(), s.vec()
	VMOVUPS(c("exp low"), low)
	VMOVUPS(c("exp high"), high)
	return low, high
}

// exp replaces x by e to the x, and by 0 below -87.33. Range reduction and polynomial are Cephes' expf.
func (s isa) exp(x, low, high reg.VecVirtual) {
	e, n := s.vec(), s.vec()
	VMAXPS(x, low, e)
	VMINPS(e, high, e)
	VMULPS(c("log2e"), e, n)
	if s.wide() {
		VRNDSCALEPS(Imm(8), n, n)
	} else {
		VROUNDPS(Imm(8), n, n)
	}
	VFNMADD231PS(c("ln2 high"), n, e)
	VFNMADD231PS(c("ln2 low"), n, e)
	p, square := s.vec(), s.vec()
	VMOVUPS(c("e0"), p)
	VMULPS(e, e, square)
	for _, name := range []string{"e1", "e2", "e3", "e4", "e5"} {
		VFMADD213PS(c(name), e, p)
	}
	VFMADD213PS(e, square, p)
	VADDPS(c("one"), p, p)
	if s.wide() {
		VSCALEFPS(n, p, p)
		k := K()
		VCMPPS(Imm(5), low, x, k) // not less: true where x is no number
		VMOVAPS_Z(p, k, x)
		return
	}
	VCVTPS2DQ(n, n)
	VPADDD(c("bias"), n, n)
	VPSLLD(Imm(23), n, n)
	VMULPS(n, p, p)
	VCMPPS(Imm(5), low, x, n)
	VANDPS(n, p, x)
}

// activations are the operations that need exp.
func (s isa) activations() {
	f := s.function("expSum", "func(n int64, scale, sub float32, x *float32) float32") // x = exp(x·scale - sub), and its sum
	n, x := load("n"), load("x")
	scale, sub := s.broadcast("scale"), s.broadcast("sub")
	low, high := s.limits()
	acc := []reg.VecVirtual{s.zero()}
	s.loop(f, n, []reg.GPVirtual{x}, 1, func(p pass) {
		v := p.load(x)
		VFMSUB213PS(sub, scale, v)
		s.exp(v, low, high)
		p.keep(v)
		VADDPS(v, acc[0], acc[0])
		p.store(v, x)
	})
	s.sum(acc)
	RET()

	f = s.function("attend", "func(n int64, scale, lse, delta float32, p, d *float32)") // p = exp(p·scale - lse), d = p·(d-delta)·scale
	n, x = load("n"), load("p")
	d := load("d")
	scale = s.broadcast("scale")
	lse, delta := s.broadcast("lse"), s.broadcast("delta")
	low, high = s.limits()
	s.loop(f, n, []reg.GPVirtual{x, d}, 1, func(p pass) {
		v, g := p.load(x), p.load(d)
		VFMSUB213PS(lse, scale, v)
		s.exp(v, low, high)
		VSUBPS(delta, g, g)
		VMULPS(scale, g, g)
		VMULPS(v, g, g)
		p.store(v, x)
		p.store(g, d)
	})
	done()

	f = s.function("swiglu", "func(n int64, gate, up, y *float32)")
	n, gate, up, y := load("n"), load("gate"), load("up"), load("y")
	low, high = s.limits()
	s.loop(f, n, []reg.GPVirtual{gate, up, y}, 1, func(p pass) {
		g, u, e := p.load(gate), p.load(up), s.vec()
		VMULPS(c("minus one"), g, e)
		s.exp(e, low, high)
		VADDPS(c("one"), e, e)
		VDIVPS(e, g, g)
		VMULPS(u, g, g)
		p.store(g, y)
	})
	done()

	f = s.function("swigluBack", "func(n int64, gate, up, dy, dgate, dup *float32)")
	n, gate, up = load("n"), load("gate"), load("up")
	dy, dgate, dup := load("dy"), load("dgate"), load("dup")
	low, high = s.limits()
	s.loop(f, n, []reg.GPVirtual{gate, up, dy, dgate, dup}, 1, func(p pass) {
		g, e := p.load(gate), s.vec()
		VMULPS(c("minus one"), g, e)
		s.exp(e, low, high)
		VADDPS(c("one"), e, e)
		one := s.vec()
		VMOVUPS(c("one"), one)
		VDIVPS(e, one, e) // σ(gate)
		VMULPS(e, g, g)   // silu(gate)
		t := p.load(dy)
		VSUBPS(e, one, one)
		VFMADD231PS(one, g, e) // silu'(gate) = σ + silu·(1-σ)
		VMULPS(t, g, g)
		p.store(g, dup)
		u := p.load(up)
		VMULPS(u, t, t)
		VMULPS(e, t, t)
		p.store(t, dgate)
	})
	done()
}

// adam is AdamW's step over n values; k is the factors, as kernel.adamFactors orders them.
func (s isa) adam() {
	f := s.function("adam", "func(n int64, k, p, grad, m, v *float32)")
	n, k, param, grad, mean, square := load("n"), load("k"), load("p"), load("grad"), load("m"), load("v")
	factor := func(i int) reg.VecVirtual {
		r := s.vec()
		VBROADCASTSS(Mem{Base: k, Disp: 4 * i}, r)
		return r
	}
	scale, m1, v1, v2 := factor(0), factor(1), factor(2), factor(3)
	decay, rate, root, eps := factor(4), factor(5), factor(6), factor(7)
	s.loop(f, n, []reg.GPVirtual{param, grad, mean, square}, 1, func(p pass) {
		g, m, v := p.load(grad), p.load(mean), p.load(square)
		VMULPS(scale, g, g)
		d := s.vec()
		VSUBPS(m, g, d)
		VFMADD231PS(m1, d, m)
		p.store(m, mean)
		VMULPS(g, g, g)
		VMULPS(v2, g, g)
		VFMADD213PS(g, v1, v)
		p.store(v, square)
		VSQRTPS(v, v)
		VFMADD213PS(eps, root, v)
		VMULPS(rate, m, m)
		VDIVPS(v, m, m)
		x := p.load(param)
		VFMSUB213PS(m, decay, x)
		p.store(x, param)
	})
	done()
}
