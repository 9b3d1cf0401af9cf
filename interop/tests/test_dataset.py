"""Dataset folders that Temper writes, opened by the libraries people open datasets with."""
import hashlib
import json
import random

import datasets
import duckdb
import pandas
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest
import yaml
from conftest import ROOT

RECIPE = """
name: interop
collect: [{jsonl: {root: rows.jsonl}}]
filter:
  - language: {}
  - gopher_quality: {min_words: 20}
  - gopher_repetition: {}
  - pii: {redact: [email]}
"""
BROKEN = 2  # lines that are no records
CONFIGS = {"default": "data", "rejects": "rejects"}


def paragraphs():
    """Texts of the repository's own documents, present everywhere."""
    for f in sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "LICENSE"]):
        yield from (p for p in f.read_text().split("\n\n") if len(p.split()) > 25)


def rows():
    """Rows of many kinds, with duplicates, near duplicates, turns, foreign fields and texts that try encodings."""
    rng = random.Random(11)
    out = []
    for i, p in enumerate(paragraphs()):
        out.append({"id": f"p{i}", "text": p, "license": "Apache-2.0", "stars": i})
        if i % 3 == 0:
            out.append({"id": f"again{i}", "text": p})
        if i % 4 == 0:
            words = p.split()
            words[rng.randrange(len(words))] = "changed"
            out.append({"id": f"near{i}", "text": " ".join(words), "nested": {"a": [1, None, "ż"]}})
        if i % 5 == 0:
            out.append({"messages": [{"role": "user", "content": f"What is said here?\n{p[:200]}"}, {"role": "assistant", "content": p}]})
    out += [{"id": f"short{i}", "text": "too short " * (i + 1)} for i in range(8)]
    out += [{"id": "emoji", "text": "👩‍👩‍👧‍👦 \u0000 NUL, \u2028 separator, ‮ override, \t tab " * 9}, {"id": "ü/ä?=&", "text": "Zażółć gęślą jaźń. " * 12}, {"id": "one", "text": "a"},
            {"id": "mail", "text": "Write to jane.doe@example.org when the harbour is closed and the ships of the morning have to wait for the pilot of the port."}]
    return out


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    f = tmp_path_factory.mktemp("source") / "rows.jsonl"
    lines = [json.dumps(r) for r in rows()]
    lines[3:3] = ["{not json"] * BROKEN
    f.write_text("\n".join(lines) + "\n")
    return f


@pytest.fixture(scope="module", params=["filter", "dedup"])
def folder(request, temper, source, tmp_path_factory):
    """A dataset folder by a command that keeps some rows and drops others."""
    d = tmp_path_factory.mktemp(request.param)
    if request.param == "filter":
        (d / "recipe.yaml").write_text(RECIPE)
        temper("filter", "-r", d / "recipe.yaml", source, "-o", d / "out")
    else:
        temper("dedup", "--exact", "--near", "0.8", source, "-o", d / "out")
    return d / "out"


@pytest.fixture(scope="module")
def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def files(manifest, config):
    return [f for s in manifest["splits"] for f in s["files"]] if config == "default" else manifest["rejects"]


def split_names(manifest, config):
    return [s["name"] for s in manifest["splits"] if s["records"]] if config == "default" else ["rejects"]


def test_manifest(folder, manifest):
    """The manifest's sizes and digests are the files', its sums are its files', and no row of the source is lost."""
    for f in files(manifest, "default") + files(manifest, "rejects"):
        b = (folder / f["path"]).read_bytes()
        assert (len(b), hashlib.sha256(b).hexdigest()) == (f["bytes"], f["sha256"])
    assert {str(p.relative_to(folder)) for c in CONFIGS.values() for p in (folder / c).rglob("*") if p.is_file()} == \
        {f["path"] for c in CONFIGS for f in files(manifest, c)}
    assert manifest["records"] == sum(s["records"] for s in manifest["splits"]) == sum(f["records"] for f in files(manifest, "default"))
    dropped = sum(f["records"] for f in manifest["rejects"])
    assert manifest["records"] > 20 and dropped > 5
    assert manifest["records"] + dropped == len(rows())
    assert len((folder / "quarantine.jsonl").read_text().splitlines()) == BROKEN


