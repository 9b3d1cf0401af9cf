package kernel

import (
	"slices"
	"testing"

	"temper/internal/quant"
)

// filled is a tensor of any format with blocks of ordinary numbers: quantized where the format can be written, else blocks whose
// bytes are all small, so that no scale is an infinity.
func filled(t testing.TB, typ quant.Type, rows, cols int) *quant.Tensor {
	t.Helper()
	if typ.Writable() {
		w, err := quant.Quantize(typ, "w", rows, cols, random(3, rows*cols))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := &quant.Tensor{Name: "w", Type: typ, Rows: rows, Cols: cols, Data: make([]byte, rows*typ.RowBytes(cols))}
	for i := range w.Data {
		w.Data[i] = byte(i*31+i/7) & 0x3b
	}
	return w
}

// TestFormats: products with the weights of any format are to the bit those with their values in float32.
func TestFormats(t *testing.T) {
	const rows, cols, n = 70, 512, 9
	eachLevel(t, func(t *testing.T) {
		for i := range int(quant.Types) {
			typ := quant.Type(i)
			if !typ.Known() {
				continue
			}
			w := filled(t, typ, rows, cols)
			if err := w.Check(); err != nil {
				t.Fatal(err)
			}
			values := make([]float32, rows*cols)
			for r := range rows {
				w.Row(values[r*cols:], r, 0, cols)
			}
			plain := quant.F32Tensor("w", rows, cols, values)
			x, dy := random(1, n*cols), random(2, n*rows)
			for name, product := range map[string]func(w *quant.Tensor) []float32{
				"MulT":   func(w *quant.Tensor) []float32 { y := make([]float32, n*rows); MulT(y, x, n, w, false); return y },
				"Mul":    func(w *quant.Tensor) []float32 { y := make([]float32, n*cols); Mul(y, dy, n, w, false); return y },
				"MatVec": func(w *quant.Tensor) []float32 { y := make([]float32, n*rows); MatVec(y, x, n, w); return y },
			} {
				if got, want := product(w), product(plain); !slices.Equal(got, want) {
					t.Errorf("%s of %v differs from that of its values", name, typ)
				}
			}
		}
	})
}

// BenchmarkFormats is the two products of training, forward and back, over each format: what dequantizing costs beside float32.
func BenchmarkFormats(b *testing.B) {
	const rows, cols, n = 1536, 768, 512
	x, y, dx := random(1, n*cols), make([]float32, n*rows), make([]float32, n*cols)
	for i := range int(quant.Types) {
		typ := quant.Type(i)
		if !typ.Known() {
			continue
		}
		w := filled(b, typ, rows, cols)
		b.Run(typ.String(), func(b *testing.B) {
			for b.Loop() {
				MulT(y, x, n, w, false)
				Mul(dx, y, n, w, false)
			}
			b.ReportMetric(4*rows*cols*n*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
