// Package model is base language models: their weights, kept as they lie on disk and memory-mapped, and the passes that
// need no gradients: logits, likelihoods and generation with a key-value cache.
//
// The architecture is Llama (Touvron et al. 2023, arXiv:2302.13971, with grouped queries as in arXiv:2307.09288): pre-norm
// RMSNorm, rotary positions, SwiGLU, no biases. Files are GGUF, or a folder in Hugging Face's form.
package model

import (
	"fmt"
	"io"
	"os"

	"temper/internal/kernel"
	"temper/internal/quant"
	"temper/lora"
	"temper/model/chat"
	"temper/model/tokenizer"
)

// Config is a model's shape.
type Config struct {
	Architecture string    `json:"architecture"` // llama
	Layers       int       `json:"layers"`
	Dim          int       `json:"dim"` // of the residual stream
	Heads        int       `json:"heads"`
	KVHeads      int       `json:"kv_heads"`
	HeadDim      int       `json:"head_dim"`
	FF           int       `json:"ff"` // inner width of the feed-forward layers
	Vocab        int       `json:"vocab"`
	Context      int       `json:"context"` // longest sequence it was trained for, in tokens
	Eps          float32   `json:"eps"`     // of RMSNorm
	RopeBase     float64   `json:"rope_base"`
	RopeFactors  []float32 `json:"rope_factors,omitempty"` // divisors of the rotary frequencies, HeadDim/2; nil means 1
	Interleaved  bool      `json:"interleaved"`            // rotary pairs are adjacent rows (GGUF) rather than half a head apart (Hugging Face)
	Tied         bool      `json:"tied"`                   // the embedding is the head too
}

// A Kind is one of the linear layers of a block.
type Kind int

// The linear layers of a block, in the order of computation.
const (
	Q Kind = iota
	K
	V
	O
	Gate
	Up
	Down
	Kinds // how many there are
)

var kindNames = [Kinds]string{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
	"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}

// Module is the layer's name in the Hugging Face model: model.layers.3.self_attn.q_proj.
func (k Kind) Module(layer int) string { return fmt.Sprintf("model.layers.%d.%s", layer, kindNames[k]) }

// A Layer is the weights of one block.
type Layer struct {
	AttnNorm, FFNNorm []float32            // (Dim)
	Linear            [Kinds]*quant.Tensor // (out, in)
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

	rope   *kernel.Rope
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
	m.rope = kernel.NewRope(m.Context, m.HeadDim, m.RopeBase, m.RopeFactors)
	return m, nil
}

// Close releases the mapped weights. The model must not be used after.
func (m *Model) Close() error { return m.closer.Close() }

// Rope is the table of rotary positions up to Context.
func (m *Model) Rope() *kernel.Rope { return m.rope }

// Modules lists the linear layers of the blocks, in order: what an adapter can sit on.
func (m *Model) Modules() []lora.Module {
	out := make([]lora.Module, 0, len(m.Layers)*int(Kinds))
	for i := range m.Layers {
		for k := Q; k < Kinds; k++ {
			w := m.Layers[i].Linear[k]
			out = append(out, lora.Module{Name: k.Module(i), In: w.Cols, Out: w.Rows})
		}
	}
	return out
}

// Parameters is the number of weights.
func (m *Model) Parameters() int64 {
	n := int64(len(m.OutputNorm)) + size(m.Embedding)
	if !m.Tied {
		n += size(m.Head)
	}
	for _, l := range m.Layers {
		n += int64(len(l.AttnNorm) + len(l.FFNNorm))
		for _, w := range l.Linear {
			n += size(w)
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
