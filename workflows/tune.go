package workflows

import (
	"go.temporal.io/sdk/workflow"

	"temper/activities"
	"temper/dataset"
)

// TuneInput is the input of [Tune].
type TuneInput struct {
	Name    string                   `json:"name"`
	Base    string                   `json:"base"` // name in the catalogue, or path
	Train   activities.TrainInput    `json:"train"`
	Dataset activities.PublishResult `json:"dataset"`
	Show    int                      `json:"show,omitempty"` // answers to show before and after; 0 means 3
}

// TuneResult is the result of [Tune].
type TuneResult struct {
	Base    activities.Base          `json:"base"`
	Adapter activities.AdapterResult `json:"adapter"`
	Test    dataset.Ref              `json:"test"` // held-out token batches
	Stages  []activities.StageResult `json:"stages"`
}

// Tune brings the base, makes token batches of the dataset's splits and trains an adapter on them.
func Tune(ctx workflow.Context, in TuneInput) (TuneResult, error) {
	var out TuneResult
	stages, err := newStages(ctx, &out.Stages)
	if err != nil {
		return out, err
	}
	if out.Base, err = call(fetch(ctx), a.FetchBase, activities.FetchInput{Base: in.Base}); err != nil {
		return out, err
	}
	tokenize := func(split string, rows []dataset.Ref) (dataset.Ref, error) {
		stages.begin("tokenize " + split)
		r, err := call(bulk(ctx, rows...), a.Tokenize, activities.TokenizeInput{Base: out.Base, Rows: rows, Train: in.Train.Options, Split: split})
		if err == nil {
			stages.end(r)
		}
		return r.Out("tokens"), err
	}
	learn, err := tokenize("train", in.Dataset.Train)
	if err != nil {
		return out, err
	}
	if out.Test, err = tokenize("test", in.Dataset.Test); err != nil {
		return out, err
	}
	stages.begin("train")
	t := in.Train
	t.Name, t.Base, t.Tokens, t.Test, t.Dataset = in.Name, out.Base, learn, out.Test, in.Dataset.Name+"@"+in.Dataset.Version
	if out.Adapter, err = call(train(ctx, out.Base), a.Train, t); err != nil {
		return out, err
	}
	stages.end(out.Adapter.Stage)
	return out, nil
}
