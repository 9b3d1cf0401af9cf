package quant

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkDecode is the speed of rows becoming float32, of 1536 values each, in bytes written.
func BenchmarkDecode(b *testing.B) {
	const cols = 1536
	for i := range int(Types) {
		t := Type(i)
		if !t.Known() {
			continue
		}
		w := ordinary(t, 64, cols)
		dst := make([]float32, cols)
		b.Run(t.String(), func(b *testing.B) {
			b.SetBytes(4 * cols)
			for i := 0; b.Loop(); i++ {
				w.Row(dst, i%w.Rows, 0, cols)
			}
		})
	}
}

// ordinary is a tensor of any format whose scales are ordinary numbers: quantized from normal ones where the format can be written,
// else of bytes that are all small.
func ordinary(typ Type, rows, cols int) *Tensor {
	r := rand.New(rand.NewPCG(1, 2))
	if typ.Writable() {
		x := make([]float32, rows*cols)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		w, err := Quantize(typ, "w", rows, cols, x)
		if err != nil {
			panic(err)
		}
		return w
	}
	w := &Tensor{Name: "w", Type: typ, Rows: rows, Cols: cols}
	w.Data = make([]byte, w.bytes())
	for i := range w.Data {
		w.Data[i] = byte(r.Uint32()) & 0x3b
	}
	return w
}
