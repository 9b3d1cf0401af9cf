package kernel

import "temper/internal/quant"

// matvecWork is the number of multiply-adds below which a product is not worth a second thread.
const matvecWork = 1 << 15

// MatVec computes y (n,w.Rows) = x (n,w.Cols)·wᵀ for the few rows of decoding: each row of w is dequantized once and used for
// all n. It reads w once and packs nothing. A row of x has the same result whatever the others are.
func MatVec(y, x []float32, n int, w *quant.Tensor) {
	MatVecs([][]float32{y}, x, n, []*quant.Tensor{w})
}

// MatVecs is [MatVec] with several matrices of as many columns, which the threads share as if they were one.
func MatVecs(ys [][]float32, x []float32, n int, ws []*quant.Tensor) {
	if n == 0 {
		return
	}
	rows, cols := 0, ws[0].Cols
	for _, w := range ws {
		rows += fours(w.Rows)
	}
	chunk := fours(matvecWork/max(1, n*cols) + 1) // so that threads cut no four
	Parallel(rows, chunk, func(_, lo, hi int) {
		s, at := workspaces.take(), 0
		for i, w := range ws {
			if from, to := max(lo-at, 0), min(hi-at, w.Rows); from < to {
				current.matvec(s, ys[i], x, n, w, from, to)
			}
			at += fours(w.Rows)
		}
		workspaces.give(s)
	})
}

// fours is n rounded up to a multiple of four.
func fours(n int) int { return (n + 3) &^ 3 }

// matvec computes the columns [lo,hi) of y.
func (t *level) matvec(s *workspace, y, x []float32, n int, w *quant.Tensor, lo, hi int) {
	four := grow(&s.row, 4*w.Cols)
	for d := &t.decode[w.Type]; lo+4 <= hi && n == 1 && d.dots != nil && w.Cols%d.values == 0; lo += 4 {
		size := w.Type.RowBytes(w.Cols)
		four := w.Data[lo*size : (lo+4)*size]
		d.dots(int64(w.Cols/d.values), &four[0], int64(size), &x[:w.Cols][0], &y[lo : lo+4][0])
	}
	for ; lo+4 <= hi && t.dots1 != nil; lo += 4 {
		t.rows(four, w, lo, lo+4)
		t.dots(y[lo:], x, n, four, w)
	}
	for ; lo < hi; lo++ {
		t.row(four, w, lo, 0, w.Cols)
		for i := range n {
			y[i*w.Rows+lo] = dot(four[:w.Cols], x[i*w.Cols:])
		}
	}
}

// rows writes the rows [r0,r1) of w to dst. Rows of whole units lie one after the other, and are decoded as one.
func (t *level) rows(dst []float32, w *quant.Tensor, r0, r1 int) {
	d := &t.decode[w.Type]
	if d.f == nil || w.Cols%d.values != 0 {
		for r := r0; r < r1; r++ {
			t.row(dst[(r-r0)*w.Cols:], w, r, 0, w.Cols)
		}
		return
	}
	n, size := (r1-r0)*w.Cols/d.values, w.Type.RowBytes(w.Cols)
	src := w.Data[r0*size : r1*size]
	_, _ = src[n*d.size-1], dst[n*d.values-1]
	d.f(int64(n), &src[0], &dst[0])
}

// dots computes the products of all n rows of x with four rows of w: y[i*w.Rows+j] for j below 4.
func (t *level) dots(y, x []float32, n int, four []float32, w *quant.Tensor) {
	k, out := int64(w.Cols), int64(w.Rows)
	_, _, _ = x[n*w.Cols-1], four[4*w.Cols-1], y[(n-1)*w.Rows+3]
	i := 0
	for ; i+2 <= n; i += 2 {
		t.dots2(k, &x[i*w.Cols], k, &four[0], k, &y[i*w.Rows], out)
	}
	if i < n {
		t.dots1(k, &x[i*w.Cols], k, &four[0], k, &y[i*w.Rows], out)
	}
}

// AddLowRank adds scale·(x·aᵀ)·b to y (n,out) for few rows x (n,in) on the calling thread; a is (rank,in), and b (rank,out). A row of x
// has the same result whatever the others are.
func AddLowRank(y, x []float32, n int, a, b []float32, rank, in, out int, scale float32) {
	s := workspaces.take()
	defer workspaces.give(s)
	xa, t := grow(&s.row, rank), current
	for i := range n {
		row, j := x[i*in:(i+1)*in], 0
		for ; j+4 <= rank && t.dots1 != nil; j += 4 {
			four := a[j*in : (j+4)*in]
			t.dots1(int64(in), &row[0], 0, &four[0], int64(in), &xa[j : j+4][0], 0)
		}
		for ; j < rank; j++ {
			xa[j] = dot(row, a[j*in:])
		}
		for j, v := range xa {
			Axpy(y[i*out:(i+1)*out], scale*v, b[j*out:(j+1)*out])
		}
	}
}
