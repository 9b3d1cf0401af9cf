package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"temper/internal/quant"
)

// vectors are bitsandbytes' own codes, scales and values; without them a test that needs them is skipped.
func vectors(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("TEMPER_SHARED")
	if dir == "" {
		dir = "../../../shared/data"
	}
	b, err := os.ReadFile(filepath.Join(dir, "nf4-vectors", name))
	if err != nil {
		t.Skipf("the vectors of bitsandbytes are not at hand: %v", err)
	}
	return b
}

func values(b []byte) []float32 {
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

// TestNF4: weights laid out as transformers writes them, plain and with their scales quantized, have bitsandbytes' values.
func TestNF4(t *testing.T) {
	const rows, cols = 64, 640
	w := Tensor{"a.weight", "U8", []int{rows * cols / 2, 1}, vectors(t, "packed.u8")}
	code := Tensor{"a.weight.quant_map", "F32", []int{16}, vectors(t, "nf4_code.f32")}
	state := func(s string) Tensor {
		return Tensor{"a.weight.quant_state.bitsandbytes__nf4", "U8", []int{len(s)}, []byte(s)}
	}
	tests := map[string][]Tensor{
		"dequant.f32": {w, code, {"a.weight.absmax", "F32", []int{640}, vectors(t, "absmax.f32")},
			state(`{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [64, 640]}`)},
		"dequant_dq.f32": {w, code, {"a.weight.absmax", "U8", []int{640}, vectors(t, "nested_absmax_q.u8")},
			{"a.weight.nested_absmax", "F32", []int{3}, vectors(t, "nested_absmax.f32")},
			{"a.weight.nested_quant_map", "F32", []int{256}, vectors(t, "dynamic_map_signed8.f32")},
			state(`{"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [64, 640], "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.6482758522033691}`)},
	}
	for name, tensors := range tests {
		t.Run(name, func(t *testing.T) {
			f := written(t, tensors)
			q, ok, err := f.Matrix("a.weight")
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			got := make([]float32, rows*cols)
			for r := range rows {
				q.Row(got[r*cols:], r, 0, cols)
			}
			if want := values(vectors(t, name)); !slices.Equal(got, want) {
				t.Errorf("got %g, want %g …", got[:8], want[:8])
			}
		})
	}
}

// written is what reads back of tensors.
func written(t *testing.T, tensors []Tensor) *File {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, nil, tensors); err != nil {
		t.Fatal(err)
	}
	f, err := Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestInt8: int8 rows are times their scale over 127; other orders of rows are refused.
func TestInt8(t *testing.T) {
	scales := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, math.Float32bits(254)), math.Float32bits(1))
	tensors := []Tensor{{"m.weight", "I8", []int{2, 2}, []byte{1, 0x81, 0, 127}}, {"m.SCB", "F32", []int{2}, scales},
		{"m.weight_format", "U8", []int{1}, []byte{0}}}
	q, _, err := written(t, tensors).Matrix("m.weight")
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 4)
	q.Row(got, 0, 0, 2)
	q.Row(got[2:], 1, 0, 2)
	for i, want := range []float32{2, -254, 0, 1} {
		if math.Abs(float64(got[i]-want)) > 1e-4 {
			t.Errorf("value %d: got %g, want %g", i, got[i], want)
		}
	}
	tensors[2].Data = []byte{1}
	if _, _, err := written(t, tensors).Matrix("m.weight"); err == nil || !strings.Contains(err.Error(), "weight_format") {
		t.Errorf("rows in another order: %v", err)
	}
}

// TestWriter: tensors written one by one read back, though the plan's were longer.
func TestWriter(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWriter(f, map[string]string{"format": "pt"}, []Tensor{{Name: "b", DType: "F32", Shape: []int{100}}, {Name: "a", DType: "U8", Shape: []int{99}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, put := range []Tensor{{"b", "F32", []int{1}, []byte("1234")}, {"a", "U8", []int{3}, []byte("abc")}} {
		if err := w.Put(put); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	g, err := OpenDir(filepath.Dir(f.Name()))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	b, _ := g.Tensor("b")
	a, _ := g.Tensor("a")
	if string(b.Data) != "1234" || string(a.Data) != "abc" || g.Metadata["format"] != "pt" {
		t.Errorf("got %+v %+v %v", a, b, g.Metadata)
	}
}

// TestShards: the tensors of an index are those of its files; one that lies outside, is missing or lacks a tensor is refused.
func TestShards(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, tensors ...Tensor) {
		var b bytes.Buffer
		if err := Write(&b, nil, tensors); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("model-00001-of-00002.safetensors", Tensor{"x", "U8", []int{1}, []byte("1")})
	put("model-00002-of-00002.safetensors", Tensor{"y", "U8", []int{1}, []byte("2")})
	index := func(weights map[string]string) (*File, error) {
		b, err := json.Marshal(map[string]any{"weight_map": weights})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "model.safetensors.index.json"), b, 0o644); err != nil {
			t.Fatal(err)
		}
		return OpenDir(dir)
	}
	f, err := index(map[string]string{"x": "model-00001-of-00002.safetensors", "y": "model-00002-of-00002.safetensors"})
	if err != nil {
		t.Fatal(err)
	}
	y, _ := f.Tensor("y")
	if got := strings.Join(f.Names(), " "); got != "x y" || string(y.Data) != "2" {
		t.Errorf("%q, y is %q", got, y.Data)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	for name, weights := range map[string]map[string]string{"outside": {"x": "../model-00001-of-00002.safetensors"},
		"missing": {"x": "none.safetensors"}, "without": {"y": "model-00001-of-00002.safetensors"}} {
		if _, err := index(weights); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzMatrix: no state and no scales of a foreign file make a matrix that does not hold its values.
func FuzzMatrix(f *testing.F) {
	f.Add([]byte(`{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [2, 64]}`), make([]byte, 64), make([]byte, 8), false)
	f.Add([]byte(`{"quant_type": "nf4", "blocksize": 64, "shape": [2, 64], "nested_blocksize": 256, "nested_offset": 1}`), make([]byte, 64), make([]byte, 2), true)
	f.Fuzz(func(t *testing.T, state, data, scales []byte, nested bool) {
		code, maps := quant.F32Tensor("", 1, 16, quant.NF4Values()).Data, quant.F32Tensor("", 1, 256, quant.DynamicMap()).Data
		g := &File{tensors: map[string]Tensor{"w": {"w", "U8", []int{len(data), 1}, data},
			"w.quant_map":                     {"w.quant_map", "F32", []int{16}, code},
			"w.absmax":                        {"w.absmax", "F32", []int{len(scales) / 4}, scales[:len(scales)/4*4]},
			"w.quant_state.bitsandbytes__nf4": {"", "U8", []int{len(state)}, state},
			"w.nested_quant_map":              {"", "F32", []int{256}, maps},
			"w.nested_absmax":                 {"", "F32", []int{1}, make([]byte, 4)},
		}}
		if nested {
			g.tensors["w.absmax"] = Tensor{"w.absmax", "U8", []int{len(scales)}, scales}
		}
		q, _, err := g.Matrix("w")
		if err != nil {
			return
		}
		if err := q.Check(); err != nil {
			t.Fatal(err)
		}
		if q.Cols == 0 {
			return
		}
		row := make([]float32, q.Cols)
		for r := range q.Rows {
			q.Row(row, r, 0, q.Cols)
		}
	})
}
