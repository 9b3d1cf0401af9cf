package convert

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"temper/dataset"
	"temper/internal/gguf"
	"temper/internal/quant"
	"temper/lora"
	"temper/model"
)

// WriteLoRA writes an adapter of m as llama.cpp reads one: a GGUF file of its factors in float32, with the rows of rotary layers in
// that form's order. llama.cpp scales by alpha over the pair's rank, with one alpha for all: that of a rank-stabilised
// adapter is written times √rank, and B of a pair with a scale of its own is multiplied.
// Format: llama.cpp's convert_lora_to_gguf.py and llama-adapter.cpp.
func WriteLoRA(w io.Writer, m *model.Model, a *lora.Adapter) error {
	if err := a.Fits(m.Modules()); err != nil {
		return err
	}
	if a.DoRA {
		return fmt.Errorf("llama.cpp's adapters are plain LoRA and have no place for the magnitudes of DoRA; temper adapter merge writes the base with the adapter in it")
	}
	if len(a.Saved) > 0 {
		return fmt.Errorf("llama.cpp's adapters have no place for modules that are trained whole, as %s is; temper adapter merge writes the base with the adapter in it", a.Saved[0].Name)
	}
	alpha := a.Scale() * float32(a.Rank)
	architecture, interleaved := m.InGGUF()
	pairs := []gguf.Pair{{Key: "general.type", Value: gguf.Text("adapter")}, {Key: "general.architecture", Value: gguf.Text(architecture)},
		{Key: "adapter.type", Value: gguf.Text("lora")}, {Key: "adapter.lora.alpha", Value: gguf.Float32(alpha)}}
	var infos []gguf.Info
	var data [][]float32
	for _, p := range a.Pairs {
		name, ok := rename(p.Name+".weight", inFolder)
		if !ok {
			return unnamed("module %s", p.Name)
		}
		r, b := p.Rank(), p.B
		if interleaved && rotary.MatchString(name) {
			b = reordered(b, r, toPairs(m.HeadDim))
		}
		if own := a.ScaleOf(p) * float32(r) / alpha; math.Abs(float64(own)-1) > 1e-6 { // the file has one alpha for all
			b = slices.Clone(b)
			for i := range b {
				b[i] *= own
			}
		}
		infos = append(infos, gguf.Info{Name: name + ".lora_a", Type: quant.F32, Dims: []uint64{uint64(p.In), uint64(r)}},
			gguf.Info{Name: name + ".lora_b", Type: quant.F32, Dims: []uint64{uint64(r), uint64(p.Out)}})
		data = append(data, p.A, b)
	}
	out, err := gguf.NewWriter(w, pairs, infos)
	if err != nil {
		return err
	}
	for _, x := range data {
		if _, err := out.Write(raw(x)); err != nil {
			return err
		}
	}
	return out.Close()
}

// reordered is b, rows of r values, with row i from row of(i).
func reordered(b []float32, r int, of func(int) int) []float32 {
	out := make([]float32, len(b))
	for i := range len(b) / r {
		copy(out[i*r:(i+1)*r], b[of(i)*r:])
	}
	return out
}

// ReadLoRA reads what WriteLoRA or llama.cpp's converter wrote for m. Anything else is dataset.ErrMalformed.
func ReadLoRA(path string, m *model.Model) (*lora.Adapter, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%s: "+format+": %w", append(append([]any{path}, args...), dataset.ErrMalformed)...)
	}
	kind, _ := f.String("adapter.type")
	alpha, ok := f.Float("adapter.lora.alpha")
	if kind != "lora" || !ok || math.IsNaN(alpha) || math.Abs(alpha) > 1e9 {
		return nil, bad("adapter.type is %q, alpha %g", kind, alpha)
	}
	a := &lora.Adapter{Alpha: alpha}
	_, interleaved := m.InGGUF()
	for _, t := range f.Tensors {
		name, isA := strings.CutSuffix(t.Name, ".lora_a")
		if !isA {
			continue
		}
		b, ok := f.Tensor(name + ".lora_b")
		module, named := rename(name, inGGUF)
		if !ok || !named || b.Cols != t.Rows || t.Rows < 1 || t.Rows > lora.MaxRank {
			return nil, bad("tensor %s has no place", t.Name)
		}
		a.Rank = max(a.Rank, t.Rows)
		p := lora.Pair{Module: lora.Module{Name: strings.TrimSuffix(module, ".weight"), In: t.Cols, Out: b.Rows}, A: values(t), B: values(b)}
		if interleaved && rotary.MatchString(name) {
			if p.Out%m.HeadDim != 0 {
				return nil, bad("tensor %s has %d rows", b.Name, p.Out)
			}
			p.B = reordered(p.B, p.Rank(), toHalves(m.HeadDim))
		}
		a.Pairs = append(a.Pairs, p)
	}
	if len(f.Tensors) != 2*len(a.Pairs) || len(a.Pairs) == 0 {
		return nil, bad("%d tensors for %d modules", len(f.Tensors), len(a.Pairs))
	}
	order := map[string]int{}
	for i, module := range m.Modules() {
		order[module.Name] = i
	}
	slices.SortStableFunc(a.Pairs, func(x, y lora.Pair) int { return order[x.Name] - order[y.Name] })
	return a, a.Fits(m.Modules())
}

// values are a tensor's, in float32.
func values(t *quant.Tensor) []float32 {
	out := make([]float32, t.Rows*t.Cols)
	for r := range t.Rows {
		t.Row(out[r*t.Cols:(r+1)*t.Cols], r, 0, t.Cols)
	}
	return out
}
