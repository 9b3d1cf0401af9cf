package model

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"temper/internal/safetensors"
)

// tinies are config.json's of tiny models, with every feature of their architecture on. interop compares such with transformers.
var tinies = map[string]string{
	"llama":    `"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 16}, "attention_bias": true, "mlp_bias": true`,
	"yarn":     `"rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 16}`,
	"mistral":  `"sliding_window": 9`,
	"qwen2":    `"use_sliding_window": true, "sliding_window": 9, "max_window_layers": 1`,
	"qwen3":    `"tie_word_embeddings": true`,
	"gemma2":   `"sliding_window": 9, "attn_logit_softcapping": 5, "final_logit_softcapping": 4, "query_pre_attn_scalar": 12`,
	"gemma3":   `"sliding_window": 9, "sliding_window_pattern": 2, "rope_scaling": {"type": "linear", "factor": 8}`,
	"phi3":     `"sliding_window": 20`,
	"longrope": `"original_max_position_embeddings": 16, "rope_scaling": {"type": "longrope", "short_factor": [1, 1.1, 1.2, 1.3, 1.4, 1.5], "long_factor": [2, 3, 4, 5, 6, 7]}`,
	"smollm3":  `"no_rope_layer_interval": 2`,
}

// tiny writes a folder with random weights and opens it.
func tiny(t testing.TB, name string) *Model {
	t.Helper()
	architecture := map[string]string{"yarn": "llama", "longrope": "phi3"}[name]
	if architecture == "" {
		architecture = name
	}
	class := ""
	for c, a := range folderArchitectures {
		if a == architecture {
			class = c
		}
	}
	text := fmt.Sprintf(`{"architectures": [%q], "hidden_size": 48, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 4,
		"num_key_value_heads": 2, "head_dim": 12, "vocab_size": 60, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, %s}`, class, tinies[name])
	var hf folderConfig
	if err := json.Unmarshal([]byte(text), &hf); err != nil {
		t.Fatal(err)
	}
	c, err := hf.config()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	writeTiny(t, filepath.Join(dir, "model.safetensors"), c)
	m, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// writeTiny writes random weights of the names and shapes that transformers has.
func writeTiny(t testing.TB, path string, c Config) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var tensors []safetensors.Tensor
	add := func(name string, mean, spread float64, shape ...int) {
		n := 1
		for _, s := range shape {
			n *= s
		}
		var b []byte
		for range n {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(mean+spread*r.NormFloat64())))
		}
		tensors = append(tensors, safetensors.Tensor{Name: name, DType: "F32", Shape: shape, Data: b})
	}
	n := folderNames(c.Architecture)
	one := float64(1 - normOffset(c.Architecture))
	add(n.embedding, 0, 0.3, c.Vocab, c.Dim)
	add(n.outputNorm, one, 0.2, c.Dim)
	if !c.Tied {
		add(n.head, 0, 0.3, c.Vocab, c.Dim)
	}
	for i := range c.Layers {
		for _, name := range []string{n.attnNorm, n.ffnNorm, n.postAttnNorm, n.postFFNNorm} {
			if name != "" {
				add(fmt.Sprintf(name, i), one, 0.2, c.Dim)
			}
		}
		if c.QKNorm {
			add(fmt.Sprintf(n.qNorm, i), one, 0.2, c.HeadDim)
			add(fmt.Sprintf(n.kNorm, i), one, 0.2, c.HeadDim)
		}
		for _, m := range c.BlockModules(i) {
			rows, cols := 0, 0
			for _, k := range m.Kinds {
				r, in := c.shape(k)
				rows, cols = rows+r, in
			}
			add(m.Name+".weight", 0, 0.2, rows, cols)
			if c.Biased[m.Kinds[0]] {
				add(m.Name+".bias", 0, 0.3, rows)
			}
		}
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := safetensors.Write(f, nil, tensors); err != nil {
		t.Fatal(err)
	}
}

// TestArchitectures: in every architecture, token by token with a cache, alone or with others, gives the likeliest tokens of the
// whole sequence read at once, within and beyond its windows.
func TestArchitectures(t *testing.T) {
	for name := range tinies {
		t.Run(name, func(t *testing.T) {
			m := tiny(t, name)
			g, err := NewGenerator(m, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			var prompts [][]int32
			for n := 1; n < 14; n += 4 {
				p := make([]int32, n)
				for i := range p {
					p[i] = int32((i*7 + n) % m.Vocab)
				}
				prompts = append(prompts, p)
			}
			s := Sampling{MaxTokens: 22}
			all, err := g.Generate(prompts, s, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range prompts {
				alone, err := g.Generate([][]int32{p}, s, nil)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(alone[0], all[i]) {
					t.Errorf("prompt %d: %v alone, %v with others", i, alone[0], all[i])
				}
				whole := append(slices.Clone(p), all[i]...)
				c := m.newCache(len(p) + s.MaxTokens) // whose length the rotation may depend on
				pass, err := newPass(m, nil, len(whole))
				if err != nil {
					t.Fatal(err)
				}
				var rows []float32
				for h, err := range pass.hidden(whole, c) {
					if err != nil {
						t.Fatal(err)
					}
					rows = append(rows, pass.logits(h)...)
				}
				for k, id := range all[i] {
					row := rows[(len(p)+k-1)*m.Vocab : (len(p)+k)*m.Vocab]
					if row[id] < slices.Max(row)-1e-4 {
						t.Errorf("prompt %d, token %d: %d is not the likeliest", i, k, id)
					}
				}
			}
		})
	}
}

// TestNotComputed: what an architecture has and this build does not is an error that names it.
func TestNotComputed(t *testing.T) {
	base := `{"architectures": ["LlamaForCausalLM"], "hidden_size": 48, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 4,
		"vocab_size": 60, "max_position_embeddings": 64`
	for more, want := range map[string]string{
		`"architectures": ["MambaForCausalLM"]`:                                       "MambaForCausalLM",
		`"hidden_act": "relu"`:                                                        "relu",
		`"rope_scaling": {"type": "dynamic", "factor": 2}`:                            "dynamic",
		`"partial_rotary_factor": 0.5`:                                                "0.5",
		`"rope_scaling": {"type": "yarn"}`:                                            "yarn lacks",
		`"layer_types": ["chunked_attention"]`:                                        "chunked_attention",
		`"num_hidden_layers": 100000000`:                                              "layers is 100000000",
		`"head_dim": 13`:                                                              "head width is 13",
		`"architectures": ["Qwen3ForCausalLM"], "layer_types": ["sliding_attention"]`: "window",
		`"architectures": ["Phi3ForCausalLM"], "original_max_position_embeddings": 8, "rope_scaling": {"type": "longrope", "short_factor": [1], "long_factor": [2]}`: "rotary factors",
	} {
		var hf folderConfig
		if err := json.Unmarshal([]byte(base+", "+more+"}"), &hf); err != nil {
			t.Fatal(err)
		}
		if _, err := hf.config(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; it should name %q", more, err, want)
		}
	}
}
