package graph

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"

	"temper/internal/kernel"
)

func build(t *testing.T, c Config) *Block {
	t.Helper()
	b, err := New(c, NewScratch())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func clone(xs [][]float32) [][]float32 {
	out := make([][]float32, len(xs))
	for i, x := range xs {
		out[i] = slices.Clone(x)
	}
	return out
}

// distance is the largest difference of any two values, relative to the largest value.
func distance(a, b [][]float32) float64 {
	top, d := 0.0, 0.0
	for i := range a {
		for j := range a[i] {
			top = max(top, math.Abs(float64(a[i][j])))
			d = max(d, math.Abs(float64(a[i][j]-b[i][j])))
		}
	}
	return d / top
}

// TestAgainstHand holds the graph's numbers to those of the block written out by hand, for every choice of adapted layers.
func TestAgainstHand(t *testing.T) {
	for name, adapted := range map[string][Linears]bool{
		"all linear": {true, true, true, true, true, true, true},
		"attention":  {true, true, true, true},
		"q and v":    {true, false, true},
		"down":       {6: true},
		"none":       {},
	} {
		for _, interleaved := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				c := small()
				c.Adapted, c.Interleaved = adapted, interleaved
				b, h, l := build(t, c), &hand{Config: c}, newLayer(c, 0)
				in, dy := newInput(c, l), random(rand.New(rand.NewPCG(1, 2)), c.Rows*c.Dim, 1)
				y, err := b.Forward(in)
				if err != nil {
					t.Fatal(err)
				}
				want := h.forward(in)
				if d := distance([][]float32{want}, [][]float32{y[:len(want)]}); d > 1e-5 {
					t.Errorf("forward differs by %g", d)
				}
				dx := make([]float32, c.Rows*c.Dim)
				if err := b.Backward(in, dx, dy); err != nil {
					t.Fatal(err)
				}
				got := clone(append(l.grads(), dx[:in.N*c.Dim]))
				l.zero()
				wantDX := h.backward(in, dy)
				if d := distance(append(l.grads(), wantDX), got); d > 1e-5 {
					t.Errorf("backward differs by %g", d)
				}
			})
		}
	}
}

// TestFiniteDifferences holds the gradients to differences of the forward pass, with and without dropout.
func TestFiniteDifferences(t *testing.T) {
	for _, dropout := range []float64{0, 0.4} {
		c := small()
		c.Dropout = dropout
		b, l := build(t, c), newLayer(c, 3)
		in, r := newInput(c, l), rand.New(rand.NewPCG(5, 6))
		in.Key = 99
		dy := random(r, c.Rows*c.Dim, 1)
		loss := func() (sum float64) {
			y, err := b.Forward(in)
			if err != nil {
				t.Fatal(err)
			}
			for i := range in.N * c.Dim {
				sum += float64(y[i]) * float64(dy[i])
			}
			return sum
		}
		loss()
		dx := make([]float32, c.Rows*c.Dim)
		if err := b.Backward(in, dx, dy); err != nil {
			t.Fatal(err)
		}
		values, grads := append(l.values(), in.X[:in.N*c.Dim]), append(clone(l.grads()), dx)
		for n := range 200 {
			k := n % len(values)
			i := r.IntN(len(values[k]))
			const e = 1e-2
			was := values[k][i]
			values[k][i] = was + e
			up := loss()
			values[k][i] = was - e
			down := loss()
			values[k][i] = was
			want, got := (up-down)/(2*e), float64(grads[k][i])
			if math.Abs(want-got) > 0.02*(math.Abs(got)+0.5) {
				t.Errorf("dropout %g, value %d of %d: gradient is %g, difference %g", dropout, i, k, got, want)
			}
		}
	}
}

