// Package recipe is the YAML document a run is described by: strictly parsed, with file, line and column in every error, filled in
// with defaults, shown, and compiled into the input of the pipeline. Its keys are the engines' options: one vocabulary.
package recipe

import (
	"time"

	"temper/collect"
	"temper/dataset"
	"temper/dedup"
	"temper/filter"
	"temper/finetune"
	"temper/lora"
	"temper/synth"
)

// A Recipe describes a run.
type Recipe struct {
	Name          string               `json:"name" doc:"datasets and adapters are published under it: letters, digits, . _ -"`
	Collect       []collect.Source     `json:"collect" doc:"what is read; relative paths begin at the recipe's folder"`
	MaxBad        Percent              `json:"max_bad,omitempty" doc:"share of rows that cannot be read above which the run stops, from a hundred of them on" default:"5%"`
	Filter        []filter.Step        `json:"filter,omitempty" doc:"steps over each record, in order"`
	Dedup         []Dedup              `json:"dedup,omitempty" doc:"what counts as the same record; exact comes first"`
	Decontaminate *dedup.Decontaminate `json:"decontaminate,omitempty" doc:"drop records that hold items of evaluations"`
	Synthesize    []synth.Step         `json:"synthesize,omitempty" doc:"steps that make instruction rows; without one, the records themselves are trained on"`
	Split         Split                `json:"split,omitempty" doc:"what is held out"`
	Mix           *dataset.Mix         `json:"mix,omitempty" doc:"how much of every group of rows is trained on; without it, all that is not held out"`
	Tune          *Tune                `json:"tune,omitempty" doc:"the training; without it, the run ends with the dataset"`
	Gate          *Gate                `json:"gate,omitempty" doc:"when the new adapter is promoted"`
	Schedule      *Schedule            `json:"schedule,omitempty" doc:"when temper schedule apply has it run; each run sees only what is new"`
}

// Dedup is one step of removing duplicates; exactly one field is set.
type Dedup struct {
	Exact *dedup.Exact `json:"exact,omitempty" doc:"equal records"`
	Near  *dedup.Near  `json:"near,omitempty" doc:"similar records: MinHash, verified"`
}

// Split says what is held out.
type Split struct {
	Test Percent `json:"test,omitempty" doc:"share held out to measure on" default:"2%"`
	By   string  `json:"by,omitempty" doc:"near duplicates stay on one side" enum:"cluster" default:"cluster"`
	Seed uint64  `json:"seed,omitempty" doc:"of the choice" default:"0"`

	Stratify string `json:"stratify,omitempty" doc:"a field of whose values each has the same share held out: source, folder, license, language, meta.NAME or signals.NAME"`
}

// Tune is the training.
type Tune struct {
	Base     string           `json:"base" doc:"a name of the catalogue (temper model ls), tiny (the one in the binary), or the path of a GGUF file"`
	Quantize string           `json:"quantize,omitempty" doc:"what the base is turned into before it is trained over (QLoRA of a base in F16, say): keep leaves its blocks as they are, the others are those of temper quantize; nf4, nf4-dq and int8 are for Llama, Qwen 2, Qwen 3 and SmolLM3 bases" enum:"keep,f32,f16,bf16,q4_0,q4_1,q5_0,q5_1,q8_0,q4_k,q5_k,q6_k,nf4,nf4-dq,int8" default:"keep"`
	LoRA     lora.Options     `json:"lora,omitempty" doc:"the adapter"`
	Train    finetune.Options `json:"train,omitempty" doc:"the optimization"`
	Answers  int              `json:"answers,omitempty" doc:"held-out questions that base and adapter answer for the report" default:"3"`
}

// Gate decides whether the new adapter is promoted.
type Gate struct {
	Metric     string  `json:"metric,omitempty" doc:"mean loss on what is held out" enum:"eval.loss" default:"eval.loss"`
	BetterThan string  `json:"better_than,omitempty" doc:"champion (the base while there is none), or base" enum:"champion,base" default:"champion"`
	By         Percent `json:"by,omitempty" doc:"how much lower the loss must be" default:"0%"`
}

// Schedule says when the recipe runs by itself.
type Schedule struct {
	Cron     string        `json:"cron" doc:"minute, hour, day of month, month, day of week, such as 0 2 * * *"`
	TimeZone string        `json:"time_zone,omitempty" doc:"IANA name, such as Europe/Berlin" default:"UTC"`
	Jitter   time.Duration `json:"jitter,omitempty" doc:"each start is put off by a random time up to this, such as 10m" default:"0s"`
	CatchUp  time.Duration `json:"catch_up,omitempty" doc:"starts missed by no more than this are made up" default:"1h"`
}

// WithDefaults fills in what is absent, so that histories and manifests hold every value.
func (r Recipe) WithDefaults() Recipe {
	r.MaxBad = or(r.MaxBad, 5)
	r.Collect = each(r.Collect, collect.Source.WithDefaults)
	r.Filter = each(r.Filter, filter.Step.WithDefaults)
	r.Dedup = each(r.Dedup, Dedup.WithDefaults)
	r.Synthesize = each(r.Synthesize, synth.Step.WithDefaults)
	if r.Decontaminate != nil {
		d := r.Decontaminate.WithDefaults()
		r.Decontaminate = &d
	}
	r.Split.Test, r.Split.By = or(r.Split.Test, 2), or(r.Split.By, "cluster")
	if r.Mix != nil {
		m := r.Mix.WithDefaults()
		r.Mix = &m
	}
	if r.Tune != nil {
		t := *r.Tune
		t.Quantize, t.Answers = or(t.Quantize, "keep"), or(t.Answers, 3)
		t.LoRA, t.Train = t.LoRA.WithDefaults(), t.Train.WithDefaults()
		r.Tune = &t
		if r.Gate == nil {
			r.Gate = &Gate{}
		}
	}
	if r.Gate != nil {
		g := *r.Gate
		g.Metric, g.BetterThan = or(g.Metric, "eval.loss"), or(g.BetterThan, "champion")
		r.Gate = &g
	}
	if r.Schedule != nil {
		s := *r.Schedule
		s.TimeZone, s.CatchUp = or(s.TimeZone, "UTC"), or(s.CatchUp, time.Hour)
		r.Schedule = &s
	}
	return r
}

// WithDefaults fills in what is absent.
func (d Dedup) WithDefaults() Dedup {
	if d.Exact != nil {
		e := d.Exact.WithDefaults()
		d.Exact = &e
	}
	if d.Near != nil {
		n := d.Near.WithDefaults()
		d.Near = &n
	}
	return d
}

// or returns v, or other where v is its type's zero.
func or[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

// each returns f of every element, in a slice of its own.
func each[T any](in []T, f func(T) T) []T {
	if in == nil {
		return nil
	}
	out := make([]T, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}
