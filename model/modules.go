package model

import (
	"fmt"

	"temper/internal/quant"
	"temper/lora"
)

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

// A Module is what an adapter can sit on: one linear layer, or several that the Hugging Face model fuses, their outputs one after
// the other.
type Module struct {
	Name  string // in the Hugging Face model
	Kinds []Kind
}

// BlockModules lists the modules of a block, in the order of computation.
func (c *Config) BlockModules(layer int) []Module {
	if !c.Fused {
		out := make([]Module, Kinds)
		for k := range out {
			out[k] = Module{Kind(k).Module(layer), []Kind{Kind(k)}}
		}
		return out
	}
	block := fmt.Sprintf("model.layers.%d.", layer)
	return []Module{{block + "self_attn.qkv_proj", []Kind{Q, K, V}}, {O.Module(layer), []Kind{O}},
		{block + "mlp.gate_up_proj", []Kind{Gate, Up}}, {Down.Module(layer), []Kind{Down}}}
}

// The names of what lies before and after the blocks.
const (
	EmbeddingModule = "model.embed_tokens"
	HeadModule      = "lm_head"
)

// Modules lists the modules of all blocks, and the embedding and the head, which can be trained whole.
func (m *Model) Modules() []lora.Module {
	var out []lora.Module
	for i := range m.Layers {
		for _, b := range m.BlockModules(i) {
			rows, cols := 0, 0
			for _, k := range b.Kinds {
				r, c := m.shape(k)
				rows, cols = rows+r, c
			}
			out = append(out, lora.Module{Name: b.Name, In: cols, Out: rows})
		}
	}
	return append(out, lora.Module{Name: EmbeddingModule, In: m.Dim, Out: m.Vocab}, lora.Module{Name: HeadModule, In: m.Dim, Out: m.Vocab})
}

// With returns a model that shares all with m but the embedding and the head that an adapter brings. A base that ties the two keeps its
// own for the one that the adapter leaves, as PEFT does.
func (m *Model) With(saved []lora.Saved) *Model {
	if len(saved) == 0 {
		return m
	}
	out := *m
	out.Tied = false
	for _, s := range saved {
		if s.W == nil {
			continue
		}
		t := quant.F32Tensor(s.Name, s.Out, s.In, s.W)
		if s.Name == HeadModule {
			out.Head = t
		} else {
			out.Embedding = t
		}
	}
	return &out
}