// shapes are blocks whose values find their places in different ways.
var shapes = map[string]func(*Config){
	"narrow":  func(*Config) {},              // gate and up leave no room for queries, keys and values
	"llama":   func(c *Config) { c.FF = 56 }, // and here they do
	"dropout": func(c *Config) { c.FF, c.Dropout = 56, 0.3 },
	"gemma":   func(c *Config) { c.FF, c.QKNorm, c.PostNorms, c.GELU = 56, true, true, true },
	"phi3":    func(c *Config) { c.FF, c.SharedA = 56, true },
	"frozen":  func(c *Config) { c.Adapted = [Linears]bool{6: true} },
}

// TestTiers holds that one block that computes again, and blocks that keep only some of their values, give the bits of one block a
// layer that keeps all.
func TestTiers(t *testing.T) {
	for name, set := range shapes {
		c := small()
		set(&c)
		var layers []*Layer
		for i := range 3 {
			l := newLayer(c, i)
			shareA(c, l)
			l.PostAttnNorm, l.PostFFNNorm, l.QNorm, l.KNorm = l.FFNNorm, l.AttnNorm, l.AttnNorm[:c.HeadDim], l.FFNNorm[:c.HeadDim]
			layers = append(layers, l)
		}
		run := func(blocks []*Block) [][]float32 {
			dy := random(rand.New(rand.NewPCG(1, 2)), c.Rows*c.Dim, 1)
			in := newInput(c, nil)
			in.Key = 5
			ins := make([]Input, len(layers))
			for i, l := range layers {
				l.zero()
				ins[i] = in
				ins[i].Layer = l
				y, err := blocks[i].Forward(ins[i])
				if err != nil {
					t.Fatal(err)
				}
				in.X = slices.Clone(y)
			}
			for i := len(layers) - 1; i >= 0; i-- {
				if err := blocks[i].Backward(ins[i], dy, dy); err != nil {
					t.Fatal(err)
				}
			}
			var out [][]float32
			for _, l := range layers {
				out = append(out, clone(l.grads())...)
			}
			return append(out, in.X[:in.N*c.Dim], dy[:in.N*c.Dim])
		}
		each := func(c Config) (all []*Block) {
			scratch := NewScratch()
			for range layers {
				b, err := New(c, scratch)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, b)
			}
			return all
		}
		lean := c
		lean.Selective = true
		one := build(t, c)
		want := run(each(c))
		for tier, got := range map[string][][]float32{"full": run([]*Block{one, one, one}), "selective": run(each(lean))} {
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("%s, %s: value %d differs", name, tier, i)
				}
			}
		}
	}
}

// TestNoInputGradient holds that leaving out the gradient of the input changes no other gradient.
func TestNoInputGradient(t *testing.T) {
	c := small()
	b, l := build(t, c), newLayer(c, 0)
	in, dy := newInput(c, l), random(rand.New(rand.NewPCG(1, 2)), c.Rows*c.Dim, 1)
	if err := b.Backward(in, make([]float32, c.Rows*c.Dim), dy); err != nil {
		t.Fatal(err)
	}
	want := clone(l.grads())
	l.zero()
	if err := b.Backward(in, nil, dy); err != nil {
		t.Fatal(err)
	}
	if d := distance(want, l.grads()); d != 0 {
		t.Errorf("gradients differ by %g", d)
	}
}

// TestPanicIsError holds that a panic inside an operation, on the tape machine's goroutine, reaches the caller as an error.
func TestPanicIsError(t *testing.T) {
	c := small()
	b, l := build(t, c), newLayer(c, 4)
	l.FFNNorm = nil
	_, err := b.Forward(newInput(c, l))
	if err == nil || !strings.Contains(err.Error(), "layer 4 forward") || !strings.Contains(err.Error(), "feed-forward norm") {
		t.Errorf("error is %v; it should name layer and operation", err)
	}
	if _, err := b.Forward(newInput(c, newLayer(c, 0))); err != nil {
		t.Errorf("after the error: %v", err)
	}
}

