package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	"temper/filter"
	"temper/filter/linear"
	"temper/filter/ngram"
)

// twoWords makes one word of a command's two where the first alone is a command with arguments: temper filter train.
func twoWords(args []string) []string {
	if len(args) > 1 && args[0] == "filter" && args[1] == "train" {
		return append([]string{"filter train"}, args[2:]...)
	}
	return args
}

type filterTrain struct {
	Good   []string `placeholder:"FILE" help:"For a classifier: good examples, as JSONL (also .gz, .zst), Parquet, text files, or datasets."`
	Bad    []string `placeholder:"FILE" help:"Bad examples, the same."`
	NGram  []string `name:"ngram" placeholder:"FILE" help:"Instead of a classifier: texts, the same, that an n-gram model for perplexity is fitted on."`
	Sample []string `placeholder:"FILE" help:"With --ngram: texts of what is to be filtered, whose percentiles make head, middle and tail; without it, those of what is held out."`
	Order  int      `default:"5" help:"With --ngram: words of the longest n-gram, 2 to 5."`
	Prune  []int    `default:"0,0,1" help:"With --ngram: of each order, n-grams seen so often or less are left out; the last value goes for the orders that follow."`
	Memory amount   `default:"2GiB" help:"With --ngram: memory that the fit may take; counts that do not fit go to temporary files."`
	ARPA   string   `name:"arpa" placeholder:"FILE" help:"With --ngram: write the model in KenLM's and SRILM's form too."`
	Epochs int      `default:"5" help:"For a classifier: times that the examples are gone over."`
	Held   int      `default:"10" help:"One example in so many is held out, to say how well the model does on what it did not see."`
	Seed   uint64   `help:"Of the order of the examples and of what is held out."`
	Out    string   `short:"o" required:"" placeholder:"FILE" help:"The model."`
	Force  bool     `help:"Replace an existing output."`
	JSON   bool     `help:"Print one JSON object."`
}

// Help is shown below the flags.
func (c *filterTrain) Help() string {
	return "Examples:\n  temper filter train --good docs.jsonl --bad spam.jsonl -o quality.json\n  temper filter train --ngram wikipedia.jsonl.gz --sample crawl.jsonl -o usual.ngram"
}

// Run fits a model, writes it, and says how well it does on the examples that were held out.
func (c *filterTrain) Run(a *app) error {
	if c.Epochs < 1 || c.Held < 2 {
		return fmt.Errorf("--epochs is %d, --held %d: must be at least 1 and 2: %w", c.Epochs, c.Held, errInput)
	}
	classifier := len(c.Good) > 0 && len(c.Bad) > 0
	switch {
	case len(c.NGram) == 0 && !classifier:
		return fmt.Errorf("nothing to fit on: give --good and --bad for a classifier, or --ngram for a model of perplexity: %w", errInput)
	case len(c.NGram) > 0 && len(c.Good)+len(c.Bad) > 0:
		return fmt.Errorf("--ngram and --good or --bad are two models: fit one at a time: %w", errInput)
	case classifier && (len(c.Sample) > 0 || c.ARPA != ""):
		return fmt.Errorf("--sample and --arpa go with --ngram only: %w", errInput)
	}
	if err := room(c.Out, c.Force, aFile); err != nil {
		return err
	}
	if classifier {
		return c.classifier(a)
	}
	return c.ngram(a)
}

