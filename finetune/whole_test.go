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

// startWhole is a new adapter that trains these modules whole.
func startWhole(t *testing.T, base *model.Model, save ...string) *lora.Adapter {
	t.Helper()
	a, err := lora.New(base.Modules(), lora.Options{Rank: 4, Save: save}, 3)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestWholeGradient holds that along its own gradient an embedding or a head that is trained whole changes the loss by the gradient's
// square times the way, though the base ties the two.
func TestWholeGradient(t *testing.T) {
	base, s := open(t, "models/stories260K.gguf"), stories(t).Sequences[0]
	for _, save := range [][]string{{"embed_tokens"}, {"lm_head"}, {"embed_tokens", "lm_head"}} {
		n, err := newNetwork(base, startWhole(t, base, save...), 70, none)
		if err != nil {
			t.Fatal(err)
		}
		defer n.close()
		p := n.params
		if _, err := n.learn(s, 1, 0); err != nil {
			t.Fatal(err)
		}
		loss := func() (sum float64) {
			if err := n.forward(s, 0); err != nil {
				t.Fatal(err)
			}
			for _, l := range n.losses(s, 0) {
				sum += float64(l)
			}
			return sum
		}
		if len(p.saved) != len(save) {
			t.Fatalf("%d modules are trained whole, want %v", len(p.saved), save)
		}
		for name, place := range p.saved {
			values, g, square := p.value[place.at:place.at+place.n], slices.Clone(p.grad[place.at:place.at+place.n]), 0.0
			for _, v := range g {
				square += float64(v) * float64(v)
			}
			h, was := 0.02/math.Sqrt(square), slices.Clone(values)
			kernel.Axpy(values, float32(h), g)
			up := loss()
			copy(values, was)
			kernel.Axpy(values, float32(-h), g)
			got := (up - loss()) / (2 * h)
			copy(values, was)
			if math.Abs(got-square) > 0.02*square {
				t.Errorf("%v, %s: the loss changes by %g, the gradient says %g", save, name, got, square)
			}
		}
	}
}

// TestWholeSameBytes holds that threads, checkpointing and a resume change no byte, that the modules are trained, that the adapter scores
// as it did in training and goes on from where it is, and that the base is as it was.
func TestWholeSameBytes(t *testing.T) {
	base, tokens := open(t, "models/stories260K.gguf"), stories(t)
	defer kernel.SetThreads(0)
	held := Tokens{Vocab: 512, Sequences: tokens.Sequences[:2]}
	before, err := Evaluate(base, nil, held, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	job := Job{Base: base, Adapter: startWhole(t, base, "embed_tokens", "lm_head"), Tokens: tokens, Eval: held}
	o := lawOptions
	o.Steps, o.SaveEvery, o.Threads, o.Checkpointing, o.Patience, o.EvalEvery = 6, 3, 1, "none", 5, 1
	var saved bytes.Buffer
	best := math.Inf(1)
	want, err := Train(t.Context(), job, o, Hooks{
		Save: func(c *Checkpoint) error { _, err := c.WriteTo(&saved); return err },
		OnStep: func(s Step) error {
			best = min(best, *s.EvalLoss)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Evaluate(base, want.Adapter, held, 0, nil)
	if err != nil || math.Abs(got.Loss-best) > 1e-5 || best >= before.Loss {
		t.Errorf("the adapter's loss is %g, in training it was %g, before %g: %v", got.Loss, best, before.Loss, err)
	}
	for i, tier := range tiers[1:] {
		if job.Resume, err = ReadCheckpoint(saved.Bytes()); err != nil {
			t.Fatal(err)
		}
		o.Threads, o.Checkpointing = i+2, tier
		if got, err := Train(t.Context(), job, o, Hooks{}); err != nil || !bytes.Equal(files(t, got.Adapter), files(t, want.Adapter)) {
			t.Errorf("resumed with %d threads and checkpointing %s: other bytes, %v", i+2, tier, err)
		}
	}
	for _, s := range want.Adapter.Saved {
		fresh := make([]float32, s.In)
		base.Embedding.Row(fresh, 2, 0, s.In)
		if slices.Equal(fresh, s.W[2*s.In:3*s.In]) {
			t.Errorf("%s is as it was", s.Name)
		}
	}
	p, err := newParams(base, want.Adapter)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := p.adapter(p.value); err != nil || !bytes.Equal(files(t, again), files(t, want.Adapter)) {
		t.Errorf("an adapter to go on from has other bytes: %v", err)
	}
	if after, err := Evaluate(base, nil, held, 0, nil); err != nil || after.Loss != before.Loss {
		t.Errorf("the base's loss is %g, was %g: %v", after.Loss, before.Loss, err)
	}
}

// TestWholePreflight holds that memory counts whole modules: value, gradient and two moments of each value, and those it begins with.
func TestWholePreflight(t *testing.T) {
	base := open(t, "models/stories260K.gguf")
	size := func(a *lora.Adapter) int64 {
		m, err := Preflight(base, a, 64, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return m.Adapter
	}
	a := startWhole(t, base, "embed_tokens")
	values := int64(base.Vocab * base.Dim)
	if got, want := size(a)-size(startWhole(t, base)), 16*values; got != want {
		t.Errorf("an embedding needs %d bytes, want %d", got, want)
	}
	given := a.Clone()
	given.Saved[0].W = make([]float32, values)
	if got, want := size(given)-size(a), 4*values; got != want {
		t.Errorf("one that is given needs %d bytes more, want %d", got, want)
	}
}
