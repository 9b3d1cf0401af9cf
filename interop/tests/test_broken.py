"""A file of which one row in a hundred is broken, in many ways, through `temper collect`.

TEMPER_BROKEN is the number of rows: 20000 without it, 1000000 for the full size.
"""
import json
import os
import random
import resource
import subprocess

import pyarrow.parquet
from conftest import TEMPER

ROWS = int(os.environ.get("TEMPER_BROKEN", 20000))
WAYS = [
    lambda line: line[:len(line) // 2],  # cut short
    lambda line: line.replace(b'"text"', b'"text', 1),
    lambda line: line[:-1] + b', "latin": "caf\xe9"}',
    lambda line: b"[" * 10000 + b"]" * 10000,
    lambda line: b"null",
    lambda line: b"\x00" * 40,
    lambda line: line + line,
    lambda line: b"<html><body>no JSON at all</body></html>",
]


def write(path):
    """The rows, and of every broken one its line, counted from 1, and the offset of its first byte."""
    rng, broken, at = random.Random(17), [], 0
    words = "the harbour of morning weather keeps a record and every ship is in it while they wait for another day".split()
    wrong = set(rng.sample(range(ROWS), ROWS // 100))
    with open(path, "wb") as f:
        for i in range(ROWS):
            line = json.dumps({"id": f"row-{i:07d}", "text": " ".join(rng.choices(words, k=60))}).encode()
            if i in wrong:
                line = WAYS[len(broken) % len(WAYS)](line)
                broken.append((i + 1, at))
            f.write(line + b"\n")
            at += len(line) + 1
    return wrong, broken


def test_broken_rows(tmp_path):
    """The run completes, rows kept and quarantined are exactly those that were written, and the quarantine says where each is and why."""
    wrong, broken = write(tmp_path / "rows.jsonl")
    (tmp_path / "recipe.yaml").write_text("name: broken\ncollect: [{jsonl: {root: rows.jsonl}}]\n")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    p = subprocess.run([TEMPER, "collect", "-r", "recipe.yaml", "-o", "out"], cwd=tmp_path, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert p.returncode == 0, p.stderr[-2000:]
    assert f"{ROWS - len(broken)} rows kept, 0 dropped, {len(broken)} quarantined" in p.stderr
    kept = [json.loads(m)["id"] for f in sorted((tmp_path / "out" / "data").glob("*.parquet")) for m in pyarrow.parquet.read_table(f, columns=["meta"])["meta"].to_pylist()]
    assert kept == [f"row-{i:07d}" for i in range(ROWS) if i not in wrong]
    bad = [json.loads(line) for line in (tmp_path / "out" / "quarantine.jsonl").read_text().splitlines()]
    assert [(b["source"]["row"], b["source"].get("offset", 0)) for b in bad] == broken
    assert all(b["reason"] and len(b["raw"].encode()) <= 1600 for b in bad)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"\n{ROWS} rows, {len(kept)} kept, {len(bad)} quarantined of {len(broken)} broken: {cpu:.1f} s of CPU, peak {after.ru_maxrss / 1024:.0f} MiB (of all children so far)")
