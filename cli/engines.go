package cli

import (
	"encoding/json"
	"fmt"
	"os"

	"temper/dataset"
	"temper/filter"
	"temper/recipe"
)

// recipeJSON is the full recipe, for a dataset's manifest.
func recipeJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

type collectCommand struct {
	Recipe string   `short:"r" required:"" help:"The recipe whose collect section says what to read."`
	Set    []string `sep:"none" placeholder:"KEY=VALUE" help:"Override a key of the recipe."`
	outputFlags
}

// Help is shown below the flags.
func (c *collectCommand) Help() string {
	return "Examples:\n  temper collect -r examples/go-docs/recipe.yaml -o raw\n  temper collect -r recipe.yaml -o - | head"
}

// Run collects.
func (c *collectCommand) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	r, err := loadRecipe(c.Recipe, c.Set)
	if err != nil {
		return err
	}
	in := &input{a: a}
	recs := func(yield func(dataset.Record, error) bool) {
		for _, s := range r.Collect {
			good, bad := int64(0), in.badRows
			for rec, err := range collected(a.ctx, s, in.quarantine) {
				if good++; !yield(rec, err) || err != nil {
					return
				}
			}
			if err := in.tooBad(r.MaxBad, bad, good); err != nil {
				yield(dataset.Record{}, err)
				return
			}
		}
	}
	return a.put(c.outputFlags, &product{rows: dataset.Join(a.metered("collect", recs)), in: in, name: r.Name, recipe: recipeJSON(recipe.Recipe{Collect: r.Collect})})
}

type filterCommand struct {
	Recipe string   `short:"r" xor:"steps" required:"" help:"The recipe whose filter section says what to do."`
	Use    []string `xor:"steps" required:"" help:"Steps by name, without thresholds: signals are added, nothing is dropped. fix_text, language, gopher_quality, gopher_repetition, gopher (both), c4, fineweb, refinedweb, nemo, instructions, pii."`
	Set    []string `sep:"none" placeholder:"KEY=VALUE" help:"Override a key of the recipe."`
	In     []string `arg:"" help:"JSONL (also .gz, .zst), Parquet, text files, or datasets; - is standard input."`
	outputFlags
}

// Help is shown below the flags.
func (c *filterCommand) Help() string {
	return "Examples:\n  temper filter -r recipe.yaml raw -o clean\n  temper filter --use language,gopher docs.jsonl.gz -o - | head -1"
}

// Run filters.
func (c *filterCommand) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	in := &input{a: a, paths: c.In}
	p := &product{in: in, name: "filtered"}
	recs := a.metered("filter", in.records())
	if c.Recipe == "" {
		steps, err := filter.Use(c.Use)
		if err != nil {
			return fmt.Errorf("--use: %w: %w", err, errInput)
		}
		p.rows = noted(recs, func(r dataset.Records) dataset.Notes { return filter.Score(r, steps) })
		p.recipe = recipeJSON(recipe.Recipe{Filter: steps})
		return a.put(c.outputFlags, p)
	}
	r, err := loadRecipe(c.Recipe, c.Set)
	if err != nil {
		return err
	}
	if len(r.Filter) == 0 {
		return fmt.Errorf("%s has no filter: section: %w", c.Recipe, errInput)
	}
	steps, err := filter.WithModels(filter.WithKey(r.Filter, []byte(os.Getenv("TEMPER_PII_KEY"))), a.readNGram)
	if err != nil {
		return fmt.Errorf("%s: filter: %w: %w", c.Recipe, err, errInput)
	}
	if err := filter.Ready(steps); err != nil {
		return fmt.Errorf("%s: filter: %w: %w", c.Recipe, err, errInput)
	}
	p.name, p.recipe = r.Name, recipeJSON(recipe.Recipe{Filter: r.Filter})
	p.rows = noted(recs, func(r2 dataset.Records) dataset.Notes {
		return filter.Notes(r2, steps)
	})
	return a.put(c.outputFlags, p)
}

// noted joins records with the notes a pass makes of them, in one reading: the pass yields a note for each record it took.
func noted(recs dataset.Records, pass func(dataset.Records) dataset.Notes) dataset.Rows {
	return func(yield func(dataset.Row, error) bool) {
		var waiting []dataset.Record
		tee := func(give func(dataset.Record, error) bool) {
			for rec, err := range recs {
				if err == nil {
					waiting = append(waiting, rec)
				}
				if !give(rec, err) || err != nil {
					return
				}
			}
		}
		for note, err := range pass(tee) {
			if err != nil {
				yield(dataset.Row{}, err)
				return
			}
			rec := waiting[0]
			waiting = waiting[1:]
			for row, err := range dataset.Join(single(rec), singleNote(note)) {
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

func single(rec dataset.Record) dataset.Records {
	return func(yield func(dataset.Record, error) bool) { yield(rec, nil) }
}

func singleNote(n dataset.Note) dataset.Notes {
	return func(yield func(dataset.Note, error) bool) { yield(n, nil) }
}
