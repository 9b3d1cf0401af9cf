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
	Check    bool     `help:"Write nothing: say what would be trained on, with one sample and its trained tokens in colour."`
	JSON     bool     `name:"json" help:"With --check: print one JSON object."`
	Sequence int      `default:"512" help:"Longest sequence, in tokens."`
	Pack     bool     `help:"Several samples a sequence, each seeing only itself."`
	WeightBy string   `placeholder:"FIELD" help:"Meta field of a record that weighs its loss; 1 where it is absent."`
	Force    bool     `help:"Replace an existing output."`
	In       []string `arg:"" help:"JSONL (also .gz, .zst), a dataset folder or text files; - is standard input."`
}

// Help is shown below the flags.
func (c *tokenizeCommand) Help() string {
	return "Examples:\n  temper tokenize --base smollm2-135m-instruct --pack chats.jsonl -o tokens.arrow\n  echo 'one line of text' > t.txt; temper tokenize --base tiny --ids t.txt\n  temper tokenize --base tiny --check chats.jsonl"
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
	if c.Check {
		return c.check(a, m)
	}
	if c.Out == "" {
		return fmt.Errorf("give --ids to print ids, --check to see what would be trained on, or -o FILE.arrow for token batches: %w", errInput)
	}
	in := &input{a: a, paths: c.In}
	tokens, count, err := finetune.Encode(m, in.records(), c.options(), a.dropped)
	if err != nil {
		return err
	}
	all, trained := tokens.Counts()
	if trained == 0 {
		return fmt.Errorf("none of %d records became a sample (%s): %w", count.In, count.Reasons(), errInput)
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
	fmt.Fprintf(a.err, "%d of %d samples in %d sequences, %d tokens, %d of them trained\n", count.Samples, count.In, len(tokens.Sequences), all, trained)
	return f.Close()
}

func (c *tokenizeCommand) options() finetune.Options {
	return finetune.Options{Sequence: c.Sequence, Pack: c.Pack, WeightBy: c.WeightBy}
}

// dropped says which sample cannot be trained on, and why.
func (a *app) dropped(rec dataset.Record, why dataset.Check) error {
	_, err := fmt.Fprintf(a.err, "dropped %s line %d: %s\n", rec.Source.URI, rec.Source.Row, why)
	return err
}
