package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"temper/dataset"
	"temper/internal/gguf"
	"temper/internal/quant"
	"temper/model"
)

// bitsandbytes is the section of config.json that transformers reads for a target.
func bitsandbytes(to Target) map[string]any {
	four := to.Type == quant.NF4
	return map[string]any{"quant_method": "bitsandbytes", "load_in_4bit": four, "load_in_8bit": !four, "_load_in_4bit": four,
		"_load_in_8bit": !four, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": to.Nested, "bnb_4bit_compute_dtype": "float32",
		"bnb_4bit_quant_storage": "uint8", "llm_int8_threshold": json.Number("6.0"), "llm_int8_has_fp16_weight": false,
		"llm_int8_enable_fp32_cpu_offload": false, "llm_int8_skip_modules": nil}
}

// copyConfig copies config.json with the section of the target. parts says that embedding and head are two now.
func copyConfig(from, to string, target Target, parts bool) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var c map[string]any
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.UseNumber()
	if err := dec.Decode(&c); err != nil {
		return fmt.Errorf("%s: %w: %w", from, err, dataset.ErrMalformed)
	}
	c["quantization_config"] = bitsandbytes(target)
	if target.plain() {
		delete(c, "quantization_config")
	}
	if !target.Keep && stored[target.Type] != "" {
		c["torch_dtype"] = torchName(target.Type)
		delete(c, "dtype")
	}
	if parts {
		c["tie_word_embeddings"] = false
	}
	return writeJSON(to, c)
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// fromGGUF lists the tensors of a GGUF file under the names of a folder, and writes config.json and the tokenizer.
func (j *folderJob) fromGGUF(dir string) error {
	m, err := model.Open(j.source.path)
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // only read
	if err := plain(m, classes[m.Architecture] != ""); err != nil {
		return err
	}
	if m.RopeFactors != nil || m.Window > 0 {
		return unnamed("for scaled rotary positions or a window in a folder")
	}
	for _, t := range j.source.gguf.Tensors {
		name, ok := rename(t.Name, inGGUF)
		if !ok || strings.HasSuffix(name, ".bias") && m.Architecture != "qwen2" {
			return unnamed("tensor %s", t.Name)
		}
		dims := j.source.gguf.Dims(t.Name)
		linear := isLinear(name, len(dims))
		it := item{name: name, from: t, to: j.target.inFolder(t.Type, len(dims), linear), dims: dims}
		if !linear && !j.target.plain() { // beside quantized weights transformers leaves types as they are, and mixes none
			it.to = quant.F16
		}
		j.dtypes[name] = "float16"
		if m.Interleaved && rotary.MatchString(name) {
			it.row = toHalves(m.HeadDim)
		}
		j.items = append(j.items, it)
	}
	c := map[string]any{"architectures": []string{classes[m.Architecture]}, "model_type": m.Architecture, "hidden_size": m.Dim,
		"intermediate_size": m.FF, "num_hidden_layers": len(m.Layers), "num_attention_heads": m.Heads, "num_key_value_heads": m.KVHeads,
		"head_dim": m.HeadDim, "vocab_size": m.Vocab, "max_position_embeddings": m.Context, "rms_norm_eps": decimal(m.Eps),
		"rope_theta": m.RopeBase, "tie_word_embeddings": m.Tied && !j.source.parts(), "hidden_act": "silu", "attention_bias": false, "mlp_bias": false,
		"torch_dtype": "float16", "quantization_config": bitsandbytes(j.target)}
	if m.Unrotated != nil {
		rotated := make([]int, len(m.Unrotated))
		for i, not := range m.Unrotated {
			if !not {
				rotated[i] = 1
			}
		}
		c["no_rope_layers"], c["use_sliding_window"] = rotated, false
		c["pad_token_id"] = nil // transformers' default is one of the large vocabulary
	}
	if j.target.plain() {
		delete(c, "quantization_config")
		c["torch_dtype"] = "float32"
		if !j.target.Keep {
			c["torch_dtype"] = torchName(j.target.Type)
		}
	}
	return writeVocabulary(dir, j.source.gguf, c)
}

