"""A published dataset in DuckDB, pyarrow and datasets: counts equal to the manifest."""
import json
import pathlib

import pytest


@pytest.fixture(scope="module")
def published(temper, tmp_path_factory):
    d = tmp_path_factory.mktemp("data")
    rows = [{"text": f"Record number {i} says something of its own about topic {i * 7919 % 1000}. " * (i % 5 + 1), "topic": f"t{i % 9}"} for i in range(500)]
    rows += rows[:20] + [{"text": "too short"}]
    (d / "in.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    temper("dedup", "--exact", d / "in.jsonl", "-o", d / "out")
    return d / "out"


def counts(d):
    m = json.loads((d / "manifest.json").read_text())
    return {s["name"]: s["records"] for s in m["splits"]}, m


def test_duckdb(published):
    import duckdb
    want, _ = counts(published)
    got = duckdb.sql(f"select count(*), count(distinct id), min(length(text)) from '{published}/data/*.parquet'").fetchone()
    assert got[0] == got[1] == sum(want.values()) and got[2] > 0
    dropped = duckdb.sql(f"select verdict.rule, count(*) from '{published}/rejects/*.parquet' group by 1").fetchall()
    assert dropped == [("exact", 20)], dropped


def test_pyarrow(published):
    import pyarrow.dataset as ds
    want, _ = counts(published)
    t = ds.dataset(published / "data", format="parquet").to_table()
    assert t.num_rows == sum(want.values())
    assert {"id", "text", "messages", "source"} <= set(t.column_names)


def test_datasets(published, tmp_path):
    import datasets
    want, _ = counts(published)
    d = datasets.load_dataset(str(published), cache_dir=str(tmp_path))
    assert {k: len(v) for k, v in d.items()} == want
    assert d["train"][0]["source"]["offset"] >= 0
