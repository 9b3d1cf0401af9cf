"""Adapters against PEFT, transformers and llama.cpp: their training with every setting, and every form they are exported to."""
import json
import urllib.request

import numpy as np
import pytest
import torch

import llama
from conftest import ROOT

TINY = ROOT / "model" / "tiny" / "tiny.gguf"
STEPS, LENGTH, VOCAB = 20, 48, 768
CHATS = "".join(json.dumps({"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]}) + "\n" for q, a in [
    ("What does Read return?", "The number of bytes read, and an error."), ("Who closes the file?", "Whoever opened it, once no reader is left."),
    ("What is a slice?", "A window on an array, with a length and a capacity."), ("When is a map nil?", "Before make or a literal gave it a value.")])


@pytest.fixture(scope="module")
def base():
    return llama.load_llama(TINY)


@pytest.fixture(scope="module")
def stream():
    return np.random.default_rng(5).integers(3, VOCAB, STEPS * LENGTH).astype(np.int32)


def peft(base, **settings):
    import copy

    from peft import LoraConfig, get_peft_model
    torch.manual_seed(3)
    return get_peft_model(copy.deepcopy(base), LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM", **settings))


PATTERNS = dict(rank_pattern={"q_proj": 2, r"model\.layers\.1\..*": 6}, alpha_pattern={"up_proj": 20, "v_proj": 3})
WAYS = {
    "rslora": (dict(use_rslora=True), [], lambda p: torch.optim.AdamW(p, lr=5e-3, weight_decay=0.0)),
    "patterns": (PATTERNS, [], lambda p: torch.optim.AdamW(p, lr=5e-3, weight_decay=0.0)),
    "rslora with patterns": (dict(use_rslora=True, **PATTERNS), [], lambda p: torch.optim.AdamW(p, lr=5e-3, weight_decay=0.0)),
    "lora+": ({}, ["--lora-plus", 16, "--lr", "5e-4"], None),
    "dora": (dict(use_dora=True), [], lambda p: torch.optim.AdamW(p, lr=5e-3, weight_decay=0.0)),
    "dora with rslora and patterns": (dict(use_dora=True, use_rslora=True, **PATTERNS), [], lambda p: torch.optim.AdamW(p, lr=5e-3, weight_decay=0.0)),
    "dora with lora+": (dict(use_dora=True), ["--lora-plus", 16, "--lr", "5e-4"], None),
    "embedding": (dict(modules_to_save=["embed_tokens"]), [], lambda p: torch.optim.AdamW(p, lr=5e-3, weight_decay=0.0)),
    "head": (dict(modules_to_save=["lm_head"]), [], lambda p: torch.optim.AdamW(p, lr=5e-3, weight_decay=0.0)),
    "embedding and head with dora": (dict(modules_to_save=["embed_tokens", "lm_head"], use_dora=True), [], lambda p: torch.optim.AdamW(p, lr=5e-3, weight_decay=0.0)),
    "sgd": ({}, ["--optimizer", "sgd", "--momentum", 0.9], lambda p: torch.optim.SGD(p, lr=5e-3, momentum=0.9)),
}


def train(temper, m, init, stream, optimizer, args, out):
    """The losses and norms of PyTorch and of Temper, from the same adapter on the same ids."""
    named = [(n, p) for n, p in m.named_parameters() if p.requires_grad]
    every = [p for _, p in named]
    if optimizer:
        opt = optimizer(every)
    else:  # LoRA+
        opt = torch.optim.AdamW([{"params": [p for n, p in named if "lora_A" in n], "lr": 5e-4},
                                 {"params": [p for n, p in named if "lora_A" not in n], "lr": 5e-4 * 16}], weight_decay=0.0)
    losses, norms = [], []
    m.train()
    for b in torch.from_numpy(stream.astype(np.int64)).reshape(STEPS, 1, LENGTH):
        loss = m(input_ids=b, labels=b).loss
        opt.zero_grad()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(every, 1.0)))
        opt.step()
        losses.append(loss.item())
    m.eval()
    temper("tune", "--base", TINY, "--ids", out.parent / "ids.i32", "--batch", 1, "--sequence", LENGTH, "--init-adapter", init, *(args if "--lr" in args else ["--lr", "5e-3", *args]),
           "--schedule", "constant", "--warmup", 0, "--clip", 1.0, "--weight-decay", 0, "--steps", STEPS, "-o", out)
    steps = [json.loads(l) for l in (out / "steps.jsonl").read_text().splitlines()]
    return losses, norms, steps


