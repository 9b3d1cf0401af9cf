package model

import (
	"fmt"
	"math"
	"slices"

	"temper/dataset"
	"temper/internal/gguf"
	"temper/internal/quant"
)

// ggufNames are the names of llama.cpp's conversion.
var ggufNames = names{
	embedding: "token_embd.weight", outputNorm: "output_norm.weight", head: "output.weight",
	attnNorm: "blk.%d.attn_norm.weight", ffnNorm: "blk.%d.ffn_norm.weight",
	postAttnNorm: "blk.%d.post_attention_norm.weight", postFFNNorm: "blk.%d.post_ffw_norm.weight",
	qNorm: "blk.%d.attn_q_norm.weight", kNorm: "blk.%d.attn_k_norm.weight",
	linear: [Kinds]string{"blk.%d.attn_q.weight", "blk.%d.attn_k.weight", "blk.%d.attn_v.weight", "blk.%d.attn_output.weight",
		"blk.%d.ffn_gate.weight", "blk.%d.ffn_up.weight", "blk.%d.ffn_down.weight"},
	qkv: "blk.%d.attn_qkv.weight", gateUp: "blk.%d.ffn_up.weight",
}

// The tensors with divisors of the rotary frequencies: Llama 3's scaling; Phi-3's within and beyond the original context.
const (
	ropeFactors  = "rope_freqs.weight"
	shortFactors = "rope_factors_short.weight"
	longFactors  = "rope_factors_long.weight"
)

var ggufArchitectures = []string{"llama", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "smollm3"}

// InGGUF is what GGUF calls the architecture, where Mistral is a llama, and whether the rows of rotary layers lie in pairs there.
func (c *Config) InGGUF() (architecture string, interleaved bool) {
	if architecture = c.Architecture; architecture == "mistral" {
		architecture = "llama"
	}
	return architecture, architecture == "llama" || architecture == "smollm3"
}

// A ggufReader reads the keys of one architecture.
type ggufReader struct {
	*gguf.File
	arch string
}

func (r ggufReader) number(key string, or uint64) int {
	v, ok := r.Uint(r.arch + "." + key)
	if !ok {
		v = or
	}
	return int(min(v, 1<<40)) // check refuses it
}

func (r ggufReader) float(key string, or float64) float64 {
	if v, ok := r.Float(r.arch + "." + key); ok {
		return v
	}
	return or
}

// ggufConfig reads the shape. What this build cannot compute is an error, never ignored.
func ggufConfig(f *gguf.File) (c Config, err error) {
	if c.Architecture, _ = f.String("general.architecture"); !slices.Contains(ggufArchitectures, c.Architecture) {
		return c, fmt.Errorf("architecture is %q; this build computes %v", c.Architecture, ggufArchitectures)
	}
	r := ggufReader{f, c.Architecture}
	c.Layers, c.Dim, c.FF = r.number("block_count", 0), r.number("embedding_length", 0), r.number("feed_forward_length", 0)
	c.Heads, c.Context = r.number("attention.head_count", 0), r.number("context_length", 0)
	c.KVHeads = r.number("attention.head_count_kv", uint64(c.Heads))
	if c.Heads > 0 {
		c.HeadDim = r.number("attention.key_length", uint64(c.Dim/c.Heads))
	}
	if v := r.number("attention.value_length", uint64(c.HeadDim)); v != c.HeadDim {
		return c, fmt.Errorf("values are %d wide and keys %d; this build computes equal widths", v, c.HeadDim)
	}
	if n := r.number("rope.dimension_count", uint64(c.HeadDim)); n != c.HeadDim {
		return c, fmt.Errorf("%d of %d values of a head rotate; this build rotates all", n, c.HeadDim)
	}
	if n := r.number("expert_count", 0); n > 0 {
		return c, fmt.Errorf("the model has %d experts; this build computes dense models", n)
	}
	embedding, ok := f.Tensor(ggufNames.embedding)
	if !ok {
		return c, fmt.Errorf("tensor %s is missing: %w", ggufNames.embedding, dataset.ErrMalformed)
	}
	c.Vocab = embedding.Rows
	_, c.Interleaved = c.InGGUF()
	c.Eps, c.RopeBase = float32(r.float("attention.layer_norm_rms_epsilon", 0)), r.float("rope.freq_base", 10000)
	if err := c.bounds(); err != nil {
		return c, err
	}
	r.features(&c)
	if err := r.rope(&c); err != nil {
		return c, err
	}
	return c, c.check()
}

