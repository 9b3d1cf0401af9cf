"""Near duplicates against a brute force over all pairs."""
import itertools
import json
import random

import pyarrow.parquet
import regex
from test_dataset import paragraphs

THRESHOLD = 0.8


def shingles(text):
    words = regex.findall(r"[\p{L}\p{Nd}\p{M}]+", text.lower())
    n = min(5, len(words))
    return {tuple(words[i:i + n]) for i in range(len(words) - n + 1)}


def texts():
    """Runs of 200 words, of which some overlap, and copies of each with 1 to 12 words exchanged: similarities of all sizes occur."""
    rng = random.Random(5)
    words = " ".join(paragraphs()).split()
    out = []
    for start in rng.choices(range(len(words) - 200), k=40):
        run = words[start:start + 200]
        out.append(" ".join(run))
        for changes in range(1, 13):
            other = list(run)
            for i in rng.sample(range(200), changes):
                other[i] = f"other{rng.randrange(1000)}"
            out.append(" ".join(other))
    return out


def test_clusters(temper, tmp_path):
    """Every similarity is the true one, no row is dropped for one below the threshold, and of the pairs that reach it at least 98 in 100 share a cluster."""
    rows = {f"r{i}": t for i, t in enumerate(texts())}
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"id": k, "text": t}) + "\n" for k, t in rows.items()))
    temper("dedup", "--near", THRESHOLD, tmp_path / "rows.jsonl", "-o", tmp_path / "out")
    sets = {k: shingles(t) for k, t in rows.items()}
    similarity = lambda a, b: len(sets[a] & sets[b]) / len(sets[a] | sets[b])
    clusters = {c["id"]: c for c in pyarrow.parquet.read_table(tmp_path / "out" / "clusters.parquet").to_pylist()}
    for c in clusters.values():
        assert abs(c["similarity"] - similarity(c["id"], c["keeper"])) < 1e-9
        assert c["similarity"] >= THRESHOLD and clusters[c["keeper"]]["keeper"] == c["keeper"]
    read = lambda d: {i for f in (tmp_path / "out" / d).glob("*.parquet") for i in pyarrow.parquet.read_table(f)["id"].to_pylist()}
    dropped = {c["id"] for c in clusters.values() if c["id"] != c["keeper"]}
    assert read("rejects") == dropped and read("data") == rows.keys() - dropped
    near = [p for p in itertools.combinations(rows, 2) if similarity(*p) >= THRESHOLD]
    found = sum(a in clusters and b in clusters and clusters[a]["cluster"] == clusters[b]["cluster"] for a, b in near)
    print(f"\ndedup: {len(rows)} texts, {len(near)} pairs of similarity {THRESHOLD} or more, {found} of them found, {len(dropped)} rows dropped")
    assert len(near) > 200 and found >= 0.98 * len(near)
