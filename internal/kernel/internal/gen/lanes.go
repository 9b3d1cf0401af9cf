package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A side is a layout of sixteen rows side by side, block by block: the codes of block values of each row, then a scale of each row,
// and with min a minimum of each row.
//
// Codes of four bits are 32-bit numbers, one of each row, of eight values, the first in the lowest bits; codes of eight are the
// sixteen rows' signed bytes of a value. Scales and minima are binary16 or float32.
type side struct {
	bits, block int
	half, min   bool
}

var sides = []side{
	{4, 32, true, false}, {4, 32, true, true}, {4, 32, false, false}, {4, 32, false, true}, {4, 16, false, false}, {4, 16, false, true},
	{8, 32, true, false}, {8, 32, true, true}, {8, 32, false, false}, {8, 32, false, true}, {8, 16, false, false},
}

// name is lanes, the bits of a code, the values of a block, h or f for the numbers, and m with minima.
func (l side) name() string {
	name := fmt.Sprintf("lanes%dx%d", l.bits, l.block)
	if l.half {
		name += "h"
	} else {
		name += "f"
	}
	if l.min {
		name += "m"
	}
	return name
}

// number is the bytes of sixteen scales.
func (l side) number() int {
	if l.half {
		return 32
	}
	return 64
}

// size is the bytes of a block of sixteen rows.
func (l side) size() int {
	n := 2*l.bits*l.block + l.number()
	if l.min {
		n += l.number()
	}
	return n
}

// numbers are sixteen scales or minima as float32.
func (l side) numbers(m Mem) reg.VecVirtual {
	v := ZMM()
	if l.half {
		VCVTPH2PS(m, v)
	} else {
		VMOVUPS(m, v)
	}
	return v
}

// lanes is y = w·x for sixteen rows of w, of n blocks each, and count rows of x. sums are of x, block by block, and values what the
// codes of four bits stand for. Products of a block are added up in four sums, of every fourth column, and these by pairs; so a row of
// x has the same bits whatever count is.
func (l side) lanes(count int) {
	const partial = 4
	f := avx512.function(fmt.Sprintf("%s_%d_", l.name(), count), "func(n int64, w *byte, x *float32, ldx int64, sums *float32, lds int64, values *float32, y *float32, ldy int64)")
	n, w, x, sums, y := load("n"), load("w"), load("x"), load("sums"), load("y")
	var ldx, lds, ldy, ldx3, lds3 reg.GPVirtual
	if count > 1 {
		ldx, lds, ldy, ldx3, lds3 = load("ldx"), load("lds"), load("ldy"), GP64(), GP64()
		for _, r := range []reg.GPVirtual{ldx, lds, ldy} {
			SHLQ(Imm(2), r)
		}
		LEAQ(Mem{Base: ldx, Index: ldx, Scale: 2}, ldx3)
		LEAQ(Mem{Base: lds, Index: lds, Scale: 2}, lds3)
	}
	row := func(from, ld, ld3 reg.GPVirtual, i, disp int) Mem {
		m := Mem{Base: from, Disp: disp}
		switch i {
		case 1, 2:
			m.Index, m.Scale = ld, uint8(i)
		case 3:
			m.Index, m.Scale = ld3, 1
		}
		return m
	}
	table := ZMM()
	if l.bits == 4 {
		VMOVUPS(Mem{Base: load("values")}, table)
	}
	total, sum := make([]reg.VecVirtual, count), make([][partial]reg.VecVirtual, count)
	for i := range total {
		total[i] = avx512.zero()
		for j := range sum[i] {
			sum[i][j] = ZMM()
		}
	}
	Label(f + "_loop")
	l.codes(w, table, func(v reg.VecVirtual, column int) {
		for i := range total {
			m := row(x, ldx, ldx3, i, 4*column)
			if column < partial {
				VMULPS_BCST(m, v, sum[i][column])
			} else {
				VFMADD231PS_BCST(m, v, sum[i][column%partial])
			}
		}
	})
	at := 2 * l.bits * l.block
	d := l.numbers(Mem{Base: w, Disp: at})
	for i := range total {
		VADDPS(sum[i][1], sum[i][0], sum[i][0])
		VADDPS(sum[i][3], sum[i][2], sum[i][2])
		VADDPS(sum[i][2], sum[i][0], sum[i][0])
		VFMADD231PS(d, sum[i][0], total[i])
	}
	if l.min {
		m := l.numbers(Mem{Base: w, Disp: at + l.number()})
		for i := range total {
			VFMADD231PS_BCST(row(sums, lds, lds3, i, 0), m, total[i])
		}
	}
	ADDQ(U32(uint32(l.size())), w)
	ADDQ(U32(uint32(4*l.block)), x)
	if l.min {
		ADDQ(Imm(4), sums)
	}
	DECQ(n)
	JNZ(LabelRef(f + "_loop"))
	for i, v := range total {
		VMOVUPS(v, Mem{Base: y})
		if i < count-1 {
			ADDQ(ldy, y)
		}
	}
	done()
}

// codes calls use with what the codes of a column stand for, column by column.
func (l side) codes(w reg.GPVirtual, table reg.VecVirtual, use func(v reg.VecVirtual, column int)) {
	if l.bits == 8 {
		for column := range l.block {
			v := ZMM()
			VPMOVSXBD(Mem{Base: w, Disp: 16 * column}, v)
			VCVTDQ2PS(v, v)
			use(v, column)
		}
		return
	}
	for eight := 0; eight < l.block; eight += 8 {
		q := ZMM()
		VMOVDQU32(Mem{Base: w, Disp: 8 * eight}, q)
		for i := range 8 {
			v, code := ZMM(), q
			if i > 0 {
				code = ZMM()
				VPSRLD(Imm(uint64(4*i)), q, code)
			}
			VPERMPS(table, code, v) // which reads the low four bits
			use(v, eight+i)
		}
	}
}

// lanes are all products of rows side by side.
func lanes() {
	for _, l := range sides {
		l.lanes(1)
		l.lanes(4)
	}
}
