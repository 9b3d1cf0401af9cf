package graph

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"

	"temper/internal/kernel"
)

var solverRules = []SolverOptions{{Rule: "adamw", WeightDecay: 0.1}, {Rule: "adamw8bit", WeightDecay: 0.1}, {Rule: "sgd", Momentum: 0.9}, {Rule: "sgd"}, {Rule: "lion", WeightDecay: 0.1}}

// params are two parameters over one slice each of values and gradients, the second learning at rate.
func params(p, g []float32, first int, rate float32) ([]G.ValueGrad, []int) {
	return []G.ValueGrad{NewParam(p[:first], g[:first], 1), NewParam(p[first:], g[first:], rate)}, []int{first, len(p) - first}
}

// descend takes steps down Σ cᵢ·(pᵢ - i mod 7)², and returns where it ends.
func descend(t *testing.T, o SolverOptions, n, steps int, lr float32) []float32 {
	t.Helper()
	p, g := make([]float32, n), make([]float32, n)
	ps, sizes := params(p, g, n/3, 1)
	s, err := NewSolver(o, sizes)
	if err != nil {
		t.Fatal(err)
	}
	for step := range steps {
		s.LR = lr * float32(steps-step) / float32(steps)
		for i := range p {
			g[i] = (p[i] - float32(i%7)) * (0.1 + float32(i%5)/4)
		}
		if err := s.Step(ps); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// TestSolversDescend holds that each rule finds the bottom of a bowl, and that threads change no bit.
func TestSolversDescend(t *testing.T) {
	defer kernel.SetThreads(0)
	for _, o := range solverRules {
		o.WeightDecay = 0
		lr := float32(0.2)
		if o.Rule == "sgd" && o.Momentum == 0 {
			lr = 0.5
		}
		var want []float32
		for _, threads := range []int{1, 2, 7} {
			kernel.SetThreads(threads)
			got := descend(t, o, 40_000, 400, lr)
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v: %d threads give other values", o, threads)
			}
		}
		worst := 0.0
		for i, v := range want {
			worst = max(worst, math.Abs(float64(v)-float64(i%7)))
		}
		if worst > 0.05 {
			t.Errorf("%+v ends %g from the bottom", o, worst)
		}
	}
}

// TestFirstSteps holds the first two steps of each rule to what its paper's formulas give by hand: value 1, gradients 0.5 and -0.25,
// rate 0.1, decay 0.1 (AdamW, Lion), momentum 0.9 (SGD).
func TestFirstSteps(t *testing.T) {
	for _, tt := range []struct {
		o    SolverOptions
		want [2]float64
	}{
		// m̂/√v̂ is 1; then m = 0.02, v = 0.00031225: m̂ = 0.02/0.19, v̂ = 0.00031225/0.001999.
		{SolverOptions{Rule: "adamw", WeightDecay: 0.1}, [2]float64{0.89, 0.8811 - 0.1*(0.02/0.19)/math.Sqrt(0.00031225/0.001999)}},
		{SolverOptions{Rule: "sgd", Momentum: 0.9}, [2]float64{0.95, 0.93}},
		{SolverOptions{Rule: "sgd", WeightDecay: 0.1}, [2]float64{0.94, 0.9556}},
		// c = 0.05 > 0; m = 0.005; c = 0.9·0.005 - 0.1·0.25 < 0.
		{SolverOptions{Rule: "lion", WeightDecay: 0.1}, [2]float64{0.89, 0.9811}},
	} {
		p, g := []float32{1}, []float32{0}
		s, err := NewSolver(tt.o, []int{1})
		if err != nil {
			t.Fatal(err)
		}
		s.LR = 0.1
		for i, grad := range []float32{0.5, -0.25} {
			g[0] = grad
			if err := s.Step([]G.ValueGrad{NewParam(p, g, 1)}); err != nil {
				t.Fatal(err)
			}
			if math.Abs(float64(p[0])-tt.want[i]) > 1e-6 {
				t.Errorf("%+v: step %d ends at %g, want %g", tt.o, i+1, p[0], tt.want[i])
			}
		}
	}
}

// TestEightBits holds the 8-bit moments to AdamW's own: 100 noisy steps move the values the same way, within a tenth of the way.
func TestEightBits(t *testing.T) {
	const n = 5000
	run := func(rule string) []float32 {
		p, g := make([]float32, n), make([]float32, n)
		ps, sizes := params(p, g, 1000, 1)
		s, err := NewSolver(SolverOptions{Rule: rule}, sizes)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 2))
		s.LR = 1e-2
		for range 100 {
			for i := range g {
				g[i] = float32(r.NormFloat64()) + float32(i%9-4)/2
			}
			if err := s.Step(ps); err != nil {
				t.Fatal(err)
			}
		}
		return p
	}
	exact, eight := run("adamw"), run("adamw8bit")
	way, off := 0.0, 0.0
	for i := range exact {
		way += float64(exact[i]) * float64(exact[i])
		off += math.Pow(float64(exact[i]-eight[i]), 2)
	}
	if d := math.Sqrt(off / way); d > 0.1 || d == 0 {
		t.Errorf("8 bits end %g of the way apart", d)
	}
}

// TestLevels holds that every level is its own nearest code, and codes of values between are of one of the two beside.
func TestLevels(t *testing.T) {
	for _, l := range []*levels{signedLevels, unsignedLevels} {
		for i := range 256 {
			if got := l.code(l.level[i]); int(got) != i {
				t.Errorf("level %d, %g, has code %d", i, l.level[i], got)
			}
			if i > 0 && l.level[i] <= l.level[i-1] {
				t.Errorf("levels %d and %d do not rise", i-1, i)
			}
		}
		if l.level[255] != 1 || l.level[l.code(0)] != 0 {
			t.Error("0 and 1 must be levels")
		}
	}
}

// TestRates holds that a parameter's rate multiplies the learning rate, and that the solver refuses other parameters than its own.
func TestRates(t *testing.T) {
	p, g := []float32{0, 0}, []float32{1, 1}
	ps, sizes := params(p, g, 1, 16)
	s, err := NewSolver(SolverOptions{Rule: "sgd"}, sizes)
	if err != nil {
		t.Fatal(err)
	}
	s.LR = 0.01
	if err := s.Step(ps); err != nil || p[1] != 16*p[0] || p[0] != -0.01 {
		t.Errorf("values %v, %v", p, err)
	}
	if err := s.Step(ps[:1]); err == nil {
		t.Error("too few parameters: no error")
	}
	if err := s.Step([]G.ValueGrad{ps[0], NewParam(make([]float32, 3), make([]float32, 3), 1)}); err == nil {
		t.Error("a parameter of another size: no error")
	}
	if _, err := NewSolver(SolverOptions{Rule: "adagrad"}, sizes); err == nil {
		t.Error("unknown rule: no error")
	}
}

// TestStateBytes holds what is said of memory to what is allocated.
func TestStateBytes(t *testing.T) {
	for _, o := range solverRules {
		s, err := NewSolver(o, []int{1000, 300, 7})
		if err != nil {
			t.Fatal(err)
		}
		floats, codes := s.State()
		n := 0
		for _, x := range floats {
			n += 4 * len(x)
		}
		for _, x := range codes {
			n += len(x)
		}
		if said := SolverBytes(o, 1307, 3); int64(n) > said || said-int64(n) > 64 {
			t.Errorf("%+v holds %d bytes, said %d", o, n, said)
		}
	}
}
