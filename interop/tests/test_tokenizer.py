"""Token ids against llama.cpp, whose smollm pre-tokenizer splits digits, and against Hugging Face's tokenizers in Rust."""
import gzip
import json
import random
import urllib.request

import gguf
import numpy as np
import pytest
import xllamacpp
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, models, normalizers as N, pre_tokenizers as P

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


LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DEEPSEEK3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"
             r"\s*[\r\n]+|\s+(?!\S)|\s+")


def vocabulary(name):
    """The fields of one of llama.cpp's vocabularies."""
    path = SHARED / "gguf-vocab" / f"ggml-vocab-{name}.gguf"
    if not path.exists():
        pytest.skip(f"{path} is not at hand")
    fields = gguf.GGUFReader(path).fields
    return {k.removeprefix("tokenizer.ggml."): v.contents() for k, v in fields.items() if k.startswith("tokenizer.ggml.")}


def byte_level(pre, **kw):
    v = vocabulary("gpt-2")
    t = Tokenizer(models.BPE({s: i for i, s in enumerate(v["tokens"])}, [tuple(m.split(" ")) for m in v["merges"]], **kw))
    t.pre_tokenizer = pre
    return t


def characters(normalizer, pre, **kw):
    """Llama 2's vocabulary, its merges in the order of their scores."""
    v = vocabulary("llama-spm")
    ids = {s: i for i, s in enumerate(v["tokens"])}
    merges = [(-v["scores"][i], ids[s[:k]], ids[s[k:]]) for s, i in ids.items() if v["token_type"][i] == 1
              for k in range(1, len(s)) if s[:k] in ids and s[k:] in ids]
    t = Tokenizer(models.BPE(ids, [(v["tokens"][a], v["tokens"][b]) for _, a, b in sorted(merges)], unk_token="<unk>", fuse_unk=True, **kw))
    if normalizer:
        t.normalizer = normalizer
    if pre:
        t.pre_tokenizer = pre
    return t


def bert(**kw):
    v = vocabulary("bert-bge")["tokens"]
    plain = lambda s: s if s[0] == "[" and s[-1] == "]" else s[1:] if s[0] == "▁" else "##" + s
    t = Tokenizer(models.WordPiece({plain(s): i for i, s in enumerate(v)}, unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer, t.pre_tokenizer = N.BertNormalizer(**kw), P.BertPreTokenizer()
    return t


def qwen3():
    path = SHARED / "tokenizers" / "qwen3" / "tokenizer.json"
    if not path.exists():
        pytest.skip(f"{path} is not at hand")
    return Tokenizer.from_file(str(path))


FAMILIES = {
    "qwen3": qwen3,
    "smollm": lambda: byte_level(P.Sequence([P.Digits(individual_digits=True), P.ByteLevel(add_prefix_space=False)])),
    "gpt2": lambda: byte_level(P.ByteLevel(add_prefix_space=False)),
    "llama3": lambda: byte_level(P.Sequence([P.Split(Regex(LLAMA3), "isolated"), P.ByteLevel(add_prefix_space=False, use_regex=False)]), ignore_merges=True),
    "deepseek3": lambda: byte_level(P.Sequence([P.Split(Regex(r"\p{N}{1,3}"), "isolated"), P.Split(Regex("[一-龥\u3040-ゟ゠-ヿ]+"), "isolated"),
                                                P.Split(Regex(DEEPSEEK3), "isolated"), P.ByteLevel(add_prefix_space=False, use_regex=False)])),
    "falcon": lambda: byte_level(P.Sequence([P.Punctuation("contiguous"), P.ByteLevel(add_prefix_space=False), P.Digits(individual_digits=False),
                                             P.Split(Regex("[0-9][0-9][0-9]"), "isolated")])),
    "llama2": lambda: characters(N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), None, byte_fallback=True),
    "metaspace": lambda: characters(None, P.Metaspace(prepend_scheme="first")),
    "bert": bert,
    "bert-cased": lambda: bert(lowercase=False),
}


def hostile():
    """Random texts of the characters that tokenizers tell apart, and of any that Unicode has in its first plane."""
    rng = random.Random(17)
    letters = "abc 12'\n\t  .,sSdDmMtTreve ll\r\u00a0\u3000\u0085é\u0301ßКлм漢字कि१२Ⅷ½😀\u200dſK_-ﬁ①İ▁ "
    for _ in range(4000):
        yield "".join(rng.choice(letters) for _ in range(rng.randint(1, 60)))
    for _ in range(1000):
        yield "".join(chr(rng.choice([rng.randint(1, 0x2fff), rng.randint(0x4e00, 0x9fa5), rng.randint(0xac00, 0xd7a3)])) for _ in range(20))


def folder(tokenizer, path):
    """A base that is no more than a vocabulary: a Llama of one small layer, all zeros."""
    size = tokenizer.get_vocab_size()
    tokenizer.save(str(path / "tokenizer.json"))
    zeros = lambda *shape: np.zeros(shape, np.float16)
    layer = {"self_attn.q_proj": (32, 32), "self_attn.k_proj": (32, 32), "self_attn.v_proj": (32, 32), "self_attn.o_proj": (32, 32),
             "mlp.gate_proj": (32, 32), "mlp.up_proj": (32, 32), "mlp.down_proj": (32, 32), "input_layernorm": (32,), "post_attention_layernorm": (32,)}
    save_file({"model.embed_tokens.weight": zeros(size, 32), "model.norm.weight": zeros(32)} | {f"model.layers.0.{k}.weight": zeros(*v) for k, v in layer.items()},
              path / "model.safetensors")
    (path / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 1,
        "num_key_value_heads": 1, "vocab_size": size, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": True}))
    return path


@pytest.mark.parametrize("family", FAMILIES)
def test_rust(temper, tmp_path, family):
    """Every text's ids are those of Hugging Face's tokenizers, for tokenizers of every kind from the same tokenizer.json."""
    tokenizer = FAMILIES[family]()
    rows = [t for t in [*texts(), *hostile()] if t and "<|" not in t]
    f = tmp_path / "texts.jsonl"
    f.write_text("".join(json.dumps({"text": t}) + "\n" for t in rows))
    got = [json.loads(l) for l in temper("tokenize", "--base", folder(tokenizer, tmp_path), "--ids", f).splitlines()]
    assert len(got) == len(rows)
    differ = [(t, e.ids, mine) for t, e, mine in zip(rows, tokenizer.encode_batch(rows, add_special_tokens=False), got) if e.ids != mine]
    for text, theirs, mine in differ[:5]:
        print(f"\n{text!r}\n  tokenizers {theirs}\n  temper     {mine}")
    print(f"\n{family}: {len(rows)} texts, {sum(map(len, got))} tokens, {len(differ)} differ from tokenizers")
    assert not differ