// classes are those of transformers for the architectures that become a folder. Only a llama's folder becomes a GGUF file.
var classes = map[string]string{"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM",
	"smollm3": "SmolLM3ForCausalLM"}

// plain refuses what one of the two forms cannot say. named says whether the architecture is one that it can.
func plain(m *model.Model, named bool) error {
	if !named {
		return unnamed("for the architecture %s", m.Architecture)
	}
	if m.RopeScale != 0 {
		return unnamed("for rotary positions that are scaled by %g", m.RopeScale)
	}
	return nil
}

// decimal is the shortest number that reads as v.
func decimal(v float32) json.Number { return json.Number(strconv.FormatFloat(float64(v), 'g', -1, 32)) }

// folderItems are the metadata and tensors of a GGUF file made of a folder.
func (s *Source) folderItems(to Target) ([]gguf.Pair, []item, error) {
	m, err := model.Open(s.path)
	if err != nil {
		return nil, nil, err
	}
	defer m.Close() //nolint:errcheck // only read
	if err := plain(m, m.Architecture == "llama"); err != nil {
		return nil, nil, err
	}
	vocabulary, err := readVocabulary(s.path, m)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("a GGUF file needs the tokenizer: %w", err)
	}
	if err != nil {
		return nil, nil, err
	}
	number := func(key string, v int) gguf.Pair {
		return gguf.Pair{Key: "llama." + key, Value: gguf.Uint32(uint32(v))}
	}
	pairs := []gguf.Pair{{Key: "general.architecture", Value: gguf.Text("llama")}, {Key: "general.name", Value: gguf.Text(filepath.Base(m.Name))},
		number("context_length", m.Context), number("embedding_length", m.Dim), number("block_count", len(m.Layers)),
		number("feed_forward_length", m.FF), number("attention.head_count", m.Heads), number("attention.head_count_kv", m.KVHeads),
		number("attention.key_length", m.HeadDim), number("attention.value_length", m.HeadDim), number("rope.dimension_count", m.HeadDim),
		number("vocab_size", m.Vocab), {Key: "llama.attention.layer_norm_rms_epsilon", Value: gguf.Float32(m.Eps)},
		{Key: "llama.rope.freq_base", Value: gguf.Float32(float32(m.RopeBase))}}
	pairs = append(append(pairs, kindPairs(to)...), vocabulary...)
	var items []item
	if m.RopeFactors != nil {
		items = append(items, item{name: "rope_freqs.weight", from: quant.F32Tensor("rope_freqs.weight", 1, len(m.RopeFactors), m.RopeFactors), to: quant.F32,
			dims: []uint64{uint64(len(m.RopeFactors))}})
	}
	for _, name := range s.folder.Names() {
		if s.folder.Beside(name) || m.Tied && name == "lm_head.weight" || strings.HasSuffix(name, "rotary_emb.inv_freq") {
			continue
		}
		it, err := s.ggufItem(name, to, m)
		if err != nil {
			return nil, nil, err
		}
		items = append(items, it)
	}
	return pairs, items, nil
}

// ggufItem is a tensor of a folder on its way into a GGUF file.
func (s *Source) ggufItem(name string, to Target, m *model.Model) (item, error) {
	q, _, err := s.folder.Matrix(name)
	if err != nil {
		return item{}, err
	}
	other, ok := rename(name, inFolder)
	if !ok || strings.HasSuffix(name, ".bias") || strings.HasSuffix(name, "q_norm.weight") || strings.HasSuffix(name, "k_norm.weight") {
		return item{}, unnamed("tensor %s", name)
	}
	it := item{name: other, from: q, to: quant.F32, dims: []uint64{uint64(q.Cols)}}
	if q.Rows > 1 {
		it.to = to.blocks(q.Cols, other == "output.weight" || m.Tied && other == "token_embd.weight")
		if to.Keep && q.Type.InGGUF() {
			it.to = q.Type
		}
		it.dims = append(it.dims, uint64(q.Rows))
	}
	if rotary.MatchString(other) {
		it.row = toPairs(m.HeadDim)
	}
	return it, nil
}
