"""Near duplicates beside datatrove's, on the same documents, with its bands, shingles and normalisation.

TEMPER_DATATROVE is the number of documents: 1500 without it, 20000 for the full comparison.
"""
import collections
import itertools
import json
import math
import os
import pathlib
import random
import struct
import sysconfig

import pyarrow.parquet
import pytest

BANDS, ROWS, LEAST = 14, 8, 0.5
DOCUMENTS = int(os.environ.get("TEMPER_DATATROVE", 1500))


def pieces():
    """Python's library and the packages beside it, in pieces of a hundred lines."""
    for folder in sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"):
        for f in sorted(pathlib.Path(folder).rglob("*.py")):
            try:
                lines = f.read_text().splitlines(keepends=True)
            except (UnicodeDecodeError, OSError):
                continue
            for i in range(0, len(lines), 100):
                yield "".join(lines[i:i + 100])


def documents(n):
    """n texts: pieces that are all different, with the likenesses that code has; of every fourth a copy with some words exchanged."""
    rng, seen, out = random.Random(3), set(), []
    for text in itertools.islice(pieces(), 8 * n):
        words = text.split()
        if not 60 <= len(words) <= 400 or " ".join(words) in seen:
            continue
        seen.add(" ".join(words))
        out.append(text)
        if len(out) % 4 == 0:
            for i in rng.sample(range(len(words)), rng.randrange(1, 1 + len(words) // 15)):
                words[i] = f"other{rng.randrange(10 ** 6)}"
            out.append(" ".join(words))
        if len(out) >= n:
            return out[:n]
    raise AssertionError(f"only {len(out)} documents are there")


class Components:
    """Which documents are linked, directly or by way of others."""

    def __init__(self, of):
        self.of, self.members = of, collections.defaultdict(list)
        for doc, cluster in sorted(of.items()):
            self.members[cluster].append(doc)

    def sets(self):
        return {tuple(m) for m in self.members.values()}

    def together(self, a, b):
        return a in self.of and self.of[a] == self.of.get(b)

    def pairs(self):
        for m in self.members.values():
            yield from itertools.combinations(m, 2)


def words():
    """Fields between spaces as datatrove's words: its own tokenizer for English needs another library."""
    from datatrove.utils.word_tokenizers import WordTokenizer

    class Fields(WordTokenizer):
        def word_tokenize(self, text):
            return text.split()

        def sent_tokenize(self, text):
            raise NotImplementedError

        def span_tokenize(self, text):
            raise NotImplementedError

    return Fields()


def datatrove(texts, folder):
    """The clusters of its own pipeline steps with their defaults, and its set of shingles of every text."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup.minhash import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
    sign = MinhashDedupSignature(str(folder / "signatures"), language=words())
    assert (sign.config.num_buckets, sign.config.hashes_per_bucket, sign.config.n_grams) == (BANDS, ROWS, 5)
    sign.run((Document(text=t, id=str(i)) for i, t in enumerate(texts)), 0, 1)
    for bucket in range(BANDS):
        MinhashDedupBuckets(str(folder / "signatures"), str(folder / "buckets")).run(None, bucket, BANDS)
    MinhashDedupCluster(str(folder / "buckets"), str(folder / "clusters"), save_cluster_id=True).run(None, 0, 1)
    ids = (folder / "clusters" / "000000.clusters").read_bytes()
    removed = (folder / "clusters" / "000000.remove").read_bytes()
    return Components(dict(struct.iter_unpack("<2I", ids))), {d for d, in struct.iter_unpack("<I", removed)}, lambda t: frozenset(sign.get_shingles(t).flatten().tolist())


def ours(temper, texts, folder, near, *flags):
    """Our clusters with datatrove's bands, of texts that its normalisation has gone over; and the rows that are dropped."""
    from datatrove.utils.text import simplify_text
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps({"id": f"{i:06d}", "text": simplify_text(t)}) + "\n" for i, t in enumerate(texts)))
    out = folder / f"ours-{near}"
    temper("dedup", "--near", near, "--bands", BANDS, "--rows", ROWS, "--keep", "first", *flags, rows, "-o", out)
    found = pyarrow.parquet.read_table(out / "clusters.parquet").to_pylist()
    return Components({int(c["id"]): int(c["cluster"]) for c in found}), {int(c["id"]) for c in found if c["keeper"] != c["id"]}