// features sets what distinguishes the architecture; what files do not say is as llama.cpp has it.
func (r ggufReader) features(c *Config) {
	c.QKNorm = c.Architecture == "qwen3" || c.Architecture == "gemma3"
	c.Fused = c.Architecture == "phi3"
	for k := Q; k <= V; k++ {
		c.Biased[k] = c.Architecture == "qwen2"
	}
	if window := r.number("attention.sliding_window", 0); window > 0 && c.Architecture != "llama" {
		every := map[string]int{"gemma2": 2, "gemma3": 6}[c.Architecture] // the last of so many layers sees all
		every = r.number("attention.sliding_window_pattern", uint64(every))
		c.Window, c.Sliding = window, make([]bool, c.Layers)
		for i := range c.Sliding {
			c.Sliding[i] = every < 1 || (i+1)%every != 0
		}
	}
	if c.Architecture == "smollm3" {
		c.Unrotated = make([]bool, c.Layers)
		for i := range c.Unrotated {
			c.Unrotated[i] = (i+1)%4 == 0
		}
	}
	if !isGemma(c.Architecture) {
		return
	}
	c.GELU, c.PostNorms, c.EmbeddingScale = true, true, float32(math.Sqrt(float64(c.Dim)))
	c.AttentionCap, c.LogitCap = float32(r.float("attn_logit_softcapping", 0)), float32(r.float("final_logit_softcapping", 0))
	// The files do not say that the 27B models scale by their width for each head.
	if large := map[string]int{"gemma2": 46, "gemma3": 62}[c.Architecture]; c.Layers == large && c.Heads > 0 {
		c.QueryScale = float32(1 / math.Sqrt(float64(c.Dim/c.Heads)))
	}
	if c.Architecture == "gemma3" {
		c.LocalRopeBase = r.float("rope.freq_base_swa", 10000)
	}
}

// rope reads the scaling of rotary positions.
func (r ggufReader) rope(c *Config) error {
	kind, _ := r.String(r.arch + ".rope.scaling.type")
	s := scaling{Type: kind, Factor: r.float("rope.scaling.factor", 0), Original: r.float("rope.scaling.original_context_length", 0),
		Fast: r.float("rope.scaling.yarn_beta_fast", 0), Slow: r.float("rope.scaling.yarn_beta_slow", 0)}
	if s.Original == 0 {
		s.Original = float64(r.number("rope.scaling.original_context_length", 0))
	}
	if v, ok := r.Float(r.arch + ".rope.scaling.attn_factor"); ok {
		s.Scale = &v
	}
	if kind == "none" {
		s.Type = ""
	}
	var err error
	if s.Short, err = r.factors(shortFactors, c.HeadDim/2); err != nil {
		return err
	}
	if s.Long, err = r.factors(longFactors, c.HeadDim/2); err != nil {
		return err
	}
	if s.Short != nil {
		s.Type = "longrope"
	}
	if s.Type == "yarn" && s.Scale != nil { // it multiplies the usual sharpening there
		v := *s.Scale * (0.1*math.Log(s.Factor) + 1)
		s.Scale = &v
	}
	if err := s.apply(c); err != nil {
		return err
	}
	own, err := r.factors(ropeFactors, c.HeadDim/2)
	if own != nil {
		c.RopeFactors = own
	}
	return err
}

// factors reads a tensor of n rotary factors, nil if there is none.
func (r ggufReader) factors(name string, n int) ([]float32, error) {
	t, ok := r.Tensor(name)
	if !ok {
		return nil, nil
	}
	if t.Type != quant.F32 || t.Rows != 1 || t.Cols != n {
		return nil, fmt.Errorf("tensor %s is (%d, %d) of %s; it must be %d of F32: %w", name, t.Rows, t.Cols, t.Type, n, dataset.ErrMalformed)
	}
	out := make([]float32, n)
	t.Row(out, 0, 0, n)
	return out, nil
}
