"""Writes the answers of the reference libraries: families.json, by Hugging Face's tokenizers 0.23.3, and bpe.model, unigram.model
and sentencepiece.json, by sentencepiece 0.2.3. Everything is trained on this repository's README.

Usage: pip install tokenizers==0.23.3 sentencepiece==0.2.3 && python make.py
"""
import json
import pathlib
import random

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers as N, pre_tokenizers as P, processors, trainers

HERE = pathlib.Path(__file__).parent
README = HERE / "../../../README.md"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def texts():
    rng = random.Random(11)
    letters = "abc 12'\n\t  .,sSdDmMtTreve ll\r\u00a0\u3000é\u0301ßКлмЩ漢字कि१२😀\u200dſK_-ﬁ①İ▁"
    yield from ["", " ", "  two  spaces ", "I'll say 'IT'S 1234567 o'clock'", "naïve café, ＡＢＣ ﬁne ①", "漢字 and かな, 한국어", "<s>a</s> [MASK]  [CLS]b", "foo foobar Foo  FOO",
                "tab\tnew\n\n line \r\n end  ", "a\u0000b\u200bc", "İSTANBUL straße ΣΑΣ", "👩‍👩‍👧 🇰🇷", "x" * 130 + " y", "▁under▁lines ▁",
                "e\u1abf\u0301\u0323 x\u2e43y x\u166dy a\u0898b e\u20ee\u0301 \U0001e94a \u1734z \u32ff \U0001fbf3"]  # newer than the tables of some
    yield from ("".join(rng.choice(letters) for _ in range(rng.randint(1, 40))) for _ in range(30))
    yield from README.read_text().splitlines()[:12]


def bpe(pre, normalizer=None, size=420, post=None, **kw):
    t = Tokenizer(models.BPE(**kw))
    byte_level = isinstance(pre, P.ByteLevel) or "ByteLevel" in repr(pre)
    if normalizer:
        t.normalizer = normalizer
    if pre:
        t.pre_tokenizer = pre
    extra = {k: kw[k] for k in ("continuing_subword_prefix", "end_of_word_suffix") if k in kw}
    special = [kw["unk_token"]] if "unk_token" in kw else []
    special += [f"<0x{i:02X}>" for i in range(256)] if kw.get("byte_fallback") else []
    t.train([str(README)], trainers.BpeTrainer(vocab_size=size + len(special), show_progress=False, special_tokens=special,
            initial_alphabet=P.ByteLevel.alphabet() if byte_level else [], **extra))
    if kw.get("byte_fallback"):  # they were special only to be in the vocabulary
        d = json.loads(t.to_str())
        d["added_tokens"] = d["added_tokens"][:1]
        t = Tokenizer.from_str(json.dumps(d))
    return t


