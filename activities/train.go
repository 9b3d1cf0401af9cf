package activities

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"temper/dataset"
	"temper/finetune"
	"temper/lora"
	"temper/model"
)

// TrainInput is the input of [Activities.Train].
type TrainInput struct {
	LoRA    lora.Options     `json:"lora"`
	Options finetune.Options `json:"options"`
	Name    string           `json:"name"` // of the adapter
	Base    Base             `json:"base"`
	Tokens  dataset.Ref      `json:"tokens"`
	Test    dataset.Ref      `json:"test"`
	Dataset string           `json:"dataset"` // name@version the tokens are of
}

// An Adapter is the two files of a PEFT directory. Its zero value is no adapter.
type Adapter struct {
	Weights dataset.Ref `json:"weights,omitzero"`
	Config  dataset.Ref `json:"config,omitzero"`
}

// AdapterResult names a trained adapter.
type AdapterResult struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	Adapter Adapter     `json:"adapter"`
	Stage   StageResult `json:"stage"`
}

// Train trains an adapter and publishes it. It resumes from the last checkpoint of the same work, whoever wrote it; when it is
// cancelled or its worker stops, it writes one first.
func (a *Activities) Train(ctx context.Context, in TrainInput) (AdapterResult, error) {
	options := struct {
		LoRA  lora.Options     `json:"lora"`
		Train finetune.Options `json:"train"`
	}{in.LoRA, in.Options}
	options.Train = options.Train.WithDefaults()
	options.Train.Threads, options.Train.Memory, options.Train.SaveEvery, options.Train.Checkpointing = 0, 0, 0, "" // they change no value
	inputs := []dataset.Ref{in.Tokens, in.Test, in.Base.Ref}
	s, err := a.stage(ctx, work{name: "train", engine: engineTrain, options: options, inputs: inputs, do: func(ctx context.Context, s *dataset.Stage) error {
		return a.train(ctx, in, s)
	}})
	if err != nil {
		return AdapterResult{}, err
	}
	ctx, release := begin(ctx, "publish adapter")
	defer release()
	r := AdapterResult{Name: in.Name, Stage: s, Adapter: Adapter{Weights: s.Out("weights"), Config: s.Out("config")}}
	if r.Version, err = a.publishAdapter(ctx, in, r); err != nil {
		return AdapterResult{}, finish(ctx, fmt.Errorf("publish adapter %s: %w", in.Name, err))
	}
	// Only now: a worker that is lost before the stage is published leaves them to the next.
	return r, finish(ctx, removeCheckpoints(ctx, a.Store, s.Key))
}

func (a *Activities) train(ctx context.Context, in TrainInput, s *dataset.Stage) error {
	base, err := a.open(ctx, in.Base)
	if err != nil {
		return err
	}
	job := finetune.Job{Base: base}
	if job.Tokens, err = a.tokens(ctx, in.Tokens); err != nil {
		return err
	}
	if job.Eval, err = a.tokens(ctx, in.Test); err != nil {
		return err
	}
	if err := suits(in.Options, base); err != nil {
		return err
	}
	if job.Adapter, err = a.start(ctx, base, in.LoRA, in.Options.Seed); err != nil {
		return err
	}
	saved := &checkpoints{store: a.store(), key: s.Key, evalEvery: in.Options.EvalEvery}
	if job.Resume, err = saved.load(ctx); err != nil {
		return err
	}
	o := in.Options
	if o.Threads == 0 {
		o.Threads = a.Threads
	}
	if o.SaveEvery == 0 {
		o.SaveEvery = saveEvery(o, len(job.Tokens.Sequences))
	}
	result, err := finetune.Train(ctx, job, o, a.hooks(ctx, in.Name, saved))
	if err != nil {
		return err
	}
	if err := a.putAdapter(ctx, s, result.Adapter); err != nil {
		return err
	}
	s.Counts.In, s.Counts.Out = int64(len(job.Tokens.Sequences)), int64(len(job.Tokens.Sequences))
	s.Metrics["curve"] = saved.Curve
	s.Metrics["steps"], s.Metrics["tokens"], s.Metrics["loss"] = result.Steps, result.Tokens, result.Loss
	if result.Skipped > 0 {
		s.Metrics["skipped_steps"] = result.Skipped
	}
	if result.Best > 0 {
		s.Metrics["best_step"] = result.Best
	}
	s.Metrics["memory"], s.Metrics["peak_bytes"] = result.Memory, saved.Peak
	s.Metrics["tokens_per_second"] = saved.speed()
	return nil
}

