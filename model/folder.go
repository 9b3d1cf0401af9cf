package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"temper/dataset"
	"temper/internal/quant"
	"temper/internal/safetensors"
	"temper/model/tokenizer"
)

// folderNames are the names of Hugging Face's transformers.
var folderNames = names{
	embedding: "model.embed_tokens.weight", outputNorm: "model.norm.weight", head: "lm_head.weight",
	attnNorm: "model.layers.%d.input_layernorm.weight", ffnNorm: "model.layers.%d.post_attention_layernorm.weight",
	linear: func() (l [Kinds]string) {
		for k := Q; k < Kinds; k++ {
			l[k] = "model.layers.%d." + kindNames[k] + ".weight"
		}
		return l
	}(),
}

// folderConfig is what we read of config.json.
type folderConfig struct {
	Architectures []string `json:"architectures"`
	Hidden        int      `json:"hidden_size"`
	Intermediate  int      `json:"intermediate_size"`
	Layers        int      `json:"num_hidden_layers"`
	Heads         int      `json:"num_attention_heads"`
	KVHeads       int      `json:"num_key_value_heads"`
	HeadDim       int      `json:"head_dim"`
	Vocab         int      `json:"vocab_size"`
	Context       int      `json:"max_position_embeddings"`
	Eps           float64  `json:"rms_norm_eps"`
	Theta         float64  `json:"rope_theta"`
	Tied          bool     `json:"tie_word_embeddings"`
	AttentionBias bool     `json:"attention_bias"`
	MLPBias       bool     `json:"mlp_bias"`
	Activation    string   `json:"hidden_act"`
	Name          string   `json:"_name_or_path"`
	Scaling       *scaling `json:"rope_scaling"`
	Rope          *scaling `json:"rope_parameters"` // newer files nest it
}

// scaling is how rotary frequencies change for longer contexts.
type scaling struct {
	Type     string  `json:"rope_type"`
	OldType  string  `json:"type"`
	Theta    float64 `json:"rope_theta"`
	Factor   float64 `json:"factor"`
	Low      float64 `json:"low_freq_factor"`
	High     float64 `json:"high_freq_factor"`
	Original float64 `json:"original_max_position_embeddings"`
}

// openFolder reads config.json, the safetensors files and, where there is one, tokenizer.json.
func openFolder(dir string) (*Model, error) {
	b, err := readSmall(filepath.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	var hf folderConfig
	if err := json.Unmarshal(b, &hf); err != nil {
		return nil, fmt.Errorf("config.json: %w: %w", err, dataset.ErrMalformed)
	}
	m := &Model{Name: hf.Name}
	if m.Name == "" {
		m.Name = filepath.Base(dir)
	}
	if m.Config, err = hf.config(); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	w, err := safetensors.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	m.closer = w
	if err := m.fromFolder(dir, w, hf.Tied); err != nil {
		w.Close()
		return nil, err
	}
	return m, nil
}

func (m *Model) fromFolder(dir string, w *safetensors.File, tied bool) error {
	var broken error
	find := func(name string) (*quant.Tensor, bool) {
		if tied && name == folderNames.head {
			return nil, false // a copy of the embedding that some writers add
		}
		q, ok, err := w.Matrix(name)
		broken = errors.Join(broken, err)
		return q, ok && err == nil
	}
	err := m.load(weights{find: find, names: folderNames})
	if broken != nil {
		return broken
	}
	if err == nil && m.Tied != tied {
		err = fmt.Errorf("tensor %s is missing: %w", folderNames.head, dataset.ErrMalformed)
	}
	if err != nil {
		return err
	}
	if m.Digest, err = folderDigest(dir); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "tokenizer.json")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if m.Tokenizer, err = tokenizer.FromHF(dir); err != nil {
		return err
	}
	template, err := folderTemplate(dir)
	if err != nil {
		return err
	}
	return m.setChat(template)
}