def families():
    yield "gpt2 with added tokens", added(bpe(P.ByteLevel(add_prefix_space=True), N.NFKC()))
    yield "digits apart", bpe(P.Sequence([P.Digits(individual_digits=True), P.ByteLevel(add_prefix_space=False)]))
    yield "llama3", bpe(P.Sequence([P.Split(Regex(LLAMA3), "isolated"), P.ByteLevel(add_prefix_space=False, use_regex=False)]), ignore_merges=True)
    yield "o200k", bpe(P.Sequence([P.Split(Regex(O200K), "isolated"), P.ByteLevel(add_prefix_space=False, use_regex=False)]))
    yield "falcon", bpe(P.Sequence([P.Punctuation("contiguous"), P.ByteLevel(add_prefix_space=False), P.Digits(individual_digits=False), P.Split(Regex("[0-9][0-9][0-9]"), "isolated")]))
    yield "llama2", bpe(None, N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    yield "gemma", bpe(P.Split(" ", "merged_with_previous"), N.Replace(" ", "▁"), unk_token="<unk>", byte_fallback=True)
    yield "metaspace first", bpe(P.Metaspace(prepend_scheme="first"), unk_token="<unk>", fuse_unk=True)
    yield "clip", bpe(P.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True),
                      N.Sequence([N.NFC(), N.Replace(Regex(r"\s+"), " "), N.Lowercase()]), unk_token="<unk>", end_of_word_suffix="</w>")
    yield "parts marked", bpe(P.WhitespaceSplit(), unk_token="<unk>", continuing_subword_prefix="@@")
    for name in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        yield "split " + name, bpe(P.Sequence([P.Split(Regex(r"[\s,.]"), name), P.ByteLevel(add_prefix_space=False, use_regex=False)]), size=300)
    yield "odd splits", bpe(P.Sequence([P.Punctuation(), P.CharDelimiterSplit("e"), P.Split("a", "removed", invert=True), P.Whitespace(), P.ByteLevel(add_prefix_space=True)]), size=300)
    for name, kw in [("bert", {}), ("bert cased", {"lowercase": False}), ("bert with accents", {"strip_accents": False, "handle_chinese_chars": False, "clean_text": False})]:
        t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
        t.normalizer, t.pre_tokenizer = N.BertNormalizer(**kw), P.BertPreTokenizer()
        t.train([str(README)], trainers.WordPieceTrainer(vocab_size=300, show_progress=False, special_tokens=["[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
        t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
        yield name, t
    for name, norm, pre in [("unigram", N.Sequence([N.NFKD(), N.StripAccents(), N.Lowercase(), N.Strip()]), P.Sequence([P.WhitespaceSplit(), P.Metaspace()])),
                            ("unigram whole", N.Replace(Regex(" {2,}"), " "), P.Metaspace(prepend_scheme="always", split=False))]:
        t = Tokenizer(models.Unigram())
        t.normalizer, t.pre_tokenizer = norm, pre
        t.train([str(README)], trainers.UnigramTrainer(vocab_size=300, show_progress=False, unk_token="<unk>", special_tokens=["<unk>"]))
        yield name, t


def added(t):
    t.add_special_tokens([AddedToken("<s>"), AddedToken("</s>"), AddedToken("[MASK]", lstrip=True, rstrip=True, normalized=False)])
    t.add_tokens([AddedToken("foo", single_word=True), AddedToken("Foo", normalized=True)])
    t.post_processor = processors.RobertaProcessing(("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>")))
    return t


def hugging_face():
    out = []
    for name, t in families():
        cases = [{"text": s, "ids": t.encode(s, add_special_tokens=False).ids} for s in texts()]
        out.append({"name": name, "tokenizer": json.loads(t.to_str()), "wrapped": t.encode("a b").ids, "plain": t.encode("a b", add_special_tokens=False).ids, "cases": cases})
    lines = ",\n".join(json.dumps(f, ensure_ascii=False) for f in out)
    (HERE / "families.json").write_text(f"[\n{lines}\n]\n")


def sentence_piece():
    answers = {}
    for name, kw in [("bpe", {"model_type": "bpe", "vocab_size": 450, "byte_fallback": True, "normalization_rule_name": "identity", "remove_extra_whitespaces": False, "user_defined_symbols": ["<sep>", "foo bar"]}),
                     ("unigram", {"model_type": "unigram", "vocab_size": 190, "normalization_rule_name": "nfkc", "user_defined_symbols": ["foo"]})]:
        sentencepiece.SentencePieceTrainer.train(input=str(README), model_prefix=str(HERE / name), minloglevel=2, num_threads=1, **kw)
        (HERE / f"{name}.vocab").unlink()
        p = sentencepiece.SentencePieceProcessor(model_file=str(HERE / f"{name}.model"))
        answers[name] = [{"text": s, "ids": p.encode(s)} for s in [*texts(), "a<sep>b <sep>  c", "foo bar foo  bar xfoo"]]
    (HERE / "sentencepiece.json").write_text("{\n" + ",\n".join(f'"{k}": {json.dumps(v, ensure_ascii=False)}' for k, v in answers.items()) + "\n}\n")


if __name__ == "__main__":
    hugging_face()
    sentence_piece()
