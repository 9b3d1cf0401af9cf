package quant

import (
	"bytes"
	"testing"
)

// TestNF4IsBitsandbytes: codes, scales and values are bitsandbytes' own, with the scales plain and quantized once more.
func TestNF4IsBitsandbytes(t *testing.T) {
	in := sharedFloats(t, "nf4-vectors/input.f32")
	w, err := Quantize(NF4, "w", 64, len(in)/64, in)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Check(); err != nil {
		t.Fatal(err)
	}
	same(t, w.Scales, sharedFloats(t, "nf4-vectors/absmax.f32"))
	if want := shared(t, "nf4-vectors/packed.u8"); !bytes.Equal(w.Data, want) {
		for i := range want {
			if w.Data[i] != want[i] {
				t.Fatalf("byte %d of %d: got %#02x, want %#02x of %g %g, scale %g", i, len(want), w.Data[i], want[i], in[2*i], in[2*i+1], w.Scales[i/32])
			}
		}
	}
	same(t, values(w), sharedFloats(t, "nf4-vectors/dequant.f32"))
	same(t, nf4Values[:], sharedFloats(t, "nf4-vectors/nf4_code.f32"))
	same(t, DynamicMap(), sharedFloats(t, "nf4-vectors/dynamic_map_signed8.f32"))

	n := Nest(w.Scales)
	if n.Offset != 0.6482758522033691 {
		t.Errorf("offset %v", n.Offset)
	}
	same(t, n.Scales, sharedFloats(t, "nf4-vectors/nested_absmax.f32"))
	if want := shared(t, "nf4-vectors/nested_absmax_q.u8"); !bytes.Equal(n.Codes, want) {
		t.Errorf("codes of the scales differ:\n%v\n%v", n.Codes, want)
	}
	if w.Scales, err = n.Decode(); err != nil {
		t.Fatal(err)
	}
	same(t, values(w), sharedFloats(t, "nf4-vectors/dequant_dq.f32"))
}

// values are all values of w.
func values(w *Tensor) []float32 {
	out := make([]float32, w.Rows*w.Cols)
	for r := range w.Rows {
		w.Row(out[r*w.Cols:], r, 0, w.Cols)
	}
	return out
}