@pytest.mark.parametrize("name", WAYS)
def test_training(temper, base, stream, tmp_path, name):
    """Twenty steps give the losses of PEFT to 1e-3 and its gradient norms to 1 %, and PEFT loads the result and computes the same."""
    import copy

    from peft import PeftModel
    settings, args, optimizer = WAYS[name]
    stream.tofile(tmp_path / "ids.i32")
    m = peft(base, **settings)
    m.save_pretrained(tmp_path / "init")
    losses, norms, steps = train(temper, m, tmp_path / "init", stream, optimizer, args, tmp_path / "out")
    worst = max(abs(s["loss"] - l) for s, l in zip(steps, losses, strict=True))
    norm = max(abs(s["grad_norm"] - n) / n for s, n in zip(steps, norms))
    print(f"\n{name}: loss {losses[0]:.4f} -> {losses[-1]:.4f}, largest difference {worst:.1e}, gradient norm {norm:.1e} relative")
    assert worst < 1e-3 and norm < 1e-2 and losses[-1] < losses[0]
    loaded = PeftModel.from_pretrained(copy.deepcopy(base), tmp_path / "out").eval()
    x = torch.from_numpy(stream[:LENGTH].astype(np.int64))[None]
    with torch.no_grad():
        ours, theirs, before = loaded(x).logits, m(x).logits, base(x).logits
    print(f"loaded by PEFT: logits differ by {(ours - theirs).abs().max():.1e} of {(theirs - before).abs().max():.2f} moved")
    assert (ours - theirs).abs().max() < 0.02 * (theirs - before).abs().max()


@pytest.fixture(scope="module")
def tuned(temper, base, tmp_path_factory):
    """An adapter with every setting that is trained on conversations, and its logits by PEFT."""
    import copy

    from peft import PeftModel
    d = tmp_path_factory.mktemp("tuned")
    (d / "chats.jsonl").write_text(CHATS)
    temper("tune", "--base", TINY, "--data", d / "chats.jsonl", "--steps", 40, "--batch", 4, "--sequence", 128, "--rank", 4, "--alpha", 8, "--lr", "1e-2",
           "--rslora", "--rank-pattern", "q_proj=2", "--alpha-pattern", "up_proj=20", "-o", d / "adapter")
    x = np.random.default_rng(6).integers(3, VOCAB, 64).astype(np.int64)
    m = PeftModel.from_pretrained(copy.deepcopy(base), d / "adapter").eval()
    with torch.no_grad():
        want, before = m(torch.from_numpy(x)[None]).logits[0], base(torch.from_numpy(x)[None]).logits[0]
    assert (want - before).abs().max() > 1
    return d, x, want


def export(temper, d, *args):
    return json.loads(temper("adapter", *args[:1], d / "adapter", "--base", TINY, "--eval", d / "chats.jsonl", "--json", *args[1:]))


def test_merged_safetensors(temper, tuned, tmp_path):
    """transformers loads the merged folder and gives PEFT's logits to 1e-3."""
    from transformers import AutoModelForCausalLM
    d, x, want = tuned
    said = export(temper, d, "merge", "--type", "f32", "-o", tmp_path / "merged")
    m = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32).eval()
    with torch.no_grad():
        worst = (m(torch.from_numpy(x)[None]).logits[0] - want).abs().max()
    print(f"\nmerged safetensors in transformers: largest difference {worst:.1e}; Temper says {said['largest_difference']:.1e}")
    assert worst < 1e-3


def test_merged_gguf(temper, tuned, tmp_path):
    """The merged GGUF file, read by the gguf package into transformers, gives PEFT's logits to 1e-3; in Q8_0 to the error that is said."""
    d, x, want = tuned
    for form, within in (("f32", 1e-3), ("q8_0", None)):
        said = export(temper, d, "merge", "--type", form, "-o", tmp_path / f"{form}.gguf")
        with torch.no_grad():
            got = llama.load_llama(tmp_path / f"{form}.gguf")(torch.from_numpy(x)[None]).logits[0]
        worst = (got - want).abs().max()
        print(f"\nmerged {form}: largest difference {worst:.1e}; Temper says {said['largest_difference']:.1e}, weights {said['rmse']:.1e} of {said['rms']:.2f}, {100 * said['lost']:.2f} % lost")
        assert worst < (within or 5 * said["largest_difference"])