@pytest.mark.parametrize("config", CONFIGS)
def test_readers_agree(folder, manifest, config):
    """DuckDB, pyarrow, pandas and datasets read the same rows, as many as the manifest says."""
    want = sum(f["records"] for f in files(manifest, config))
    table = pyarrow.concat_tables([pyarrow.parquet.read_table(folder / f["path"]) for f in files(manifest, config)])
    duck = duckdb.sql(f"select id, text, messages, source, signals from '{folder}/{CONFIGS[config]}/*.parquet'").fetchall()
    hub = datasets.load_dataset(str(folder), config, cache_dir=str(folder.parent / "cache"))
    assert list(hub) == split_names(manifest, config)
    hub = datasets.concatenate_datasets(list(hub.values()))
    frame = pandas.concat([pandas.read_parquet(folder / f["path"]) for f in files(manifest, config)])
    print(f"\n{config}: {want} rows; pyarrow {table.num_rows}, DuckDB {len(duck)}, datasets {hub.num_rows}, pandas {len(frame)}")
    assert want == table.num_rows == len(duck) == hub.num_rows == len(frame)
    rows = table.select(["id", "text", "messages", "source", "signals"]).to_pylist()
    by_id = {r[0]: r for r in duck}
    assert len(by_id) == want
    for r, h in zip(rows, hub, strict=True):
        assert tuple(r.values()) == by_id[r["id"]]
        assert r == {k: h[k] for k in r}
    assert list(frame["text"]) == [r["text"] for r in rows]


@pytest.mark.parametrize("config", CONFIGS)
def test_schema(folder, manifest, config):
    """Every file has the documented columns, and only a dropped row has a verdict, which one of its checks is."""
    string, whole, real = pyarrow.string(), pyarrow.int64(), pyarrow.float64()
    check = {"rule": string, "value": real, "op": string, "threshold": real, "drop": pyarrow.bool_(), "detail": string}
    for f in files(manifest, config):
        s = pyarrow.parquet.read_schema(folder / f["path"])
        assert s.names == ["id", "text", "messages", "meta", "source", "parents", "cluster", "signals", "checks", "verdict"]
        for name in ("id", "text", "meta", "cluster", "signals"):
            assert s.field(name).type == string
        assert pyarrow.types.is_list(s.field("messages").type)
        assert fields(s.field("messages").type.value_type) == {"role": string, "content": string}
        assert fields(s.field("source").type) == {"uri": string, "offset": whole, "length": whole, "row": whole, "sha256": string, "license": string}
        assert fields(s.field("checks").type.value_type) == fields(s.field("verdict").type) == check
        for r in pyarrow.parquet.read_table(folder / f["path"]).to_pylist():
            assert all(isinstance(v, (int, float, str)) for v in json.loads(r["signals"]).values())
            assert isinstance(json.loads(r["meta"]), dict)
            if config == "default":
                assert r["verdict"] is None and not any(c["drop"] for c in r["checks"])
            else:
                assert r["verdict"] == next(c for c in r["checks"] if c["drop"])


def fields(struct):
    return {struct.field(i).name: struct.field(i).type for i in range(struct.num_fields)}


def test_source_names_the_line(folder, manifest, source):
    """A row's source is the place of its line in the input: cutting it out there gives the row."""
    raw = source.read_bytes()
    for f in files(manifest, "default") + files(manifest, "rejects"):
        for r in pyarrow.parquet.read_table(folder / f["path"]).to_pylist():
            at = r["source"]
            line = json.loads(raw[at["offset"]:at["offset"] + at["length"]])
            assert line.get("id", r["id"]) == r["id"]
            assert line.get("messages", []) == r["messages"]
            if r["text"] != line.get("text", ""):  # a redacted one
                assert "@" in line["text"] and "@" not in r["text"]


def test_card(folder, manifest):
    """The card's front matter parses and its numbers are the manifest's."""
    head = (folder / "README.md").read_text().split("---\n")[1]
    card = yaml.safe_load(head)
    (info,) = card["dataset_info"]
    assert {s["name"]: s["num_examples"] for s in info["splits"]} == {s["name"]: s["records"] for s in manifest["splits"] if s["records"]}
    assert [c["config_name"] for c in card["configs"]] == list(CONFIGS)
    declared = datasets.Features._from_yaml_list(info["features"])
    for config in CONFIGS:
        builder = datasets.load_dataset_builder(str(folder), config, cache_dir=str(folder.parent / "cache"))
        assert builder.info.features == declared


def test_published(temper, tmp_path):
    """The dataset that a run publishes to the S3 store, opened where the store keeps it: every reader counts the rows of its manifest."""
    report = json.loads(temper("quickstart", "--base", "tiny", "--dir", tmp_path, "--json", "--set", "tune.train.steps=1",
                               "--set", "synthesize.questions_from_text.records=2", codes=(0, 3)))
    made = report["result"]["dataset"]
    folder = tmp_path / "s3" / "temper" / "datasets" / made["name"] / made["version"]
    manifest = json.loads((folder / "manifest.json").read_text())
    want = {s["name"]: s["records"] for s in manifest["splits"]}
    assert want["train"] > 100 and want["test"] > 10
    for split, n in want.items():
        assert n == pyarrow.dataset.dataset([folder / f["path"] for s in manifest["splits"] if s["name"] == split for f in s["files"]]).count_rows()
    assert duckdb.sql(f"select count(*) from '{folder}/data/*.parquet'").fetchall() == [(manifest["records"],)]
    assert manifest["records"] == sum(want.values())
    hub = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    print(f"\npublished by a run: {want}")
    assert {name: part.num_rows for name, part in hub.items()} == want
