package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"temper/activities"
	"temper/finetune"
	"temper/lora"
	"temper/model"
	"temper/recipe"
	"temper/web"
)

type tuneCommand struct {
	Base          string   `required:"" help:"A name of the catalogue, a GGUF file or a Hugging Face folder."`
	Data          string   `help:"Conversations as JSONL, a dataset folder, or token batches as .arrow." xor:"data"`
	IDs           string   `name:"ids" help:"A fixed token stream, raw int32: consecutive windows, no shuffling, for parity checks." xor:"data"`
	Out           string   `short:"o" required:"" help:"Folder of the adapter, in PEFT's form. Checkpoints lie in FOLDER.checkpoints until it is done."`
	Resume        bool     `help:"Go on from the newest checkpoint that is whole; the result is the same as without the stop."`
	InitAdapter   string   `help:"Start from this PEFT directory."`
	Rank          int      `default:"16" help:"Rank of the adapter."`
	Alpha         float64  `default:"32" help:"Scale of the adapter, times the rank."`
	Targets       string   `default:"all-linear" help:"all-linear, attention, or names with commas."`
	RSLoRA        bool     `name:"rslora" help:"Scale by alpha over the root of the rank."`
	DoRA          bool     `name:"use-dora" help:"Train the length of each row of the adapted weights apart from its direction (DoRA); a sixth slower, with --dropout two thirds."`
	Save          []string `name:"modules-to-save" placeholder:"NAMES" help:"embed_tokens, lm_head: train them whole, in float32."`
	RankPattern   []string `name:"rank-pattern" sep:"none" placeholder:"REGEX=RANK" help:"Rank of the modules whose names match; the first that matches counts."`
	AlphaPattern  []string `name:"alpha-pattern" sep:"none" placeholder:"REGEX=ALPHA" help:"Alpha of the modules whose names match."`
	Dropout       float64  `help:"Share of the adapter's inputs set to 0 while training."`
	Epochs        int      `help:"Passes over the data." xor:"length"`
	Steps         int      `help:"Optimizer steps." xor:"length"`
	Batch         int      `default:"4" help:"Sequences a batch."`
	Accumulate    int      `default:"1" help:"Batches a step."`
	Sequence      int      `default:"512" help:"Longest sequence, in tokens."`
	Pack          bool     `help:"Several samples a sequence, each seeing only itself."`
	LR            float64  `name:"lr" default:"2e-4" help:"Highest learning rate."`
	Schedule      string   `default:"cosine" enum:"cosine,linear,constant,wsd" help:"Of the learning rate; wsd holds it and lets it fall at the end."`
	Warmup        float64  `default:"0.03" help:"Share of the steps that raise the learning rate."`
	Decay         float64  `default:"0.2" help:"Share of the steps at the end in which wsd lowers the learning rate."`
	Optimizer     string   `default:"adamw" enum:"adamw,adamw8bit,sgd,lion" help:"adamw8bit keeps AdamW's moments in a quarter of the memory."`
	Momentum      float64  `default:"0.9" help:"Of sgd."`
	LoRAPlus      float64  `name:"lora-plus" default:"1" help:"Learning rate of the B factors, times --lr; LoRA+ takes 16."`
	WeightDecay   float64  `help:"Decoupled weight decay."`
	Clip          float64  `default:"1" help:"Largest norm of the gradient; 0 for no limit."`
	NEFTune       float64  `name:"neftune" help:"Noise on the embeddings while training; 5 is usual."`
	WeightBy      string   `placeholder:"FIELD" help:"Meta field of a record that weighs its loss; 1 where it is absent."`
	Patience      int      `help:"Losses on --eval in a row without a new lowest that end training; the adapter is that of the lowest."`
	OnBadStep     string   `default:"stop" enum:"stop,skip" help:"What a loss that is no number, or a loss spike, does; either way step, layer and sample are named."`
	Spike         float64  `default:"10" help:"A loss above this many times the average before it is a spike; 0 for no limit."`
	Quantize      string   `default:"keep" placeholder:"FORM" enum:"keep,f32,f16,bf16,q4_0,q4_1,q5_0,q5_1,q8_0,q4_k,q5_k,q6_k,nf4,nf4-dq,int8" help:"Turn the base into this form first, as temper quantize does; keep trains over its blocks as they are."`
	Compute       string   `default:"f32" enum:"f32,bf16" help:"Precision of the products with the base's weights; bf16 needs AVX512_BF16."`
	Checkpointing string   `default:"auto" enum:"auto,none,selective,full" help:"What blocks compute again for the backward pass; auto takes the fastest that fits --memory."`
	Memory        amount   `placeholder:"2GiB" help:"What training may use; what would not fit is refused beforehand, exit status 4."`
	Threads       int      `help:"Compute threads; 0 means all cores."`
	Seed          uint64   `help:"The same seed gives the same adapter."`
	Eval          string   `help:"Held-out conversations as JSONL, a dataset folder, or token batches as .arrow."`
	EvalEvery     int      `help:"Steps between losses on --eval; 0 for only at the end."`
	SaveEvery     int      `help:"Steps between checkpoints; one is always written when training is stopped."`
	Log           string   `help:"One JSON object a step, in this file too; the adapter's folder always has them in steps.jsonl, and as events for TensorBoard."`
	Metrics       string   `placeholder:"HOST:PORT" help:"Answer Prometheus on /metrics there while training."`
	Force         bool     `help:"Replace an existing output."`
}

