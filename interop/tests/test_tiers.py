"""A hundred steps of LoRA against PyTorch + PEFT, in every tier of checkpointing, with one thread and with two; and the memory of each tier."""
import json
import re
import subprocess

import numpy as np
import pytest
import torch

from conftest import LEAN, SHARED

STEPS, BATCH, LENGTH = 100, 4, 64
TIERS, THREADS = ("none", "selective", "full"), (1, 2)


@pytest.fixture(scope="module")
def tiny():
    """The folder of a Llama of 260 thousand weights."""
    folder = SHARED / "models" / "stories260K-hf"
    if not folder.exists():
        pytest.skip(f"no test data: {folder}")
    return folder


@pytest.fixture(scope="module")
def peft_run(tiny, tmp_path_factory):
    """PEFT's losses and gradient norms, and the adapter and ids that it began with."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM
    d = tmp_path_factory.mktemp("tiers")
    torch.manual_seed(7)
    m = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    m = get_peft_model(m, LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"))
    m.save_pretrained(d / "init")
    # Sequences that repeat with small changes, so that there is something to learn.
    r = np.random.default_rng(3)
    words = r.integers(3, 512, size=(32, 8))
    x = words[r.integers(0, 32, size=STEPS * BATCH * LENGTH // 8)].reshape(-1).astype(np.int32)
    x.tofile(d / "ids.i32")
    opt = torch.optim.AdamW([p for p in m.parameters() if p.requires_grad], lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    losses, norms = [], []
    m.train()
    for b in torch.from_numpy(x.astype(np.int64)).reshape(STEPS, BATCH, LENGTH):
        loss = m(input_ids=b, labels=b).loss
        opt.zero_grad()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_([p for p in m.parameters() if p.requires_grad], 1.0)))
        opt.step()
        losses.append(loss.item())
    return d, losses, norms


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("tier", TIERS)
def test_hundred_steps(temper, tiny, peft_run, tier, threads):
    """Each loss is PEFT's to 1e-3 and each gradient norm to 1 %, and all tiers and thread counts end in the same bytes."""
    d, losses, norms = peft_run
    out = d / f"{tier}{threads}"
    temper("tune", "--base", tiny, "--ids", d / "ids.i32", "--batch", BATCH, "--sequence", LENGTH, "--init-adapter", d / "init",
           "--lr", "2e-3", "--schedule", "constant", "--warmup", 0, "--clip", 1.0, "--weight-decay", 0.01,
           "--steps", STEPS, "--checkpointing", tier, "--threads", threads, "-o", out)
    steps = [json.loads(l) for l in (out / "steps.jsonl").read_text().splitlines()]
    worst = max(abs(s["loss"] - l) for s, l in zip(steps, losses, strict=True))
    norm = max(abs(s["grad_norm"] - n) / n for s, n in zip(steps, norms, strict=True))
    print(f"\n{tier}, {threads} threads: loss {losses[0]:.4f} -> {losses[-1]:.4f}, largest difference {worst:.1e}, gradient norm {norm:.1e} relative")
    assert worst < 1e-3 and norm < 0.01 and losses[-1] < losses[0] - 0.5
    first = d / f"{TIERS[0]}{THREADS[0]}" / "adapter_model.safetensors"
    if first.exists():
        assert (out / "adapter_model.safetensors").read_bytes() == first.read_bytes()


@pytest.mark.parametrize("dora", (False, True))
@pytest.mark.parametrize("tier", TIERS)
def test_memory(smollm, tmp_path, tier, dora):
    """The peak of a training is within 5 % of what a refusal says that it needs, with the lean binary: of the other, more or less of the servers' code is resident."""
    ids, out = tmp_path / "ids.i32", tmp_path / "adapter"
    np.random.default_rng(5).integers(3, 49000, size=1024).astype(np.int32).tofile(ids)
    args = ["tune", "--base", smollm, "--ids", ids, "--batch", 1, "--sequence", 512, "--steps", 2, "--threads", 2, "--checkpointing", tier, "-o", out]
    if dora:
        args.append("--use-dora")
    refused = subprocess.run([LEAN, *map(str, args), "--memory", "1MiB"], capture_output=True, text=True)
    assert refused.returncode == 4, refused.stderr
    predicted = int(re.search(r"needs (\d+) MiB", refused.stderr)[1])
    subprocess.run([LEAN, *map(str, args)], check=True, capture_output=True)
    peak = json.loads((out / "steps.jsonl").read_text().splitlines()[-1])["peak_bytes"] / 2**20
    print(f"\n{tier}, DoRA {dora}: {predicted} MiB predicted, {peak:.0f} MiB at the peak")
    assert abs(peak - predicted) <= 0.05 * predicted
