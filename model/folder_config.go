package model

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"temper/dataset"
)

// folderArchitectures are the classes of transformers that this build computes, by the name of our Config.
var folderArchitectures = map[string]string{"LlamaForCausalLM": "llama", "MistralForCausalLM": "mistral", "Qwen2ForCausalLM": "qwen2",
	"Qwen3ForCausalLM": "qwen3", "Gemma2ForCausalLM": "gemma2", "Gemma3ForCausalLM": "gemma3", "Phi3ForCausalLM": "phi3", "SmolLM3ForCausalLM": "smollm3"}

// folderNames are the names of Hugging Face's transformers.
func folderNames(architecture string) names {
	const block = "model.layers.%d."
	n := names{
		embedding: "model.embed_tokens.weight", outputNorm: "model.norm.weight", head: "lm_head.weight",
		attnNorm: block + "input_layernorm.weight", ffnNorm: block + "post_attention_layernorm.weight",
		qNorm: block + "self_attn.q_norm.weight", kNorm: block + "self_attn.k_norm.weight",
		qkv: block + "self_attn.qkv_proj.weight", gateUp: block + "mlp.gate_up_proj.weight",
	}
	if isGemma(architecture) {
		n.postAttnNorm, n.ffnNorm = n.ffnNorm, block+"pre_feedforward_layernorm.weight"
		n.postFFNNorm = block + "post_feedforward_layernorm.weight"
	}
	for k := Q; k < Kinds; k++ {
		n.linear[k] = block + kindNames[k] + ".weight"
	}
	return n
}

func isGemma(architecture string) bool { return architecture == "gemma2" || architecture == "gemma3" }

// normOffset is what is added to the norms' weights of transformers' files: Gemma's hold the difference from 1.
func normOffset(architecture string) float32 {
	if isGemma(architecture) {
		return 1
	}
	return 0
}

// folderConfig is what we read of config.json.
type folderConfig struct {
	Architectures []string        `json:"architectures"`
	Hidden        int             `json:"hidden_size"`
	Intermediate  int             `json:"intermediate_size"`
	Layers        int             `json:"num_hidden_layers"`
	Heads         int             `json:"num_attention_heads"`
	KVHeads       int             `json:"num_key_value_heads"`
	HeadDim       int             `json:"head_dim"`
	Vocab         int             `json:"vocab_size"`
	Context       int             `json:"max_position_embeddings"`
	Eps           float64         `json:"rms_norm_eps"`
	Theta         float64         `json:"rope_theta"`
	Tied          *bool           `json:"tie_word_embeddings"`
	AttentionBias bool            `json:"attention_bias"`
	MLPBias       bool            `json:"mlp_bias"`
	Activation    string          `json:"hidden_act"`
	GemmaAct      string          `json:"hidden_activation"`
	Name          string          `json:"_name_or_path"`
	Scaling       *scaling        `json:"rope_scaling"`
	Rope          json.RawMessage `json:"rope_parameters"` // newer files nest it, Gemma 3's by kind of layer
	LocalTheta    float64         `json:"rope_local_base_freq"`
	Original      float64         `json:"original_max_position_embeddings"`
	Partial       float64         `json:"partial_rotary_factor"`
	Window        int             `json:"sliding_window"`
	UseWindow     *bool           `json:"use_sliding_window"`
	MaxWindow     *int            `json:"max_window_layers"`
	LayerTypes    []string        `json:"layer_types"`
	Pattern       int             `json:"sliding_window_pattern"`
	NewPattern    int             `json:"_sliding_window_pattern"`
	NoRope        []int           `json:"no_rope_layers"` // 1 where positions are rotated
	NoRopeEvery   int             `json:"no_rope_layer_interval"`
	QueryScalar   float64         `json:"query_pre_attn_scalar"`
	AttnCap       float32         `json:"attn_logit_softcapping"`
	LogitCap      float32         `json:"final_logit_softcapping"`
	Bidirectional bool            `json:"use_bidirectional_attention"`
}

// config is the shape in our terms. What this build cannot compute is an error, never ignored.
func (hf *folderConfig) config() (Config, error) {
	var c Config
	for _, a := range hf.Architectures {
		c.Architecture = folderArchitectures[a]
	}
	if c.Architecture == "" {
		return c, fmt.Errorf("architecture is %s; this build computes Llama, Mistral, Qwen2, Qwen3, Gemma 2 and 3 (text), Phi-3 and SmolLM3", strings.Join(hf.Architectures, ", "))
	}
	c.Layers, c.Dim, c.Heads, c.KVHeads, c.HeadDim = hf.Layers, hf.Hidden, hf.Heads, hf.KVHeads, hf.HeadDim
	c.FF, c.Vocab, c.Context, c.Eps = hf.Intermediate, hf.Vocab, hf.Context, float32(cmp.Or(hf.Eps, 1e-6))
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
	if c.HeadDim == 0 && c.Heads > 0 {
		if c.HeadDim = c.Dim / c.Heads; isGemma(c.Architecture) {
			c.HeadDim = 256
		} else if c.Architecture == "qwen3" {
			c.HeadDim = 128
		}
	}
	if c.Tied = isGemma(c.Architecture) || c.Architecture == "smollm3"; hf.Tied != nil {
		c.Tied = *hf.Tied
	}
	if err := c.bounds(); err != nil {
		return c, err
	}
	for _, set := range []func(*Config) error{hf.features, hf.rope, hf.layers} {
		if err := set(&c); err != nil {
			return c, err
		}
	}
	return c, c.check()
}

