package cli

import (
	"fmt"
	"io"
	"path/filepath"

	"temper/filter"
	"temper/filter/linear"
)

// twoWords makes one word of a command's two where the first alone is a command with arguments: temper filter train.
func twoWords(args []string) []string {
	if len(args) > 1 && args[0] == "filter" && args[1] == "train" {
		return append([]string{"filter train"}, args[2:]...)
	}
	return args
}

type filterTrain struct {
	Good   []string `required:"" placeholder:"FILE" help:"Good examples: JSONL (also .gz, .zst), Parquet, text files, or datasets."`
	Bad    []string `required:"" placeholder:"FILE" help:"Bad examples, the same."`
	Epochs int      `default:"5" help:"Times that the examples are gone over."`
	Held   int      `default:"10" help:"One example in so many is held out, to say how well the classifier tells what it did not see."`
	Seed   uint64   `help:"Of the order of the examples and of what is held out."`
	Out    string   `short:"o" required:"" placeholder:"FILE" help:"The classifier."`
	Force  bool     `help:"Replace an existing output."`
	JSON   bool     `help:"Print one JSON object."`
}

// Help is shown below the flags.
func (c *filterTrain) Help() string {
	return "Examples:\n  temper filter train --good docs.jsonl --bad spam.jsonl -o quality.json\n  temper filter train --good a.jsonl.gz --good b --bad c --held 5 --json -o quality.json"
}

// Run fits a classifier, writes it, and says how well it tells the examples that were held out.
func (c *filterTrain) Run(a *app) error {
	if c.Epochs < 1 || c.Held < 2 {
		return fmt.Errorf("--epochs is %d, --held %d: must be at least 1 and 2: %w", c.Epochs, c.Held, errInput)
	}
	if err := room(c.Out, c.Force, aFile); err != nil {
		return err
	}
	t := linear.NewTrainer(linear.Options{Epochs: c.Epochs, Held: c.Held, Seed: c.Seed})
	for _, side := range []struct {
		what  string
		paths []string
		good  bool
	}{{"good", c.Good, true}, {"bad", c.Bad, false}} {
		in := &input{a: a, paths: side.paths}
		for rec, err := range a.metered("read "+side.what, in.records()) {
			if err != nil {
				return err
			}
			t.Add(filter.Content(rec), side.good)
		}
	}
	m, err := t.Fit()
	if err != nil {
		return fmt.Errorf("%w: %w", err, errInput)
	}
	b, err := m.Encode()
	if err != nil {
		return err
	}
	err = place(c.Out, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(struct {
			linear.Fit
			Repeats int `json:"repeats"`
			Bytes   int `json:"bytes"`
		}{m.Fit, t.Repeats, len(b)})
	}
	f := m.Fit
	_, err = fmt.Fprintf(a.out, "fitted on %d good and %d bad texts; %d repeats left out\nheld out: %d good, %d bad; AUC %.4f, accuracy %.4f at a score of 0.5\n%s: %d bytes; use it by\n  - classifier: {file: %s, min: 0.5}\n",
		f.Good, f.Bad, t.Repeats, f.HeldGood, f.HeldBad, f.AUC, f.Accuracy, c.Out, len(b), filepath.Base(c.Out))
	return err
}
