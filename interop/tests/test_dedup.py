"""Duplicates and evaluation items against a brute force."""
import itertools
import json
import random

import pyarrow.parquet
import pytest
import regex
from test_dataset import paragraphs

THRESHOLD = 0.8


def shingles(text, unit="words"):
    units = {"words": lambda: regex.findall(r"[\p{L}\p{Nd}\p{M}]+", text.lower()),
             "tokens": lambda: regex.findall(r"[\p{L}\p{Nd}\p{M}]+|\S", text.lower()),
             "characters": lambda: list(" ".join(text.lower().split()))}[unit]()
    n = min(24 if unit == "characters" else 5, len(units))
    return {tuple(units[i:i + n]) for i in range(len(units) - n + 1)}


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


@pytest.mark.parametrize("unit", ["words", "tokens", "characters"])
def test_clusters(temper, tmp_path, unit):
    """Every similarity is the true one, no row is dropped for one below the threshold, and of the pairs that reach it at least 98 in 100 share a cluster."""
    rows = {f"r{i}": t for i, t in enumerate(texts())}
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"id": k, "text": t}) + "\n" for k, t in rows.items()))
    temper("dedup", "--near", THRESHOLD, "--unit", unit, tmp_path / "rows.jsonl", "-o", tmp_path / "out")
    sets = {k: shingles(t, unit) for k, t in rows.items()}
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
    print(f"\ndedup by {unit}: {len(rows)} texts, {len(near)} pairs of similarity {THRESHOLD} or more, {found} of them found, {len(dropped)} rows dropped")
    assert len(near) > 200 and found >= 0.98 * len(near)


def cut(texts, n):
    """The definition: a run of n words goes if its words stand in an earlier text, or before it in the same text without overlap."""
    first, out = {}, []
    for d, text in enumerate(texts):
        spans = [m.span() for m in regex.finditer(r"\S+", text)]
        words, gone = [text[a:b] for a, b in spans], set()
        for p in range(len(words) - n + 1):
            where = first.setdefault(tuple(words[p:p + n]), (d, p))
            if where[0] < d or where[1] + n <= p:
                gone.update(range(p, p + n))
        starts = [a for a, _ in spans] + [spans[-1][1]]
        ends = lambda i: starts[i + 1] if i + 1 < len(spans) else spans[i][1]
        left, at = "", 0
        for i in sorted(gone):
            left, at = left + text[at:spans[i][0]], ends(i)
        out.append(left + text[at:])
    return out


def test_substrings(temper, tmp_path):
    """Of texts that overlap, what is cut is what the definition says, byte for byte."""
    rows = [t for t in dict.fromkeys(texts())]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"id": f"r{i}", "text": t}) + "\n" for i, t in enumerate(rows)))
    for n in (8, 50):
        temper("dedup", "--substring", n, tmp_path / "rows.jsonl", "--all", "-o", tmp_path / f"{n}.jsonl")
        got = {r["id"]: r for r in map(json.loads, (tmp_path / f"{n}.jsonl").read_text().splitlines())}
        want = cut(rows, n)
        for i, text in enumerate(rows):
            row = got[f"r{i}"]
            if want[i].strip():
                assert row["text"] == want[i] and "verdict" not in row
            else:
                assert row["text"] == text and row["verdict"]["rule"] == "substring"
        print(f"\nsubstrings of {n} words: {sum(map(len, rows))} characters, {sum(map(len, want))} after")
        assert sum(map(len, want)) < 0.9 * sum(map(len, rows))


def test_contamination(temper, tmp_path):
    """Questions in other text are found with their place and both texts; the places are those of the bytes."""
    rng = random.Random(7)
    words = " ".join(paragraphs()).split()
    items = [{"id": f"q{i}", "question": " ".join(words[s:s + 20]) + "?", "answer": words[s + 21]} for i, s in enumerate(rng.sample(range(0, len(words) - 40, 40), 20))]
    rows = [{"id": f"r{i}", "text": f"Étude {i}. " + q["question"].upper() + " End."} for i, q in enumerate(items)] + [{"id": "clean", "text": "Nothing of the kind stands here, or anywhere near."}]
    for name, lines in ("items", items), ("rows", rows):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
    temper("decontaminate", tmp_path / "rows.jsonl", "--against", tmp_path / "items.jsonl", "-o", tmp_path / "out")
    found = [json.loads(line) for line in (tmp_path / "out" / "contamination.jsonl").read_text().splitlines()]
    assert {(m["record"], m["item"]) for m in found} >= {(f"r{i}", f"q{i}") for i in range(len(items))}
    text = {r["id"]: r["text"] for r in rows}
    for m in found:
        assert text[m["record"]].encode()[m["from"]:m["to"]].decode() == m["found"] and m["item_text"] in [q["question"] for q in items]
    assert "clean" not in {m["record"] for m in found}
