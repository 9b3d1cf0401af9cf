package convert

import (
	"regexp"
	"slices"
	"strings"
)

// pairsOfNames are a tensor's names in a GGUF file and in a folder of the architectures in [classes], without ".weight" or ".bias"; # is
// the layer.
var pairsOfNames = [][2]string{
	{"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"},
	{"blk.#.attn_norm", "model.layers.#.input_layernorm"}, {"blk.#.ffn_norm", "model.layers.#.post_attention_layernorm"},
	{"blk.#.attn_q", "model.layers.#.self_attn.q_proj"}, {"blk.#.attn_k", "model.layers.#.self_attn.k_proj"},
	{"blk.#.attn_v", "model.layers.#.self_attn.v_proj"}, {"blk.#.attn_output", "model.layers.#.self_attn.o_proj"},
	{"blk.#.ffn_gate", "model.layers.#.mlp.gate_proj"}, {"blk.#.ffn_up", "model.layers.#.mlp.up_proj"},
	{"blk.#.ffn_down", "model.layers.#.mlp.down_proj"},
	{"blk.#.attn_q_norm", "model.layers.#.self_attn.q_norm"}, {"blk.#.attn_k_norm", "model.layers.#.self_attn.k_norm"},
}

// The sides of pairsOfNames.
const (
	inGGUF   = 0
	inFolder = 1
)

var layer = regexp.MustCompile(`\.(\d{1,4})\.`)

// rename is the name that the other form has for a tensor.
func rename(name string, from int) (string, bool) {
	number := layer.FindString(name)
	plain := layer.ReplaceAllString(name, ".#.")
	kind := ".weight"
	if strings.HasSuffix(plain, ".bias") {
		kind = ".bias"
	}
	i := slices.IndexFunc(pairsOfNames, func(p [2]string) bool { return p[from]+kind == plain })
	if i < 0 {
		return "", false
	}
	other := pairsOfNames[i][1-from] + kind
	if number == "" {
		return other, true
	}
	return strings.Replace(other, ".#.", number, 1), true
}

// rotary matches the query and key layers, whose rows the two forms order differently: GGUF has the rows i and half+i of a head side
// by side.
var rotary = regexp.MustCompile(`\.(attn_[qk]|self_attn\.[qk]_proj)\.weight$`)

// toPairs is, for a row of a GGUF file, the row of a folder.
func toPairs(headDim int) func(int) int {
	return func(r int) int { return r - r%headDim + r%2*(headDim/2) + r%headDim/2 }
}

// toHalves is, for a row of a folder, the row of a GGUF file.
func toHalves(headDim int) func(int) int {
	half := headDim / 2
	return func(r int) int { return r - r%headDim + r%headDim%half*2 + r%headDim/half }
}
