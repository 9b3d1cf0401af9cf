package kernel

import (
	"unsafe"

	"temper/internal/quant"
)

// Block sizes in elements: a packed stripe of nc columns by at most kc rows stays in the second-level cache, mc rows of the left
// side are worked on at a time.
const (
	kc = 288
	mc = 240
	nc = 384
)

// oneThread is how many multiplications and additions are done before a second thread would have begun.
const oneThread = 1 << 15

// depth is how many of k rows of the right side to take at a time: near kc in parts of about one size, and a multiple of unit,
// so that a stripe never cuts a quantized block.
func depth(k, unit int) int {
	parts := (k + kc - 1) / kc
	return ((k+parts-1)/parts + unit - 1) / unit * unit
}

// A source gives the right side of a product as packed panels: dst holds, for each panel of columns of [n0,n1), the rows
// [k0,k1) of as many values as the panel is wide, zero padded.
type source interface {
	pack(t *level, w *workspace, dst []float32, n0, n1, k0, k1 int)
	unit() int // the rows [k0,k1) start at a multiple of it
}

// left is the left side of a product: element (i,p) is v[i*rs+p*cs].
type left struct {
	v      []float32
	rs, cs int
}

// Gemm computes c (m,n; rows ldc apart) = a·b, added to c if acc. Element (i,p) of a is a[i*ars+p*acs], (p,j) of b is
// b[p*brs+j*bcs], where brs or bcs is 1.
func Gemm(m, n, k int, a []float32, ars, acs int, b []float32, brs, bcs int, c []float32, ldc int, acc bool) {
	product(current, m, n, k, left{a, ars, acs}, strided{b, brs, bcs}, c, ldc, acc)
}

// MulT computes y (n,w.Rows) = x (n,w.Cols)·wᵀ, added to y if acc. A quantized w is dequantized as it is packed.
func MulT(y, x []float32, n int, w *quant.Tensor, acc bool) {
	product(current, n, w.Rows, w.Cols, left{x, w.Cols, 1}, transposed{w}, y, w.Rows, acc)
}

// Mul computes dx (n,w.Cols) = dy (n,w.Rows)·w, added to dx if acc.
func Mul(dx, dy []float32, n int, w *quant.Tensor, acc bool) {
	product(current, n, w.Cols, w.Rows, left{dy, w.Rows, 1}, straight{w}, dx, w.Cols, acc)
}

// product splits c in stripes of columns, and in rows too where there are few columns, and gives each part to a thread.
func product(t *level, m, n, k int, a left, b source, c []float32, ldc int, acc bool) {
	if m == 0 || n == 0 {
		return
	}
	threads := Threads()
	if m*n*k < oneThread {
		threads = 1
	}
	width, height := nc, m
	if threads > 1 {
		width, height = t.cut(m, n, 2*threads)
	}
	stripes, bands := (n+width-1)/width, (m+height-1)/height
	part := func(_, lo, hi int) {
		w := workspaces.take()
		for i := lo; i < hi; i++ {
			j0, i0 := i%stripes*width, i/stripes*height
			stripe(t, w, span{i0, min(m, i0+height), j0, min(n, j0+width)}, k, a, b, c, ldc, acc)
		}
		workspaces.give(w)
	}
	if threads == 1 {
		part(0, 0, stripes*bands)
		return
	}
	Parallel(stripes*bands, 1, part)
}

// cut says how wide and high the parts of an (m,n) result are, so that there are as many as wanted where that is possible. A part is
// wide rather than high: all of its height shares one packed panel of the right side.
func (t *tile) cut(m, n, want int) (width, height int) {
	nr := t.nr()
	if (n+nc-1)/nc >= want {
		return nc, m
	}
	if n > 4*nr {
		return ((n+want-1)/want + nr - 1) / nr * nr, m
	}
	return n, ((m+want-1)/want + t.mr - 1) / t.mr * t.mr // too narrow to split
}

// span is a part of c: rows [i0,i1), columns [j0,j1).
type span struct{ i0, i1, j0, j1 int }

