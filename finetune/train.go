package finetune

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"temper/dataset"
	"temper/internal/graph"
	"temper/internal/kernel"
	"temper/lora"
	"temper/model"
)

// ErrNothing means that there is nothing to train on.
var ErrNothing = fmt.Errorf("nothing to train on: %w", dataset.ErrMalformed)

// ErrProcessor means that this processor cannot compute what the options ask for.
var ErrProcessor = errors.New("this processor cannot compute in")

// A Job is what to train on what.
type Job struct {
	Base    *model.Model
	Adapter *lora.Adapter // to start from: lora.New, or one read; it is not changed
	Tokens  Tokens
	Eval    Tokens      // held-out sequences; may have none
	Resume  *Checkpoint // of a run with the same base, tokens and options; nil to begin
	InOrder bool        // take sequences as they lie instead of in an order drawn for each epoch
}

// Hooks connect training with the world. All may be nil.
type Hooks struct {
	OnSequence func(step, done, total int) error // after every sequence of a step, for progress; an error ends training
	OnStep     func(Step) error                  // an error ends training
	OnBlock    func()                            // after every block of a pass: a sign of life where sequences take long
	Save       func(*Checkpoint) error           // every SaveEvery steps, and when ctx ends. Valid during the call only
	Clock      func() time.Duration              // since any fixed time
	Peak       func() int64                      // the process's peak memory in bytes
}

// Result is what training ends with.
type Result struct {
	Adapter *lora.Adapter `json:"-"`
	Steps   int           `json:"steps"` // taken
	Tokens  int64         `json:"tokens"`
	Loss    float64       `json:"loss"`              // of the last step
	Skipped int           `json:"skipped,omitempty"` // steps that changed nothing
	Best    int           `json:"best,omitempty"`    // step the adapter is of, where patience keeps the lowest held-out loss
	Memory  Memory        `json:"memory"`
}

// Train runs the steps that o asks for. When ctx ends, it saves a checkpoint of the last whole step and returns the cause.
// It refuses with ErrMemory, before anything is allocated, what would not fit o.Memory.
func Train(ctx context.Context, j Job, o Options, h Hooks) (Result, error) {
	o = o.WithDefaults()
	t, err := newTrainer(j, o, h)
	if err != nil {
		return Result{}, err
	}
	defer t.network.close()
	for !t.over() {
		number := t.step + 1
		s, err := t.next(ctx)
		if err == nil {
			err = t.report(s)
		}
		if ctx.Err() != nil {
			return Result{}, t.stop(context.Cause(ctx))
		}
		if err != nil {
			return Result{}, fmt.Errorf("step %d: %w", number, err)
		}
	}
	t.release()
	a, err := t.network.params.adapter(t.result())
	return Result{Adapter: a, Steps: t.step, Tokens: t.tokens, Loss: t.loss, Skipped: t.watch.Skipped, Best: t.best.Step, Memory: t.memory}, err
}

// trainer is a run in progress.
type trainer struct {
	Job
	o       Options
	h       Hooks
	network *network
	solver  *graph.Solver
	values  graph.Params // what the solver changes
	order   order
	memory  Memory
	digest  string // of the job: what a checkpoint must agree with
	total   int    // steps
	step    int    // done
	tokens  int64  // read
	loss    float64
	watch   watch
	best    best
	litter  litter

	bestValue []float32 // the values of best; empty without patience
	began     int       // steps done when this process began
	seconds   float64   // its steps have taken
}

func newTrainer(j Job, o Options, h Hooks) (*trainer, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if len(j.Tokens.Sequences) == 0 {
		return nil, fmt.Errorf("%w: no sequences", ErrNothing)
	}
	if o.Patience > 0 && len(j.Eval.Sequences) == 0 {
		return nil, fmt.Errorf("patience is %d and there is no held-out data to evaluate on", o.Patience)
	}
	for _, t := range []Tokens{j.Tokens, j.Eval} {
		if len(t.Sequences) > 0 && t.Vocab != j.Base.Vocab {
			return nil, fmt.Errorf("tokens were made for a vocabulary of %d; base %s has %d: tokenize with this base", t.Vocab, j.Base.Name, j.Base.Vocab)
		}
	}
	for i, s := range j.Tokens.Sequences {
		if s.trained() == 0 {
			return nil, fmt.Errorf("%w: sequence %d has no trained token", ErrNothing, i)
		}
	}
	rows := max(j.Tokens.Longest(), j.Eval.Longest())
	memory, err := Preflight(j.Base, j.Adapter, rows, o)
	if err != nil {
		return nil, err
	}
	if o.Threads > 0 {
		kernel.SetThreads(o.Threads)
	}
	compute := kernel.FP32
	if o.Compute == "bf16" {
		if compute = kernel.BF16; !compute.Supported() {
			return nil, fmt.Errorf("%w bf16: it has no AVX512_BF16; use compute: f32", ErrProcessor)
		}
	}
	n, err := newNetwork(j.Base, j.Adapter, rows, memory.Checkpointing)
	if err != nil {
		return nil, err
	}
	n.onBlock, n.noise, n.compute = h.OnBlock, o.NEFTune, compute
	t := &trainer{Job: j, o: o, h: h, network: n, memory: memory, total: o.steps(len(j.Tokens.Sequences))}
	values, sizes := n.params.groups(o.LoRAPlus)
	t.values = values
	if t.solver, err = graph.NewSolver(o.solver(), sizes); err != nil {
		n.close()
		return nil, err
	}
	if o.Patience > 0 {
		t.bestValue = make([]float32, len(n.params.value))
	}
	t.order = order{seed: o.Seed, n: len(j.Tokens.Sequences), inOrder: j.InOrder, epoch: -1}
	t.digest = t.jobDigest()
	if j.Resume != nil {
		if err := errors.Join(t.restore(j.Resume), j.Resume.close()); err != nil {
			n.close()
			return nil, err
		}
	}
	t.began = t.step
	t.settle()
	return t, nil
}

