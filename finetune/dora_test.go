package finetune

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"temper/internal/kernel"
	"temper/lora"
	"temper/model"
)

// startDoRA is a new adapter with magnitudes to come.
func startDoRA(t *testing.T, base *model.Model, dropout float64) *lora.Adapter {
	t.Helper()
	a, err := lora.New(base.Modules(), lora.Options{Rank: 4, DoRA: true, Dropout: dropout, RankPattern: []string{"k_proj=2"}}, 3)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestDoRABegins holds that a new adapter with magnitudes computes what the base does, from either file form, and that its magnitudes do
// not depend on the form: rows of rotary layers lie in another order in one.
func TestDoRABegins(t *testing.T) {
	var first [][]float32
	for _, path := range []string{"models/stories260K.gguf", "models/stories260K-hf"} {
		base, tokens := open(t, path), stories(t)
		n, err := newNetwork(base, startDoRA(t, base, 0), tokens.Longest(), full)
		if err != nil {
			t.Fatal(err)
		}
		defer n.close()
		got, err := n.evaluate(tokens, nil)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Evaluate(base, nil, tokens, 0, nil)
		if err != nil || math.Abs(got.Loss-want.Loss) > 1e-6 {
			t.Errorf("%s: loss %g, the base's %g: %v", path, got.Loss, want.Loss, err)
		}
		a, err := n.params.adapter(n.params.value)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range a.Pairs {
			if len(first) == i {
				first = append(first, p.Magnitude)
			}
			for k, m := range p.Magnitude {
				if math.Abs(float64(m-first[i][k])) > 1e-5 || m <= 0 {
					t.Fatalf("%s: magnitude %d of %s is %g, of the other form %g", path, k, p.Name, m, first[i][k])
				}
			}
		}
	}
}

// TestDoRAGradient holds that along its own gradient each factor changes the loss by the gradient's square times the way, with the
// lengths held: they are constants to the gradient.
func TestDoRAGradient(t *testing.T) {
	base, s := open(t, "models/stories260K.gguf"), stories(t).Sequences[0]
	n, err := newNetwork(base, startDoRA(t, base, 0), 70, none)
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	p := n.params
	for _, s := range p.order {
		for k := range p.value[s.at : s.at+s.n] {
			switch v := &p.value[s.at+k]; {
			case s.m:
				*v *= 1 + 0.2*float32(math.Sin(float64(k)))
			case s.b:
				*v = 0.02 * float32(math.Cos(float64(3*k)))
			}
		}
	}
	p.lengths.changed()
	if _, err := n.learn(s, 1, 0); err != nil {
		t.Fatal(err)
	}
	grad := slices.Clone(p.grad)
	loss := func() (sum float64) {
		p.lengths.stale = false
		if err := n.forward(s, 0); err != nil {
			t.Fatal(err)
		}
		for _, l := range n.losses(s, 0) {
			sum += float64(l)
		}
		return sum
	}
	for i, place := range p.order {
		if i%5 != 0 && !place.m {
			continue
		}
		values, g, square := p.value[place.at:place.at+place.n], grad[place.at:place.at+place.n], 0.0
		for _, v := range g {
			square += float64(v) * float64(v)
		}
		h, was := 0.005/math.Sqrt(square), slices.Clone(values)
		kernel.Axpy(values, float32(h), g)
		up := loss()
		copy(values, was)
		kernel.Axpy(values, float32(-h), g)
		got := (up - loss()) / (2 * h)
		copy(values, was)
		if math.Abs(got-square) > 0.02*square {
			t.Errorf("values %d of pair %d, magnitudes %v: the loss changes by %g, the gradient says %g", i, place.pair, place.m, got, square)
		}
	}
}

// TestDoRASameBytes holds that threads, checkpointing and a resume change no byte, with and without dropout and LoRA+, that magnitudes are
// trained, and that the adapter scores as it did in training.
func TestDoRASameBytes(t *testing.T) {
	base, tokens := open(t, "models/stories260K.gguf"), stories(t)
	defer kernel.SetThreads(0)
	for _, dropout := range []float64{0, 0.1} {
		job := Job{Base: base, Adapter: startDoRA(t, base, dropout), Tokens: tokens, Eval: Tokens{Vocab: 512, Sequences: tokens.Sequences[:2]}}
		o := lawOptions
		o.Steps, o.SaveEvery, o.Threads, o.Checkpointing, o.LoRAPlus = 5, 3, 1, none, 1+20*dropout
		var saved bytes.Buffer
		var held float64
		want, err := Train(t.Context(), job, o, Hooks{
			Save: func(c *Checkpoint) error { _, err := c.WriteTo(&saved); return err },
			OnStep: func(s Step) error {
				if s.EvalLoss != nil {
					held = *s.EvalLoss
				}
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		score, err := Evaluate(base, want.Adapter, job.Eval, 0, nil)
		if err != nil || math.Abs(score.Loss-held) > 1e-5 {
			t.Errorf("dropout %g: the adapter's loss is %g, in training it was %g: %v", dropout, score.Loss, held, err)
		}
		fresh, err := newParams(base, job.Adapter)
		if err != nil {
			t.Fatal(err)
		}
		begun, err := fresh.adapter(fresh.value)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range want.Adapter.Pairs {
			if slices.Equal(p.Magnitude, begun.Pairs[i].Magnitude) {
				t.Errorf("dropout %g: the magnitudes of %s are as they began", dropout, p.Name)
			}
		}
		for i, tier := range tiers {
			o.Threads, o.Checkpointing = i+1, tier
			if i > 0 { // the first from the start
				if job.Resume, err = ReadCheckpoint(saved.Bytes()); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := Train(t.Context(), job, o, Hooks{}); err != nil || !bytes.Equal(files(t, got.Adapter), files(t, want.Adapter)) {
				t.Errorf("dropout %g: %s, %d threads: other bytes, %v", dropout, tier, i+1, err)
			}
		}
	}
}
