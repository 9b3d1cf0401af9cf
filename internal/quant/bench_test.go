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
		w := &Tensor{Name: "w", Type: t, Rows: 64, Cols: cols, Group: 64}
		w.Data = make([]byte, w.bytes())
		r := rand.NewChaCha8([32]byte{1})
		r.Read(w.Data)
		w.Scales = make([]float32, w.scales())
		dst := make([]float32, cols)
		b.Run(t.String(), func(b *testing.B) {
			b.SetBytes(4 * cols)
			for i := 0; b.Loop(); i++ {
				w.Row(dst, i%w.Rows, 0, cols)
			}
		})
	}
}
