"""Shared by the comparisons: where the binary and the models are, and Temper's command line as a function."""
import os
import pathlib
import subprocess

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPER = os.environ.get("TEMPER", str(ROOT / "bin" / "temper"))
LEAN = os.environ.get("TEMPER_LEAN", str(ROOT / "bin" / "temper-lean"))
SHARED = pathlib.Path(os.environ.get("TEMPER_SHARED", ROOT.parent / "shared" / "data"))


def run(*args, stdin=None, codes=(0,)):
    """Runs temper and returns its standard output; an exit code that is none of codes shows what it said."""
    p = subprocess.run([TEMPER, *map(str, args)], input=stdin, capture_output=True)
    assert p.returncode in codes, f"temper {' '.join(map(str, args))}: exit {p.returncode}\n{p.stderr.decode()[-4000:]}"
    return p.stdout


@pytest.fixture(scope="session")
def temper():
    assert pathlib.Path(TEMPER).exists(), f"{TEMPER} is not built: make build"
    return run


@pytest.fixture(scope="session")
def smollm():
    """The path of SmolLM2-135M-Instruct in Q4_1, pulled if it is not at hand."""
    near = SHARED / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    if near.exists():
        return near
    return pathlib.Path(run("model", "pull", "smollm2-135m-instruct").decode().strip().splitlines()[-1])


@pytest.fixture(scope="session")
def reference(smollm):
    from llama import load_llama
    return load_llama(smollm)


@pytest.fixture(scope="session")
def ids(temper, smollm, tmp_path_factory):
    """A fixed stream of token ids of real text, as int32."""
    import json
    text = (SHARED / "evals" / "gsm8k_test.jsonl").read_text() if (SHARED / "evals").exists() else (ROOT / "README.md").read_text() * 40
    f = tmp_path_factory.mktemp("ids") / "text.txt"
    lines = [json.loads(l)["question"] if l.startswith("{") else l for l in text.splitlines()[:400] if l.strip()]
    f.write_text("\n".join(lines) + "\n")
    out = temper("tokenize", "--base", smollm, "--ids", f)
    stream = [i for line in out.splitlines() for i in json.loads(line)]
    return np.array(stream, dtype=np.int32)
