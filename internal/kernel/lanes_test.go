package kernel

import (
	"math"
	"slices"
	"testing"

	"temper/internal/quant"
)

// TestFew: products of any format with any number of rows are those of its values in float64 but for float32's rounding; a row has the
// same bits whatever rows are beside it, and for any number of threads.
func TestFew(t *testing.T) {
	const rows, cols, n = 70, 512, 7
	eachLevel(t, func(t *testing.T) {
		for i := range int(quant.Types) {
			typ := quant.Type(i)
			if !typ.Known() {
				continue
			}
			w := filled(t, typ, rows, cols)
			values := make([]float32, rows*cols)
			for r := range rows {
				w.Row(values[r*cols:], r, 0, cols)
			}
			few, x, y := NewFew(w), random(1, n*cols), make([]float32, n*rows)
			FewProducts([][]float32{y}, x, n, []*Few{few})
			for i := range n {
				for r := range rows {
					want, size := 0.0, 0.0
					for c := range cols {
						p := float64(values[r*cols+c]) * float64(x[i*cols+c])
						want, size = want+p, size+math.Abs(p)
					}
					if d := math.Abs(float64(y[i*rows+r]) - want); !(d <= 1e-6*size) {
						t.Fatalf("%v: row %d of %d: %g, not %g", typ, r, i, y[i*rows+r], want)
					}
				}
				one := make([]float32, rows)
				FewProducts([][]float32{one}, x[i*cols:(i+1)*cols], 1, []*Few{few})
				if !slices.Equal(one, y[i*rows:(i+1)*rows]) {
					t.Errorf("%v: row %d alone has other products than beside others", typ, i)
				}
			}
		}
	})
}
