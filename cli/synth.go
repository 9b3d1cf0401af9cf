package cli

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"temper/activities"
	"temper/dataset"
	"temper/internal/store"
	"temper/model"
	"temper/recipe"
	"temper/synth"
)

type synthCommand struct {
	Recipe string   `short:"r" required:"" help:"The recipe whose synthesize section says what to make."`
	Set    []string `sep:"none" placeholder:"KEY=VALUE" help:"Override a key of the recipe."`
	Cache  string   `placeholder:"FOLDER" help:"Answers of models, by request: what was paid for is not asked again. Default: in the user's cache folder."`
	In     []string `arg:"" help:"JSONL (also .gz, .zst), Parquet, text files, or datasets; - is standard input."`
	outputFlags
}

// Help is shown below the flags.
func (c *synthCommand) Help() string {
	return "Examples:\n  temper synth -r examples/go-docs/recipe.yaml unique -o pairs\n  temper synth -r recipe.yaml clean.jsonl -o - --all"
}

// Run makes instruction rows.
func (c *synthCommand) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	r, err := loadRecipe(c.Recipe, c.Set)
	if err != nil {
		return err
	}
	if len(r.Synthesize) == 0 {
		return fmt.Errorf("%s has no synthesize: section: %w", c.Recipe, errInput)
	}
	tmp, err := os.MkdirTemp("", "temper-synth-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	s, err := store.NewDir(tmp)
	if err != nil {
		return err
	}
	in := &input{a: a, paths: c.In}
	all, err := a.spool(s, dataset.Join(a.metered("read", in.records())))
	if err != nil {
		return err
	}
	rows := func(yield func(dataset.Row, error) bool) {
		for _, step := range r.Synthesize {
			recs := dataset.BlobRecords(a.ctx, s, all)
			made, err := c.step(a, r, step, recs)
			if err != nil {
				yield(dataset.Row{}, err)
				return
			}
			for row, err := range made {
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
	return a.put(c.outputFlags, &product{rows: rows, in: in, name: r.Name, recipe: recipeJSON(recipe.Recipe{Synthesize: r.Synthesize})})
}

// step makes the rows of one step.
func (c *synthCommand) step(a *app, r *recipe.Recipe, step synth.Step, recs dataset.Records) (dataset.Rows, error) {
	if step.Pairs != nil {
		return synth.FromTemplates(recs, *step.Pairs), nil
	}
	q := *step.QuestionsFromText
	m, err := c.model(a, r, q)
	if err != nil {
		return nil, err
	}
	folder := c.Cache
	if folder == "" {
		cache, err := cacheFolder()
		if err != nil {
			return nil, err
		}
		folder = filepath.Join(cache, "answers")
	}
	answers, err := store.NewDir(folder)
	if err != nil {
		return nil, err
	}
	meter := a.meter("questions")
	rows, _ := synth.Ask(a.ctx, recs, synth.Asking{Options: q, Model: m, Cache: activities.Answered{Store: answers}, Progress: func(done, total int) {
		meter.set(int64(done), int64(total), "passages")
	}})
	return rows, nil
}

func (c *synthCommand) model(a *app, r *recipe.Recipe, q synth.Questions) (synth.Model, error) {
	if q.Model.Endpoint != "" {
		var key func() string
		if q.Model.APIKeyEnv != "" {
			key = func() string { return os.Getenv(q.Model.APIKeyEnv) }
		}
		return &synth.OpenAI{Endpoint: q.Model.Endpoint, Model: q.Model.Name, Key: key, HTTP: &http.Client{Timeout: 5 * time.Minute}}, nil
	}
	name := q.Model.Base
	if name == "" || name == "self" {
		if r.Tune == nil {
			return nil, fmt.Errorf("%s: model.base is self, and there is no tune.base: %w", c.Recipe, errInput)
		}
		name = r.Tune.Base
	}
	base, err := a.openBase(name)
	if err != nil {
		return nil, err
	}
	return newLocal(a, base)
}

func newLocal(a *app, base *model.Model) (synth.Model, error) {
	return activities.NewLocal(base, base.Digest, func(int) error { return a.ctx.Err() })
}