@pytest.fixture(scope="module")
def both(temper, tmp_path_factory):
    folder = tmp_path_factory.mktemp("datatrove")
    texts = documents(DOCUMENTS)
    theirs, removed, shingles = datatrove(texts, folder)
    candidates, _ = ours(temper, texts, folder, 0.01, "--no-verify")
    verified, dropped = ours(temper, texts, folder, 0.8)
    sets = {i: shingles(texts[i]) for i in {*theirs.of, *candidates.of}}
    similar = lambda a, b: len(sets[a] & sets[b]) / max(1, len(sets[a] | sets[b]))
    return theirs, removed, candidates, verified, dropped, similar


def missed(of, by, similar):
    """Of the pairs that one has in a cluster, by their similarity: how many, how many the other has in none, and how many it would miss by chance."""
    table = collections.defaultdict(lambda: [0, 0, 0.0, 0.0])
    for a, b in of.pairs():
        s = similar(a, b)
        if s < LEAST:
            continue
        found = 1 - (1 - s ** ROWS) ** BANDS
        row = table[math.floor(s * 10) / 10]
        row[0] += 1
        row[1] += not by.together(a, b)
        row[2] += 1 - found
        row[3] += found * (1 - found)
    return dict(sorted(table.items()))


def test_candidates(both):
    """Of the pairs that datatrove's clusters hold ours hold what the S-curve promises, and of ours datatrove's; clusters of equal texts are the same."""
    theirs, _, candidates, _, _, similar = both
    same = theirs.sets() & candidates.sets()
    print(f"\n{DOCUMENTS} documents; datatrove has {len(theirs.members)} clusters of {len(theirs.of)}, ours unverified {len(candidates.members)} of {len(candidates.of)}; {len(same)} are the same")
    for name, of, by in ("datatrove's pairs, here", theirs, candidates), ("our pairs, in datatrove", candidates, theirs):
        for s, (n, lost, expected, variance) in missed(of, by, similar).items():
            print(f"{name}: similarity {s:.1f}: {n} pairs, {lost} not found, {expected:.1f} by the S-curve")
            # Pairs of one cluster are not independent, so more deviations are allowed than for as many draws.
            assert lost <= expected + 8 * math.sqrt(variance) + 3
    sure = [m for m in theirs.sets() if all(similar(a, b) >= 0.95 for a, b in itertools.combinations(m, 2))]
    kept = [m for m in sure if all(candidates.together(m[0], b) for b in m)]
    print(f"datatrove's clusters in which all are alike by 0.95 or more: {len(sure)}, together here: {len(kept)}")
    assert sure and len(kept) >= 0.99 * len(sure)


def test_verified(both):
    """With verification at 0.8, every row that only datatrove drops is less than that like every row kept in its cluster, or was missed as the S-curve says."""
    theirs, removed, candidates, verified, dropped, similar = both
    neighbours = lambda c, d: c.members[c.of[d]]
    alike = lambda d: max((similar(d, k) for k in neighbours(theirs, d) if k != d and k not in dropped), default=0)
    only = {d: alike(d) for d in removed - dropped}
    chance = [d for d, s in only.items() if s >= 0.8]
    expected = sum((1 - only[d] ** ROWS) ** BANDS for d in chance)
    print(f"\ndatatrove drops {len(removed)} rows, verified at 0.8 we drop {len(dropped)}, both {len(removed & dropped)}")
    print(f"only datatrove drops {len(only)}: {len(only) - len(chance)} are like no row kept in their cluster by 0.8, {len(chance)} are and were missed")
    extra = dropped - removed
    print(f"only we drop {len(extra)}: {sum(d not in theirs.of for d in extra)} are in no cluster of datatrove's, {sum(d in theirs.of for d in extra)} are what it keeps of one")
    total = sum(1 for d in removed if max((similar(d, k) for k in neighbours(theirs, d) if k != d), default=0) >= 0.8)
    assert len(chance) <= (1 - 0.924) * total + 8 * math.sqrt(total * 0.07) + 3, (len(chance), expected, total)
    for c in verified.members.values():
        assert len(c) > 1
