"""What Python's jinja2, set up as transformers does, renders: a golden for internal/jinja.

Run: $(interop/setup) interop/jinja_golden.py DATA > internal/jinja/testdata/python.json, where DATA is the folder of shared test data.
It holds 16 digits of the SHA-256 of text and generation spans of each template in each context, "" where Python fails.
"""
import datetime
import hashlib
import json
import pathlib
import sys

import transformers.utils.chat_template_utils as ct

DATA = pathlib.Path(sys.argv[1])


class Day(datetime.datetime):
    """A clock that stands still."""

    day = (2024, 7, 26)

    @classmethod
    def now(cls, tz=None):
        return cls(*cls.day)


ct.datetime = Day


def render(template, context):
    """Text and the generation spans in characters; None without spans if it fails."""
    try:
        t = ct._compile_jinja_template(template)
        if "generation" not in template:
            return t.render(**context), []
        blocks, spans = [], []
        with t.environment.activate_tracker(blocks, spans):
            for block in t.generate(**context):
                blocks.append(block)
        return "".join(blocks), spans
    except Exception:
        return None, []


def digest(text, spans):
    if text is None:
        return ""
    at = [[len(text[:a].encode()), len(text[:b].encode())] for a, b in spans]
    return hashlib.sha256((text + "\0" + json.dumps(at)).encode()).hexdigest()[:16]


MINJA = {p.stem: json.loads(p.read_text()) for p in sorted((DATA / "minja" / "tests" / "contexts").glob("*.json"))}
CONTEXTS = {}
CONTEXTS["plain"] = {"messages": [{"role": "user", "content": "Hi, it's \"you\"?\n"}, {"role": "assistant", "content": " Yes. "},
                                  {"role": "user", "content": "  Why?  "}, {"role": "assistant", "content": "Süß & <b>bold</b>\n\nend"}],
                     "add_generation_prompt": False, "bos_token": "<s>", "eos_token": "</s>"}
CONTEXTS["prompt"] = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}],
                      "add_generation_prompt": True, "bos_token": "<s>", "eos_token": "</s>"}
CONTEXTS["think"] = {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "<think>\nadd\n</think>\n\n4", "reasoning_content": "add"},
                                  {"role": "user", "content": "again"}, {"role": "assistant", "content": "<think>\nsame\n</think>\n\nstill 4"}],
                     "add_generation_prompt": False, "bos_token": "<s>", "eos_token": "</s>", "enable_thinking": False}
CONTEXTS["call"] = {"messages": [{"role": "user", "content": "Weather?"},
                                 {"role": "assistant", "content": "", "tool_calls": [{"id": "abcdefghi", "type": "function", "function": {"name": "weather", "arguments": {"place": "Köln", "days": 2, "fine": True, "opts": {"z": None, "a": [1, 2.5]}}}}]},
                                 {"role": "tool", "tool_call_id": "abcdefghi", "name": "weather", "content": "{\"rain\": 0.5}"},
                                 {"role": "assistant", "content": "Rain."}],
                    "tools": [{"type": "function", "function": {"name": "weather", "description": "The \"weather\" <now>", "parameters": {"type": "object",
                               "properties": {"place": {"type": "string", "description": "where", "enum": ["Köln", "Bonn"]}, "days": {"type": "integer"}}, "required": ["place"]},
                               "return": {"type": "object", "description": "it"}}}],
                    "add_generation_prompt": True, "bos_token": "<s>", "eos_token": "</s>"}

if __name__ == "__main__":
    out = {"contexts": CONTEXTS, "cases": {}, "models": {}, "templates": {}}
    Day.day = (2025, 7, 10)  # as the JavaScript library's tests have it
    for c in json.loads((DATA / "jinja" / "hf-jinja-e2e.json").read_text()):
        out["models"][c["name"]] = digest(*render(c["chat_template"], c["data"]))
    Day.day = (2024, 7, 26)
    for c in json.loads((DATA / "jinja" / "hf-jinja-templates.json").read_text()):
        out["cases"][c["name"]] = digest(*render(c["template"], c["context"]))
    for folder in ("chat-templates", "trl-templates", "minja/tests_files"):
        for f in sorted((DATA / folder).glob("*.jinja")):
            for name, context in (MINJA | CONTEXTS).items():
                out["templates"][f"{folder}/{f.stem}/{name}"] = digest(*render(f.read_text(), context))
    json.dump(out, sys.stdout, indent=0, ensure_ascii=False)
