"""Writes transformers' models as GGUF the way llama.cpp's conversion does."""
import gguf
import numpy as np

ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "gemma2": "gemma2", "gemma3_text": "gemma3", "phi3": "phi3", "smollm3": "smollm3"}
BLOCK = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
         "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
         "self_attn.qkv_proj": "attn_qkv", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mlp.gate_up_proj": "ffn_up"}
GEMMA = BLOCK | {"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm"}
TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def expressible(name):
    """Whether GGUF can say it: there are no keys for Mistral's and Qwen2's windows, and rope_freqs for llama3 are the writer's to compute."""
    return name not in ("mistral", "qwen2-window")


def permuted(w, heads):
    """Rows of queries and keys with adjacent pairs, from half-split ones."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def write(model, path, words="default"):
    c = model.config
    arch = ARCHITECTURES[c.model_type]
    gemma = arch.startswith("gemma")
    head = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    w = gguf.GGUFWriter(path, arch)
    w.add_block_count(c.num_hidden_layers)
    w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(c.hidden_size)
    w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads)
    w.add_head_count_kv(c.num_key_value_heads)
    w.add_key_length(head)
    w.add_value_length(head)
    w.add_layer_norm_rms_eps(c.rms_norm_eps)
    w.add_vocab_size(c.vocab_size)
    rope(w, c, arch, head)
    if gemma or arch == "phi3":
        if c.sliding_window:
            w.add_sliding_window(c.sliding_window)
    if arch == "gemma2":
        w.add_attn_logit_softcapping(c.attn_logit_softcapping)
        w.add_final_logit_softcapping(c.final_logit_softcapping)
    for key, p in model.state_dict().items():
        if key == "lm_head.weight" and c.tie_word_embeddings:
            continue
        stem, kind = key.rsplit(".", 1)
        x = p.numpy().astype(np.float32)
        if gemma and "norm" in stem:
            x = x + 1
        if arch in ("llama", "smollm3") and stem.endswith(("q_proj", "k_proj")):
            x = permuted(x, c.num_attention_heads if stem.endswith("q_proj") else c.num_key_value_heads)
        if stem in TOP:
            name = TOP[stem]
        else:
            _, _, layer, rest = stem.split(".", 3)
            name = f"blk.{layer}.{(GEMMA if gemma else BLOCK)[rest]}"
        w.add_tensor(f"{name}.{kind}", x)
    tokens(w, c.vocab_size, words)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def rope(w, c, arch, head):
    r = c.rope_parameters
    r = r.get("full_attention", r)
    w.add_rope_freq_base(r["rope_theta"])
    w.add_rope_dimension_count(head)
    if r["rope_type"] == "linear":
        w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        w.add_rope_scaling_factor(r["factor"])
    if r["rope_type"] == "yarn":
        w.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        w.add_rope_scaling_factor(r["factor"])
        w.add_rope_scaling_orig_ctx_len(r["original_max_position_embeddings"])
    if r["rope_type"] == "llama3":
        f = r["rope_theta"] ** -(np.arange(0, head, 2) / head)
        wave = 2 * np.pi / f
        low, high, old = r["low_freq_factor"], r["high_freq_factor"], r["original_max_position_embeddings"]
        smooth = (old / wave - low) / (high - low)
        between = 1 / ((1 - smooth) / r["factor"] + smooth)
        w.add_tensor("rope_freqs.weight", np.where(wave < old / high, 1, np.where(wave > old / low, r["factor"], between)).astype(np.float32))
    if r["rope_type"] == "longrope":
        w.add_rope_scaling_orig_ctx_len(r["original_max_position_embeddings"])
        scale = c.max_position_embeddings / r["original_max_position_embeddings"]
        w.add_rope_scaling_attn_factors(float(np.sqrt(1 + np.log(scale) / np.log(r["original_max_position_embeddings"]))))
        w.add_tensor("rope_factors_long.weight", np.array(r["long_factor"], dtype=np.float32))
        w.add_tensor("rope_factors_short.weight", np.array(r["short_factor"], dtype=np.float32))


def tokens(w, n, words):
    """A byte-level vocabulary with some tokens that are never met."""
    bs = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    chars = [chr(b) for b in bs] + [chr(256 + i) for i in range(256 - len(bs))]
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre(words)
    w.add_token_list(chars + ["he"] + [f"<|{i}|>" for i in range(n - 257)])
    w.add_token_types([1] * 257 + [3] * (n - 257))
    w.add_token_merges(["h e"])
    w.add_bos_token_id(257)
    w.add_eos_token_id(258)
