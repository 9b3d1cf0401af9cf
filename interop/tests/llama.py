"""Bases for the comparisons: the weights of a GGUF file in transformers."""
import gguf
import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM


def load_llama(path):
    """A transformers LlamaForCausalLM in float32 with the dequantized weights of a GGUF file, read by the gguf package."""
    r = gguf.GGUFReader(str(path))
    kv = lambda k: r.fields["llama." + k].contents()
    heads, kv_heads = kv("attention.head_count"), kv("attention.head_count_kv")
    tensors = {t.name: t for t in r.tensors}
    weight = lambda name: gguf.quants.dequantize(tensors[name].data, tensors[name].tensor_type).astype(np.float32)
    embed = weight("token_embd.weight")
    c = LlamaConfig(vocab_size=embed.shape[0], hidden_size=kv("embedding_length"), intermediate_size=kv("feed_forward_length"),
                    num_hidden_layers=kv("block_count"), num_attention_heads=heads, num_key_value_heads=kv_heads,
                    max_position_embeddings=kv("context_length"), rms_norm_eps=float(kv("attention.layer_norm_rms_epsilon")),
                    rope_theta=float(kv("rope.freq_base")), tie_word_embeddings="output.weight" not in tensors, attn_implementation="sdpa")
    m = LlamaForCausalLM(c).float().eval()

    def straight(w, n):  # undo the interleaving of q and k rows
        return w.reshape(n, w.shape[0] // n // 2, 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)

    state = {"model.embed_tokens.weight": embed, "model.norm.weight": weight("output_norm.weight")}
    if "output.weight" in tensors:
        state["lm_head.weight"] = weight("output.weight")
    names = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
             "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
             "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
    for i in range(c.num_hidden_layers):
        for hf, gg in names.items():
            w = weight(f"blk.{i}.{gg}.weight")
            if gg == "attn_q":
                w = straight(w, heads)
            if gg == "attn_k":
                w = straight(w, kv_heads)
            state[f"model.layers.{i}.{hf}.weight"] = w
    missing, unexpected = m.load_state_dict({k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in state.items()}, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    m.tie_weights()
    return m
