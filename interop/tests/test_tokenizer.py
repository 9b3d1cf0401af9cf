"""Token ids against llama.cpp, whose smollm pre-tokenizer splits digits."""
import gzip
import json
import urllib.request

import xllamacpp
from conftest import SHARED

MULTILINGUAL = [
    "Zażółć gęślą jaźń. Příliš žluťoučký kůň úpěl ďábelské ódy.", "Ελληνικά: ξεσκεπάζω την ψυχοφθόρα βδελυγμία.", "Съешь ещё этих мягких французских булок.",
    "다람쥐 헌 쳇바퀴에 타고파 12345", "いろはにほへと ちりぬるを １２３", "天地玄黃，宇宙洪荒。日月盈昃，辰宿列張。", "صِف خَلقَ خَودٍ كَمِثلِ الشَمسِ", "נקניק לא טרי 3.14", "ऋषियों को सताने वाले दुष्ट राक्षसों",
    "👩‍👩‍👧‍👦 emoji 🇰🇷 test 🏳️‍🌈", "tabs\tand  double  spaces   \n\n\nnewlines \r\n end ", "don't I'll we've THEY'RE x'S ''s", "a1b22c333 0x7fff_ffff 1e-9 1,000,000.00", "<|im_start|> as text", "",
    "func (b *Buffer) WriteString(s string) (n int, err error) {\n\treturn len(s), nil\n}",
]


def texts():
    yield from (t for t in MULTILINGUAL if t)
    f = SHARED / "evals" / "gsm8k_test.jsonl"
    if f.exists():
        for line in f.read_text().splitlines():
            row = json.loads(line)
            yield from (row["question"], row["answer"])
        for line in gzip.open(SHARED / "evals" / "HumanEval.jsonl.gz", "rt"):
            row = json.loads(line)
            yield from (row["prompt"], row["canonical_solution"], row["test"])
    for f in sorted((SHARED / "langid").glob("*.txt")):
        yield from f.read_text().splitlines()[:40]


def test_ids(temper, smollm, tmp_path):
    """Every text's ids are llama.cpp's."""
    rows = [t for t in texts() if t]
    f = tmp_path / "texts.jsonl"
    f.write_text("".join(json.dumps({"text": t}) + "\n" for t in rows))
    got = [json.loads(l) for l in temper("tokenize", "--base", smollm, "--ids", f).splitlines()]
    params = xllamacpp.CommonParams()
    params.model.path, params.n_ctx, params.warmup = str(smollm), 512, False
    server = xllamacpp.Server(params)
    url = server.listening_address + "/tokenize"
    assert len(got) == len(rows)
    differ = 0
    for text, mine in zip(rows, got):
        body = json.dumps({"content": text, "add_special": False, "parse_special": False}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        theirs = json.load(urllib.request.urlopen(request))["tokens"]
        if theirs != mine:
            differ += 1
            print(f"\n{text!r}\n  llama.cpp {theirs}\n  temper    {mine}")
    print(f"\ntokenizer: {len(rows)} texts, {sum(map(len, got))} tokens, {differ} differ from llama.cpp")
    assert differ == 0
