package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// kernel is the micro-kernel of rows × vectors: c (rows apart ldc) = a·b, added to c unless acc is 0. Element (i,p) of a is
// a[i*rs+p*cs], b is a packed panel. multiply adds the product of two vectors to a third.
func (s isa) kernel(name string, rows, vectors int, multiply func(b, a, acc Op)) {
	name = s.function(name, "func(k int64, a *float32, rs, cs int64, b, c *float32, ldc, acc int64)")
	k, a, rs, cs, b, to, ldc := load("k"), load("a"), load("rs"), load("cs"), load("b"), load("c"), load("ldc")
	SHLQ(Imm(2), ldc)
	left := newColumn(rows, a, rs, cs)
	acc := make([][]reg.VecVirtual, rows)
	for i := range acc {
		for range vectors {
			acc[i] = append(acc[i], s.zero())
		}
	}
	bv := make([]reg.VecVirtual, vectors)
	for j := range bv {
		bv[j] = s.vec()
	}
	av := []reg.VecVirtual{s.vec(), s.vec()}
	width := s.bytes * vectors
	prefetch(to, ldc, rows, width)
	steps(name, k, b, width, func(disp int) {
		for j := range bv {
			VMOVUPS(Mem{Base: b, Disp: disp + s.bytes*j}, bv[j])
		}
		for i := range rows {
			VBROADCASTSS(left.row(i), av[i%2])
			for j := range bv {
				multiply(bv[j], av[i%2], acc[i][j])
			}
		}
		left.next()
	})
	Load(Param("acc"), k)
	TESTQ(k, k)
	JZ(LabelRef(name + "_set"))
	s.write(acc, to, ldc, true)
	done()
	Label(name + "_set")
	Load(Param("c"), to)
	s.write(acc, to, ldc, false)
	done()
}

// A column is the addresses of one column of the left side, with one pointer for three rows: p, p+rs, p+2rs.
type column struct {
	p      []reg.GPVirtual
	rs, cs reg.GPVirtual
}

// newColumn is the first of a, whose rows are rs and columns cs values apart.
func newColumn(rows int, a, rs, cs reg.GPVirtual) column {
	SHLQ(Imm(2), rs)
	SHLQ(Imm(2), cs)
	p := []reg.GPVirtual{a}
	for len(p) < (rows+2)/3 {
		next := GP64()
		LEAQ(Mem{Base: p[len(p)-1], Index: rs, Scale: 2}, next)
		ADDQ(rs, next)
		p = append(p, next)
	}
	return column{p, rs, cs}
}

// row is the address of the value in row i.
func (c column) row(i int) Mem {
	m := Mem{Base: c.p[i/3]}
	if i%3 > 0 {
		m.Index, m.Scale = c.rs, uint8(i%3)
	}
	return m
}

// next moves to the next column.
func (c column) next() {
	for _, p := range c.p {
		ADDQ(c.cs, p)
	}
}

// prefetch asks for rows of width bytes, ld apart.
func prefetch(from, ld reg.GPVirtual, rows, width int) {
	ahead := GP64()
	MOVQ(from, ahead)
	for i := range rows {
		for j := 0; j < (width+63)/64; j++ {
			PREFETCHT0(Mem{Base: ahead, Disp: 64 * j})
		}
		if i < rows-1 {
			ADDQ(ld, ahead)
		}
	}
}

// steps runs body for k rows of a panel, width bytes each, which lie disp bytes from b: four at a time, then one. It destroys k
// and moves b.
func steps(name string, k, b reg.GPVirtual, width int, body func(disp int)) {
	const unroll = 4
	rounds := GP64()
	MOVQ(k, rounds)
	SHRQ(Imm(2), rounds)
	JZ(LabelRef(name + "_tail"))
	Label(name + "_loop")
	for u := range unroll {
		body(u * width)
	}
	ADDQ(U32(uint32(unroll*width)), b)
	DECQ(rounds)
	JNZ(LabelRef(name + "_loop"))
	Label(name + "_tail")
	ANDQ(Imm(3), k)
	JZ(LabelRef(name + "_store"))
	Label(name + "_one")
	body(0)
	ADDQ(U32(uint32(width)), b)
	DECQ(k)
	JNZ(LabelRef(name + "_one"))
	Label(name + "_store")
}

// write stores a tile.
func (s isa) write(acc [][]reg.VecVirtual, to, ldc reg.GPVirtual, add bool) {
	for i, row := range acc {
		for j, v := range row {
			m := Mem{Base: to, Disp: s.bytes * j}
			if add {
				VADDPS(m, v, v)
			}
			VMOVUPS(v, m)
		}
		if i < len(acc)-1 {
			ADDQ(ldc, to)
		}
	}
}

// at is the address of row i of 4 beside a pointer: strides is the row's length and three times it.
func at(p reg.GPVirtual, i int, strides [2]reg.GPVirtual) Mem {
	m := Mem{Base: p}
	switch i % 4 {
	case 1:
		m.Index, m.Scale = strides[0], 1
	case 2:
		m.Index, m.Scale = strides[0], 2
	case 3:
		m.Index, m.Scale = strides[1], 1
	}
	return m
}

