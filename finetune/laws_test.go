package finetune

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"temper/internal/kernel"
	"temper/lora"
)

// ways are options that change the arithmetic of a step; each must keep the law of equal bytes.
var ways = map[string]func(*Options, *Tokens){
	"adamw8bit": func(o *Options, _ *Tokens) { o.Optimizer = "adamw8bit" },
	"sgd":       func(o *Options, _ *Tokens) { o.Optimizer, o.LR = "sgd", 0.3 },
	"lion":      func(o *Options, _ *Tokens) { o.Optimizer, o.LR = "lion", 3e-4 },
	"lora+":     func(o *Options, _ *Tokens) { o.LoRAPlus = 16 },
	"lora+ and adamw8bit": func(o *Options, _ *Tokens) {
		o.LoRAPlus, o.Optimizer = 16, "adamw8bit"
	},
	"neftune": func(o *Options, _ *Tokens) { o.NEFTune = 5 },
	"weights": func(_ *Options, t *Tokens) {
		for i := range t.Sequences {
			t.Sequences[i].Weights = []float32{0.5, float32(i), 2}
		}
	},
	"wsd":      func(o *Options, _ *Tokens) { o.Schedule = "wsd" },
	"patience": func(o *Options, _ *Tokens) { o.Steps, o.Patience, o.EvalEvery, o.LR = 20, 2, 1, 0.1 },
	"skip": func(o *Options, t *Tokens) { // one sequence is nonsense
		o.OnBadStep, o.Spike, o.Steps, o.Batch, o.Accumulate, o.LR = "skip", 1.2, 24, 1, 1, 2e-2
		for i := range t.Sequences[3].IDs {
			t.Sequences[3].IDs[i] = int32(i * i * 31 % 500)
		}
	},
}

