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
		s := workspaces.Get().(*workspace)
		row := grow(&s.row, w.Cols)
		for r := lo; r < hi; r++ {
			w.Row(row, r, 0, w.Cols)
			for i := range n {
				y[i*w.Rows+r] = dotRow(row, x[i*w.Cols:][:w.Cols])
			}
		}
		workspaces.Put(s)
	})
}

// dotRow is a·b in eight running sums.
func dotRow(a, b []float32) float32 {
	var s [8]float32
	b = b[:len(a)]
	i := 0
	for ; i+8 <= len(a); i += 8 {
		p, q := (*[8]float32)(a[i:]), (*[8]float32)(b[i:])
		for j := range s {
			s[j] += float32(p[j] * q[j])
		}
	}
	for j := 0; i < len(a); i, j = i+1, j+1 {
		s[j] += float32(a[i] * b[i])
	}
	return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]))
}
