"""Base logits and LoRA training against transformers and PEFT: same file, same ids, float32."""
import json

import numpy as np
import pytest
import torch

STEPS, BATCH, LENGTH = 20, 2, 64


def test_logits(temper, smollm, reference, ids, tmp_path):
    """The base's logits on 256 tokens equal transformers' to 1e-3."""
    x = ids[:256]
    x.tofile(tmp_path / "ids.i32")
    temper("model", "logits", "--base", smollm, "--ids", tmp_path / "ids.i32", "-o", tmp_path / "logits.f32")
    got = np.fromfile(tmp_path / "logits.f32", dtype=np.float32).reshape(256, -1)
    with torch.no_grad():
        want = reference(torch.from_numpy(x.astype(np.int64))[None]).logits[0].numpy()
    worst = np.abs(got - want).max()
    print(f"\nlogits: largest difference {worst:.2e} over 256 x {got.shape[1]}, top-1 agreement {(got.argmax(1) == want.argmax(1)).mean():.4f}")
    assert worst < 1e-3


@pytest.fixture(scope="module")
def trained(temper, smollm, reference, ids, tmp_path_factory):
    """Twenty steps by PEFT and by Temper from the same adapter on the same ids."""
    from peft import LoraConfig, get_peft_model
    d = tmp_path_factory.mktemp("train")
    torch.manual_seed(7)
    import copy
    m = get_peft_model(copy.deepcopy(reference), LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"))
    m.save_pretrained(d / "init")
    x = ids[:STEPS * BATCH * LENGTH]
    x.tofile(d / "ids.i32")
    opt = torch.optim.AdamW([p for p in m.parameters() if p.requires_grad], lr=2e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    losses, norms = [], []
    m.train()
    for step in range(STEPS):
        b = torch.from_numpy(x[step * BATCH * LENGTH:(step + 1) * BATCH * LENGTH].astype(np.int64)).reshape(BATCH, LENGTH)
        loss = m(input_ids=b, labels=b).loss
        opt.zero_grad()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_([p for p in m.parameters() if p.requires_grad], 1.0)))
        opt.step()
        losses.append(loss.item())
    for mode in ("none", "full"):
        temper("tune", "--base", smollm, "--ids", d / "ids.i32", "--batch", BATCH, "--sequence", LENGTH, "--init-adapter", d / "init",
               "--rank", 16, "--alpha", 32, "--lr", "2e-4", "--schedule", "constant", "--warmup", 0, "--clip", 1.0, "--weight-decay", 0,
               "--steps", STEPS, "--checkpointing", mode, "--log", d / f"{mode}.jsonl", "-o", d / mode)
    m.eval()
    return d, m, losses, norms


@pytest.mark.parametrize("mode", ["none", "full"])
def test_training(trained, mode):
    """The loss of every one of 20 steps equals PyTorch + PEFT to 1e-3, with and without gradient checkpointing."""
    d, _, losses, norms = trained
    steps = [json.loads(l) for l in (d / f"{mode}.jsonl").read_text().splitlines()]
    got = [s["loss"] for s in steps if "loss" in s]
    worst = max(abs(a - b) for a, b in zip(got, losses, strict=True))
    norm = max(abs(s["grad_norm"] - n) / n for s, n in zip(steps, norms))
    print(f"\ntraining, checkpointing {mode}: loss {losses[0]:.4f} -> {losses[-1]:.4f}, largest difference {worst:.2e}, gradient norm {norm:.1e} relative")
    assert worst < 1e-3


def test_adapter_loads_in_peft(temper, smollm, reference, trained, ids, tmp_path):
    """PEFT loads the adapter Temper wrote and gives Temper's tuned logits to 1e-3."""
    from peft import PeftModel
    import copy
    d, _, _, _ = trained
    x = ids[4000:4256]
    x.tofile(tmp_path / "ids.i32")
    temper("model", "logits", "--base", smollm, "--adapter", d / "full", "--ids", tmp_path / "ids.i32", "-o", tmp_path / "logits.f32")
    got = np.fromfile(tmp_path / "logits.f32", dtype=np.float32).reshape(256, -1)
    m = PeftModel.from_pretrained(copy.deepcopy(reference), d / "full").eval()
    with torch.no_grad():
        want = m(torch.from_numpy(x.astype(np.int64))[None]).logits[0].numpy()
        base = reference(torch.from_numpy(x.astype(np.int64))[None]).logits[0].numpy()
    worst, moved = np.abs(got - want).max(), np.abs(want - base).max()
    print(f"\nadapter in PEFT: largest difference {worst:.2e}; the adapter moves logits by up to {moved:.2f}")
    assert worst < 1e-3 and moved > 0.1
