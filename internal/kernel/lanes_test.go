package kernel

import (
	"fmt"
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

// BenchmarkFewProducts is one row's products with a matrix in the second-level cache, and with one in memory.
func BenchmarkFewProducts(b *testing.B) {
	for _, typ := range []quant.Type{quant.Q4_1, quant.Q4_K, quant.Q8_0, quant.Q6_K} {
		for _, rows := range []int{512, 65536} {
			for _, n := range []int{1, 4} {
				const cols = 768
				w := NewFew(filled(b, typ, rows, cols))
				x, y := random(1, n*cols), make([]float32, n*rows)
				b.Run(fmt.Sprintf("%v/%d/x%d", typ, rows, n), func(b *testing.B) {
					for b.Loop() {
						FewProducts([][]float32{y}, x, n, []*Few{w})
					}
					b.ReportMetric(float64(n*rows*cols)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
				})
			}
		}
	}
}