// start is the adapter that a training begins with: a new one, or one of the store.
func (a *Activities) start(ctx context.Context, base *model.Model, o lora.Options, seed uint64) (*lora.Adapter, error) {
	if o.InitAdapter == "" {
		adapter, err := lora.New(base.Modules(), o, seed)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errInput, err)
		}
		return adapter, nil
	}
	name, version, _ := strings.Cut(o.InitAdapter, "@")
	card, err := LoadAdapter(ctx, a.Store, name, version)
	if err != nil {
		return nil, fmt.Errorf("tune.lora.init_adapter: %w", err)
	}
	adapter, err := a.adapter(ctx, card.Adapter)
	if err != nil {
		return nil, fmt.Errorf("tune.lora.init_adapter: %w", err)
	}
	if err := adapter.Fits(base.Modules()); err != nil {
		return nil, fmt.Errorf("%w: tune.lora.init_adapter: %w", errInput, err)
	}
	return adapter, nil
}

// saveEvery is the steps between checkpoints where the recipe does not say: a twentieth of them, and at most 50, so that a lost
// worker costs minutes. A checkpoint costs about what a step does.
func saveEvery(o finetune.Options, sequences int) int {
	o = o.WithDefaults()
	steps := o.Steps
	if steps == 0 {
		steps = o.Epochs * sequences / (o.Batch * o.Accumulate)
	}
	return min(max(1, steps/20), 50)
}

// hooks report progress, remember the curve and write checkpoints.
func (a *Activities) hooks(ctx context.Context, name string, saved *checkpoints) finetune.Hooks {
	p := Progress{Stage: "train", Unit: "steps"}
	start := time.Now()
	return finetune.Hooks{
		Clock: func() time.Duration { return time.Since(start) },
		Peak:  a.Peak,
		OnSequence: func(step, done, total int) error {
			p.Note = fmt.Sprintf("%s, sequence %d of %d", saved.last(), done, total)
			say(ctx, p)
			return nil
		},
		OnBlock: func() { touch(ctx) },
		OnStep: func(s finetune.Step) error {
			p.Done, p.Total = int64(s.Step), int64(s.Steps)
			saved.add(s)
			p.Note, p.Curve = saved.last(), saved.Curve
			if s.SecondsLeft > 0 {
				p.Note += fmt.Sprintf(", %s left", time.Duration(s.SecondsLeft*float64(time.Second)).Round(time.Second))
			}
			if a.OnStep != nil {
				a.OnStep(name, s)
			}
			say(ctx, p)
			return nil
		},
		Save: func(k *finetune.Checkpoint) error {
			// A cancelled context must not keep the checkpoint from being written.
			return saved.save(context.WithoutCancel(ctx), k)
		},
	}
}

// putAdapter stores the two files of the adapter.
func (a *Activities) putAdapter(ctx context.Context, s *dataset.Stage, adapter *lora.Adapter) error {
	for role, name := range map[string]string{"weights": lora.WeightsFile, "config": lora.ConfigFile} {
		ext := ".json"
		if role == "weights" {
			ext = ".safetensors"
		}
		ref, err := dataset.PutBlob(ctx, a.store(), ext, func(w io.Writer) (int64, error) {
			return 1, adapter.WriteFile(w, name)
		})
		if err != nil {
			return err
		}
		s.Outputs[role] = []dataset.Ref{ref}
	}
	return nil
}

// PreflightInput is the input of [Activities.Preflight].
type PreflightInput struct {
	Base    Base             `json:"base"`
	LoRA    lora.Options     `json:"lora"`
	Options finetune.Options `json:"options"`
}

// Preflight refuses a training that will not fit its memory, before anything is collected.
func (a *Activities) Preflight(ctx context.Context, in PreflightInput) (finetune.Memory, error) {
	ctx, release := begin(ctx, "preflight")
	defer release()
	m, err := a.preflight(ctx, in)
	return m, finish(ctx, err)
}

func (a *Activities) preflight(ctx context.Context, in PreflightInput) (finetune.Memory, error) {
	base, err := a.open(ctx, in.Base)
	if err != nil {
		return finetune.Memory{}, err
	}
	adapter, err := a.start(ctx, base, in.LoRA, in.Options.Seed)
	if err != nil {
		return finetune.Memory{}, err
	}
	if err := suits(in.Options, base); err != nil {
		return finetune.Memory{}, err
	}
	o := in.Options.WithDefaults()
	return finetune.Preflight(base, adapter, o.Sequence, o)
}
