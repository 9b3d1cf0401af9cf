"""The peers of the benchmarks. Each measures its own steady state and prints it as JSON; imports, loading and a warm-up do not count.

Usage: peers.py BASE TEXTS.jsonl IDS.i32 train none|full | minhash | rensa | filters | ftfy | trafilatura | tokenize | prefill | decode
BASE is a GGUF file, or for tokenize also a folder with a tokenizer.json; TEXTS for trafilatura is the folder of its pages.
"""
import ctypes
import gc
import json
import os
import pathlib
import resource
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop" / "tests"))

SEQUENCE, WARMUP, THREADS, MEASURED = 512, 2, 2, 2.0


def texts(path):
    with open(path) as f:
        return [t for t in (json.loads(line).get("text", "") for line in f) if t]


def peak():
    """The largest resident memory of this process, in bytes."""
    try:
        with open("/proc/self/status") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def forget_peak():
    """Lets the peak begin anew, where Linux can: what loading took is not training's."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    except (OSError, AttributeError):
        pass


def train(base, ids, mode):
    import numpy as np
    import torch
    from llama import load_llama
    from peft import LoraConfig, get_peft_model
    torch.set_num_threads(THREADS)
    torch.manual_seed(7)
    m = get_peft_model(load_llama(base), LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"))
    if mode == "full":
        m.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        m.enable_input_require_grads()
    m.config.use_cache = False
    params = [p for p in m.parameters() if p.requires_grad]
    opt = torch.optim.AdamW(params, lr=2e-4, weight_decay=0.0)
    m.train()
    forget_peak()
    x = torch.from_numpy(np.fromfile(ids, dtype=np.int32).astype(np.int64)).reshape(-1, 1, SEQUENCE)
    for step, b in enumerate(x):
        if step == WARMUP:
            start = time.perf_counter()
        loss = m(input_ids=b, labels=b).loss
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
    return {"units": (len(x) - WARMUP) * SEQUENCE, "seconds": time.perf_counter() - start, "peak_bytes": peak()}


def steady(rows, work):
    """Measures work, which takes rows and counts what comes out, in whole passes, by seconds of processor time."""
    work(rows[:max(1, len(rows) // 10)])
    size = sum(len(t if isinstance(t, bytes) else t.encode()) for t in rows)
    units, start = 0, time.process_time()
    while (seconds := time.process_time() - start) < MEASURED:
        count = work(rows)
        units += size
    return {"units": units, "seconds": seconds, "count": count}


def words():
    """A word tokenizer for datatrove: fields between spaces, sentences up to a full stop. Its own for English, spaCy's, takes longer."""
    import re

    from datatrove.utils.word_tokenizers import WordTokenizer

    sentence = re.compile(r"[^.!?]*[.!?]*\s*")

    class Fields(WordTokenizer):
        def word_tokenize(self, text):
            return text.split()

        def sent_tokenize(self, text):
            return [text[a:b] for a, b in self.span_tokenize(text)]

        def span_tokenize(self, text):
            return [m.span() for m in sentence.finditer(text) if m.end() > m.start()]

    return Fields()


def minhash(rows):
    """datatrove's signatures with its defaults: 14 bands of 8 of word 5-grams."""
    from datatrove.pipeline.dedup.minhash import MinhashDedupSignature
    with tempfile.TemporaryDirectory() as d:
        step = MinhashDedupSignature(d, language=words())
        return steady(rows, lambda rows: sum(len(step.get_signature(s)) > 0 for s in map(step.get_shingles, rows) if len(s)))


def rensa(rows):
    """rensa's signatures of 128 values; the word 5-grams are cut in Python."""
    from rensa import RMinHash

    def one(text):
        w = text.lower().split()
        m = RMinHash(num_perm=128, seed=1)
        m.update([" ".join(w[i:i + 5]) for i in range(max(1, len(w) - 4))])
        return len(m.digest())

    return steady(rows, lambda rows: sum(one(t) > 0 for t in rows))


