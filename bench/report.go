package main

import (
	"bytes"
	"fmt"
	"text/template"
)

// A report is what docs/benchmarks.md says.
type report struct {
	Machine machine
	Rounds  int
	Series  []series
}

// pageForm is the form of docs/benchmarks.md.
const pageForm = "# Benchmarks\n\n" +
	"Written by `make bench`; do not edit. {{.Machine.Date}}, {{.Machine.CPU}}, {{.Machine.Cores}} cores, {{.Machine.System}}, {{.Machine.Go}}, commit {{.Machine.Commit}}.\n\n" +
	"{{if eq .Rounds 1}}Every number is of one round{{else}}Every number is the median of {{.Rounds}} rounds, with the least and the most in brackets{{end}}. In a round each program is one\n" +
	"process; the programs of a table take turns, and another begins each round. Starting, imports, loading and a warm-up are not in the times.\n" +
	"A ratio is Temper's median by the other's. MB is 10⁶ bytes.\n" +
	"{{if not .Machine.Peers}}\nWithout the environment of `interop/setup` there was nothing to compare with: run that first for the other columns.\n{{end}}" +
	`
## Training

SmolLM2-135M-Instruct in Q4_1, LoRA of rank 16 on all linear layers, {{.Machine.Sequence}} tokens a sequence, batch 1, AdamW, gradients clipped, {{.Machine.Threads}} threads,
{{.Machine.Steps}} steps after {{.Machine.Warmup}} of warm-up on the same tokens. PyTorch computes in f32 on the dequantized weights of the same file, attention by SDPA. Memory is
the process's largest resident set, libraries included: Temper's from its start, PyTorch's from after loading.

| | program | tokens/s | ratio | peak memory, MiB | ratio |
|---|---|---|---|---|---|
{{range .Series}}{{if eq .Kind 1}}{{training .}}{{end}}{{end}}
## Generation

The same base, {{.Machine.Threads}} threads, one prompt at a time, greedy. Temper computes in f32; llama.cpp rounds activations to 8 bits. Temper's drawing counts the reading of
its 16 tokens too.

| | program | tokens/s | ratio |
|---|---|---|---|
{{range .Series}}{{if eq .Kind 2}}{{generation .}}{{end}}{{end}}
## Data

Texts in memory, one core each, by seconds of processor time. **Sources** are files as they lie on any machine: Go's tree, Python's library, its packages and Go's modules, in this
order: {{.Machine.Sources}}. **Prose** is pages like those of the web, made of the sentences in those files' comments: {{.Machine.Prose}}. Temper goes over all of them,
peers over samples of about 3 MB, chosen by hashes; for the tokenizers, both over the samples. ` + "`go run ./bench -corpus FOLDER`" + ` writes the texts.

| | text | program | MB/CPU s | ratio | of one pass |
|---|---|---|---|---|---|
{{range .Series}}{{if eq .Kind 0}}{{data .}}{{end}}{{end}}
- **MinHash**: {{.Machine.MinHash}} Both peers cut words at spaces in Python. datatrove has its defaults, 14 bands of 8 values of word 5-grams; rensa (Rust) 128 values.
- **Near duplicates**: from texts to the ones that are kept, at 0.8: signatures, candidates, their true similarity, keepers. No peer here compares texts.
- **Filters**: Gopher's quality and repetition, C4's and FineWeb's rules. Temper measures all of them on every text. datatrove stops at the first rule that
  drops a text, repetition first as in FineWeb, and has fields between spaces for words here: its own word tokenizer for English takes longer.
- **Unicode repair**: ` + "`fix_text`" + ` with its defaults, and ftfy with its own.
- **Language**, **PII**: the steps ` + "`language` and `pii`" + ` with their defaults.
- **Tokenizer**: the vocabularies and merges of SmolLM2 and Qwen3; the peer is Hugging Face's Rust library, by encode_batch_fast without its threads. Both must give as many tokens.
- **Main text of HTML**: the pages of the article extraction benchmark, and its F1; trafilatura is told to favour precision, which is best here. MB are of HTML.

## Commands

From a file of the sources to a dataset folder, with GOMAXPROCS=1: reading, the work, writing Parquet. MB are of text; memory is the largest resident set.

| | MB/CPU s | peak memory, MiB | of one run |
|---|---|---|---|
{{range .Series}}{{if eq .Kind 3}}{{command .}}{{end}}{{end}}`

// render writes the report as Markdown.
func render(r report) ([]byte, error) {
	t, err := template.New("page").Funcs(template.FuncMap{"training": trainingRows, "generation": generationRows, "data": dataRows, "command": commandRows}).Parse(pageForm)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, r)
	return b.Bytes(), err
}

// trainingRows are the rows of a training series.
func trainingRows(s series) string {
	var b bytes.Buffer
	for i, c := range s.Members {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", title(s, i), c.Name,
			spread(c, result.rate, 0), ratio(s.Members[0], c, i, result.rate), spread(c, mebibytes, 0), ratio(s.Members[0], c, i, mebibytes))
	}
	return b.String()
}

// generationRows are the rows of a generation series.
func generationRows(s series) string {
	var b bytes.Buffer
	for i, c := range s.Members {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", title(s, i), c.Name, spread(c, result.rate, 0), ratio(s.Members[0], c, i, result.rate))
	}
	return b.String()
}

// dataRows are the rows of a series over texts.
func dataRows(s series) string {
	var b bytes.Buffer
	for i, c := range s.Members {
		kind, passed := s.Text, fmt.Sprintf("%d %s", c.Results[0].Count, s.Counts)
		if i > 0 {
			kind = ""
		}
		if f1 := c.Results[0].F1; f1 > 0 {
			passed += fmt.Sprintf(", F1 %.4f", f1)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", title(s, i), kind, c.Name, spread(c, megabytes, 2), ratio(s.Members[0], c, i, megabytes), passed)
	}
	return b.String()
}

// commandRows is the row of a command.
func commandRows(s series) string {
	c := s.Members[0]
	return fmt.Sprintf("| %s | %s | %s | %d %s |\n", s.Title, spread(c, megabytes, 2), spread(c, mebibytes, 0), c.Results[0].Count, s.Counts)
}

func megabytes(r result) float64 { return r.rate() / 1e6 }

func mebibytes(r result) float64 { return float64(r.Peak) / (1 << 20) }

// title stands in a series' first row only.
func title(s series, row int) string {
	if row > 0 {
		return ""
	}
	return s.Title
}

// spread is a median with its extremes.
func spread(c contestant, value func(result) float64, digits int) string {
	v := c.values(value)
	if len(v) == 1 {
		return fmt.Sprintf("%.*f", digits, v[0])
	}
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, c.median(value), digits, v[0], digits, v[len(v)-1])
}

// ratio is ours by a peer's median; ours has none.
func ratio(ours, peer contestant, row int, value func(result) float64) string {
	if row == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", ours.median(value)/peer.median(value))
}

// rate is how fast something went, for people.
func rate(s *series, unitsPerSecond float64) string {
	if s.Kind == training || s.Kind == generation {
		return fmt.Sprintf("%.0f tokens/s", unitsPerSecond)
	}
	return fmt.Sprintf("%.2f MB/CPU s", unitsPerSecond/1e6)
}
