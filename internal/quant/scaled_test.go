package quant

import (
	"bytes"
	"math"
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

// TestParts: any part of a row has the values of the whole, though rows and parts begin within a byte or a scale.
func TestParts(t *testing.T) {
	for _, shape := range [][2]int{{3, 7}, {5, 33}, {4, 200}, {2, 64}, {3, 129}} {
		rows, cols := shape[0], shape[1]
		w := ordinary(NF4, rows, cols)
		if err := w.Check(); err != nil {
			t.Fatal(err)
		}
		for r := range rows {
			for c0 := range cols {
				for c1 := c0; c1 <= cols; c1 += 1 + c1/9 {
					got := make([]float32, c1-c0)
					w.Row(got, r, c0, c1)
					for i, v := range got {
						at := r*cols + c0 + i
						if want := nf4Values[w.Data[at/2]>>(4-4*(at%2))&15] * w.Scales[at/64]; v != want {
							t.Fatalf("%d × %d, row %d, values [%d,%d), value %d: got %g, want %g", rows, cols, r, c0, c1, i, v, want)
						}
					}
				}
			}
		}
	}
}

// TestSlice: the rows of a slice, and of a slice of it, are those of the whole, in every format.
func TestSlice(t *testing.T) {
	for i := range int(Types) {
		typ := Type(i)
		if !typ.Known() {
			continue
		}
		cols := typ.Block()
		if cols == 1 {
			cols = 37 // rows of NF4 begin within bytes and scales
		}
		w := ordinary(typ, 9, cols)
		want := values(w)
		for r0 := range 9 {
			for r1 := r0; r1 <= 9; r1++ {
				s := w.Slice(r0, r1)
				if err := s.Check(); err != nil {
					t.Fatal(err)
				}
				same(t, values(s), want[r0*cols:r1*cols])
				if r1-r0 > 2 {
					same(t, values(s.Slice(1, r1-r0-1)), want[(r0+1)*cols:(r1-1)*cols])
				}
			}
		}
	}
}

// TestHalf: every binary16 number and its value are each other's.
func TestHalf(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		v := half(h)
		sign, exponent, fraction := 1-2*float64(h>>15), int(h>>10&31), float64(h&1023)
		want := sign * math.Ldexp(1+fraction/1024, exponent-15)
		switch exponent {
		case 0:
			want = sign * math.Ldexp(fraction, -24)
		case 31:
			if want = sign * math.Inf(1); fraction != 0 {
				want = math.NaN()
			}
		}
		if !(float64(v) == want || math.IsNaN(want) && v != v) || math.Signbit(float64(v)) != (h>>15 == 1) {
			t.Fatalf("%#04x: got %g, want %g", h, v, want)
		}
		if got := toHalf(v); v == v && got != h {
			t.Fatalf("%#04x: %g becomes %#04x", h, v, got)
		}
	}
}

// FuzzDecode: assembly and plain Go agree to the bit on any blocks, NaNs apart.
func FuzzDecode(f *testing.F) {
	f.Add(uint32(Q4_K), []byte("any"))
	f.Add(uint32(MXFP4), []byte{0, 1, 2, 255})
	f.Fuzz(func(t *testing.T, kind uint32, b []byte) {
		typ := Type(kind % Types)
		if !typ.InGGUF() || len(b) == 0 {
			t.Skip()
		}
		l := layouts[typ]
		n := len(b)/l.bytes + 1
		src := make([]byte, n*l.bytes)
		for i := range src {
			src[i] = b[i%len(b)]
		}
		got, want := make([]float32, n*l.block), make([]float32, n*l.block)
		Decode(typ, got, src)
		decode(typ, want, src)
		for i := range want {
			if math.Float32bits(got[i]) != math.Float32bits(want[i]) && (got[i] == got[i] || want[i] == want[i]) {
				t.Fatalf("%v, value %d: %g and %g", typ, i, got[i], want[i])
			}
		}
	})
}