// config is the shape in our terms. What this build cannot compute is an error, never ignored.
func (hf *folderConfig) config() (Config, error) {
	c := Config{Architecture: "llama", Layers: hf.Layers, Dim: hf.Hidden, Heads: hf.Heads, KVHeads: hf.KVHeads, HeadDim: hf.HeadDim,
		FF: hf.Intermediate, Vocab: hf.Vocab, Context: hf.Context, Eps: float32(hf.Eps), RopeBase: hf.Theta}
	switch {
	case !slices.Contains(hf.Architectures, "LlamaForCausalLM"):
		return c, fmt.Errorf("architecture is %s; this build computes LlamaForCausalLM", strings.Join(hf.Architectures, ", "))
	case hf.AttentionBias || hf.MLPBias:
		return c, errors.New("the linear layers have biases; this build computes layers without")
	case hf.Activation != "" && hf.Activation != "silu":
		return c, fmt.Errorf("hidden_act is %q; this build computes silu", hf.Activation)
	}
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
	if c.HeadDim == 0 && c.Heads > 0 {
		c.HeadDim = c.Dim / c.Heads
	}
	rope := hf.Rope
	if rope == nil {
		rope = hf.Scaling
	}
	if rope != nil && rope.Theta > 0 {
		c.RopeBase = rope.Theta
	}
	if c.RopeBase == 0 {
		c.RopeBase = 10000
	}
	if err := c.check(); err != nil {
		return c, err
	}
	if rope == nil {
		return c, nil
	}
	var err error
	c.RopeFactors, err = rope.factors(c.HeadDim, c.RopeBase)
	return c, err
}

// factors are the divisors of the rotary frequencies, nil for none. "llama3" is the rule of Llama 3.1's reference code:
// wavelengths above Original/Low are stretched by Factor, those below Original/High are left, and between it is interpolated.
func (s *scaling) factors(headDim int, base float64) ([]float32, error) {
	kind := s.Type
	if kind == "" {
		kind = s.OldType
	}
	switch kind {
	case "", "default":
		return nil, nil
	case "linear", "llama3":
	default:
		return nil, fmt.Errorf("rotary scaling is %q; this build computes linear and llama3", kind)
	}
	if !(s.Factor >= 1) || kind == "llama3" && !(s.Low > 0 && s.High > s.Low && s.Original > 0) {
		return nil, fmt.Errorf("rotary scaling %s lacks its numbers: %w", kind, dataset.ErrMalformed)
	}
	out := make([]float32, headDim/2)
	for i := range out {
		factor := s.Factor
		if wave := 2 * math.Pi * math.Pow(base, float64(2*i)/float64(headDim)); kind == "llama3" && wave < s.Original/s.Low {
			smooth := min(1, (s.Original/wave-s.Low)/(s.High-s.Low))
			factor = 1 / ((1-smooth)/s.Factor + smooth)
		}
		out[i] = float32(factor)
	}
	return out, nil
}

// folderTemplate finds the chat template: chat_template.jinja, or the one in tokenizer_config.json, "" for none.
func folderTemplate(dir string) (string, error) {
	b, err := readSmall(filepath.Join(dir, "chat_template.jinja"))
	if err == nil {
		return string(b), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	b, err = readSmall(filepath.Join(dir, "tokenizer_config.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var c struct {
		Template json.RawMessage `json:"chat_template"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return "", fmt.Errorf("tokenizer_config.json: %w: %w", err, dataset.ErrMalformed)
	}
	var one string
	if len(c.Template) == 0 || json.Unmarshal(c.Template, &one) == nil {
		return one, nil
	}
	var many []struct{ Name, Template string }
	if err := json.Unmarshal(c.Template, &many); err != nil {
		return "", fmt.Errorf("tokenizer_config.json: chat_template: %w: %w", err, dataset.ErrMalformed)
	}
	for _, t := range many {
		if t.Name == "default" {
			return t.Template, nil
		}
	}
	return "", nil
}

// folderDigest is the SHA-256 over the names and digests of the files a model is read from.
func folderDigest(dir string) (string, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, e := range entries {
		if name := e.Name(); e.IsDir() || !strings.HasSuffix(name, ".json") && !strings.HasSuffix(name, ".safetensors") && !strings.HasSuffix(name, ".jinja") {
			continue
		}
		d, err := fileDigest(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %s\n", e.Name(), d)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// maxSmall bounds the configuration files that are read whole.
const maxSmall = 16 << 20

func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSmall {
		return nil, fmt.Errorf("%s has %d bytes; at most %d are read: %w", filepath.Base(path), info.Size(), maxSmall, dataset.ErrMalformed)
	}
	return os.ReadFile(path)
}