// TestEveryWaySameBytes holds, for every optimizer and option of a step, that the adapter's bytes do not depend on threads, on
// checkpointing, or on a stop after any step: and that the option changes them at all.
func TestEveryWaySameBytes(t *testing.T) {
	base := open(t, "models/stories260K.gguf")
	start, err := lora.New(base.Modules(), lora.Options{Rank: 4, Dropout: 0.1}, 3)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Train(t.Context(), Job{Base: base, Adapter: start, Tokens: stories(t)}, lawOptions, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	defer kernel.SetThreads(0)
	for name, set := range ways {
		t.Run(name, func(t *testing.T) {
			o, tokens := lawOptions, stories(t)
			o.Steps = 7
			set(&o, &tokens)
			job := Job{Base: base, Adapter: start, Tokens: tokens, Eval: Tokens{Vocab: 512, Sequences: tokens.Sequences[:1]}}
			o.SaveEvery, o.Threads, o.Checkpointing = 1, 2, "full"
			var saved [][]byte
			want, err := Train(t.Context(), job, o, Hooks{Save: func(c *Checkpoint) error {
				var b bytes.Buffer
				_, err := c.WriteTo(&b)
				saved = append(saved, b.Bytes())
				return err
			}})
			if err != nil {
				t.Fatal(err)
			}
			if name != "skip" && bytes.Equal(files(t, want.Adapter), files(t, plain.Adapter)) {
				t.Error("the option changes nothing")
			}
			if name == "skip" && want.Skipped == 0 || name == "patience" && (want.Steps == o.Steps || want.Best == 0) {
				t.Fatalf("the case is not met: %d skipped, best at %d of %d steps", want.Skipped, want.Best, want.Steps)
			}
			at := rand.IntN(len(saved))
			for i, threads := range []int{7, 1, 3} {
				o.Threads, o.Checkpointing = threads, []string{none, full, selective}[i]
				if i == 1 {
					if job.Resume, err = ReadCheckpoint(saved[at]); err != nil {
						t.Fatal(err)
					}
				}
				got, err := Train(t.Context(), job, o, Hooks{})
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(files(t, got.Adapter), files(t, want.Adapter)) || got.Steps != want.Steps || got.Skipped != want.Skipped || got.Best != want.Best {
					t.Errorf("%d threads, %s, resumed after step %d of %d: %v: other bytes", threads, o.Checkpointing, at+1, want.Steps, job.Resume != nil)
				}
			}
		})
	}
}

// TestPatience holds that the adapter is that of the lowest held-out loss, and that nothing is evaluated after patience is over.
func TestPatience(t *testing.T) {
	base, tokens := open(t, "models/stories260K.gguf"), stories(t)
	held := Tokens{Vocab: 512, Sequences: tokens.Sequences[:1]}
	o := lawOptions
	o.Steps, o.LR, o.Patience, o.EvalEvery = 40, 0.1, 3, 1
	var losses []float64
	res, err := Train(t.Context(), Job{Base: base, Adapter: read(t, "goldens/lora-init"), Tokens: tokens, Eval: held}, o, Hooks{OnStep: func(s Step) error {
		losses = append(losses, *s.EvalLoss)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	lowest := slices.Min(losses)
	if res.Steps != len(losses) || res.Steps >= o.Steps || res.Best != slices.Index(losses, lowest)+1 || res.Steps != res.Best+o.Patience {
		t.Fatalf("%d steps, best %d, losses %v", res.Steps, res.Best, losses)
	}
	score, err := Evaluate(base, res.Adapter, held, 0, nil)
	if err != nil || math.Abs(score.Loss-lowest) > 1e-6 {
		t.Errorf("the adapter's loss is %g, the lowest was %g: %v", score.Loss, lowest, err)
	}
	if _, err := Train(t.Context(), Job{Base: base, Adapter: read(t, "goldens/lora-init"), Tokens: tokens}, o, Hooks{}); err == nil {
		t.Error("patience without held-out data: no error")
	}
}

// TestWeightsWeigh holds that a weight of 2 is the sample twice, and 0 is the sample left out.
func TestWeightsWeigh(t *testing.T) {
	base, tokens := open(t, "models/stories260K.gguf"), stories(t)
	run := func(sequences ...Sequence) Step {
		var first Step
		o := Options{Steps: 1, Batch: len(sequences)}
		if _, err := Train(t.Context(), Job{Base: base, Adapter: read(t, "goldens/lora-after10"), Tokens: Tokens{Vocab: 512, Sequences: sequences}, InOrder: true}, o,
			Hooks{OnStep: func(s Step) error { first = s; return nil }}); err != nil {
			t.Fatal(err)
		}
		return first
	}
	a, b := tokens.Sequences[0], tokens.Sequences[1]
	twice, once := b, b
	twice.Weights, once.Weights = []float32{2, 2, 2}, []float32{0, 0, 0}
	for _, tt := range []struct{ got, want Step }{{run(a, twice), run(a, b, b)}, {run(a, once), run(a)}} {
		if math.Abs(tt.got.Loss-tt.want.Loss) > 1e-5 || math.Abs(tt.got.GradNorm-tt.want.GradNorm) > 1e-4*tt.want.GradNorm {
			t.Errorf("loss %g, norm %g; want %g, %g", tt.got.Loss, tt.got.GradNorm, tt.want.Loss, tt.want.GradNorm)
		}
	}
}

// TestNoiseOnlyWhileTraining holds that a loss that is evaluated has no noise, and that noise is within its bound.
func TestNoiseOnlyWhileTraining(t *testing.T) {
	base, tokens := open(t, "models/stories260K.gguf"), stories(t)
	n, err := newNetwork(base, read(t, "goldens/lora-after10"), 70, full)
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	q := tokens.Sequences[0]
	embed := func(alpha float64, key uint64) []float32 {
		n.noise = alpha
		if err := n.forward(q, key); err != nil {
			t.Fatal(err)
		}
		return slices.Clone(n.inputs[0][:len(q.IDs)*base.Dim])
	}
	plain := embed(0, 9)
	if !slices.Equal(plain, embed(5, 0)) {
		t.Error("noise without a key")
	}
	noisy := embed(5, 9)
	for i := range q.Starts {
		from, to := q.sample(i)
		bound := 5 / math.Sqrt(float64((to-from)*base.Dim))
		top := 0.0
		for k := from * base.Dim; k < to*base.Dim; k++ {
			top = max(top, math.Abs(float64(noisy[k]-plain[k])))
		}
		if top > bound+1e-5 || top < bound/2 {
			t.Errorf("sample %d: noise to %g, want near below %g", i, top, bound)
		}
	}
}

// TestKilled holds that twenty kills, each losing what was not saved, over tiers and thread counts, end in the undisturbed bytes.
func TestKilled(t *testing.T) {
	base, tokens := open(t, "models/stories260K.gguf"), stories(t)
	start, err := lora.New(base.Modules(), lora.Options{Rank: 4, Dropout: 0.1}, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer kernel.SetThreads(0)
	o := lawOptions
	o.Steps, o.SaveEvery = 36, 2
	job := Job{Base: base, Adapter: start, Tokens: tokens}
	want, err := Train(t.Context(), job, o, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	killed := errors.New("killed")
	r := rand.New(rand.NewPCG(20, 4))
	var saved []byte
	kills := 0
	for {
		o.Threads, o.Checkpointing = 1+r.IntN(4), tiers[r.IntN(len(tiers))]
		job.Resume = nil
		if saved != nil {
			if job.Resume, err = ReadCheckpoint(saved); err != nil {
				t.Fatal(err)
			}
		}
		left := 1 + r.IntN(12) // sequences, four a step: often no step is whole
		if kills == 20 {
			left = math.MaxInt
		}
		res, err := Train(context.Background(), job, o, Hooks{
			OnSequence: func(int, int, int) error {
				if left--; left == 0 {
					return killed
				}
				return nil
			},
			Save: func(c *Checkpoint) error {
				var b bytes.Buffer
				_, err := c.WriteTo(&b)
				saved = b.Bytes()
				return err
			}})
		if errors.Is(err, killed) {
			kills++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if kills != 20 {
			t.Errorf("%d kills before the end, want 20", kills)
		}
		if !bytes.Equal(files(t, res.Adapter), files(t, want.Adapter)) {
			t.Error("other bytes than the undisturbed run's")
		}
		return
	}
}

// TestPatternsTrain holds that pairs of their own rank and scale learn as they do alone: the gradient agrees with differences of the
// loss, padding stays zero over steps, and threads, checkpointing and a resume change no byte.
func TestPatternsTrain(t *testing.T) {
	base, tokens := open(t, "models/stories260K.gguf"), stories(t)
	start, err := lora.New(base.Modules(), lora.Options{Rank: 4, RSLoRA: true, RankPattern: []string{"q_proj=2", `layers\.1\..*=7`}, AlphaPattern: []string{"v_proj=1", "up_proj=20"}}, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range start.Pairs {
		for k := range p.B {
			p.B[k] = 0.02 * float32(math.Sin(float64(3*k+i)))
		}
	}
	n, err := newNetwork(base, start, 70, none)
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	s := tokens.Sequences[0]
	if _, err := n.learn(s, 1, 0); err != nil {
		t.Fatal(err)
	}
	grad, err := n.params.adapter(n.params.grad)
	if err != nil {
		t.Fatal(err)
	}
	loss := func(a *lora.Adapter) float64 {
		score, err := Evaluate(base, a, Tokens{Vocab: 512, Sequences: []Sequence{s}}, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		return score.Loss * float64(score.Tokens)
	}
	for i := range start.Pairs {
		if i%3 != 0 {
			continue
		}
		// Along its own gradient a factor changes the loss by the gradient's square times the way.
		for _, b := range []bool{false, true} {
			factor := func(a *lora.Adapter) []float32 {
				if b {
					return a.Pairs[i].B
				}
				return a.Pairs[i].A
			}
			g, square := factor(grad), 0.0
			for _, v := range g {
				square += float64(v) * float64(v)
			}
			h := 0.02 / math.Sqrt(square)
			up, down := start.Clone(), start.Clone()
			for k, v := range g {
				factor(up)[k] += float32(h) * v
				factor(down)[k] -= float32(h) * v
			}
			if got, want := (loss(up)-loss(down))/(2*h), square; math.Abs(got-want) > 0.02*want {
				t.Errorf("%s, B %v: the loss changes by %g, the gradient says %g", start.Pairs[i].Name, b, got, want)
			}
		}
	}
	o := lawOptions
	o.Steps, o.SaveEvery, o.Threads, o.Checkpointing = 4, 2, 1, "none"
	job := Job{Base: base, Adapter: start, Tokens: tokens}
	var saved bytes.Buffer
	want, err := Train(t.Context(), job, o, Hooks{Save: func(c *Checkpoint) error { _, err := c.WriteTo(&saved); return err }})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range want.Adapter.Pairs {
		if p.Rank() != start.Pairs[i].Rank() || p.Alpha != start.Pairs[i].Alpha {
			t.Fatalf("%s has rank %d, alpha %g after training", p.Name, p.Rank(), p.Alpha)
		}
	}
	if job.Resume, err = ReadCheckpoint(saved.Bytes()); err != nil {
		t.Fatal(err)
	}
	values, padded := make([]float32, job.Resume.Floats[0]), 0
	if err := job.Resume.into([][]float32{values}, nil); err != nil {
		t.Fatal(err)
	}
	for _, s := range n.params.order {
		pair := start.Pairs[s.pair]
		if s.b {
			continue
		}
		for _, v := range values[s.at+len(pair.A) : s.at+s.n] {
			if padded++; v != 0 {
				t.Fatalf("padding of %s is %g after steps", pair.Name, v)
			}
		}
	}
	if padded == 0 {
		t.Error("nothing was padded")
	}
	o.Threads, o.Checkpointing = 3, selective
	defer kernel.SetThreads(0)
	if got, err := Train(t.Context(), job, o, Hooks{}); err != nil || !bytes.Equal(files(t, got.Adapter), files(t, want.Adapter)) {
		t.Errorf("resumed with 3 threads and selective checkpointing: other bytes, %v", err)
	}
}
