package kernel

import "temper/internal/quant"

// matvecWork is the number of multiply-adds below which a product is not worth a second thread.
const matvecWork = 1 << 15

// MatVec computes y (n,w.Rows) = x (n,w.Cols)·wᵀ for the few rows of decoding: each row of w is dequantized once and used for
// all n. It reads w once and packs nothing.
func MatVec(y, x []float32, n int, w *quant.Tensor) {
	if n == 0 || w.Rows == 0 {
		return
	}
	chunk := max(1, matvecWork/max(1, n*w.Cols))
	Parallel(w.Rows, chunk, func(_, lo, hi int) {
		t, s := current, workspaces.take()
		row, four := grow(&s.row, w.Cols), grow(&s.edge, 4)
		for r := lo; r < hi; r++ {
			t.row(row, w, r, 0, w.Cols)
			i := 0
			for ; i+4 <= n && t.dots != nil; i += 4 {
				rest := x[i*w.Cols : (i+4)*w.Cols]
				t.dots(int64(w.Cols), &row[0], &rest[0], int64(w.Cols), &four[0])
				for k, v := range four {
					y[(i+k)*w.Rows+r] = v
				}
			}
			for ; i < n; i++ {
				y[i*w.Rows+r] = dot(row, x[i*w.Cols:])
			}
		}
		workspaces.give(s)
	})
}