@pytest.mark.parametrize("args", [["--use-dora", "--dropout", 0.1], ["--modules-to-save", "embed_tokens"], ["--modules-to-save", "lm_head"], ["--use-dora", "--modules-to-save", "embed_tokens,lm_head"]], ids=lambda a: " ".join(map(str, a)))
def test_merged(temper, base, tmp_path, args):
    """PEFT reads an adapter that began as Temper's own, with magnitudes or whole modules, and computes what Temper merged, in both forms; the
    base ties embedding and head."""
    import copy

    from peft import PeftModel
    from transformers import AutoModelForCausalLM
    (tmp_path / "chats.jsonl").write_text(CHATS)
    temper("tune", "--base", TINY, "--data", tmp_path / "chats.jsonl", "--steps", 40, "--batch", 4, "--sequence", 128, "--rank", 4, "--alpha", 8, "--lr", "1e-2",
           *args, "-o", tmp_path / "adapter")
    x = torch.from_numpy(np.random.default_rng(6).integers(3, VOCAB, 64).astype(np.int64))[None]
    m = PeftModel.from_pretrained(copy.deepcopy(base), tmp_path / "adapter").eval()
    temper("adapter", "merge", tmp_path / "adapter", "--base", TINY, "--eval", tmp_path / "chats.jsonl", "--type", "f32", "-o", tmp_path / "merged")
    temper("adapter", "merge", tmp_path / "adapter", "--base", TINY, "--eval", tmp_path / "chats.jsonl", "--type", "f32", "-o", tmp_path / "merged.gguf")
    with torch.no_grad():
        want, before = m(x).logits, base(x).logits
        folder = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32).eval()(x).logits
        gguf = llama.load_llama(tmp_path / "merged.gguf")(x).logits
        own = m.merge_and_unload()(x).logits
    print(f"\n{args} moves logits by {(want - before).abs().max():.2f}; merged by Temper they differ from PEFT's by {(folder - want).abs().max():.1e} (folder), "
          f"{(gguf - want).abs().max():.1e} (GGUF); merged by PEFT by {(own - want).abs().max():.1e}")
    assert (want - before).abs().max() > 1 and (folder - want).abs().max() < 1e-3 and (gguf - want).abs().max() < 1e-3


def likeliest(ids, path, lora=None):
    """llama.cpp's twenty likeliest next tokens, with their log-probabilities."""
    import xllamacpp
    p = xllamacpp.CommonParams()
    p.model.path, p.n_ctx, p.warmup = str(path), 128, False
    if lora:
        p.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(lora), 1.0)]
    server = xllamacpp.Server(p)
    body = json.dumps({"prompt": ids.tolist(), "n_predict": 1, "n_probs": 20, "temperature": -1.0, "cache_prompt": False}).encode()
    r = urllib.request.Request(server.listening_address + "/completion", body, {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(r))["completion_probabilities"][0]["top_logprobs"]


@pytest.mark.parametrize("form", ["lora", "merged"])
def test_llama_cpp(temper, tuned, tmp_path, form):
    """llama.cpp, with the adapter's GGUF file or the merged base, gives PEFT's log-probabilities to 0.02 (its cache is float16). The
    base is in float16: beside blocks, llama.cpp rounds what they are multiplied with to eight bits."""
    d, x, want = tuned
    if form == "lora":
        export(temper, d, "export", "--to", "gguf", "-o", tmp_path / "lora.gguf")
        temper("quantize", TINY, "--to", "f16", "-o", tmp_path / "base.gguf")
        top = likeliest(x, tmp_path / "base.gguf", tmp_path / "lora.gguf")
    else:
        export(temper, d, "merge", "--type", "f32", "-o", tmp_path / "merged.gguf")
        top = likeliest(x, tmp_path / "merged.gguf")
    logprob = torch.log_softmax(want[-1], -1)
    worst = max(abs(t["logprob"] - logprob[t["id"]].item()) for t in top)
    without = max(abs(t["logprob"] - logprob[t["id"]].item()) for t in likeliest(x, TINY))
    print(f"\n{form} in llama.cpp: largest difference {worst:.1e}; the base alone {without:.2f}")
    assert worst < 0.02 < without
