package model

import (
	"fmt"

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

// Modules lists the modules of all blocks.
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
	return out
}
