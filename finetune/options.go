// Package finetune trains low-rank adapters over a frozen base: samples with an answer mask, packed into sequences; steps of
// an optimizer on the answers' mean loss; checkpoints that resume to the bit; and the same loss for evaluation.
//
// Everything is a function of the inputs, the options and the seed: the same bytes for any number of threads, and after a
// stop and a resume. Nothing here reads a clock or a file; hooks bring time and take checkpoints.
//
// Sources: Hu et al. 2021, arXiv:2106.09685 (adapters); Dettmers et al. 2023, arXiv:2305.14314 (over a quantized base);
// Loshchilov and Hutter 2019, arXiv:1711.05101 (AdamW); Chen et al. 2016, arXiv:1604.06174 (gradient checkpointing); Hayou et al.
// 2024, arXiv:2402.12354 (LoRA+); Jain et al. 2023, arXiv:2310.05914 (NEFTune); Hägele et al. 2024, arXiv:2405.18392 (WSD).
package finetune

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"temper/internal/graph"
)

// Options is the recipe's tune.train section.
type Options struct {
	Epochs        int     `json:"epochs,omitempty" doc:"passes over the data; not together with steps" default:"1"`
	Steps         int     `json:"steps,omitempty" doc:"optimizer steps; not together with epochs"`
	Sequence      int     `json:"sequence,omitempty" doc:"longest sequence, in tokens" default:"512"`
	Pack          bool    `json:"pack,omitempty" doc:"several samples a sequence, each seeing only itself" default:"false"`
	Batch         int     `json:"batch,omitempty" doc:"sequences a batch" default:"4"`
	Accumulate    int     `json:"accumulate,omitempty" doc:"batches a step; their tokens count alike" default:"1"`
	LR            float64 `json:"lr,omitempty" doc:"highest learning rate" default:"2e-4"`
	Schedule      string  `json:"schedule,omitempty" doc:"of the learning rate after warm-up" enum:"cosine,linear,constant,wsd" default:"cosine"`
	Warmup        float64 `json:"warmup,omitempty" doc:"share of the steps that raise the learning rate from 0; negative for none" default:"0.03"`
	Decay         float64 `json:"decay,omitempty" doc:"share of the steps at the end in which wsd lowers the learning rate to 0" default:"0.2"`
	Optimizer     string  `json:"optimizer,omitempty" doc:"adamw8bit keeps AdamW's moments in a quarter of the memory; lion wants a tenth of the learning rate, sgd a hundred times" enum:"adamw,adamw8bit,sgd,lion" default:"adamw"`
	Momentum      float64 `json:"momentum,omitempty" doc:"of sgd; negative for none" default:"0.9"`
	LoRAPlus      float64 `json:"lora_plus,omitempty" doc:"learning rate of the B factors, times lr; LoRA+ takes 16" default:"1"`
	WeightDecay   float64 `json:"weight_decay,omitempty" doc:"decoupled weight decay: each step shrinks values by this times the learning rate" default:"0"`
	Clip          float64 `json:"clip,omitempty" doc:"largest norm of the whole gradient; negative for no limit" default:"1"`
	NEFTune       float64 `json:"neftune,omitempty" doc:"noise on the embeddings while training: uniform, within this over the root of length times width; 5 is usual" default:"0"`
	WeightBy      string  `json:"weight_by,omitempty" doc:"meta field of a record that weighs its loss, a number from 0; records without it weigh 1"`
	Patience      int     `json:"patience,omitempty" doc:"losses on held-out data in a row without a new lowest that end training; the adapter is then that of the lowest; 0 for none" default:"0"`
	OnBadStep     string  `json:"on_bad_step,omitempty" doc:"a loss or gradient that is no number, or a loss spike: stop names the layer and the sample; skip leaves the step out, at most ten in a row" enum:"stop,skip" default:"stop"`
	Spike         float64 `json:"spike,omitempty" doc:"a step's loss above this many times the average before it, and 2 above it, is a spike; negative for no limit" default:"10"`
	Checkpointing string  `json:"checkpointing,omitempty" doc:"which values a block keeps from the forward to the backward pass: none computes nothing dear again, selective gate and up, full all but the input; auto takes the fastest that fits memory; all give the same bytes" enum:"auto,none,selective,full" default:"auto"`
	Compute       string  `json:"compute,omitempty" doc:"precision of the products with the base's weights; bf16 is faster where the processor has it, and close: see docs/decisions.md" enum:"f32,bf16" default:"f32"`
	Memory        int64   `json:"memory,omitempty" doc:"bytes training may use, such as 2GiB; 0 for no limit" default:"0"`
	Threads       int     `json:"threads,omitempty" doc:"compute threads; the result does not depend on them" default:"all cores"`
	Seed          uint64  `json:"seed,omitempty" doc:"of the adapter's start, the order of the data and dropout" default:"0"`
	EvalEvery     int     `json:"eval_every,omitempty" doc:"steps between losses on held-out data; 0 for only at the end, and every 10 with patience" default:"0"`
	SaveEvery     int     `json:"save_every,omitempty" doc:"steps between checkpoints; 0 for only when stopped" default:"0"`
}

