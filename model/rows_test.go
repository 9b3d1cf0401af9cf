package model

import (
	"slices"
	"testing"

	"temper/internal/quant"
	"temper/lora"
)

// TestInterleave holds the order of llama.cpp's conversion and that the two functions undo each other.
func TestInterleave(t *testing.T) {
	const headDim, cols = 4, 2
	src := []float32{0, 0, 1, 1, 2, 2, 3, 3, 10, 10, 11, 11, 12, 12, 13, 13} // two heads
	want := []float32{0, 0, 2, 2, 1, 1, 3, 3, 10, 10, 12, 12, 11, 11, 13, 13}
	got, back := make([]float32, len(src)), make([]float32, len(src))
	interleave(got, src, headDim, cols)
	if !slices.Equal(got, want) {
		t.Errorf("interleaved: %v, want %v", got, want)
	}
	if deinterleave(back, got, headDim, cols); !slices.Equal(back, src) {
		t.Errorf("and back: %v, want %v", back, src)
	}
}

// merge puts an adapter into a Hugging Face model's weights.
func merge(t *testing.T, m *Model, a *lora.Adapter) {
	t.Helper()
	for i := range m.Layers {
		for k := Q; k < Kinds; k++ {
			p, ok := a.Pair(k.Module(i))
			if !ok {
				t.Fatalf("no pair for %s", k.Module(i))
			}
			w := m.Layers[i].Linear[k]
			x := make([]float32, w.Rows*w.Cols)
			for r := range w.Rows {
				w.Row(x[r*w.Cols:(r+1)*w.Cols], r, 0, w.Cols)
			}
			p.Merge(x, a.Scale())
			m.Layers[i].Linear[k] = quant.F32Tensor(w.Name, w.Rows, w.Cols, x)
		}
	}
}
