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

// TestRowsAreGGML: every format's values are bit for bit those of ggml's own dequantizer.
func TestRowsAreGGML(t *testing.T) {
	for i, l := range layouts {
		typ := Type(i)
		if typ == F32 || !typ.Known() {
			continue
		}
		t.Run(l.name, func(t *testing.T) {
			name := strings.Replace(strings.ToLower(l.name), "_k", "_K", 1)
			data, want := shared(t, "quant-vectors/"+name+".bin"), shared(t, "quant-vectors/"+name+".deq.f32")
			w := &Tensor{Name: name, Type: typ, Rows: 2, Cols: len(want) / 8, Data: data}
			if err := w.Check(); err != nil {
				t.Fatal(err)
			}
			row := make([]float32, w.Cols)
			for r := range w.Rows {
				w.Row(row, r, 0, w.Cols)
				for i, got := range row {
					ref := math.Float32frombits(binary.LittleEndian.Uint32(want[4*(r*w.Cols+i):]))
					if math.Float32bits(got) != math.Float32bits(ref) && got != ref {
						t.Fatalf("row %d, value %d: got %g, want %g", r, i, got, ref)
					}
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
