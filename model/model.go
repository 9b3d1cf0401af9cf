// Package model is base language models: their weights, kept as they lie on disk and memory-mapped, and the passes that
// need no gradients: logits, likelihoods and generation with a key-value cache.
//
// The architectures are Llama (Touvron et al. 2023, arXiv:2302.13971, with grouped queries as in arXiv:2307.09288): pre-norm
// RMSNorm, rotary positions, SwiGLU, no biases; and those that differ from it by the features of Config: Mistral, Qwen2, Qwen3,
// Gemma 2, Gemma 3, Phi-3 and SmolLM3. Files are GGUF, or a folder in Hugging Face's form.
package model

import (
	"fmt"
	"io"
	"os"

	"temper/internal/quant"
	"temper/model/chat"
	"temper/model/tokenizer"
)

// Config is a model's shape, and what distinguishes its architecture from Llama, whose every such feature is off.
type Config struct {
	Architecture string  `json:"architecture"` // llama, mistral, qwen2, qwen3, gemma2, gemma3, phi3 or smollm3
	Layers       int     `json:"layers"`
	Dim          int     `json:"dim"` // of the residual stream
	Heads        int     `json:"heads"`
	KVHeads      int     `json:"kv_heads"`
	HeadDim      int     `json:"head_dim"`
	FF           int     `json:"ff"` // inner width of the feed-forward layers
	Vocab        int     `json:"vocab"`
	Context      int     `json:"context"`     // longest sequence it was trained for, in tokens
	Eps          float32 `json:"eps"`         // of RMSNorm
	Interleaved  bool    `json:"interleaved"` // rotary pairs are adjacent rows (GGUF) rather than half a head apart (Hugging Face)
	Tied         bool    `json:"tied"`        // the embedding is the head too

	RopeBase      float64   `json:"rope_base"`
	RopeFactors   []float32 `json:"rope_factors,omitempty"`    // divisors of the rotary frequencies, HeadDim/2; nil means 1
	LongFactors   []float32 `json:"long_factors,omitempty"`    // those of sequences longer than LongFrom tokens, if they differ
	LongFrom      int       `json:"long_from,omitempty"`       // tokens
	RopeScale     float64   `json:"rope_scale,omitempty"`      // of what is rotated; 0 means 1
	LocalRopeBase float64   `json:"local_rope_base,omitempty"` // of sliding layers, which then have no factors; 0 means as the others
	Unrotated     []bool    `json:"unrotated,omitempty"`       // by layer: without positions (NoPE); nil means none

	Window  int    `json:"window,omitempty"`  // of sliding layers: a token sees itself and the Window-1 before it
	Sliding []bool `json:"sliding,omitempty"` // by layer; nil means none

	Biased         [Kinds]bool `json:"-"`                         // linear layers that have one
	Fused          bool        `json:"fused,omitempty"`           // query, key and value are one module, gate and up another
	QKNorm         bool        `json:"qk_norm,omitempty"`         // RMSNorm of each head's query and key, before rotation
	PostNorms      bool        `json:"post_norms,omitempty"`      // RMSNorm of each branch before it is added
	GELU           bool        `json:"gelu,omitempty"`            // GeGLU instead of SwiGLU
	EmbeddingScale float32     `json:"embedding_scale,omitempty"` // 0 means 1
	QueryScale     float32     `json:"query_scale,omitempty"`     // of products of queries and keys; 0 means 1/√HeadDim
	AttentionCap   float32     `json:"attention_cap,omitempty"`   // scores become cap·tanh(score/cap); 0 leaves them
	LogitCap       float32     `json:"logit_cap,omitempty"`       // of the head's logits, likewise
}

// A Layer is the weights of one block.
type Layer struct {
	AttnNorm, FFNNorm         []float32            // (Dim)
	PostAttnNorm, PostFFNNorm []float32            // (Dim); nil without PostNorms
	QNorm, KNorm              []float32            // (HeadDim); nil without QKNorm
	Linear                    [Kinds]*quant.Tensor // (out, in)
	Bias                      [Kinds][]float32     // (out), or nil
	Local                     bool                 // attention sees the window only
	Unrotated                 bool                 // queries and keys have no positions
}

// A Model is a base model. It is read-only and safe for concurrent use.
type Model struct {
	Config
	Name       string // what the file calls itself
	Path       string
	Digest     string        // SHA-256 of the GGUF file, over the digests of a split model's files, or over the names and digests of a folder's
	Bytes      int64         // of weights, mapped
	Embedding  *quant.Tensor // (Vocab, Dim)
	Layers     []Layer
	OutputNorm []float32
	Head       *quant.Tensor        // (Vocab, Dim); the Embedding when Tied
	Tokenizer  *tokenizer.Tokenizer // nil when a folder has none
	Chat       *chat.Chat           // nil when Tokenizer is

	ropes  ropes
	closer io.Closer
}

// Open reads a GGUF file, or a folder with config.json and safetensors files. Weights stay on disk and are mapped.
// An error says what is missing or of which other architecture the model is.
func Open(path string) (*Model, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	var m *Model
	if info.IsDir() {
		m, err = openFolder(path)
	} else {
		m, err = openGGUF(path)
	}
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", path, err)
	}
	m.Path = path
	m.ropes = m.newRopes()
	return m, nil
}

// Close releases the mapped weights. The model must not be used after.
func (m *Model) Close() error { return m.closer.Close() }

// Parameters is the number of weights.
func (m *Model) Parameters() int64 {
	n := int64(len(m.OutputNorm)) + size(m.Embedding)
	if !m.Tied {
		n += size(m.Head)
	}
	for _, l := range m.Layers {
		n += int64(len(l.AttnNorm) + len(l.FFNNorm) + len(l.PostAttnNorm) + len(l.PostFFNNorm) + len(l.QNorm) + len(l.KNorm))
		for k, w := range l.Linear {
			n += size(w) + int64(len(l.Bias[k]))
		}
	}
	return n
}

func size(w *quant.Tensor) int64 { return int64(w.Rows) * int64(w.Cols) }

// A TensorInfo describes one tensor, for people.
type TensorInfo struct {
	Name  string `json:"name"` // as the file spells it
	Type  string `json:"type"` // of its blocks, such as Q4_1
	Rows  int    `json:"rows"`
	Cols  int    `json:"cols"`
	Bytes int    `json:"bytes"`
}

// Tensors lists the matrices of the model, in the order of computation.
func (m *Model) Tensors() []TensorInfo {
	all := []*quant.Tensor{m.Embedding}
	for _, l := range m.Layers {
		all = append(all, l.Linear[:]...)
	}
	if !m.Tied {
		all = append(all, m.Head)
	}
	out := make([]TensorInfo, len(all))
	for i, t := range all {
		out[i] = TensorInfo{t.Name, t.Type.String(), t.Rows, t.Cols, t.Size()}
	}
	return out
}
