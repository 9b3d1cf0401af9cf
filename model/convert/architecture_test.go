package convert

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"temper/internal/gguf"
	"temper/internal/quant"
	"temper/lora"
	"temper/model"
)

// another writes the tiny base's weights as a GGUF file of another architecture, with the vectors in each layer that it has and a llama has
// not, by their names.
func another(t *testing.T, architecture string, vectors map[string]int) string {
	t.Helper()
	s, err := Open(tiny)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // only read
	pairs := s.pairs(Target{Keep: true})
	for i, p := range pairs {
		pairs[i].Key = strings.Replace(p.Key, "llama.", architecture+".", 1)
		if p.Key == "general.architecture" {
			pairs[i].Value = gguf.Text(architecture)
		}
	}
	items := s.ggufItems(Target{Keep: true})
	for _, it := range items {
		layer, ok := strings.CutSuffix(it.name, "attn_norm.weight")
		if !ok {
			continue
		}
		for name, n := range vectors {
			values := make([]float32, n)
			for i := range values {
				values[i] = 1 + 0.5*float32(math.Sin(float64(i+len(layer+name))))
			}
			items = append(items, item{name: layer + name, from: quant.F32Tensor(name, 1, n, values), to: quant.F32, dims: []uint64{uint64(n)}})
		}
	}
	infos := make([]gguf.Info, len(items))
	for i, it := range items {
		infos[i] = gguf.Info{Name: it.name, Type: it.to, Dims: it.dims}
	}
	path := filepath.Join(t.TempDir(), architecture+".gguf")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := gguf.NewWriter(f, pairs, infos)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		if _, err := w.Write(it.from.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFolderOfArchitecture: a GGUF file of Qwen 2, Qwen 3 or SmolLM3 becomes a folder that computes the same, in NF4 and int8 within their bits, and with an
// adapter merged in what the base does with it beside; the way back is refused.
func TestFolderOfArchitecture(t *testing.T) {
	m := open(t, tiny)
	q, kv := m.Heads*m.HeadDim, m.KVHeads*m.HeadDim
	for architecture, vectors := range map[string]map[string]int{
		"qwen2":   {"attn_q.bias": q, "attn_k.bias": kv, "attn_v.bias": kv},
		"qwen3":   {"attn_q_norm.weight": m.HeadDim, "attn_k_norm.weight": m.HeadDim},
		"smollm3": nil,
	} {
		path := another(t, architecture, vectors)
		base := open(t, path)
		want := logits(t, base, nil)
		for form, limit := range map[string]float64{"f32": 1e-4, "int8": 0.5, "nf4": 4, "nf4-dq": 4} {
			to, err := ParseTarget(form)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			out, _ := written(t, s, to, true)
			s.Close() //nolint:errcheck // only read
			folder := open(t, out)
			if folder.Architecture != architecture {
				t.Errorf("%s in %s is %s", architecture, form, folder.Architecture)
			}
			if d := distance(logits(t, folder, nil), want); !(d <= limit) {
				t.Errorf("%s in %s: logits are off by %g", architecture, form, d)
			}
			if form == "f32" {
				back, err := Open(out)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := back.ToGGUF(t.Context(), &strings.Builder{}, to, none); err == nil || !strings.Contains(err.Error(), "for the architecture "+architecture) {
					t.Errorf("%s back: error is %v", architecture, err)
				}
				back.Close() //nolint:errcheck // only read
			}
		}
		for _, adapter := range []func(*testing.T, *model.Model) *lora.Adapter{tuned, tunedDoRA} {
			a := adapter(t, base)
			with := logits(t, base, a)
			out, _ := merged(t, path, a, Target{Type: quant.F32}, true)
			if d := distance(logits(t, open(t, out), nil), with); d > 1e-4 {
				t.Errorf("%s merged: logits are off by %g of %g moved", architecture, d, distance(with, want))
			}
		}
	}
}
