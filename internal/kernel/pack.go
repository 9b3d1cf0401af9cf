package kernel

import "temper/internal/quant"

// strided is a float32 right side: element (p,j) is v[p*rs+j*cs].
type strided struct {
	v      []float32
	rs, cs int
}

func (b strided) pack(_ *workspace, dst []float32, nr, n0, n1, k0, k1 int) {
	depth := k1 - k0
	for j := n0; j < n1; j += nr {
		panel := dst[(j-n0)*depth:][:nr*depth]
		cols := min(n1, j+nr) - j
		if b.cs == 1 {
			for p := range depth {
				copy(panel[p*nr:], b.v[(k0+p)*b.rs+j:][:cols])
				clear(panel[p*nr+cols : (p+1)*nr])
			}
			continue
		}
		transpose(panel, nr, b.v[j*b.cs+k0:], b.cs, cols, depth)
	}
}

// transposed is wᵀ: column j of the right side is row j of w.
type transposed struct{ w *quant.Tensor }

func (b transposed) pack(w *workspace, dst []float32, nr, n0, n1, k0, k1 int) {
	depth := k1 - k0
	rows := grow(&w.row, nr*depth)
	for j := n0; j < n1; j += nr {
		cols := min(n1, j+nr) - j
		for r := range cols {
			b.w.Row(rows[r*depth:(r+1)*depth], j+r, k0, k1)
		}
		transpose(dst[(j-n0)*depth:][:nr*depth], nr, rows, depth, cols, depth)
	}
}

// straight is w itself: row p of the right side is row p of w.
type straight struct{ w *quant.Tensor }

func (b straight) pack(w *workspace, dst []float32, nr, n0, n1, k0, k1 int) {
	depth, size := k1-k0, b.w.Type.Block()
	a0, a1 := n0/size*size, (n1+size-1)/size*size
	row := grow(&w.row, a1-a0)
	for p := range depth {
		b.w.Row(row, k0+p, a0, a1)
		for j := n0; j < n1; j += nr {
			cols := min(n1, j+nr) - j
			at := dst[(j-n0)*depth+p*nr:][:nr]
			copy(at, row[j-a0:][:cols])
			clear(at[cols:])
		}
	}
}

// transpose writes rows × depth values of src, rows ld apart, as a panel: dst[p*nr+r]; rows beyond the last are zero.
func transpose(dst []float32, nr int, src []float32, ld, rows, depth int) {
	r := 0
	if t := current; t.pack != nil {
		n := depth / t.tw
		for ; r+t.tw <= rows; r += t.tw {
			if n > 0 {
				t.pack(int64(n), &src[r*ld], int64(ld), &dst[r], int64(nr))
			}
			for p := n * t.tw; p < depth; p++ {
				for i := range t.tw {
					dst[p*nr+r+i] = src[(r+i)*ld+p]
				}
			}
		}
	}
	for ; r < rows; r++ {
		for p, v := range src[r*ld : r*ld+depth] {
			dst[p*nr+r] = v
		}
	}
	for ; r < nr; r++ {
		for p := range depth {
			dst[p*nr+r] = 0
		}
	}
}
