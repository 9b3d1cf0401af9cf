package graph

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// magnitudes gives the adapted layers magnitudes and lengths.
func magnitudes(c *Config, l *Layer) {
	c.Magnitudes = true
	for i, b := range l.B {
		if b == nil {
			continue
		}
		r, out := rand.New(rand.NewPCG(11, uint64(i))), l.Linear[i].Rows
		l.B[i] = append(b, random(r, out, 1)...)
		l.GradB[i] = make([]float32, len(l.B[i]))
		l.Length[i] = near1(uint64(40+i), out)
	}
}

// TestMagnitudesDropout holds the gradients with magnitudes and dropout to differences of the forward pass: the frozen weights then
// see both what is dropped and what is not.
func TestMagnitudesDropout(t *testing.T) {
	for name, adapted := range map[string][Linears]bool{"all": {true, true, true, true, true, true, true}, "some": {1: true, 4: true, 6: true}} {
		c := small()
		c.Dropout, c.Adapted = 0.4, adapted
		l := newLayer(c, 3)
		magnitudes(&c, l)
		b, in, r := build(t, c), newInput(c, l), rand.New(rand.NewPCG(5, 6))
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
		if err := b.Backward(in, dx, slices.Clone(dy)); err != nil {
			t.Fatal(err)
		}
		values, grads := append(l.values(), in.X[:in.N*c.Dim]), append(clone(l.grads()), dx)
		for n := range 400 {
			k := n % len(values)
			if len(values[k]) == 0 {
				continue
			}
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
				t.Errorf("%s, value %d of %d: gradient is %g, difference %g", name, i, k, got, want)
			}
		}
	}
}

// TestMagnitudesAgain holds that dropout and magnitudes together give the same bits where values are kept, where gate and up are not and
// where all are computed again, in the memory that is foreseen.
func TestMagnitudesAgain(t *testing.T) {
	for _, dropout := range []float64{0, 0.3} {
		var want [][]float32
		for _, selective := range []bool{false, true} {
			for _, forward := range []bool{false, true} {
				c := small()
				c.Dropout, c.Selective = dropout, selective
				l := newLayer(c, 0)
				magnitudes(&c, l)
				b, in := build(t, c), newInput(c, l)
				in.Key = 5
				if forward {
					if _, err := b.Forward(in); err != nil {
						t.Fatal(err)
					}
				}
				dx := random(rand.New(rand.NewPCG(1, 2)), c.Rows*c.Dim, 1)
				if err := b.Backward(in, dx, dx); err != nil {
					t.Fatal(err)
				}
				got := append(l.grads(), dx[:in.N*c.Dim])
				if want == nil {
					want = got
				}
				for i := range want {
					if !slices.Equal(got[i], want[i]) {
						t.Errorf("dropout %g, selective %v, kept %v: value %d differs", dropout, selective, forward, i)
					}
				}
				own, scratch := b.Bytes()
				if wantOwn, wantScratch := c.Bytes(); own != wantOwn || scratch != wantScratch {
					t.Errorf("dropout %g, selective %v: allocated %d and %d, predicted %d and %d", dropout, selective, own, scratch, wantOwn, wantScratch)
				}
			}
		}
	}
}