// sequences lists the numbers of a step's sequences; the last step of the last epoch may have fewer.
func (t *trainer) sequences(step int) []int {
	per := t.o.Batch * t.o.Accumulate
	end := (step + 1) * per
	if t.o.Steps == 0 {
		end = min(end, t.o.Epochs*t.order.n)
	}
	var out []int
	for at := step * per; at < end; at++ {
		out = append(out, t.order.at(at))
	}
	return out
}

// next takes one step.
func (t *trainer) next(ctx context.Context) (Step, error) {
	p, start := t.network.params, t.now()
	clear(p.grad)
	batch := t.sequences(t.step)
	var tokens, trained int64
	mass := 0.0
	for _, i := range batch {
		tokens += int64(len(t.Tokens.Sequences[i].IDs))
		trained += int64(t.Tokens.Sequences[i].trained())
		mass += t.Tokens.Sequences[i].mass()
	}
	sum, at := 0.0, worst{}
	for i, number := range batch {
		if ctx.Err() != nil {
			return Step{}, ctx.Err()
		}
		// The mean is over the tokens of the whole step, however they fall into sequences and batches.
		q := t.Tokens.Sequences[number]
		l, err := t.network.learn(q, float32(1/max(mass, 1e-30)), t.key(i))
		if err != nil {
			return Step{}, err
		}
		sum += l
		t.litter.collect()
		at.see(i, number, q, t.network.head.rows, t.network.head.loss)
		if t.h.OnSequence != nil {
			if err := t.h.OnSequence(t.step+1, i+1, len(batch)); err != nil {
				return Step{}, err
			}
		}
	}
	s := Step{Step: t.step + 1, Steps: t.total, Loss: sum / max(mass, 1e-30), LR: t.o.rate(t.step+1, t.total), GradNorm: p.norm(), Trained: trained}
	if err := t.change(&s, at); err != nil {
		return s, err
	}
	if t.step++; s.Skipped == "" {
		t.loss = s.Loss
	}
	t.tokens += tokens
	s.Tokens = t.tokens
	if d := t.now() - start; d > 0 {
		s.TokensPerSecond = float64(tokens) / d.Seconds()
		t.seconds += d.Seconds()
		s.SecondsLeft = t.seconds / float64(t.step-t.began) * float64(t.total-t.step)
	}
	return s, nil
}

// change lets the optimizer change the values, or skips or refuses a bad step.
func (t *trainer) change(s *Step, at worst) error {
	if why := t.watch.judge(s.Loss, s.GradNorm, t.o.Spike); why != "" {
		t.watch.Skipped++
		t.watch.InARow++
		where := fmt.Sprintf("%s: %s", why, t.blame(at))
		if t.o.OnBadStep == "stop" {
			return fmt.Errorf("%w: %s; lower the learning rate (%g now), mend the sample, or set on_bad_step to skip", ErrDiverged, where, s.LR)
		}
		if t.watch.InARow >= maxSkips {
			return fmt.Errorf("%w: %d bad steps in a row, the last with %s", ErrDiverged, maxSkips, where)
		}
		s.Skipped = where
		return nil
	}
	t.watch.add(s.Loss)
	t.solver.LR, t.solver.GradScale = float32(s.LR), 1
	if t.o.Clip > 0 && s.GradNorm > t.o.Clip {
		t.solver.GradScale = float32(t.o.Clip / (s.GradNorm + 1e-6))
	}
	t.network.params.lengths.changed()
	return t.solver.Step(t.values)
}

// key is of the dropout masks and the noise of the i-th sequence of this step; never 0.
func (t *trainer) key(i int) uint64 {
	return rand.NewPCG(t.o.Seed, uint64(t.step)<<32|uint64(i)).Uint64() | 1
}

func (t *trainer) now() time.Duration {
	if t.h.Clock == nil {
		return 0
	}
	return t.h.Clock()
}

// report evaluates and saves where it is time, and hands s on.
func (t *trainer) report(s Step) error {
	last := t.step == t.total
	if len(t.Eval.Sequences) > 0 && (last || t.o.EvalEvery > 0 && t.step%t.o.EvalEvery == 0) {
		score, err := t.network.evaluate(t.Eval, nil)
		if err != nil {
			return err
		}
		if bad(score.Loss) {
			return fmt.Errorf("%w: held-out loss %g", ErrDiverged, score.Loss)
		}
		s.EvalLoss = &score.Loss
		t.evaluated(score.Loss)
	}
	if t.h.Peak != nil {
		s.PeakBytes = t.h.Peak()
	}
	if t.h.OnStep != nil {
		if err := t.h.OnStep(s); err != nil {
			return err
		}
	}
	if t.h.Save != nil && t.o.SaveEvery > 0 && t.step%t.o.SaveEvery == 0 && !t.over() {
		return t.h.Save(t.checkpoint())
	}
	return nil
}

// stop saves what is done and returns why it stopped.
func (t *trainer) stop(cause error) error {
	if t.h.Save != nil {
		if err := t.h.Save(t.checkpoint()); err != nil {
			return fmt.Errorf("stopped after step %d, and the checkpoint could not be saved: %w", t.step, errors.Join(err, cause))
		}
	}
	return fmt.Errorf("stopped after step %d of %d: %w", t.step, t.total, cause)
}