// TestBytes holds the figure of the preflight to what is allocated.
func TestBytes(t *testing.T) {
	for name, set := range shapes {
		for _, selective := range []bool{false, true} {
			c := small()
			set(&c)
			c.Selective = selective
			b, l := build(t, c), newLayer(c, 0)
			shareA(c, l)
			l.PostAttnNorm, l.PostFFNNorm, l.QNorm, l.KNorm = l.FFNNorm, l.AttnNorm, l.AttnNorm[:c.HeadDim], l.FFNNorm[:c.HeadDim]
			in := newInput(c, l)
			in.Key = 1
			if err := b.Backward(in, make([]float32, c.Rows*c.Dim), in.X); err != nil {
				t.Fatal(err)
			}
			own, scratch := b.Bytes()
			wantOwn, wantScratch := c.Bytes()
			if own != wantOwn || scratch != wantScratch {
				t.Errorf("%s, selective %v: allocated %d and %d, predicted %d and %d", name, selective, own, scratch, wantOwn, wantScratch)
			}
		}
	}
}

// TestAdamW holds our solver to gorgonia's Adam where both should agree: without weight decay.
func TestAdamW(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	ours, theirs := random(r, 50, 1), make([]float32, 50)
	copy(theirs, ours)
	a, err := NewSolver(SolverOptions{Rule: "adamw"}, []int{50})
	if err != nil {
		t.Fatal(err)
	}
	a.LR = 0.01
	b := G.NewAdamSolver(G.WithLearnRate(0.01))
	other := NewParam(theirs, make([]float32, 50), 1)
	for range 100 {
		g := random(r, 50, 1)
		if err := a.Step([]G.ValueGrad{NewParam(ours, g, 1)}); err != nil {
			t.Fatal(err)
		}
		copy(floats(other.grad), g)
		if err := b.Step([]G.ValueGrad{other}); err != nil {
			t.Fatal(err)
		}
	}
	if d := distance([][]float32{theirs}, [][]float32{ours}); d > 2e-5 {
		t.Errorf("after 100 steps values differ by %g", d)
	}
	if err := a.Step([]G.ValueGrad{NewParam(make([]float32, 60), make([]float32, 60), 1)}); err == nil {
		t.Error("more values than moments: no error")
	}
}

// TestEngineAdds holds that gorgonia's own sum of two gradients lies where a norm's output has lain.
func TestEngineAdds(t *testing.T) {
	c := small()
	b := build(t, c)
	in := newInput(c, newLayer(c, 0))
	dx := make([]float32, c.Rows*c.Dim)
	for range 2 {
		if err := b.Backward(in, dx, in.X); err != nil {
			t.Fatal(err)
		}
		if sum := &floats(b.dx.Value())[0]; sum != &b.scratch.buffers[norms[0]].Float32s()[0] && sum != &b.scratch.buffers[norms[1]].Float32s()[0] {
			t.Error("the gradient of the input is elsewhere")
		}
	}
}

func BenchmarkBlock(b *testing.B) {
	c := Config{Dim: 576, Heads: 9, KVHeads: 3, HeadDim: 64, FF: 1536, Rows: 512, Rank: 16, Scale: 2, Adapted: [Linears]bool{true, true, true, true, true, true, true},
		Eps: 1e-5, AttentionScale: 0.125, Rope: kernel.NewRope(512, 64, 10000, nil)}
	block, err := New(c, NewScratch())
	if err != nil {
		b.Fatal(err)
	}
	in := Input{X: random(rand.New(rand.NewPCG(1, 2)), c.Rows*c.Dim, 1), N: c.Rows, Layer: newLayer(c, 0), Pos: make([]int32, c.Rows), Seg: make([]int32, c.Rows)}
	for i := range in.Pos {
		in.Pos[i] = int32(i)
	}
	dx := make([]float32, c.Rows*c.Dim)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := block.Forward(in); err != nil {
			b.Fatal(err)
		}
		if err := block.Backward(in, dx, in.X); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(c.Rows*b.N)/b.Elapsed().Seconds(), "tokens/s")
}
