package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"temper/dataset"
	"temper/finetune"
)

type tokenizeCommand struct {
	Base     string   `required:"" help:"A name of the catalogue, a GGUF file or a Hugging Face folder."`
	IDs      bool     `name:"ids" help:"Print one JSON array of ids a record, for plain text."`
	Out      string   `short:"o" help:"Token batches with the chat template and the answer mask, as an Arrow file."`
	Sequence int      `default:"512" help:"Longest sequence, in tokens."`
	Pack     bool     `help:"Several samples a sequence, each seeing only itself."`
	Force    bool     `help:"Replace an existing output."`
	In       []string `arg:"" help:"JSONL (also .gz, .zst) or text files; - is standard input."`
}

// Run tokenizes.
func (c *tokenizeCommand) Run(a *app) error {
	m, err := a.openBase(c.Base)
	if err != nil {
		return err
	}
	if c.IDs {
		enc := json.NewEncoder(a.out)
		for rec, err := range a.records(c.In) {
			if err != nil {
				return err
			}
			if err := enc.Encode(m.Tokenizer.Encode(rec.Text, false)); err != nil {
				return err
			}
		}
		return nil
	}
	if c.Out == "" {
		return fmt.Errorf("give --ids to print ids, or -o FILE.arrow for token batches: %w", errInput)
	}
	tokens, count, err := finetune.Encode(m, a.records(c.In), finetune.Options{Sequence: c.Sequence, Pack: c.Pack}, a.dropped)
	if err != nil {
		return err
	}
	f, err := create(c.Out, c.Force)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := finetune.WriteTokens(f, tokens); err != nil {
		os.Remove(c.Out)
		return err
	}
	all, trained := tokens.Counts()
	fmt.Fprintf(a.err, "%d of %d samples in %d sequences, %d tokens, %d of them trained\n", count.In-dropCount(count), count.In, len(tokens.Sequences), all, trained)
	return f.Close()
}

// dropCount is how many samples an encoding dropped.
func dropCount(e finetune.Encoded) (n int64) {
	for _, c := range e.Dropped {
		n += c
	}
	return n
}

// dropped says which sample cannot be trained on, and why.
func (a *app) dropped(rec dataset.Record, why dataset.Check) error {
	_, err := fmt.Fprintf(a.err, "dropped %s line %d: %s\n", rec.Source.URI, rec.Source.Row, why)
	return err
}

// records reads JSONL files, and other files as one record a line.
func (a *app) records(paths []string) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for _, path := range paths {
			for rec, err := range a.file(path) {
				if !yield(rec, err) || err != nil {
					return
				}
			}
		}
	}
}

func (a *app) file(path string) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		in := a.stdin
		if path != "-" {
			f, err := os.Open(path)
			if err != nil {
				yield(dataset.Record{}, err)
				return
			}
			defer f.Close()
			in = f
		}
		r, err := dataset.Decompress(path, in)
		if err != nil {
			yield(dataset.Record{}, err)
			return
		}
		if strings.Contains(path, ".jsonl") {
			bad := func(b dataset.Bad) error {
				_, err := fmt.Fprintf(a.err, "skipped %s line %d, offset %d: %s\n", path, b.Source.Row, b.Source.Offset, b.Reason)
				return err
			}
			for rec, err := range dataset.ReadJSONL(r, dataset.Source{URI: path}, bad) {
				if !yield(rec, err) || err != nil {
					return
				}
			}
			return
		}
		lines(r, path, yield)
	}
}
