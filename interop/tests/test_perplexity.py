"""Perplexity under an n-gram model, against KenLM."""
import json

import pytest
import regex
from test_dataset import paragraphs

kenlm = pytest.importorskip("kenlm", reason="KenLM is not installed: pip install kenlm==0.3.0 into the virtual environment builds it")


def words(line):
    """The words of a line as Temper reads them, for texts without scripts that are written without spaces."""
    return [regex.sub(r"[0-9]", "0", w.lower()) for w in regex.findall(r"[\p{L}\p{Nd}][\p{L}\p{Nd}\p{M}]*|[^\s\p{C}]", line)]


@pytest.mark.parametrize("order", [2, 3, 5])
def test_kenlm(temper, tmp_path, order):
    """KenLM reads the model in ARPA's form, and gives the perplexity that the filter measures, to the 12 bits of its probabilities."""
    texts = paragraphs()
    rows = "".join(json.dumps({"id": str(i), "text": t}) + "\n" for i, t in enumerate(texts))
    (tmp_path / "rows.jsonl").write_text(rows)
    temper("filter", "train", "--ngram", tmp_path / "rows.jsonl", "--order", order, "--arpa", tmp_path / "m.arpa", "-o", tmp_path / "m.ngram")
    (tmp_path / "r.yaml").write_text(f"name: p\ncollect: [{{jsonl: {{root: rows.jsonl}}}}]\nfilter: [{{perplexity: {{file: {tmp_path / 'm.ngram'}}}}}]\n")
    model = kenlm.Model(str(tmp_path / "m.arpa"))
    assert model.order == order
    checked = 0
    for line in temper("filter", "-r", tmp_path / "r.yaml", tmp_path / "rows.jsonl", "-o", "-").splitlines():
        row = json.loads(line)
        sum_, n = 0.0, 0
        for text in row["text"].split("\n"):
            if w := words(text):
                sum_, n = sum_ + model.score(" ".join(w)), n + len(w) + 1
        if n:
            want = 10 ** (-sum_ / n)
            assert row["signals"]["perplexity"] == pytest.approx(want, rel=2e-3), row["id"]
            checked += 1
    assert checked > 100
