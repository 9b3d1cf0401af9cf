package workflows

import (
	"go.temporal.io/sdk/workflow"

	"temper/activities"
	"temper/dataset"
)

// EvaluateInput is the input of [Evaluate].
type EvaluateInput struct {
	Name    string                   `json:"name"` // of the adapter: names the champion
	Base    activities.Base          `json:"base"`
	Adapter activities.AdapterResult `json:"adapter"`
	Test    dataset.Ref              `json:"test"`    // held-out token batches
	Prompts []dataset.Ref            `json:"prompts"` // held-out rows, for the answers to show
	Show    int                      `json:"show,omitempty"`
}

// EvaluateResult is the result of [Evaluate]: losses on the same held-out batches.
type EvaluateResult struct {
	Base            activities.Score         `json:"base"`
	Challenger      activities.Score         `json:"challenger"`
	Champion        *activities.Score        `json:"champion,omitempty"` // absent: none was promoted yet
	ChampionVersion string                   `json:"champion_version,omitempty"`
	Stages          []activities.StageResult `json:"stages"`
}

// Evaluate measures base, challenger and champion on the same held-out records and shows some answers.
func Evaluate(ctx workflow.Context, in EvaluateInput) (EvaluateResult, error) {
	var out EvaluateResult
	stages, err := newStages(ctx, &out.Stages)
	if err != nil {
		return out, err
	}
	score := func(name string, adapter activities.Adapter) (activities.Score, error) {
		stages.begin("evaluate " + name)
		r, err := call(train(ctx, in.Base), a.Evaluate, activities.EvaluateInput{Who: name, Base: in.Base, Adapter: adapter, Tokens: in.Test})
		if err == nil {
			stages.end(r.Stage)
		}
		return r.Score, err
	}
	if out.Base, err = score("base", activities.Adapter{}); err != nil {
		return out, err
	}
	if out.Challenger, err = score("challenger", in.Adapter.Adapter); err != nil {
		return out, err
	}
	champion, err := call(quick(ctx), a.Champion, activities.ChampionInput{Name: in.Name, Base: in.Base})
	if err != nil {
		return out, err
	}
	if champion.Version != "" {
		s, err := score("champion", champion.Adapter)
		if err != nil {
			return out, err
		}
		out.Champion, out.ChampionVersion = &s, champion.Version
	}
	stages.begin("answers")
	answers, err := call(train(ctx, in.Base), a.Answers, activities.AnswersInput{Base: in.Base, Adapter: in.Adapter.Adapter, Rows: in.Prompts, Count: in.Show})
	if err != nil {
		return out, err
	}
	stages.end(answers)
	return out, nil
}