// WithDefaults fills in what is 0.
func (o Options) WithDefaults() Options {
	if o.Epochs == 0 && o.Steps == 0 {
		o.Epochs = 1
	}
	set(&o.Sequence, 512)
	set(&o.Batch, 4)
	set(&o.Accumulate, 1)
	set(&o.LR, 2e-4)
	set(&o.Schedule, "cosine")
	set(&o.Warmup, 0.03)
	set(&o.Optimizer, "adamw")
	set(&o.LoRAPlus, 1)
	set(&o.OnBadStep, "stop")
	set(&o.Spike, 10)
	if o.Schedule == "wsd" {
		set(&o.Decay, 0.2)
	}
	if o.Patience > 0 {
		set(&o.EvalEvery, 10)
	}
	if o.Optimizer == "sgd" {
		set(&o.Momentum, 0.9)
	}
	set(&o.Clip, 1)
	set(&o.Checkpointing, "auto")
	set(&o.Compute, "f32")
	return o
}

func set[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// The bounds of options: far beyond use, near enough that arithmetic on them cannot overflow.
const (
	maxSteps    = 1 << 31
	maxSequence = 1 << 20
)

// Validate says what is wrong with o, after WithDefaults.
func (o Options) Validate() error {
	if o.Epochs != 0 && o.Steps != 0 {
		return fmt.Errorf("epochs is %d and steps %d; give one of them", o.Epochs, o.Steps)
	}
	for _, v := range []struct {
		name            string
		value, min, max int
	}{
		{"epochs", o.Epochs, 0, maxSteps}, {"steps", o.Steps, 0, maxSteps}, {"sequence", o.Sequence, 2, maxSequence},
		{"batch", o.Batch, 1, 1 << 16}, {"accumulate", o.Accumulate, 1, 1 << 16}, {"threads", o.Threads, 0, 1024},
		{"eval_every", o.EvalEvery, 0, maxSteps}, {"save_every", o.SaveEvery, 0, maxSteps},
		{"patience", o.Patience, 0, maxSteps},
	} {
		if v.value < v.min || v.value > v.max {
			return fmt.Errorf("%s is %d; it must be %d to %d", v.name, v.value, v.min, v.max)
		}
	}
	for _, v := range []struct {
		name     string
		value    float64
		min, max float64
	}{{"lr", o.LR, 0, 10}, {"warmup", o.Warmup, -1, 1}, {"weight_decay", o.WeightDecay, 0, 10}, {"clip", o.Clip, -1, math.MaxFloat32},
		{"decay", o.Decay, 0, 1}, {"momentum", o.Momentum, -1, 0.9999}, {"lora_plus", o.LoRAPlus, 1e-3, 1e3}, {"neftune", o.NEFTune, 0, 1e3},
		{"spike", o.Spike, -1, math.MaxFloat32}} {
		if !(v.value >= v.min && v.value <= v.max) {
			return fmt.Errorf("%s is %g; it must be %g to %g", v.name, v.value, v.min, v.max)
		}
	}
	if o.Spike > 0 && o.Spike < 1 {
		return fmt.Errorf("spike is %g; it must be at least 1, or negative for no limit", o.Spike)
	}
	if o.Memory < 0 {
		return fmt.Errorf("memory is %d; it must not be negative", o.Memory)
	}
	for _, v := range []struct {
		name, value string
		one         []string
	}{{"schedule", o.Schedule, []string{"cosine", "linear", "constant", "wsd"}}, {"checkpointing", o.Checkpointing, append([]string{"auto"}, tiers...)},
		{"compute", o.Compute, []string{"f32", "bf16"}},
		{"optimizer", o.Optimizer, []string{"adamw", "adamw8bit", "sgd", "lion"}}, {"on_bad_step", o.OnBadStep, []string{"stop", "skip"}}} {
		if !slices.Contains(v.one, v.value) {
			return fmt.Errorf("%s is %q; it must be %s", v.name, v.value, strings.Join(v.one, ", "))
		}
	}
	return nil
}

// rate is the learning rate of step, 1 to total.
func (o Options) rate(step, total int) float64 {
	warm := int(math.Round(max(0, o.Warmup) * float64(total)))
	if step <= warm {
		return o.LR * float64(step) / float64(warm)
	}
	done := float64(step-1-warm) / float64(max(1, total-warm))
	switch o.Schedule {
	case "linear":
		return o.LR * (1 - done)
	case "cosine":
		return o.LR * (1 + math.Cos(math.Pi*done)) / 2
	case "wsd":
		falling := max(1, int(math.Round(o.Decay*float64(total))))
		return o.LR * min(1, float64(total-step+1)/float64(falling+1))
	}
	return o.LR
}

// solver is what the optimizer is made of.
func (o Options) solver() graph.SolverOptions {
	return graph.SolverOptions{Rule: o.Optimizer, WeightDecay: float32(o.WeightDecay), Momentum: float32(max(0, o.Momentum))}
}

// steps is how many steps o takes over n sequences.
func (o Options) steps(n int) int {
	if o.Steps > 0 {
		return o.Steps
	}
	per := o.Batch * o.Accumulate
	return (o.Epochs*n + per - 1) / per
}
