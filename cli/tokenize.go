package cli

import (
	"encoding/json"
	"fmt"
	"os"

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
	In       []string `arg:"" help:"JSONL (also .gz, .zst), a dataset folder or text files; - is standard input."`
}

// Help is shown below the flags.
func (c *tokenizeCommand) Help() string {
	return "Examples:\n  temper tokenize --base smollm2-135m-instruct --pack chats.jsonl -o tokens.arrow\n  echo 'one line of text' > t.txt; temper tokenize --base tiny --ids t.txt"
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
	in := &input{a: a, paths: c.In}
	tokens, count, err := finetune.Encode(m, in.records(), finetune.Options{Sequence: c.Sequence, Pack: c.Pack}, a.dropped)
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
