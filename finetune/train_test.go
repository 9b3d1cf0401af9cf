package finetune

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"temper/internal/kernel"
	"temper/internal/safetensors"
	"temper/lora"
	"temper/model"
)

// shared is a file of the test data that lies beside the repository (TEMPER_SHARED names another place), or skips the test.
func shared(t testing.TB, path string) string {
	t.Helper()
	root := os.Getenv("TEMPER_SHARED")
	if root == "" {
		root = "../../shared/data"
	}
	full := filepath.Join(root, path)
	if _, err := os.Stat(full); err != nil {
		t.Skipf("no test data: %v", err)
	}
	return full
}

func open(t testing.TB, path string) *model.Model {
	t.Helper()
	m, err := model.Open(shared(t, path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func read(t testing.TB, path string) *lora.Adapter {
	t.Helper()
	a, err := lora.Read(shared(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// reference is what PyTorch 1.13.1 computed: AdamW, learning rate 0.01, weight decay 0.01, no clipping, one sequence a step.
type reference struct {
	Steps []struct {
		Tokens []int32 `json:"tokens"`
		Loss   float64 `json:"loss"`
		Norm   float64 `json:"grad_norm"`
	} `json:"steps"`
}

func readReference(t testing.TB) (r reference, tokens Tokens) {
	t.Helper()
	b, err := os.ReadFile(shared(t, "goldens/lora-train10.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	tokens.Vocab = 512
	for _, s := range r.Steps {
		tokens.Sequences = append(tokens.Sequences, Windows(s.Tokens, len(s.Tokens), 512).Sequences...)
	}
	return r, tokens
}

var likeReference = Options{Epochs: 1, Batch: 1, LR: 0.01, Schedule: "constant", Warmup: -1, WeightDecay: 0.01, Clip: -1}

// TestAgainstPyTorch holds ten steps to PyTorch and PEFT: losses, gradient norms and the adapter at the end, from either file form.
func TestAgainstPyTorch(t *testing.T) {
	for _, path := range []string{"models/stories260K.gguf", "models/stories260K-hf"} {
		for _, checkpointing := range tiers {
			t.Run(filepath.Base(path)+" "+checkpointing, func(t *testing.T) {
				ref, tokens := readReference(t)
				o := likeReference
				o.Checkpointing = checkpointing
				job := Job{Base: open(t, path), Adapter: read(t, "goldens/lora-init"), Tokens: tokens, InOrder: true}
				step := 0
				res, err := Train(t.Context(), job, o, Hooks{OnStep: func(s Step) error {
					want := ref.Steps[step]
					if math.Abs(s.Loss-want.Loss) > 1e-3 || math.Abs(s.GradNorm-want.Norm) > 2e-3*want.Norm {
						t.Errorf("step %d: loss %.6f norm %.5f, PyTorch's %.6f %.5f", s.Step, s.Loss, s.GradNorm, want.Loss, want.Norm)
					}
					step++
					return nil
				}})
				if err != nil {
					t.Fatal(err)
				}
				if step != len(ref.Steps) {
					t.Errorf("%d steps, want %d", step, len(ref.Steps))
				}
				// AdamW divides by the gradient's size, so values whose gradient is all rounding may go either way: the
				// difference of the whole, not of each value, is held.
				want := read(t, "goldens/lora-after10")
				if d := distance(res.Adapter, want) / size(want); d > 0.02 {
					t.Errorf("the adapter differs from PyTorch's by %g of its size", d)
				}
			})
		}
	}
}

func distance(a, b *lora.Adapter) float64 {
	sum := 0.0
	for i := range a.Pairs {
		for _, x := range [][2][]float32{{a.Pairs[i].A, b.Pairs[i].A}, {a.Pairs[i].B, b.Pairs[i].B}} {
			for k := range x[0] {
				d := float64(x[0][k] - x[1][k])
				sum += d * d
			}
		}
	}
	return math.Sqrt(sum)
}

func size(a *lora.Adapter) float64 {
	zero := a.Clone()
	for _, p := range zero.Pairs {
		clear(p.A)
		clear(p.B)
	}
	return distance(a, zero)
}

// TestFirstGradient holds every value of the first gradient to PyTorch's.
func TestFirstGradient(t *testing.T) {
	_, tokens := readReference(t)
	raw, err := os.ReadFile(shared(t, "goldens/lora-step0-grads.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	n, err := newNetwork(open(t, "models/stories260K.gguf"), read(t, "goldens/lora-init"), 24, none)
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	s := tokens.Sequences[0]
	if _, err := n.learn(s, 1/float32(s.trained()), 0); err != nil {
		t.Fatal(err)
	}
	got, err := n.params.adapter(n.params.grad)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, p := range got.Pairs {
		for name, g := range map[string][]float32{".lora_A.weight": p.A, ".lora_B.weight": p.B} {
			want, ok := f.Tensor("grad." + p.Name + name)
			if !ok {
				t.Fatalf("no gradient of %s in the reference", p.Name+name)
			}
			for i, w := range floatsOf(want.Data) {
				if math.Abs(float64(w-g[i])) > 1e-5 {
					t.Fatalf("%s[%d]: %g, PyTorch's %g", p.Name+name, i, g[i], w)
				}
				compared++
			}
		}
	}
	if compared != got.Parameters() {
		t.Errorf("compared %d of %d values", compared, got.Parameters())
	}
}

// stories are sequences of several documents each, with masks, for the laws.
func stories(t testing.TB) Tokens {
	r, _ := readReference(t)
	tokens := Tokens{Vocab: 512}
	for i := range 7 {
		p := packer{length: 70}
		for k := range 3 {
			ids := r.Steps[(i*3+k)%len(r.Steps)].Tokens
			trained := make([]bool, len(ids))
			for j := 5 + k; j < len(ids); j++ {
				trained[j] = true
			}
			if _, full := p.add(Sample{ID: "s", IDs: ids, Trained: trained}); full {
				t.Fatal("three samples must fit one sequence")
			}
		}
		tokens.Sequences = append(tokens.Sequences, p.rest()...)
	}
	return tokens
}

var lawOptions = Options{Steps: 10, Batch: 2, Accumulate: 2, LR: 3e-3, Seed: 5, WeightDecay: 0.1}

func files(t testing.TB, a *lora.Adapter) []byte {
	t.Helper()
	f, err := a.Files()
	if err != nil {
		t.Fatal(err)
	}
	return append(f[lora.ConfigFile], f[lora.WeightsFile]...)
}

// TestSameBytes holds that the adapter's bytes do not depend on threads, on checkpointing, or on a stop and a resume in between.
func TestSameBytes(t *testing.T) {
	base, tokens := open(t, "models/stories260K.gguf"), stories(t)
	start, err := lora.New(base.Modules(), lora.Options{Rank: 4, Dropout: 0.1}, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer kernel.SetThreads(0)
	train := func(o Options, resume *Checkpoint, ctx context.Context, h Hooks) (Result, error) {
		return Train(ctx, Job{Base: base, Adapter: start, Tokens: tokens, Resume: resume}, o, h)
	}
	var want []byte
	for _, checkpointing := range tiers {
		for _, threads := range []int{1, 2, 3} {
			o := lawOptions
			o.Checkpointing, o.Threads = checkpointing, threads
			res, err := train(o, nil, t.Context(), Hooks{})
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = files(t, res.Adapter)
			}
			if !bytes.Equal(files(t, res.Adapter), want) {
				t.Errorf("%s, %d threads: other bytes", checkpointing, threads)
			}
		}
		o := lawOptions
		o.Checkpointing = checkpointing
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("the machine is wanted back")
		var saved bytes.Buffer
		_, err := train(o, nil, ctx, Hooks{
			OnSequence: func(step, done, _ int) error {
				if step == 5 && done == 2 { // in the middle of a step
					cancel(cause)
				}
				return nil
			},
			Save: func(c *Checkpoint) error {
				_, err := c.WriteTo(&saved)
				return err
			}})
		if !errors.Is(err, cause) {
			t.Fatalf("stopped with %v", err)
		}
		c, err := ReadCheckpoint(saved.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if c.Step != 4 {
			t.Errorf("the checkpoint is of step %d, want 4", c.Step)
		}
		res, err := train(o, c, t.Context(), Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(files(t, res.Adapter), want) {
			t.Errorf("%s, resumed: other bytes", checkpointing)
		}
		o.LR *= 2
		if _, err := train(o, c, t.Context(), Hooks{}); err == nil {
			t.Error("resume with other options: no error")
		}
	}
}

// TestPackingChangesNothing holds that packed samples have the losses and gradients they have alone.
func TestPackingChangesNothing(t *testing.T) {
	base, tokens := open(t, "models/stories260K.gguf"), stories(t)
	a := read(t, "goldens/lora-after10")
	n, err := newNetwork(base, a, 70, none)
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	s := tokens.Sequences[0]
	together, err := n.learn(s, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	packed := slices.Clone(n.params.grad)
	clear(n.params.grad)
	alone := 0.0
	for i := range s.Starts {
		from, to := s.sample(i)
		l, err := n.learn(Sequence{IDs: s.IDs[from:to], Trained: s.Trained[from:to], Starts: []int32{0}, Samples: []string{""}}, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		alone += l
	}
	if math.Abs(together-alone) > 1e-4*alone {
		t.Errorf("loss %g packed, %g alone", together, alone)
	}
	top, d := 0.0, 0.0
	for i := range packed {
		top = max(top, math.Abs(float64(packed[i])))
		d = max(d, math.Abs(float64(packed[i]-n.params.grad[i])))
	}
	if d > 1e-4*top {
		t.Errorf("gradients differ by %g of %g", d, top)
	}
}

// TestTokensCountAlike holds that accumulation is one large batch: the mean is over tokens, not over batches.
func TestTokensCountAlike(t *testing.T) {
	base, tokens := open(t, "models/stories260K.gguf"), stories(t)
	start := read(t, "goldens/lora-init")
	run := func(batch, accumulate int) []byte {
		o := lawOptions
		o.Batch, o.Accumulate = batch, accumulate
		res, err := Train(t.Context(), Job{Base: base, Adapter: start, Tokens: tokens}, o, Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		return files(t, res.Adapter)
	}
	if !bytes.Equal(run(6, 1), run(2, 3)) {
		t.Error("6x1 and 2x3 give other bytes")
	}
}

// TestDiverged holds that a loss that is no number stops the run with the step's number.
func TestDiverged(t *testing.T) {
	base := open(t, "models/stories260K.gguf")
	a := read(t, "goldens/lora-init")
	a.Pairs[3].A[0], a.Pairs[3].B[0] = float32(math.NaN()), 1
	_, err := Train(t.Context(), Job{Base: base, Adapter: a, Tokens: stories(t)}, lawOptions, Hooks{})
	if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "step 1:") {
		t.Errorf("error is %v", err)
	}
}

// TestEvaluate holds the loss to the reference's: the first step's loss is that of the untrained base.
func TestEvaluate(t *testing.T) {
	ref, tokens := readReference(t)
	base := open(t, "models/stories260K-hf")
	first := Tokens{Vocab: 512, Sequences: tokens.Sequences[:1]}
	for _, a := range []*lora.Adapter{nil, read(t, "goldens/lora-init")} {
		s, err := Evaluate(base, a, first, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(s.Loss-ref.Steps[0].Loss) > 1e-4 || s.Tokens != 23 || math.Abs(s.Perplexity-math.Exp(s.Loss)) > 1e-9 {
			t.Errorf("score %+v, want loss %g over 23 tokens", s, ref.Steps[0].Loss)
		}
	}
	s, err := Evaluate(base, read(t, "goldens/lora-after10"), stories(t), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	sum, n := 0.0, 0
	for _, p := range s.Samples {
		sum += p.Loss * float64(p.Tokens)
		n += p.Tokens
	}
	if len(s.Samples) != 21 || int64(n) != s.Tokens || math.Abs(sum/float64(n)-s.Loss) > 1e-9 {
		t.Errorf("the samples' losses give %g over %d, the score %g over %d", sum/float64(n), n, s.Loss, s.Tokens)
	}
	if _, err := Evaluate(base, nil, Tokens{Vocab: 7, Sequences: first.Sequences}, 0, nil); err == nil {
		t.Error("tokens of another vocabulary: no error")
	}
}
