package quant

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func shared(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("TEMPER_SHARED")
	if dir == "" {
		dir = "../../../shared/data"
	}
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Skipf("the vectors of ggml are not at hand: %v", err)
	}
	return b
}

// ggml is what ggml made of the same 2048 values: their blocks, and the values of those.
func ggml(t *testing.T, typ Type) (blocks []byte, values []float32) {
	name := strings.Replace(strings.ToLower(typ.String()), "_k", "_K", 1)
	return shared(t, "quant-vectors/"+name+".bin"), sharedFloats(t, "quant-vectors/"+name+".deq.f32")
}

func sharedFloats(t *testing.T, name string) []float32 {
	b := shared(t, name)
	out := make([]float32, len(b)/4)
	copy(bytesOf(out), b)
	return out
}

// same fails where got is not want to the bit.
func same(t *testing.T, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, not %d", len(got), len(want))
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("value %d: got %g, want %g", i, got[i], want[i])
		}
	}
}

// TestRowsAreGGML: every format's values are bit for bit those of ggml's own dequantizer, in assembly and in plain Go.
func TestRowsAreGGML(t *testing.T) {
	n := 0
	for typ := range int(Types) {
		if Type(typ) == F32 || !Type(typ).InGGUF() {
			continue
		}
		n++
		t.Run(Type(typ).String(), func(t *testing.T) {
			data, want := ggml(t, Type(typ))
			w := &Tensor{Name: "w", Type: Type(typ), Rows: 2, Cols: len(want) / 2, Data: data}
			if err := w.Check(); err != nil {
				t.Fatal(err)
			}
			got := make([]float32, len(want))
			for r := range w.Rows {
				w.Row(got[r*w.Cols:], r, 0, w.Cols)
			}
			same(t, got, want)
			clear(got)
			decode(w.Type, got, data)
			same(t, got, want)
		})
	}
	if n != 17 {
		t.Errorf("%d formats, not 17", n)
	}
}

// TestBlocksAreGGML: what is quantized here is byte for byte what ggml's reference quantizers make of the same values.
func TestBlocksAreGGML(t *testing.T) {
	for _, typ := range []Type{F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K} {
		t.Run(typ.String(), func(t *testing.T) {
			want, _ := ggml(t, typ)
			got, err := Quantize(typ, "w", 2, 1024, sharedFloats(t, "quant-vectors/input.f32"))
			if err != nil {
				t.Fatal(err)
			}
			for i, b := range want {
				if got.Data[i] != b {
					size := layouts[typ].bytes
					t.Fatalf("block %d, byte %d: got %#02x, want %#02x\ngot  %x\nwant %x", i/size, i%size, got.Data[i], b, got.Data[i/size*size:][:size], want[i/size*size:][:size])
				}
			}
		})
	}
}

// TestKnownBlocks: hand-computed values, without the vectors.
func TestKnownBlocks(t *testing.T) {
	b := make([]byte, 20)
	binary.LittleEndian.PutUint16(b, 0x3800)     // d = 0.5
	binary.LittleEndian.PutUint16(b[2:], 0xbc00) // m = -1
	b[4], b[19] = 0x5f, 0xa0
	w := &Tensor{Name: "w", Type: Q4_1, Rows: 1, Cols: 32, Data: b}
	row := make([]float32, 32)
	w.Row(row, 0, 0, 32)
	for i, want := range map[int]float32{0: 6.5, 16: 1.5, 15: -1, 31: 4, 7: -1} {
		if row[i] != want {
			t.Errorf("value %d: got %g, want %g", i, row[i], want)
		}
	}
	for _, bad := range []Tensor{{Type: 99, Rows: 1, Cols: 1}, {Type: Q4_1, Rows: 1, Cols: 31}, {Type: F32, Rows: 2, Cols: 2, Data: b}} {
		if bad.Check() == nil {
			t.Errorf("%+v passed Check", bad)
		}
	}
}