// garbage is how much of its heap a training may leave uncollected, in percent: the heap is large and still, and what is left behind comes
// on top of what preflight says. It holds from the first block on: to load under it would take its time.
const garbage = 3

// amount is a number of bytes, such as 2GiB.
type amount int64

// UnmarshalText reads what recipes take too.
func (n *amount) UnmarshalText(b []byte) error {
	i, err := recipe.Quantity(string(b))
	*n = amount(i)
	return err
}

// Help is shown below the flags.
func (c *tuneCommand) Help() string {
	return `The flags are the keys of the recipe's tune: section. Ctrl-C and SIGTERM write a checkpoint first; --resume goes on from it.

Examples:
  temper tune --base smollm2-135m-instruct --data chats.jsonl --pack --steps 50 --lr 1e-3 -o adapter
  temper tune --base tiny --data pairs --eval held-out.jsonl --eval-every 10 --save-every 10 --log steps.jsonl -o adapter --resume`
}

// Run trains and writes the adapter.
func (c *tuneCommand) Run(a *app) error {
	if err := room(c.Out, c.Force, anAdapter); err != nil {
		return err
	}
	job, err := c.job(a)
	if err != nil {
		return err
	}
	saved := checkpointFolder(filepath.Clean(c.Out) + ".checkpoints")
	if job.Resume, err = saved.begin(c.Resume, c.Force, a.err); err != nil {
		return err
	}
	begun := job.Resume != nil
	defer func() {
		if !begun {
			os.RemoveAll(string(saved)) //nolint:errcheck // nothing in it is missed
		}
	}()
	log, err := watch(saved, c.Log, job.Resume, c.Force)
	if err != nil {
		return err
	}
	defer log.close()
	var shown *gauges
	if c.Metrics != "" {
		if shown, err = openGauges(c.Metrics); err != nil {
			return err
		}
		defer shown.close()
		fmt.Fprintf(a.err, "metrics at %s\n", shown.address)
	}
	start := time.Now()
	hooks := finetune.Hooks{Peak: peak, Clock: func() time.Duration { return time.Since(start) }}
	hooks.Save = func(k *finetune.Checkpoint) error {
		begun = true
		return saved.save(k)
	}
	hooks.OnStep = func(s finetune.Step) error {
		begun = true
		fmt.Fprintln(a.err, stepLine(s))
		shown.set(filepath.Base(c.Out), s)
		return log.step(s)
	}
	percent := debug.SetGCPercent(100) // which is how it is read
	debug.SetGCPercent(percent)
	defer debug.SetGCPercent(percent)
	hooks.OnBlock = sync.OnceFunc(func() {
		debug.SetGCPercent(garbage)
		debug.FreeOSMemory() // buffers that were too short
	})
	result, err := finetune.Train(a.ctx, job, c.options(), hooks)
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("stopped; the checkpoint is in %s, and --resume goes on from it: %w", saved, err)
	}
	if err != nil {
		return err
	}
	if result.Best > 0 {
		fmt.Fprintf(a.err, "the adapter is that of step %d, whose held-out loss was the lowest of %d steps\n", result.Best, result.Steps)
	}
	if err := c.finish(result.Adapter, log, saved); err != nil {
		return err
	}
	return saved.remove()
}

// finish puts the adapter with its logs in place, whole: a stop at any time leaves either it or the checkpoints.
func (c *tuneCommand) finish(adapter *lora.Adapter, log *watchLog, saved checkpointFolder) error {
	dir := filepath.Join(string(saved), "adapter")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := adapter.Write(dir); err != nil {
		return err
	}
	if err := log.keep(saved, dir); err != nil {
		return err
	}
	if err := os.RemoveAll(c.Out); err != nil {
		return err
	}
	return os.Rename(dir, c.Out)
}

