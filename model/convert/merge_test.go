package convert

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"temper/dataset"
	"temper/internal/quant"
	"temper/lora"
	"temper/model"
)

// tuned is an adapter of m that moves its logits.
func tuned(t *testing.T, m *model.Model) *lora.Adapter {
	t.Helper()
	a, err := lora.New(m.Modules(), lora.Options{Rank: 3, Alpha: 5, Targets: "q_proj,k_proj,o_proj,up_proj,down_proj"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	a.RankRoot = true
	for i, p := range a.Pairs {
		for k := range p.B {
			p.B[k] = 0.05 * float32(math.Sin(float64(7*k+i)))
		}
	}
	return a
}

// tunedDoRA is one with magnitudes, a tenth off the lengths of the base's rows.
func tunedDoRA(t *testing.T, m *model.Model) *lora.Adapter {
	t.Helper()
	a := tuned(t, m)
	a.DoRA = true
	for i := range m.Layers {
		for _, module := range m.BlockModules(i) {
			at := slices.IndexFunc(a.Pairs, func(p lora.Pair) bool { return p.Name == module.Name })
			if at < 0 {
				continue
			}
			for _, k := range module.Kinds {
				for o, square := range lora.Squares(m.Layers[i].Linear[k]) {
					a.Pairs[at].Magnitude = append(a.Pairs[at].Magnitude, float32(math.Sqrt(square)*(1+0.1*math.Sin(float64(o)))))
				}
			}
		}
	}
	a, err := m.FromRowOrder(a)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// tunedEnds is one with an embedding and a head of its own; the base ties the two.
func tunedEnds(t *testing.T, m *model.Model, save ...string) *lora.Adapter {
	t.Helper()
	a := tuned(t, m)
	for _, module := range m.Modules() {
		if !slices.Contains(save, module.Name) {
			continue
		}
		s := lora.Saved{Module: module, W: values(m.Embedding)}
		for i := range s.W {
			s.W[i] += 0.02 * float32(math.Sin(float64(3*i+len(module.Name))))
		}
		a.Saved = append(a.Saved, s)
	}
	return a
}

// merged is base with a in it, in another form; the target's place says whether it is a folder.
func merged(t *testing.T, path string, a *lora.Adapter, to Target, folder bool) (string, []Change) {
	t.Helper()
	m := open(t, path)
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // only read
	if err := s.Merge(m, a); err != nil {
		t.Fatal(err)
	}
	return written(t, s, to, folder)
}

// TestMergeIsTheAdapter holds that a base with an adapter merged in, in either form and from either, computes what the base with the
// adapter beside it does: to 1e-4 in float32, and nearer than the base in the base's own blocks.
func TestMergeIsTheAdapter(t *testing.T) {
	for name, adapter := range map[string]func(*testing.T, *model.Model) *lora.Adapter{"LoRA": tuned, "DoRA": tunedDoRA,
		"embedding": func(t *testing.T, m *model.Model) *lora.Adapter { return tunedEnds(t, m, model.EmbeddingModule) },
		"head":      func(t *testing.T, m *model.Model) *lora.Adapter { return tunedEnds(t, m, model.HeadModule) },
		"both ends": func(t *testing.T, m *model.Model) *lora.Adapter {
			return tunedEnds(t, m, model.EmbeddingModule, model.HeadModule)
		}} {
		t.Run(name, func(t *testing.T) { mergeIsTheAdapter(t, adapter) })
	}
}

func mergeIsTheAdapter(t *testing.T, adapter func(*testing.T, *model.Model) *lora.Adapter) {
	m := open(t, tiny)
	a := adapter(t, m)
	with, without := logits(t, m, a), logits(t, m, nil)
	moved := distance(with, without)
	if moved < 0.5 {
		t.Fatalf("the adapter moves logits by %g only", moved)
	}
	folder, _ := merged(t, tiny, &lora.Adapter{Rank: 1, Alpha: 1}, Target{Keep: true}, true) // the base as a folder
	for _, tt := range []struct {
		name   string
		from   string
		to     Target
		folder bool
		within float64
	}{
		{"GGUF to F32 GGUF", tiny, Target{Type: quant.F32}, false, 1e-4},
		{"GGUF to F32 folder", tiny, Target{Type: quant.F32}, true, 1e-4},
		{"GGUF to BF16 folder", tiny, Target{Type: quant.BF16}, true, moved / 4},
		{"GGUF to its own blocks", tiny, Target{Keep: true}, false, moved / 2},
		{"GGUF to Q8_0", tiny, Target{Type: quant.Q8_0}, false, moved / 4},
		{"folder to folder", folder, Target{Keep: true}, true, 1e-4},
		{"folder to F32 GGUF", folder, Target{Type: quant.F32}, false, 1e-4},
	} {
		path, changes := merged(t, tt.from, a, tt.to, tt.folder)
		got := logits(t, open(t, path), nil)
		if d := distance(got, with); d > tt.within {
			t.Errorf("%s: logits differ by %g of %g moved, want within %g", tt.name, d, moved, tt.within)
		}
		if open(t, path).Tied != (len(a.Saved) == 0) {
			t.Errorf("%s: tied, though embedding or head were trained", tt.name)
		}
		if total := Total(changes); tt.to.Type == quant.Q8_0 && !(total.RMSE > 0 && total.RMSE < total.Signal/50) {
			t.Errorf("%s: error %g of %g", tt.name, total.RMSE, total.Signal)
		}
	}
}

// TestMergeRefuses holds that an adapter of another model is refused by name.
func TestMergeRefuses(t *testing.T) {
	m := open(t, tiny)
	s, err := Open(tiny)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // only read
	a := tuned(t, m)
	a.Pairs[0].Name = "model.layers.99.self_attn.q_proj"
	if err := s.Merge(m, a); err == nil {
		t.Error("a module that is not there: no error")
	}
}

// TestLoRAFile holds that the adapter as a GGUF file reads back the same, from a base in either form, and that no other file does.
func TestLoRAFile(t *testing.T) {
	m := open(t, tiny)
	a := tuned(t, m)
	path := filepath.Join(t.TempDir(), "a.gguf")
	var b bytes.Buffer
	if err := WriteLoRA(&b, m, a); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	back, err := ReadLoRA(path, m)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back.Pairs, a.Pairs) || math.Abs(float64(back.Scale()-a.Scale())) > 1e-6 {
		t.Errorf("read back: %d pairs, scale %g; wrote %d, %g", len(back.Pairs), back.Scale(), len(a.Pairs), a.Scale())
	}
	if _, err := ReadLoRA(tiny, m); !errors.Is(err, dataset.ErrMalformed) {
		t.Errorf("a base: error is %v", err)
	}
	if err := WriteLoRA(&bytes.Buffer{}, m, tunedDoRA(t, m)); err == nil || !strings.Contains(err.Error(), "no place for the magnitudes") {
		t.Errorf("an adapter with magnitudes: error is %v", err)
	}
	if err := WriteLoRA(&bytes.Buffer{}, m, tunedEnds(t, m, model.HeadModule)); err == nil || !strings.Contains(err.Error(), "no place for modules that are trained whole, as lm_head") {
		t.Errorf("an adapter with a head: error is %v", err)
	}
	m.Architecture = "mistral" // a llama in GGUF
	var mistral bytes.Buffer
	if err := WriteLoRA(&mistral, m, a); err != nil || !bytes.Equal(mistral.Bytes(), b.Bytes()) {
		t.Errorf("an adapter of a Mistral is not as one of a Llama: %v", err)
	}
}

// TestBrokenExportsAreRefused holds that the proof passes the trained model and none of the ways an export can be wrong: the scale left
// out, the rows of rotary layers in the other form's order, a layer's pair lost, an adapter of zeros, a value that is no number.
func TestBrokenExportsAreRefused(t *testing.T) {
	m := open(t, tiny)
	a := tuned(t, m)
	text := [][]int32{{1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15}, {40, 30, 20, 10, 11, 12}}
	prove := func(with *lora.Adapter) (Proof, error) {
		p, err := Prove(m, a, m, with, text)
		if err == nil {
			err = p.Within(Exact)
		}
		return p, err
	}
	if p, err := prove(a.Clone()); err != nil || p.Largest != 0 || p.Lost != 0 || p.Agreement != 1 || p.Tokens != 18 || p.Moved < 0.01 {
		t.Errorf("the adapter itself: %+v, %v", p, err)
	}
	for name, breaks := range map[string]func(b *lora.Adapter){
		"the scale left out": func(b *lora.Adapter) { b.Alpha = float64(b.Rank); b.RankRoot = false },
		"rotary rows in the other order": func(b *lora.Adapter) {
			for i, p := range b.Pairs {
				if rotary.MatchString("x." + p.Name[len("model.layers.0."):] + ".weight") {
					b.Pairs[i].B = reordered(p.B, b.Rank, toPairs(m.HeadDim))
				}
			}
		},
		"a pair lost":      func(b *lora.Adapter) { clear(b.Pairs[len(b.Pairs)-1].B) },
		"zeros":            func(b *lora.Adapter) { b.Alpha = 1e-9 },
		"no number inside": func(b *lora.Adapter) { b.Pairs[0].B[0] = float32(math.NaN()) },
	} {
		b := a.Clone()
		breaks(b)
		if p, err := prove(b); err == nil {
			t.Errorf("%s passes: %+v", name, p)
		}
	}
	if p, err := Prove(m, a, m, nil, text); err != nil || p.Within(Rounded) == nil || math.Abs(p.Lost-1) > 1e-9 {
		t.Errorf("the base alone: %+v, %v; all that the adapter changes is lost", p, err)
	}
	if _, err := Prove(m, a, m, a, nil); err == nil {
		t.Error("no text: no error")
	}
}
