package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// data are the passes over texts that are in memory. Ours go over all of a kind of text, peers over its sample; where both must
// count the same, both go over the sample.
func (s *setting) data() (all []series) {
	kinds := []struct {
		name string
		text text
	}{{"sources", s.code}, {"prose", s.prose}}
	over := func(title, counts, engine string, peers ...contestant) {
		for _, k := range kinds {
			one := series{Title: title, Text: k.name, Counts: counts, Members: []contestant{{Name: "temper", ours: true, args: []string{engine}, in: k.text.whole}}}
			for _, p := range peers {
				p.in = k.text.sample
				one.Members = append(one.Members, p)
			}
			all = append(all, one)
		}
	}
	over("MinHash", "signatures", "minhash", contestant{Name: "datatrove", args: []string{"minhash"}}, contestant{Name: "rensa", args: []string{"rensa"}})
	over("Near duplicates", "kept", "near")
	over("Filters", "kept", "filters", contestant{Name: "datatrove", args: []string{"filters"}})
	var ftfy []contestant
	if s.has["ftfy"] {
		ftfy = append(ftfy, contestant{Name: "ftfy", args: []string{"ftfy"}})
	}
	over("Unicode repair", "texts", "fix_text", ftfy...)
	over("Language", "texts", "language")
	over("PII", "texts", "pii")
	tokenize := func(title, base string) {
		for _, k := range kinds {
			all = append(all, series{Title: title, Text: k.name, Counts: "tokens", Same: true, Members: []contestant{
				{Name: "temper", ours: true, args: []string{"tokenize"}, in: k.text.sample, base: base},
				{Name: "tokenizers", args: []string{"tokenize"}, in: k.text.sample, base: base}}})
		}
	}
	tokenize("Tokenizer, SmolLM2", "")
	if s.qwen != "" {
		tokenize("Tokenizer, Qwen3", s.qwen)
	}
	if s.pages != "" {
		html := series{Title: "Main text of HTML", Text: "pages", Counts: "pages", Members: []contestant{{Name: "temper", ours: true, args: []string{"html"}, in: s.pages}}}
		if s.has["trafilatura"] {
			html.Members = append(html.Members, contestant{Name: "trafilatura", args: []string{"trafilatura"}, in: s.pages})
		}
		all = append(all, html)
	}
	return all
}

// commandLine stands for the texts of a member that is a command: its arguments name them.
const commandLine = "-"

// The recipes of the commands.
const (
	jsonlRecipe   = "name: rows\ncollect: [{jsonl: {root: %q}}]\n"
	parquetRecipe = "name: rows\ncollect: [{parquet: {root: %q}}]\n"
	filterRecipe  = "name: rows\ncollect: [{jsonl: {root: %q}}]\nfilter: [{gopher_repetition: {}}, {gopher_quality: {}}, {c4: {}}, {fineweb: {}}]\n"
)

// writeRows writes the recipes of the commands, and the sources as a dataset.
func (s *setting) writeRows(ctx context.Context) error {
	rows := filepath.Join(s.dir, "rows")
	for name, r := range map[string]string{
		"jsonl": fmt.Sprintf(jsonlRecipe, s.code.whole), "parquet": fmt.Sprintf(parquetRecipe, filepath.Join(rows, "data")), "filter": fmt.Sprintf(filterRecipe, s.code.whole),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name+".yaml"), []byte(r), 0o644); err != nil {
			return err
		}
	}
	_, err := output(ctx, s.temper, "collect", "-r", filepath.Join(s.dir, "jsonl.yaml"), "-o", rows)
	return err
}

// commands are the binary's, from a file of the sources to a dataset.
func (s *setting) commands() (all []series) {
	recipe := func(name string) string { return filepath.Join(s.dir, name+".yaml") }
	for _, c := range []struct {
		title string
		args  []string
	}{
		{"`temper collect`, JSONL", []string{"collect", "-r", recipe("jsonl")}},
		{"`temper collect`, Parquet", []string{"collect", "-r", recipe("parquet")}},
		{"`temper filter`, Gopher's, C4's and FineWeb's rules", []string{"filter", "-r", recipe("filter"), s.code.whole}},
		{"`temper dedup --near 0.8`", []string{"dedup", "--near", "0.8", s.code.whole}},
	} {
		all = append(all, series{Title: c.title, Text: "sources", Kind: command, Counts: "rows", Members: []contestant{{Name: "temper", ours: true, in: commandLine, args: c.args}}})
	}
	return all
}

// command runs the binary on one core.
func (s *setting) command(ctx context.Context, args []string) (result, error) {
	return s.run(ctx, 1, s.code, args)
}