// triple is a stride, in bytes, and three times it.
func triple(stride reg.GPVirtual) [2]reg.GPVirtual {
	SHLQ(Imm(2), stride)
	three := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, three)
	return [2]reg.GPVirtual{stride, three}
}

// packT16 transposes 16 rows of 16·n16 values, ld apart, to rows of 16, dstStride apart.
func packT16() {
	name := avx512.function("packT16_", "func(n16 int64, src *float32, ld int64, dst *float32, dstStride int64)")
	n, src, ld, dst, stride := load("n16"), load("src"), triple(load("ld")), load("dst"), triple(load("dstStride"))
	Label(name + "_loop")
	p := GP64()
	MOVQ(src, p)
	r, t := make([]reg.VecVirtual, 16), make([]reg.VecVirtual, 16)
	for i := range r {
		r[i] = ZMM()
		VMOVUPS(at(p, i, ld), r[i])
		if i%4 == 3 {
			LEAQ(Mem{Base: p, Index: ld[0], Scale: 4}, p)
		}
	}
	for i := range t {
		t[i] = ZMM()
	}
	for i := range 8 {
		VUNPCKLPS(r[2*i+1], r[2*i], t[2*i])
		VUNPCKHPS(r[2*i+1], r[2*i], t[2*i+1])
	}
	for q := range 4 {
		VUNPCKLPD(t[4*q+2], t[4*q], r[4*q])
		VUNPCKHPD(t[4*q+2], t[4*q], r[4*q+1])
		VUNPCKLPD(t[4*q+3], t[4*q+1], r[4*q+2])
		VUNPCKHPD(t[4*q+3], t[4*q+1], r[4*q+3])
	}
	// r[4q+i] holds in lane L the column 4L+i of the rows 4q to 4q+3.
	for i := range 4 {
		VSHUFF32X4(Imm(0x88), r[4+i], r[i], t[i])
		VSHUFF32X4(Imm(0xdd), r[4+i], r[i], t[4+i])
		VSHUFF32X4(Imm(0x88), r[12+i], r[8+i], t[8+i])
		VSHUFF32X4(Imm(0xdd), r[12+i], r[8+i], t[12+i])
	}
	for i := range 4 {
		VSHUFF32X4(Imm(0x88), t[8+i], t[i], r[i])
		VSHUFF32X4(Imm(0xdd), t[8+i], t[i], r[8+i])
		VSHUFF32X4(Imm(0x88), t[12+i], t[4+i], r[4+i])
		VSHUFF32X4(Imm(0xdd), t[12+i], t[4+i], r[12+i])
	}
	for i := range r {
		VMOVUPS(r[i], at(dst, i, stride))
		if i%4 == 3 {
			LEAQ(Mem{Base: dst, Index: stride[0], Scale: 4}, dst)
		}
	}
	ADDQ(U32(64), src)
	DECQ(n)
	JNZ(LabelRef(name + "_loop"))
	done()
}

// packT8 transposes 8 rows of 8·n8 values, ld apart, to rows of 8, dstStride apart.
func packT8() {
	name := avx2.function("packT8_", "func(n8 int64, src *float32, ld int64, dst *float32, dstStride int64)")
	n, src, ld, dst, stride := load("n8"), load("src"), triple(load("ld")), load("dst"), triple(load("dstStride"))
	Label(name + "_loop")
	p := GP64()
	MOVQ(src, p)
	r, t := make([]reg.VecVirtual, 8), make([]reg.VecVirtual, 8)
	for i := range r {
		r[i], t[i] = YMM(), YMM()
		VMOVUPS(at(p, i, ld), r[i])
		if i%4 == 3 {
			LEAQ(Mem{Base: p, Index: ld[0], Scale: 4}, p)
		}
	}
	for i := range 4 {
		VUNPCKLPS(r[2*i+1], r[2*i], t[2*i])
		VUNPCKHPS(r[2*i+1], r[2*i], t[2*i+1])
	}
	for q := range 2 {
		VUNPCKLPD(t[4*q+2], t[4*q], r[4*q])
		VUNPCKHPD(t[4*q+2], t[4*q], r[4*q+1])
		VUNPCKLPD(t[4*q+3], t[4*q+1], r[4*q+2])
		VUNPCKHPD(t[4*q+3], t[4*q+1], r[4*q+3])
	}
	for i := range 4 {
		VPERM2F128(Imm(0x20), r[4+i], r[i], t[i])
		VPERM2F128(Imm(0x31), r[4+i], r[i], t[4+i])
	}
	for i := range t {
		VMOVUPS(t[i], at(dst, i, stride))
		if i%4 == 3 {
			LEAQ(Mem{Base: dst, Index: stride[0], Scale: 4}, dst)
		}
	}
	ADDQ(U32(32), src)
	DECQ(n)
	JNZ(LabelRef(name + "_loop"))
	done()
}
