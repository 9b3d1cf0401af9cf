package kernel

import (
	"sync"
	"unsafe"

	"temper/internal/quant"
)

// Block sizes in elements: a packed stripe of nc columns by kc rows stays in the second-level cache, mc rows of the left side
// are worked on at a time. kc is a multiple of every quantized block, so that a stripe never cuts one.
const (
	kc = 256
	mc = 240
	nc = 384
)

// A source gives the right side of a product as packed panels: dst holds, for each panel of nr columns of [n0,n1), the rows
// [k0,k1) of nr values each, zero padded.
type source interface {
	pack(w *workspace, dst []float32, nr, n0, n1, k0, k1 int)
}

// A workspace is one goroutine's scratch.
type workspace struct {
	panel, left, row, edge []float32
}

var workspaces = sync.Pool{New: func() any { return &workspace{} }}

// grow returns n values of *p, aligned to 64 bytes; their content is whatever was left there.
func grow(p *[]float32, n int) []float32 {
	if cap(*p) < n+16 {
		*p = make([]float32, n+16)
	}
	s := (*p)[:cap(*p)]
	at := int((64-uintptr(unsafe.Pointer(&s[0]))%64)%64) / 4
	return s[at : at+n]
}

// left is the left side of a product: element (i,p) is v[i*rs+p*cs].
type left struct {
	v      []float32
	rs, cs int
}

// Gemm computes c (m,n; rows ldc apart) = a·b, added to c if acc. Element (i,p) of a is a[i*ars+p*acs], (p,j) of b is
// b[p*brs+j*bcs], where brs or bcs is 1.
func Gemm(m, n, k int, a []float32, ars, acs int, b []float32, brs, bcs int, c []float32, ldc int, acc bool) {
	product(m, n, k, left{a, ars, acs}, strided{b, brs, bcs}, c, ldc, acc)
}

// MulT computes y (n,w.Rows) = x (n,w.Cols)·wᵀ, added to y if acc. A quantized w is dequantized as it is packed.
func MulT(y, x []float32, n int, w *quant.Tensor, acc bool) {
	product(n, w.Rows, w.Cols, left{x, w.Cols, 1}, transposed{w}, y, w.Rows, acc)
}

// Mul computes dx (n,w.Cols) = dy (n,w.Rows)·w, added to dx if acc.
func Mul(dx, dy []float32, n int, w *quant.Tensor, acc bool) {
	product(n, w.Cols, w.Rows, left{dy, w.Rows, 1}, straight{w}, dx, w.Cols, acc)
}

// product splits c in stripes of columns, and in rows too where there are few columns, and gives each part to a thread.
func product(m, n, k int, a left, b source, c []float32, ldc int, acc bool) {
	if m == 0 || n == 0 {
		return
	}
	t := current
	threads := Threads()
	if m*n*k < 1<<15 {
		threads = 1
	}
	width, height := nc, m
	if cols := (n + nc - 1) / nc; threads > 1 && cols < 2*threads {
		width = max(t.nr, ((n+2*threads-1)/(2*threads)+t.nr-1)/t.nr*t.nr)
		if n <= 4*t.nr { // too narrow to split: split the rows
			width = n
			height = max(t.mr, ((m+threads-1)/threads+t.mr-1)/t.mr*t.mr)
		}
	}
	stripes, bands := (n+width-1)/width, (m+height-1)/height
	part := func(_, lo, hi int) {
		w := workspaces.Get().(*workspace)
		for i := lo; i < hi; i++ {
			j0, i0 := i%stripes*width, i/stripes*height
			stripe(t, w, span{i0, min(m, i0+height), j0, min(n, j0+width)}, k, a, b, c, ldc, acc)
		}
		workspaces.Put(w)
	}
	if threads == 1 {
		part(0, 0, stripes*bands)
		return
	}
	Parallel(stripes*bands, 1, part)
}

// span is a part of c: rows [i0,i1), columns [j0,j1).
type span struct{ i0, i1, j0, j1 int }

// stripe computes one part of c.
func stripe(t tile, w *workspace, s span, k int, a left, b source, c []float32, ldc int, acc bool) {
	if !acc {
		for i := s.i0; i < s.i1; i++ {
			clear(c[i*ldc+s.j0 : i*ldc+s.j1])
		}
	}
	panels := (s.j1 - s.j0 + t.nr - 1) / t.nr
	for k0 := 0; k0 < k; k0 += kc {
		k1 := min(k, k0+kc)
		bp := grow(&w.panel, panels*t.nr*(k1-k0))
		b.pack(w, bp, t.nr, s.j0, s.j1, k0, k1)
		for i0 := s.i0; i0 < s.i1; i0 += mc {
			i1 := min(s.i1, i0+mc)
			for p := range panels {
				panel := bp[p*t.nr*(k1-k0) : (p+1)*t.nr*(k1-k0)]
				j0 := s.j0 + p*t.nr
				for i := i0; i < i1; i += t.mr {
					block(t, w, span{i, min(i1, i+t.mr), j0, min(s.j1, j0+t.nr)}, k0, k1, a, panel, c, ldc)
				}
			}
		}
	}
}

// block adds one micro-kernel's product to c. At an edge the kernel works on padded copies, so that it never reads or writes
// beyond the matrices.
func block(t tile, w *workspace, s span, k0, k1 int, a left, panel, c []float32, ldc int) {
	rows, cols, depth := s.i1-s.i0, s.j1-s.j0, k1-k0
	av, rs, cs := a.v[s.i0*a.rs+k0*a.cs:], a.rs, a.cs
	if rows == t.mr && cols == t.nr {
		t.f(int64(depth), &av[0], int64(rs), int64(cs), &panel[0], &c[s.i0*ldc+s.j0], int64(ldc))
		return
	}
	if rows < t.mr {
		padded := grow(&w.left, t.mr*depth)
		for r := range t.mr {
			for p := range depth {
				v := float32(0)
				if r < rows {
					v = av[r*rs+p*cs]
				}
				padded[p*t.mr+r] = v
			}
		}
		av, rs, cs = padded, 1, t.mr
	}
	out := grow(&w.edge, t.mr*t.nr)
	clear(out)
	t.f(int64(depth), &av[0], int64(rs), int64(cs), &panel[0], &out[0], int64(t.nr))
	for r := range rows {
		row := c[(s.i0+r)*ldc+s.j0:][:cols]
		for j := range row {
			row[j] += out[r*t.nr+j]
		}
	}
}

// kernGo is the portable micro-kernel, 4 × 4.
func kernGo(k int64, a *float32, rs, cs int64, b, c *float32, ldc int64) {
	var s [4][4]float32
	bs := unsafe.Slice(b, 4*k)
	as := unsafe.Slice(a, (k-1)*cs+3*rs+1)
	for p, o := 0, 0; p+4 <= len(bs); p, o = p+4, o+int(cs) {
		q := (*[4]float32)(bs[p:])
		for i := range s {
			x := as[o+i*int(rs)]
			s[i][0] += x * q[0]
			s[i][1] += x * q[1]
			s[i][2] += x * q[2]
			s[i][3] += x * q[3]
		}
	}
	cs2 := unsafe.Slice(c, 3*ldc+4)
	for i := range s {
		for j, v := range s[i] {
			cs2[i*int(ldc)+j] += v
		}
	}
}