// features sets what is the same in all blocks.
func (hf *folderConfig) features(c *Config) error {
	act := hf.Activation
	if isGemma(c.Architecture) {
		if act = hf.GemmaAct; act == "" {
			act = "gelu_pytorch_tanh"
		}
		c.GELU, c.PostNorms, c.EmbeddingScale = true, true, float32(math.Sqrt(float64(c.Dim)))
		c.AttentionCap, c.LogitCap = hf.AttnCap, hf.LogitCap
		c.QueryScale = float32(1 / math.Sqrt(cmp.Or(hf.QueryScalar, 256)))
	}
	want := "silu"
	if c.GELU {
		want = "gelu_pytorch_tanh"
	}
	switch {
	case act != "" && act != want:
		return fmt.Errorf("the activation is %q; this build computes %s with %s", act, c.Architecture, want)
	case hf.Bidirectional:
		return errors.New("attention is bidirectional; this build computes causal attention")
	}
	c.QKNorm = c.Architecture == "qwen3" || c.Architecture == "gemma3"
	c.Fused = c.Architecture == "phi3"
	for k := Q; k < Kinds; k++ {
		c.Biased[k] = hf.AttentionBias && k <= O || hf.MLPBias && k >= Gate || c.Architecture == "qwen2" && k <= V
	}
	return nil
}

// rope sets the rotary base and factors.
func (hf *folderConfig) rope(c *Config) error {
	s := hf.Scaling
	if len(hf.Rope) > 0 {
		var by struct {
			Full    *scaling `json:"full_attention"`
			Sliding *scaling `json:"sliding_attention"`
		}
		s = &scaling{}
		if err := json.Unmarshal(hf.Rope, s); err != nil {
			return fmt.Errorf("rope_parameters: %w: %w", err, dataset.ErrMalformed)
		}
		if err := json.Unmarshal(hf.Rope, &by); err == nil && by.Full != nil {
			s = by.Full
			if by.Sliding != nil {
				if k := by.Sliding.Type; k != "" && k != "default" {
					return fmt.Errorf("rotary scaling of sliding layers is %q; this build computes none there", k)
				}
				c.LocalRopeBase = by.Sliding.Theta
			}
		}
	}
	theta := 10000.0
	switch c.Architecture {
	case "gemma3":
		theta = 1e6
		c.LocalRopeBase = cmp.Or(c.LocalRopeBase, hf.LocalTheta, 10000)
	case "smollm3":
		theta = 2e6
	}
	c.RopeBase = cmp.Or(hf.Theta, theta)
	if s == nil {
		s = &scaling{}
	}
	c.RopeBase = cmp.Or(s.Theta, c.RopeBase)
	if hf.Original > 0 {
		s.Original = hf.Original
	}
	s.Partial = cmp.Or(s.Partial, hf.Partial)
	return s.apply(c)
}

// layers sets what differs between blocks: windows and rotation.
func (hf *folderConfig) layers(c *Config) error {
	sliding := make([]bool, c.Layers)
	every := max(hf.Pattern, hf.NewPattern)
	for i := range sliding {
		switch {
		case hf.LayerTypes != nil && i < len(hf.LayerTypes):
			switch t := hf.LayerTypes[i]; t {
			case "sliding_attention", "full_attention":
				sliding[i] = t == "sliding_attention"
			default:
				return fmt.Errorf("layer %d is of type %q; this build computes full and sliding attention", i, t)
			}
		case c.Architecture == "gemma2":
			sliding[i] = i%2 == 0
		case c.Architecture == "gemma3":
			sliding[i] = (i+1)%cmp.Or(every, 6) != 0
		case c.Architecture == "mistral" || c.Architecture == "phi3":
			sliding[i] = hf.Window > 0
		case hf.UseWindow != nil && *hf.UseWindow && c.Architecture != "llama":
			from := 28 // transformers' default
			if hf.MaxWindow != nil {
				from = *hf.MaxWindow
			}
			sliding[i] = i >= from
		}
	}
	if slices.Contains(sliding, true) {
		if c.Sliding, c.Window = sliding, hf.Window; c.Window == 0 && isGemma(c.Architecture) {
			c.Window = 4096
		}
	}
	if c.Architecture == "smollm3" {
		c.Unrotated = make([]bool, c.Layers)
		for i := range c.Unrotated {
			if i < len(hf.NoRope) {
				c.Unrotated[i] = hf.NoRope[i] == 0
			} else {
				c.Unrotated[i] = (i+1)%cmp.Or(hf.NoRopeEvery, 4) == 0
			}
		}
	}
	return nil
}