// stripe computes one part of c.
func stripe(t *level, w *workspace, s span, k int, a left, b source, c []float32, ldc int, acc bool) {
	if k == 0 && !acc {
		for i := s.i0; i < s.i1; i++ {
			clear(c[i*ldc+s.j0 : i*ldc+s.j1])
		}
	}
	nr, step := t.nr(), 0
	if k > 0 {
		step = depth(k, b.unit())
	}
	for k0 := 0; k0 < k; k0 += step {
		k1 := min(k, k0+step)
		deep := k1 - k0
		bp := grow(&w.panel, (s.j1-s.j0+t.lane)*deep)
		b.pack(t, w, bp, s.j0, s.j1, k0, k1)
		for i0 := s.i0; i0 < s.i1; i0 += mc {
			i1 := min(s.i1, i0+mc)
			whole := i1 - (i1-i0)%t.mr
			if whole < i1 {
				padLeft(t, w, a, span{i0: whole, i1: i1}, k0, k1)
			}
			for j0 := s.j0; j0 < s.j1; j0 += nr {
				j1 := min(s.j1, j0+nr)
				panel := bp[(j0-s.j0)*deep:]
				x := tileRun{t: t, w: w, deep: deep, panel: panel, c: c, ldc: ldc, acc: acc || k0 > 0}
				for i := i0; i < whole; i += t.mr {
					x.run(span{i, i + t.mr, j0, j1}, a.v[i*a.rs+k0*a.cs:], a.rs, a.cs)
				}
				if whole < i1 {
					x.run(span{whole, i1, j0, j1}, w.left, 1, t.mr)
				}
			}
		}
	}
}

// padLeft copies the rows of s, fewer than a tile's, to w.left, with rows of zeros below: element (i,p) at p*mr+i.
func padLeft(t *level, w *workspace, a left, s span, k0, k1 int) {
	out := grow(&w.leftBuffer, t.mr*(k1-k0))
	clear(out)
	for i := s.i0; i < s.i1; i++ {
		v := a.v[i*a.rs+k0*a.cs:]
		for p := range k1 - k0 {
			out[p*t.mr+i-s.i0] = v[p*a.cs]
		}
	}
	w.left = out
}

// A tileRun is micro-kernel calls on one panel.
type tileRun struct {
	t     *level
	w     *workspace
	deep  int
	panel []float32
	c     []float32
	ldc   int
	acc   bool
}

// run computes one tile. At an edge of c the kernel works on a scratch tile, so that it never reads or writes beyond the
// matrix; av has whole rows of a tile.
func (x *tileRun) run(s span, av []float32, rs, cs int) {
	t, rows, cols := x.t, s.i1-s.i0, s.j1-s.j0
	width := t.width(cols)
	f := t.kern[width/t.lane-1]
	if rows == t.mr && cols == width {
		acc := int64(0)
		if x.acc {
			acc = 1
		}
		f(int64(x.deep), &av[0], int64(rs), int64(cs), &x.panel[0], &x.c[s.i0*x.ldc+s.j0], int64(x.ldc), acc)
		return
	}
	out := grow(&x.w.edge, t.mr*width)
	f(int64(x.deep), &av[0], int64(rs), int64(cs), &x.panel[0], &out[0], int64(width), 0)
	for r := range rows {
		row := x.c[(s.i0+r)*x.ldc+s.j0:][:cols]
		if !x.acc {
			copy(row, out[r*width:])
			continue
		}
		for j := range row {
			row[j] += out[r*width+j]
		}
	}
}

// kernGo is the portable micro-kernel, 2 × 4: as many sums as processors have registers for.
func kernGo(k int64, a *float32, rs, cs int64, b, c *float32, ldc, acc int64) {
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	bs := unsafe.Slice(b, 4*k)
	as := unsafe.Slice(a, (k-1)*cs+rs+1)
	for p, o := 0, 0; p+4 <= len(bs); p, o = p+4, o+int(cs) {
		q := (*[4]float32)(bs[p:])
		x, y := as[o], as[o+int(rs)]
		s00 += x * q[0]
		s01 += x * q[1]
		s02 += x * q[2]
		s03 += x * q[3]
		s10 += y * q[0]
		s11 += y * q[1]
		s12 += y * q[2]
		s13 += y * q[3]
	}
	to := unsafe.Slice(c, ldc+4)
	r, t := (*[4]float32)(to), (*[4]float32)(to[ldc:])
	if acc != 0 {
		s00, s01, s02, s03 = s00+r[0], s01+r[1], s02+r[2], s03+r[3]
		s10, s11, s12, s13 = s10+t[0], s11+t[1], s12+t[2], s13+t[3]
	}
	*r, *t = [4]float32{s00, s01, s02, s03}, [4]float32{s10, s11, s12, s13}
}
