package gguf

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"temper/internal/quant"
)

const tiny = "../../model/tiny/tiny.gguf"

// TestOpen: the embedded base's directory reads as it was written.
func TestOpen(t *testing.T) {
	f, err := Open(tiny)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	arch, _ := f.String("general.architecture")
	layers, _ := f.Uint("llama.block_count")
	eps, _ := f.Float("llama.attention.layer_norm_rms_epsilon")
	tokens, _ := f.Strings("tokenizer.ggml.tokens")
	types, _ := f.Ints("tokenizer.ggml.token_type")
	if arch != "llama" || layers != 5 || eps < 0.9e-5 || eps > 1.1e-5 || len(tokens) != 2048 || len(types) != 2048 || types[0] != 3 {
		t.Errorf("got %q, %d layers, eps %g, %d tokens, %d types", arch, layers, eps, len(tokens), len(types))
	}
	w, ok := f.Tensor("blk.4.ffn_down.weight")
	if !ok || w.Rows != 128 || w.Cols != 352 || w.Check() != nil {
		t.Errorf("ffn_down: %+v, %v", w, ok)
	}
	if len(f.Tensors) != 2+5*9 {
		t.Errorf("%d tensors", len(f.Tensors))
	}
}

// TestTruncated: a file cut at any of many places is an error that names it, never a panic or a short tensor.
func TestTruncated(t *testing.T) {
	b, err := os.ReadFile(tiny)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(b); n += 1 + n/7 {
		if _, err := Parse(b[:n], "cut.gguf"); !errors.Is(err, ErrFormat) {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
	}
	path := filepath.Join(t.TempDir(), "cut.gguf")
	if err := os.WriteFile(path, b[:len(b)-1], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrFormat) {
		t.Errorf("one byte short: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrFormat) {
		t.Errorf("an empty file: %v", err)
	}
}

// TestOverflow: dimensions whose product wraps around to no bytes are refused.
func TestOverflow(t *testing.T) {
	b := le.AppendUint64(le.AppendUint64([]byte("GGUF\x03\x00\x00\x00"), 1), 0)
	b = le.AppendUint32(appendText(b, "w"), 2)
	b = le.AppendUint64(le.AppendUint64(b, 1<<40), 1<<40)
	b = le.AppendUint64(le.AppendUint32(b, uint32(quant.F32)), 0)
	if _, err := Parse(append(b, make([]byte, 64)...), "wide.gguf"); !errors.Is(err, ErrFormat) {
		t.Errorf("2^82 bytes: %v", err)
	}
}

// small is a file with every kind of value and tensors of several formats.
func small(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	pairs := []Pair{{"general.architecture", Text("x")}, {"u", Uint32(7)}, {"f", Float32(0.5)}, {"b", Bool(true)}, {"ss", Texts([]string{"", "y"})},
		{"is", Int32s([]int32{-1, 3})}, {"fs", Float32s([]float32{2})}, {"split.no", Uint32(0)}}
	infos := []Info{{"v", quant.F32, []uint64{3}}, {"q", quant.Q4_1, []uint64{32, 2}}, {"e", quant.Q2_K, []uint64{256, 1, 2}}}
	w, err := NewWriter(&b, pairs, infos)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		n, err := i.bytes()
		if err == nil {
			_, err = w.Write(make([]byte, n))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzParse: whatever the bytes, tensors lie within them, and what was read writes and reads back.
func FuzzParse(f *testing.F) {
	f.Add(small(f))
	f.Add([]byte("GGUF\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := Parse(b, "fuzz")
		if err != nil {
			return
		}
		for _, w := range g.Tensors {
			if err := w.Check(); err != nil {
				t.Fatal(err)
			}
		}
		back, err := Parse(rewritten(t, g, 0, len(g.Tensors)), "back")
		if err != nil {
			t.Fatal(err)
		}
		if len(back.Tensors) != len(g.Tensors) {
			t.Fatalf("%d tensors of %d", len(back.Tensors), len(g.Tensors))
		}
		for i, w := range g.Tensors {
			if !bytes.Equal(back.Tensors[i].Data, w.Data) {
				t.Fatalf("tensor %s differs", w.Name)
			}
		}
	})
}
