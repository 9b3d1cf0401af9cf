#!/usr/bin/env python3
"""Trains the tiny base that the binary embeds: a Llama of about 1.3 M parameters on Go's own documentation.

    python train.py --src "$(go env GOROOT)/src" --out ../../model/tiny/tiny.gguf [--minutes 10]

Input: the doc comments and declarations under --src. Output: one GGUF file (Q8_0, byte-level BPE of 2,048 tokens, a ChatML
template), at most 2 MB. Needs torch, transformers, tokenizers, gguf (interop/requirements.txt). The result depends on the
machine's arithmetic in its last bits, so the file is committed and its digest pinned in model/tiny.
"""
import argparse, pathlib, re, time

import gguf, numpy as np, torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
            "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
DECL = re.compile(r"((?:^//(?!go:|line |export ).*\n)+)^((?:func|type|package|var|const) [^\n{]*)", re.M)


def documents(src):
    """Doc comments with their declarations, one text each, sorted by path; internal packages, vendor and tests left out."""
    for path in sorted(pathlib.Path(src).rglob("*.go")):
        parts = path.relative_to(src).parts
        if "testdata" in parts or "vendor" in parts or parts[0] == "cmd" or path.name.endswith("_test.go"):
            continue
        for doc, decl in DECL.findall(path.read_text(errors="replace")):
            text = "\n".join(line[2:].removeprefix(" ") for line in doc.splitlines()).strip()
            if len(text) > 40 and "Copyright" not in text:
                yield decl.strip() + "\n" + text


def conversation(text):
    """A third of the texts as a question and its answer, so that the template's tokens are known to the model."""
    decl, doc = text.split("\n", 1)
    m = re.match(r"(?:func|type|package|var|const) (?:\([^)]*\) )?(\w+)", decl)
    if not m:
        return text
    return f"<|im_start|>user\nWhat is {m[1]} in Go?<|im_end|>\n<|im_start|>assistant\n{doc}<|im_end|>\n"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--src", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--minutes", type=float, default=10)
    p.add_argument("--threads", type=int, default=2)
    o = p.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(o.threads)
    texts = list(documents(o.src))
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=2048, special_tokens=SPECIAL, show_progress=False,
                                                       initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    ids = []
    for i, t in enumerate(texts):
        ids += tok.encode(conversation(t) if i % 3 == 0 else t).ids + [0]
    data = torch.tensor(ids)
    c = LlamaConfig(vocab_size=2048, hidden_size=128, intermediate_size=352, num_hidden_layers=5, num_attention_heads=4,
                    num_key_value_heads=2, max_position_embeddings=1024, rope_theta=10000.0, tie_word_embeddings=True,
                    rms_norm_eps=1e-5, bos_token_id=0, eos_token_id=2)
    m = LlamaForCausalLM(c)
    print(f"{len(texts)} texts, {len(ids)} tokens, {sum(p.numel() for p in m.parameters())} parameters", flush=True)
    opt = torch.optim.AdamW(m.parameters(), lr=3e-3, weight_decay=0.01, betas=(0.9, 0.95))
    start, step, T, B = time.time(), 0, 256, 8
    while (gone := (time.time() - start) / (60 * o.minutes)) < 1:
        for g in opt.param_groups:
            g["lr"] = 3e-3 * min(1, (step + 1) / 50) * (0.05 + 0.95 * 0.5 * (1 + np.cos(np.pi * gone)))
        at = torch.randint(0, len(data) - T - 1, (B,))
        x = torch.stack([data[a:a + T] for a in at])
        loss = m(input_ids=x, labels=x).loss
        opt.zero_grad(); loss.backward()
        torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0)
        opt.step(); step += 1
        if step % 100 == 0:
            print(f"step {step} loss {loss.item():.3f}, {gone:.0%}", flush=True)
    write(o.out, m, c, tok)


def write(out, m, c, tok):
    """GGUF as llama.cpp lays out its llama architecture: the rows of q and k interleaved."""
    w = gguf.GGUFWriter(out, "llama")
    w.add_name("temper tiny"); w.add_license("BSD-3-Clause")
    w.add_description("A tiny Llama trained on the Go standard library's documentation, for trying Temper without a download")
    w.add_context_length(c.max_position_embeddings); w.add_embedding_length(c.hidden_size); w.add_block_count(c.num_hidden_layers)
    w.add_feed_forward_length(c.intermediate_size); w.add_head_count(c.num_attention_heads); w.add_head_count_kv(c.num_key_value_heads)
    w.add_layer_norm_rms_eps(c.rms_norm_eps); w.add_rope_freq_base(10000.0); w.add_rope_dimension_count(32); w.add_vocab_size(2048)
    vocab = sorted(tok.get_vocab().items(), key=lambda kv: kv[1])
    import json
    merges = json.loads(tok.to_str())["model"]["merges"]
    w.add_tokenizer_model("gpt2"); w.add_tokenizer_pre("gpt-2")
    w.add_token_list([t for t, _ in vocab]); w.add_token_types([3 if i < 3 else 1 for i in range(len(vocab))])
    w.add_token_merges([x if isinstance(x, str) else " ".join(x) for x in merges])
    w.add_bos_token_id(0); w.add_eos_token_id(2); w.add_add_bos_token(False); w.add_chat_template(TEMPLATE)
    names = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    for i in range(c.num_hidden_layers):
        for hf, gg in {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
                       "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
                       "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}.items():
            names[f"model.layers.{i}.{hf}.weight"] = f"blk.{i}.{gg}.weight"
    state = m.state_dict()
    for hf, gg in names.items():
        t = state[hf].float().numpy()
        heads = c.num_attention_heads if "q_proj" in hf else c.num_key_value_heads if "k_proj" in hf else 0
        if heads:
            t = t.reshape(heads, 2, t.shape[0] // heads // 2, t.shape[1]).swapaxes(1, 2).reshape(t.shape)
        if t.ndim == 1:
            w.add_tensor(gg, t.astype(np.float32))
        else:
            q = gguf.GGMLQuantizationType.Q8_0
            w.add_tensor(gg, gguf.quants.quantize(np.ascontiguousarray(t), q), raw_dtype=q)
    pathlib.Path(out).parent.mkdir(parents=True, exist_ok=True)
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()


main()
