package model

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"temper/internal/quant"
	"temper/lora"
)

// shared is a file of the test data that lies beside the repository (TEMPER_SHARED names another place), or skips the test.
func shared(t testing.TB, path string) string {
	t.Helper()
	root := os.Getenv("TEMPER_SHARED")
	if root == "" {
		root = "../../shared/data"
	}
	full := filepath.Join(root, path)
	if _, err := os.Stat(full); err != nil {
		t.Skipf("no test data: %v", err)
	}
	return full
}

func open(t testing.TB, path string) *Model {
	t.Helper()
	m, err := Open(shared(t, path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// golden is the logits that llama.cpp computes for a sentence with stories260K.
func golden(t testing.TB) (ids []int32, logits []float32, nll float64) {
	t.Helper()
	b, err := os.ReadFile(shared(t, "goldens/stories260K.logits.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Tokens []int32 `json:"tokens"`
		NLL    float64 `json:"mean_nll"`
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(shared(t, "goldens/stories260K.logits.f32"))
	if err != nil {
		t.Fatal(err)
	}
	for ; len(raw) > 0; raw = raw[4:] {
		logits = append(logits, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
	}
	return g.Tokens, logits, g.NLL
}

func logits(t testing.TB, m *Model, ids []int32, a *lora.Adapter) (out []float32) {
	t.Helper()
	for row, err := range m.Logits(ids, a) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, row...)
	}
	return out
}

func distance(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	d := 0.0
	for i := range a {
		d = max(d, math.Abs(float64(a[i]-b[i])))
	}
	return d
}

// TestLogits holds the logits of both file forms of one model to llama.cpp's.
func TestLogits(t *testing.T) {
	ids, want, nll := golden(t)
	for _, path := range []string{"models/stories260K.gguf", "models/stories260K-hf"} {
		m := open(t, path)
		if d := distance(logits(t, m, ids, nil), want); d > 1e-4 {
			t.Errorf("%s: logits differ from llama.cpp's by %g", path, d)
		}
		g, err := NewGenerator(m, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		scores, err := g.Score(ids[:1], [][]int32{ids[1:], ids[1:5], nil})
		if err != nil {
			t.Fatal(err)
		}
		if got := -scores[0] / float64(len(ids)-1); math.Abs(got-nll) > 1e-4 {
			t.Errorf("%s: mean loss is %g, llama.cpp's %g", path, got, nll)
		}
		if scores[1] <= scores[0] || scores[2] != 0 {
			t.Errorf("%s: scores are %v; a shorter choice must score higher", path, scores)
		}
	}
}

// TestAdapterIsRowOrderFree holds that one PEFT adapter gives the same logits on both file forms, whose query and key rows differ.
func TestAdapterIsRowOrderFree(t *testing.T) {
	ids, plain, _ := golden(t)
	a, err := lora.Read(shared(t, "goldens/lora-after10"))
	if err != nil {
		t.Fatal(err)
	}
	one := logits(t, open(t, "models/stories260K.gguf"), ids, a)
	two := logits(t, open(t, "models/stories260K-hf"), ids, a)
	if d := distance(one, two); d > 1e-4 {
		t.Errorf("logits of the two forms differ by %g", d)
	}
	if distance(one, plain) < 0.1 {
		t.Error("the adapter changes nothing")
	}
}

// TestAdaptIsMerge holds that a base with an adapter equals the base with the adapter merged into its weights.
func TestAdaptIsMerge(t *testing.T) {
	ids, _, _ := golden(t)
	a, err := lora.Read(shared(t, "goldens/lora-after10"))
	if err != nil {
		t.Fatal(err)
	}
	m := open(t, "models/stories260K-hf")
	want := logits(t, m, ids, a)
	merge(t, m, a)
	if d := distance(logits(t, m, ids, nil), want); d > 1e-4 {
		t.Errorf("merged and adapted logits differ by %g", d)
	}
}

// TestDrawnFromCodes: over weights of every form that tokens are drawn from faster, with an adapter and without, greedy decoding takes the
// likeliest token of the full logits, and several prompts at once give what each gives alone.
func TestDrawnFromCodes(t *testing.T) {
	ids, _, _ := golden(t)
	after, err := lora.Read(shared(t, "goldens/lora-after10"))
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []quant.Type{quant.Q4_0, quant.Q4_1, quant.Q5_0, quant.Q5_1, quant.Q8_0, quant.NF4, quant.Int8} {
		m := open(t, "models/stories260K-hf")
		for i := range m.Layers {
			for k, w := range m.Layers[i].Linear {
				if w == nil || w.Cols%typ.Block() != 0 {
					continue
				}
				values := make([]float32, w.Rows*w.Cols)
				for r := range w.Rows {
					w.Row(values[r*w.Cols:], r, 0, w.Cols)
				}
				if m.Layers[i].Linear[k], err = quant.Quantize(typ, w.Name, w.Rows, w.Cols, values); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, a := range []*lora.Adapter{nil, after} {
			g, err := NewGenerator(m, a, 64)
			if err != nil {
				t.Fatal(err)
			}
			prompts := [][]int32{ids[:3], ids[:5], ids[:9], ids[:4], ids[:2]}
			all, err := g.Generate(prompts, Sampling{MaxTokens: 12}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range prompts {
				if alone, err := g.Generate(prompts[i:i+1], Sampling{MaxTokens: 12}, nil); err != nil || !slices.Equal(alone[0], all[i]) {
					t.Errorf("%v: prompt %d: %v alone, %v with others, %v", typ, i, alone, all[i], err)
				}
				rows := logits(t, m, append(slices.Clone(p), all[i]...), a)
				for k, id := range all[i] {
					if row := rows[(len(p)+k-1)*m.Vocab : (len(p)+k)*m.Vocab]; row[id] < slices.Max(row)-1e-4 {
						t.Errorf("%v, adapter %v, prompt %d, token %d: %d is not the likeliest", typ, a != nil, i, k, id)
					}
				}
			}
		}
	}
}

// TestGenerate holds that several prompts at once give what each gives alone, greedy and drawn, and that greedy decoding takes
// the likeliest token of the full logits.
func TestGenerate(t *testing.T) {
	ids, _, _ := golden(t)
	m := open(t, "models/stories260K.gguf")
	var prompts [][]int32
	for n := 1; n <= 11; n++ {
		prompts = append(prompts, ids[:n])
	}
	g, err := NewGenerator(m, nil, 64)
	if err != nil {
		t.Fatal(err)
	}
	greedy := Sampling{MaxTokens: 12}
	all, err := g.Generate(prompts, greedy, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range prompts {
		alone, err := g.Generate([][]int32{p}, greedy, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(alone[0], all[i]) {
			t.Errorf("prompt %d: %v alone, %v with others", i, alone[0], all[i])
		}
		whole := append(slices.Clone(p), all[i]...)
		rows := logits(t, m, whole, nil)
		for k, id := range all[i] {
			row := rows[(len(p)+k-1)*m.Vocab : (len(p)+k)*m.Vocab]
			if row[id] < slices.Max(row)-1e-4 {
				t.Errorf("prompt %d, token %d: %d is not the likeliest", i, k, id)
			}
		}
	}
	hot := Sampling{Temperature: 1, TopP: 0.9, Seed: 4, MaxTokens: 20}
	one, err := g.Generate(prompts[:3], hot, nil)
	if err != nil {
		t.Fatal(err)
	}
	two, _ := g.Generate(prompts[:3], hot, nil)
	hot.Seed++
	three, _ := g.Generate(prompts[:3], hot, nil)
	if !slices.EqualFunc(one, two, slices.Equal) {
		t.Error("the same seed gives different answers")
	}
	if slices.EqualFunc(one, three, slices.Equal) {
		t.Error("another seed gives the same answers")
	}
}

// TestGenerateEnds holds the three ways an answer ends, and that bad input is an error.
func TestGenerateEnds(t *testing.T) {
	ids, _, _ := golden(t)
	m := open(t, "models/stories260K.gguf")
	g, err := NewGenerator(m, nil, 20)
	if err != nil {
		t.Fatal(err)
	}
	run := func(s Sampling) []int32 {
		out, err := g.Generate([][]int32{ids[:5]}, s, nil)
		if err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
	full := run(Sampling{MaxTokens: 100})
	if len(full) != 16 {
		t.Errorf("%d tokens after a prompt of 5 in a context of 20; 16 fit (the last is not read again)", len(full))
	}
	if got := run(Sampling{MaxTokens: 3}); !slices.Equal(got, full[:3]) {
		t.Errorf("3 tokens at most: %v", got)
	}
	at := slices.Index(full, full[6])
	if got := run(Sampling{MaxTokens: 100, Stop: []int32{full[6]}}); !slices.Equal(got, full[:at]) {
		t.Errorf("stop at %d: %v of %v", full[6], got, full)
	}
	for _, bad := range [][]int32{nil, make([]int32, 20), {-1}, {512}} {
		if _, err := g.Generate([][]int32{bad}, Sampling{}, nil); err == nil {
			t.Errorf("prompt %v: no error", bad)
		}
	}
	if _, err := g.Generate([][]int32{{1}}, Sampling{TopP: 2}, nil); err == nil {
		t.Error("top_p 2: no error")
	}
}

// TestFolderDigest: a folder's digest changes with every file the model is read from, and with no other: with tokenizer.model only
// where there is no tokenizer.json.
func TestFolderDigest(t *testing.T) {
	dir := t.TempDir()
	digest := func(name, text string) string {
		t.Helper()
		err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
		d, err2 := folderDigest(dir)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		return d
	}
	was := digest("config.json", "{}")
	for _, step := range []struct {
		name, text string
		changes    bool
	}{
		{"README.md", "a", false}, {"model.safetensors", "a", true}, {"tokenizer.model", "a", true}, {"tokenizer.model", "b", true},
		{"tokenizer.json", "{}", true}, {"tokenizer.model", "c", false}, {"chat_template.jinja", "a", true},
	} {
		now := digest(step.name, step.text)
		if (now != was) != step.changes {
			t.Errorf("%s %q: the digest changes: %v, want %v", step.name, step.text, now != was, step.changes)
		}
		was = now
	}
}