// classifier fits a classifier.
func (c *filterTrain) classifier(a *app) error {
	t := linear.NewTrainer(linear.Options{Epochs: c.Epochs, Held: c.Held, Seed: c.Seed})
	for _, side := range []struct {
		what  string
		paths []string
		good  bool
	}{{"good", c.Good, true}, {"bad", c.Bad, false}} {
		err := a.contents("read "+side.what, side.paths, func(text string) error {
			t.Add(text, side.good)
			return nil
		})
		if err != nil {
			return err
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

// contents calls take with the text of every record in files.
func (a *app) contents(what string, paths []string, take func(text string) error) error {
	in := &input{a: a, paths: paths}
	for rec, err := range a.metered(what, in.records()) {
		if err == nil {
			err = take(filter.Content(rec))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ngram fits an n-gram model.
func (c *filterTrain) ngram(a *app) error {
	o := ngram.Options{Order: c.Order, Prune: c.Prune, Held: c.Held, Seed: c.Seed, Limit: int64(c.Memory), Names: c.ARPA != ""}
	if err := o.Validate(); err != nil {
		return fmt.Errorf("--ngram: %w: %w", err, errInput)
	}
	if c.ARPA != "" {
		if err := room(c.ARPA, c.Force, aFile); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "temper-ngram-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	counts, err := os.Create(filepath.Join(dir, "counts"))
	if err != nil {
		return err
	}
	defer counts.Close()
	held, err := os.Create(filepath.Join(dir, "held"))
	if err != nil {
		return err
	}
	defer held.Close()
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(min(int64(c.Memory), debug.SetMemoryLimit(-1)))) // garbage is no reason to go beyond
	t := ngram.NewTrainer(o, counts, held)
	if err := a.contents("count n-grams", c.NGram, t.Add); err != nil {
		return trainError(err)
	}
	m, err := t.Fit()
	if err != nil {
		return trainError(err)
	}
	if err := c.sample(a, m); err != nil {
		return err
	}
	if c.ARPA != "" {
		if err := place(c.ARPA, t.WriteARPA); err != nil {
			return err
		}
	}
	if err := place(c.Out, m.Write); err != nil {
		return err
	}
	return c.report(a, m)
}

// trainError is what is wrong with the input, where it is that.
func trainError(err error) error {
	if errors.Is(err, ngram.ErrFew) || errors.Is(err, ngram.ErrLarge) {
		return fmt.Errorf("%w: %w", err, errInput)
	}
	return err
}

// sample gives the model the percentiles of the texts that are to be filtered.
func (c *filterTrain) sample(a *app, m *ngram.Model) error {
	if len(c.Sample) == 0 {
		return nil
	}
	scorer := ngram.NewScorer(m)
	var all []float64
	err := a.contents("measure the sample", c.Sample, func(text string) error {
		if s := scorer.Score(text); s.Words > 0 {
			all = append(all, s.Perplexity())
		}
		return nil
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("--sample has no texts with words: %w", errInput)
	}
	if err != nil {
		return err
	}
	m.Calibrate(all, "given")
	return nil
}

// report says what was fitted.
func (c *filterTrain) report(a *app, m *ngram.Model) error {
	f := m.Fit
	if c.JSON {
		return a.printJSON(struct {
			ngram.Fit
			Percentiles []float64 `json:"percentiles,omitempty"`
			Bytes       int64     `json:"bytes"`
		}{f, m.Percentiles, m.Bytes()})
	}
	fmt.Fprintf(a.out, "fitted on %d texts: %d words, %d different; n-grams of each order kept %v of %v\n", f.Texts, f.Tokens, f.Words, f.Kept, f.Seen)
	if len(f.Default) > 0 {
		fmt.Fprintf(a.out, "too few n-grams of order %v to tell their discounts: 0.5, 1 and 1.5 are taken\n", f.Default)
	}
	fmt.Fprintf(a.out, "held out: %d texts, %d words; perplexity %.2f, %.2f%% of the words unknown\n", f.Held, f.HeldWords, f.Ppl, 100*f.Unknown)
	if p := m.Percentiles; len(p) > 0 {
		fmt.Fprintf(a.out, "percentiles of the texts (%s): 10th %.1f, 30th (head) %.1f, 60th (middle) %.1f, 90th %.1f\n", f.Sample, p[9], p[29], p[59], p[89])
	}
	_, err := fmt.Fprintf(a.out, "%s: %d bytes; use it by\n  - perplexity: {file: %s, keep: [head, middle]}\n", c.Out, m.Bytes(), filepath.Base(c.Out))
	return err
}

// readNGram reads an n-gram model.
func (a *app) readNGram(file string) (*ngram.Model, error) {
	obj, err := (sources{}).Open(a.ctx, file)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	return ngram.Read(obj, obj.Info().Size)
}