// stepLine says how a step went.
func stepLine(s finetune.Step) string {
	line := fmt.Sprintf("step %d of %d: loss %.4f, rate %.3g, gradient %.3f, %.0f tokens/s, %s", s.Step, s.Steps, s.Loss, s.LR, s.GradNorm, s.TokensPerSecond, web.Bytes(s.PeakBytes))
	if s.EvalLoss != nil {
		line += fmt.Sprintf(", held out %.4f", *s.EvalLoss)
	}
	if s.Step < s.Steps {
		line += fmt.Sprintf(", %s left", time.Duration(s.SecondsLeft*float64(time.Second)).Round(time.Second))
	}
	if s.Skipped != "" {
		line += "; skipped: " + s.Skipped
	}
	return line
}

// job is what is trained on what.
func (c *tuneCommand) job(a *app) (finetune.Job, error) {
	base, err := a.openBase(activities.BaseIn(c.Base, c.Quantize))
	if err != nil {
		return finetune.Job{}, err
	}
	job := finetune.Job{Base: base, InOrder: c.IDs != ""}
	if job.Tokens, err = c.tokens(a, base); err != nil {
		return job, err
	}
	if c.Eval != "" {
		if job.Eval, err = a.tokens(base, c.Eval, c.options()); err != nil {
			return job, err
		}
	}
	job.Adapter, err = c.adapter(base)
	return job, err
}

// options are the trainer's; it takes negative values for what a 0 here turns off.
func (c *tuneCommand) options() finetune.Options {
	o := finetune.Options{Epochs: c.Epochs, Steps: c.Steps, Sequence: c.Sequence, Pack: c.Pack, Batch: c.Batch, Accumulate: c.Accumulate,
		LR: c.LR, Schedule: c.Schedule, Warmup: c.Warmup, WeightDecay: c.WeightDecay, Clip: c.Clip, Checkpointing: c.Checkpointing, Compute: c.Compute,
		Memory: int64(c.Memory), Threads: c.Threads, Seed: c.Seed, EvalEvery: c.EvalEvery, SaveEvery: c.SaveEvery,
		Decay: c.Decay, Optimizer: c.Optimizer, Momentum: c.Momentum, LoRAPlus: c.LoRAPlus, NEFTune: c.NEFTune, WeightBy: c.WeightBy,
		Patience: c.Patience, OnBadStep: c.OnBadStep, Spike: c.Spike}
	for _, v := range []*float64{&o.Warmup, &o.Clip, &o.Momentum, &o.Spike} {
		if *v == 0 {
			*v = -1
		}
	}
	return o
}

func (c *tuneCommand) adapter(base *model.Model) (*lora.Adapter, error) {
	if c.InitAdapter != "" {
		return lora.Read(c.InitAdapter)
	}
	adapter, err := lora.New(base.Modules(), lora.Options{Rank: c.Rank, Alpha: c.Alpha, Targets: c.Targets, Dropout: c.Dropout,
		RSLoRA: c.RSLoRA, DoRA: c.DoRA, Save: c.Save, RankPattern: c.RankPattern, AlphaPattern: c.AlphaPattern}, c.Seed)
	if err != nil {
		err = fmt.Errorf("%w: %w", err, errInput)
	}
	return adapter, err
}

// tokens reads what to train on.
func (c *tuneCommand) tokens(a *app, base *model.Model) (finetune.Tokens, error) {
	if c.IDs != "" {
		ids, err := readIDs(c.IDs)
		if err != nil {
			return finetune.Tokens{}, err
		}
		return finetune.Windows(ids, c.Sequence, base.Vocab), nil
	}
	return a.tokens(base, c.Data, c.options())
}

// tokens reads token batches, or makes them of conversations.
func (a *app) tokens(base *model.Model, data string, o finetune.Options) (finetune.Tokens, error) {
	if data == "" {
		return finetune.Tokens{}, fmt.Errorf("give --data FILE: %w", errInput)
	}
	if strings.HasSuffix(data, ".arrow") {
		f, err := os.Open(data)
		if err != nil {
			return finetune.Tokens{}, err
		}
		defer f.Close()
		tokens, err := finetune.ReadTokens(f)
		if err == nil {
			err = finetune.Audit(base, tokens)
		}
		return tokens, err
	}
	in := &input{a: a, paths: []string{data}}
	tokens, count, err := finetune.Encode(base, in.records(), o, a.dropped)
	if err == nil && count.Samples == 0 {
		err = fmt.Errorf("%s: none of %d records became a sample (%s): %w", data, count.In, count.Reasons(), errInput)
	}
	return tokens, err
}

// peak is the process's largest resident memory so far, in bytes. Linux's rusage begins with what the program that started this one held.
func peak() int64 {
	if b, err := os.ReadFile("/proc/self/status"); err == nil {
		var kib int64
		_, after, _ := bytes.Cut(b, []byte("VmHWM:"))
		if _, err := fmt.Sscan(string(after), &kib); err == nil {
			return kib << 10
		}
	}
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Maxrss * maxrssUnit
}
