package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"temper/finetune"
	"temper/lora"
	"temper/model"
)

type tuneCommand struct {
	Base          string  `required:"" help:"A name of the catalogue, a GGUF file or a Hugging Face folder."`
	Data          string  `help:"Conversations as JSONL, or token batches as .arrow." xor:"data"`
	IDs           string  `name:"ids" help:"A fixed token stream, raw int32: consecutive windows, no shuffling, for parity checks." xor:"data"`
	Out           string  `short:"o" required:"" help:"Folder of the adapter, in PEFT's form."`
	InitAdapter   string  `help:"Start from this PEFT directory."`
	Rank          int     `default:"16" help:"Rank of the adapter."`
	Alpha         float64 `default:"32" help:"Scale of the adapter, times the rank."`
	Targets       string  `default:"all-linear" help:"all-linear, attention, or names with commas."`
	Epochs        int     `help:"Passes over the data." xor:"length"`
	Steps         int     `help:"Optimizer steps." xor:"length"`
	Batch         int     `default:"4" help:"Sequences a batch."`
	Accumulate    int     `default:"1" help:"Batches a step."`
	Sequence      int     `default:"512" help:"Longest sequence, in tokens."`
	Pack          bool    `help:"Several samples a sequence, each seeing only itself."`
	LR            float64 `name:"lr" default:"2e-4" help:"Highest learning rate."`
	Schedule      string  `default:"cosine" enum:"cosine,linear,constant" help:"Of the learning rate."`
	Warmup        float64 `default:"0.03" help:"Share of the steps that raise the learning rate."`
	WeightDecay   float64 `help:"Decoupled weight decay."`
	Clip          float64 `default:"1" help:"Largest norm of the gradient; 0 for no limit."`
	Checkpointing string  `default:"auto" enum:"auto,none,full" help:"Gradient checkpointing."`
	Memory        int64   `help:"Bytes training may use; 0 for no limit."`
	Threads       int     `help:"Compute threads; 0 means all cores."`
	Seed          uint64  `help:"The same seed gives the same adapter."`
	Log           string  `help:"One JSON object a step."`
	Force         bool    `help:"Replace an existing output."`
}

// Run trains and writes the adapter.
func (c *tuneCommand) Run(a *app) error {
	if _, err := os.Stat(c.Out); !errors.Is(err, fs.ErrNotExist) && !c.Force {
		return fmt.Errorf("%s exists: remove it, or give --force: %w", c.Out, errInput)
	}
	base, err := a.openBase(c.Base)
	if err != nil {
		return err
	}
	job := finetune.Job{Base: base, InOrder: c.IDs != ""}
	if job.Tokens, err = c.tokens(a, base); err != nil {
		return err
	}
	if job.Adapter, err = c.adapter(base); err != nil {
		return err
	}
	hooks := finetune.Hooks{Peak: peak}
	start := time.Now()
	hooks.Clock = func() time.Duration { return time.Since(start) }
	var log *bufio.Writer
	if c.Log != "" {
		f, err := create(c.Log, c.Force)
		if err != nil {
			return err
		}
		defer f.Close()
		log = bufio.NewWriter(f)
		defer log.Flush()
	}
	hooks.OnStep = func(s finetune.Step) error {
		fmt.Fprintf(a.err, "step %d of %d: loss %.4f, gradient %.3f, %.0f tokens/s, %d MiB\n", s.Step, s.Steps, s.Loss, s.GradNorm, s.TokensPerSecond, s.PeakBytes>>20)
		if log == nil {
			return nil
		}
		return json.NewEncoder(log).Encode(s)
	}
	result, err := finetune.Train(a.ctx, job, c.options(), hooks)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return err
	}
	return result.Adapter.Write(c.Out)
}

// options are the trainer's; it takes negative values for what a 0 here turns off.
func (c *tuneCommand) options() finetune.Options {
	o := finetune.Options{Epochs: c.Epochs, Steps: c.Steps, Sequence: c.Sequence, Pack: c.Pack, Batch: c.Batch, Accumulate: c.Accumulate,
		LR: c.LR, Schedule: c.Schedule, Warmup: c.Warmup, WeightDecay: c.WeightDecay, Clip: c.Clip, Checkpointing: c.Checkpointing,
		Memory: c.Memory, Threads: c.Threads, Seed: c.Seed}
	if o.Warmup == 0 {
		o.Warmup = -1
	}
	if o.Clip == 0 {
		o.Clip = -1
	}
	return o
}

func (c *tuneCommand) adapter(base *model.Model) (*lora.Adapter, error) {
	if c.InitAdapter != "" {
		return lora.Read(c.InitAdapter)
	}
	return lora.New(base.Modules(), lora.Options{Rank: c.Rank, Alpha: c.Alpha, Targets: c.Targets}, c.Seed)
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
		return finetune.ReadTokens(f)
	}
	tokens, _, err := finetune.Encode(base, a.records([]string{data}), o, a.dropped)
	return tokens, err
}

// peak is the process's largest resident memory so far, in bytes.
func peak() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Maxrss * maxrssUnit
}
