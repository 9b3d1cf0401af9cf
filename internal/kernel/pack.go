package kernel

import "temper/internal/quant"

// strided is a float32 right side: element (p,j) is v[p*rs+j*cs].
type strided struct {
	v      []float32
	rs, cs int
}

func (b strided) unit() int { return 1 }

func (b strided) pack(t *level, _ *workspace, dst []float32, n0, n1, k0, k1 int) {
	deep := k1 - k0
	for j := n0; j < n1; j += t.nr() {
		cols := min(n1-j, t.nr())
		nr := t.width(cols)
		panel := dst[(j-n0)*deep:][:nr*deep]
		if b.cs == 1 {
			for p := range deep {
				copy(panel[p*nr:], b.v[(k0+p)*b.rs+j:][:cols])
				clear(panel[p*nr+cols : (p+1)*nr])
			}
			continue
		}
		transpose(t, panel, nr, b.v[j*b.cs+k0:], b.cs, cols, deep)
	}
}

// transposed is wᵀ: column j of the right side is row j of w.
type transposed struct{ w *quant.Tensor }

func (b transposed) unit() int { return max(32, b.w.Type.Block()) }

func (b transposed) pack(t *level, w *workspace, dst []float32, n0, n1, k0, k1 int) {
	deep := k1 - k0
	rows := grow(&w.row, t.nr()*deep)
	for j := n0; j < n1; j += t.nr() {
		cols := min(n1-j, t.nr())
		nr := t.width(cols)
		for r := range cols {
			t.row(rows[r*deep:(r+1)*deep], b.w, j+r, k0, k1)
		}
		transpose(t, dst[(j-n0)*deep:][:nr*deep], nr, rows, deep, cols, deep)
	}
}

// straight is w itself: row p of the right side is row p of w.
type straight struct{ w *quant.Tensor }

func (b straight) unit() int { return 1 }

func (b straight) pack(t *level, w *workspace, dst []float32, n0, n1, k0, k1 int) {
	deep, size := k1-k0, b.w.Type.Block()
	a0, a1 := n0/size*size, (n1+size-1)/size*size
	row := grow(&w.row, a1-a0)
	for p := range deep {
		t.row(row, b.w, k0+p, a0, a1)
		for j := n0; j < n1; j += t.nr() {
			cols := min(n1-j, t.nr())
			nr := t.width(cols)
			at := dst[(j-n0)*deep+p*nr:][:nr]
			copy(at, row[j-a0:][:cols])
			clear(at[cols:])
		}
	}
}

// row writes the values [c0,c1) of row r of w to dst, in the same bits as quant's Row.
func (t *level) row(dst []float32, w *quant.Tensor, r, c0, c1 int) {
	d := &t.decode[w.Type]
	n := 0
	if d.f != nil {
		n = (c1 - c0) / d.values
	}
	if n == 0 {
		w.Row(dst, r, c0, c1)
		return
	}
	whole := c0 + n*d.values
	src := w.Bytes(r, c0, whole)
	_, _ = src[n*d.size-1], dst[whole-c0-1]
	d.f(int64(n), &src[0], &dst[0])
	if whole < c1 {
		w.Row(dst[whole-c0:], r, whole, c1)
	}
}

// transpose writes rows × deep values of src, rows ld apart, as a panel: dst[p*nr+r]; rows beyond the last are zero.
func transpose(t *level, dst []float32, nr int, src []float32, ld, rows, deep int) {
	r := 0
	if t.pack != nil {
		n := deep / t.tw
		for ; r+t.tw <= rows; r += t.tw {
			if n > 0 {
				t.pack(int64(n), &src[r*ld], int64(ld), &dst[r], int64(nr))
			}
			for p := n * t.tw; p < deep; p++ {
				for i := range t.tw {
					dst[p*nr+r+i] = src[(r+i)*ld+p]
				}
			}
		}
	}
	for ; r < rows; r++ {
		for p, v := range src[r*ld : r*ld+deep] {
			dst[p*nr+r] = v
		}
	}
	for ; r < nr; r++ {
		for p := range deep {
			dst[p*nr+r] = 0
		}
	}
}