def filters(rows):
    """datatrove's filters, with repetition first as in FineWeb: what one drops the next does not see."""
    from datatrove.data import Document
    from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
    w = words()
    steps = [GopherRepetitionFilter(language=w), GopherQualityFilter(language=w), C4QualityFilter(language=w), FineWebQualityFilter(language=w)]
    docs = [Document(text=t, id=str(i)) for i, t in enumerate(rows)]
    by_id = {id(t): d for t, d in zip(rows, docs)}

    def kept(t):
        d = by_id[id(t)]
        d.text = t  # C4's filter takes lines out of it
        return all(f.filter(d) is True for f in steps)

    return steady(rows, lambda rows: sum(kept(t) for t in rows))


def fix(rows):
    """ftfy with its defaults."""
    import ftfy
    return steady(rows, lambda rows: sum(ftfy.fix_text(t) is not None for t in rows))


def runs_of_words(text):
    """How often each run of four words is in a text: the measure of the article extraction benchmark."""
    import collections
    import re
    w = re.findall(r"\w+", text)
    return collections.Counter(" ".join(w[i:i + 4]) for i in range(max(1, len(w) - 3)) if w)


def extract(folder):
    """trafilatura's main texts, and their F1."""
    import gzip
    import trafilatura
    folder = pathlib.Path(folder)
    truth = json.loads((folder / "ground-truth.json").read_text())
    ids = sorted(truth)
    pages = [gzip.open(folder / "html" / f"{i}.html.gz").read() for i in ids]
    got = {}

    def work(pages):
        for i, page in zip(ids, pages):
            got[i] = trafilatura.extract(page, favor_precision=True, include_comments=False) or ""
        return len(pages)

    r = steady(pages, work)
    precision, recall, found = 0, 0, 0
    for i in ids:
        want, have = runs_of_words(truth[i]["articleBody"]), runs_of_words(got[i])
        both = sum((want & have).values())
        if have:
            precision, found = precision + both / have.total(), found + 1
        recall += both / max(want.total(), 1)
    precision, recall = precision / found, recall / len(ids)
    return r | {"f1": 2 * precision * recall / (precision + recall)}


def tokenize(rows, base):
    """Hugging Face's tokenizers (Rust), with the vocabulary, merges and pre-tokenizer of SmolLM2 or of a tokenizer.json; ids only, one thread."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    def tokens(t):
        return steady(rows, lambda rows: sum(len(e.ids) for i in range(0, len(rows), 256) for e in t.encode_batch_fast(rows[i:i + 256], add_special_tokens=False)))

    if os.path.isdir(base):
        return tokens(Tokenizer.from_file(os.path.join(base, "tokenizer.json")))
    import gguf
    fields = gguf.GGUFReader(base).fields
    vocab = {t: i for i, t in enumerate(fields["tokenizer.ggml.tokens"].contents())}
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return tokens(t)


def generate(base, what):
    """llama.cpp's own times of reading 512 tokens, or of drawing 128 after 16, without its prompt cache."""
    import urllib.request
    import xllamacpp
    params = xllamacpp.CommonParams()
    params.model.path, params.n_ctx, params.n_parallel = base, 1024, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    server = xllamacpp.Server(params)
    prompt = [i * 7919 % 49152 for i in range(512 if what == "prefill" else 16)]
    body = json.dumps({"prompt": prompt, "n_predict": 1 if what == "prefill" else 128, "temperature": 0, "ignore_eos": True, "cache_prompt": False}).encode()
    units = seconds = 0
    for round in range(1000):
        request = urllib.request.Request(server.listening_address + "/completion", body, {"Content-Type": "application/json"})
        t = json.load(urllib.request.urlopen(request))["timings"]
        if round == 0:
            continue
        n, ms = (t["prompt_n"], t["prompt_ms"]) if what == "prefill" else (t["predicted_n"], t["predicted_ms"])
        units, seconds = units + n, seconds + ms / 1000
        if seconds >= MEASURED:
            break
    return {"units": units, "seconds": seconds}


def main(base, path, ids, what, *mode):
    if what in ("prefill", "decode"):
        return generate(base, what)
    if what == "train":
        return train(base, ids, *mode)
    if what == "tokenize":
        return tokenize(texts(path), base)
    if what == "trafilatura":
        return extract(path)
    return {"minhash": minhash, "rensa": rensa, "filters": filters, "ftfy": fix}[what](texts(path))


if __name__ == "__main__":
    out = os.dup(1)
    os.dup2(2, 1)  # what libraries print is no result
    os.write(out, (json.dumps(main(*sys.argv[1:])) + "\n").encode())
    os._exit(0)
