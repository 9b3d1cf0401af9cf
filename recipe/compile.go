package recipe

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"temper/activities"
	"temper/collect"
	"temper/model/hub"
	"temper/workflows"
)

// Compile makes the input of a run of a checked recipe.
func Compile(r *Recipe) (workflows.PipelineInput, error) {
	full, err := json.Marshal(r)
	if err != nil {
		return workflows.PipelineInput{}, fmt.Errorf("recipe %s: %w", r.Name, err)
	}
	in := workflows.PipelineInput{Name: r.Name, Recipe: string(full)}
	for _, s := range r.Collect {
		in.Curate.Collect = append(in.Curate.Collect, activities.PlanInput{Source: s, MaxBad: float64(r.MaxBad) / 100})
	}
	in.Curate.Filter.Steps = r.Filter
	for _, d := range r.Dedup {
		if d.Exact != nil {
			in.Curate.Exact = &activities.ExactInput{Options: *d.Exact}
		}
		if d.Near != nil {
			in.Curate.Near = &activities.NearInput{Options: *d.Near}
		}
	}
	if r.Decontaminate != nil {
		in.Curate.Decontaminate = &activities.DecontaminateInput{Options: *r.Decontaminate}
	}
	for _, s := range r.Synthesize {
		step := activities.SynthInput{Step: s}
		if r.Tune != nil {
			step.Self = r.Tune.Base
		}
		in.Synthesize.Steps = append(in.Synthesize.Steps, step)
	}
	in.Publish.Split = activities.Split{Test: float64(r.Split.Test), Seed: r.Split.Seed, Stratify: r.Split.Stratify}
	in.Publish.Mix = r.Mix
	if r.Tune != nil {
		in.Tune = &workflows.TuneInput{Base: activities.BaseIn(r.Tune.Base, r.Tune.Quantize), Show: r.Tune.Answers, Train: activities.TrainInput{LoRA: r.Tune.LoRA, Options: r.Tune.Train}}
		in.Gate = activities.GateInput{Metric: r.Gate.Metric, BetterThan: r.Gate.BetterThan, By: float64(r.Gate.By)}
	}
	return in, nil
}

// rebase makes the recipe's relative paths absolute, from the folder of its file on, and puts Go's own root for $GOROOT.
func (r *Recipe) rebase(file string) error {
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return err
	}
	for i := range r.Collect {
		if err := rebased(&r.Collect[i], dir); err != nil {
			return fmt.Errorf("%s: collect[%d]: %w", file, i, err)
		}
	}
	if err := readLists(file, dir, r.Filter); err != nil {
		return err
	}
	if d := r.Decontaminate; d != nil {
		for i := range d.Against {
			if d.Against[i], err = absolute(d.Against[i], dir); err != nil {
				return fmt.Errorf("%s: decontaminate.against[%d]: %w", file, i, err)
			}
		}
	}
	if r.Tune != nil {
		if r.Tune.Base, err = baseAt(r.Tune.Base, dir); err != nil {
			return fmt.Errorf("%s: tune.base: %w", file, err)
		}
	}
	for _, s := range r.Synthesize {
		if q := s.QuestionsFromText; q != nil && q.Model.Base != "self" {
			if q.Model.Base, err = baseAt(q.Model.Base, dir); err != nil {
				return fmt.Errorf("%s: questions_from_text.model.base: %w", file, err)
			}
		}
	}
	return nil
}

func rebased(s *collect.Source, dir string) error {
	root, err := absolute(s.Root(), dir)
	*s = s.WithRoot(root)
	return err
}

// baseAt leaves names alone: what has a folder in it, or ends in .gguf, is a path.
func baseAt(base, dir string) (string, error) {
	if _, err := hub.Find(base); err == nil || !strings.ContainsRune(base, '/') && !strings.HasSuffix(base, ".gguf") {
		return base, nil
	}
	return absolute(base, dir)
}
