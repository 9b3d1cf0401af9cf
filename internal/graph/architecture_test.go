package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"temper/internal/kernel"
)

// architectures are the blocks of every architecture, in shapes in which no two widths are alike, and what their layers have of their own.
var architectures = map[string]func(c *Config, l *Layer){
	"llama": func(*Config, *Layer) {},
	"llama with biases": func(c *Config, l *Layer) {
		for i := range l.Bias {
			l.Bias[i] = random(rand.New(rand.NewPCG(4, uint64(i))), l.Linear[i].Rows, 0.3)
		}
	},
	"mistral": func(c *Config, l *Layer) { c.Window, l.Local = 3, true },
	"qwen2": func(c *Config, l *Layer) {
		for i := range 3 {
			l.Bias[i] = random(rand.New(rand.NewPCG(4, uint64(i))), l.Linear[i].Rows, 0.3)
		}
	},
	"qwen3": func(c *Config, l *Layer) { headNorms(c, l) },
	"gemma2": func(c *Config, l *Layer) {
		gemma(c, l)
		c.AttentionCap = 2
	},
	"gemma3, local": func(c *Config, l *Layer) {
		gemma(c, l)
		headNorms(c, l)
		l.Rope = kernel.NewRope(64, c.HeadDim, 100, nil)
	},
	"gemma3, global": func(c *Config, l *Layer) {
		gemma(c, l)
		headNorms(c, l)
		l.Local = false
	},
	"phi3":    func(c *Config, l *Layer) { c.SharedA, c.Window, l.Local = true, 4, true },
	"smollm3": func(c *Config, l *Layer) { l.Unrotated = true },

	"llama with magnitudes": magnitudes,
	"qwen2 with magnitudes": func(c *Config, l *Layer) {
		for i := range 3 {
			l.Bias[i] = random(rand.New(rand.NewPCG(4, uint64(i))), l.Linear[i].Rows, 0.3)
		}
		magnitudes(c, l)
	},
	"gemma with magnitudes": func(c *Config, l *Layer) {
		gemma(c, l)
		headNorms(c, l)
		magnitudes(c, l)
	},
	"phi3 with magnitudes": func(c *Config, l *Layer) {
		c.SharedA = true
		magnitudes(c, l)
	},
}

func gemma(c *Config, l *Layer) {
	c.GELU, c.PostNorms, c.Window, l.Local = true, true, 3, true
	l.PostAttnNorm, l.PostFFNNorm = near1(31, c.Dim), near1(32, c.Dim)
}

func headNorms(c *Config, l *Layer) {
	c.QKNorm = true
	l.QNorm, l.KNorm = near1(33, c.HeadDim), near1(34, c.HeadDim)
}

func near1(seed uint64, n int) []float32 {
	w := random(rand.New(rand.NewPCG(seed, 1)), n, 0.2)
	for i := range w {
		w[i]++
	}
	return w
}

// shareA gives the layer what c.SharedA says: one A for a group.
func shareA(c Config, l *Layer) {
	if !c.SharedA {
		return
	}
	for g, a := range l.A {
		n := len(a) / len(Members[g])
		l.A[g], l.GradA[g] = a[:n], l.GradA[g][:n]
	}
}

// architecture makes a block of that architecture, a layer and an input.
func architecture(t *testing.T, name string, set ...func(*Config)) (Config, *Layer, Input) {
	t.Helper()
	c := small()
	for _, f := range set {
		f(&c)
	}
	l := newLayer(c, 1)
	architectures[name](&c, l)
	shareA(c, l)
	in := newInput(c, l)
	return c, l, in
}

// exact is a block in float64, as its architecture's paper or reference code defines it.
type exact struct {
	Config
	in Input
}

type matrix [][]float64

func (e exact) rows(x []float32, cols int) matrix {
	m := make(matrix, e.in.N)
	for i := range m {
		for _, v := range x[i*cols : (i+1)*cols] {
			m[i] = append(m[i], float64(v))
		}
	}
	return m
}

// linear is layer i with its bias and pair.
func (e exact) linear(x matrix, i int) matrix {
	l := e.in.Layer
	w, _ := l.Linear[i].Float32s()
	g := slices.IndexFunc(Members[:], func(m []int) bool { return slices.Contains(m, i) })
	a := l.A[g]
	if !e.SharedA {
		a = l.a(e.Config, i)
	}
	in, out := l.Linear[i].Cols, l.Linear[i].Rows
	y := make(matrix, len(x))
	for t, row := range x {
		xa := make([]float64, e.Rank)
		for r := range xa {
			for c := range in {
				xa[r] += row[c] * float64(a[r*in+c]) * float64(e.Scale)
			}
		}
		y[t] = make([]float64, out)
		for o := range y[t] {
			for c := range in {
				y[t][o] += row[c] * float64(w[o*in+c])
			}
			for r := range xa {
				y[t][o] += xa[r] * float64(l.B[i][o*e.Rank+r])
			}
			if e.Magnitudes {
				y[t][o] *= float64(l.B[i][out*e.Rank+o]) / float64(l.Length[i][o])
			}
			if l.Bias[i] != nil {
				y[t][o] += float64(l.Bias[i][o])
			}
		}
	}
	return y
}

// norm is RMSNorm of parts of width len(w).
func (e exact) norm(x matrix, w []float32) matrix {
	y := make(matrix, len(x))
	for t, row := range x {
		for part := range slices.Chunk(row, len(w)) {
			sum := 0.0
			for _, v := range part {
				sum += v * v
			}
			for c, v := range part {
				y[t] = append(y[t], v/math.Sqrt(sum/float64(len(w))+float64(e.Eps))*float64(w[c]))
			}
		}
	}
	return y
}

// rotate turns heads by the base of the rope in use, half-split or interleaved.
func (e exact) rotate(x matrix, base float64) matrix {
	d := e.HeadDim
	y := make(matrix, len(x))
	for t, row := range x {
		y[t] = make([]float64, len(row))
		for h := 0; h < len(row); h += d {
			for i := range d / 2 {
				a, b := h+i, h+i+d/2
				if e.Interleaved {
					a, b = h+2*i, h+2*i+1
				}
				s, c := math.Sincos(float64(e.in.Pos[t]) * math.Pow(base, -float64(2*i)/float64(d)))
				y[t][a], y[t][b] = row[a]*c-row[b]*s, row[b]*c+row[a]*s
			}
		}
	}
	return y
}

func (e exact) attention(q, k, v matrix) matrix {
	d, o := e.HeadDim, make(matrix, len(q))
	for t := range q {
		o[t] = make([]float64, e.Heads*d)
		first := int(e.in.Seg[t])
		if e.in.Layer.Local {
			first = max(first, t-e.Window+1)
		}
		for h := range e.Heads {
			kv := h / (e.Heads / e.KVHeads)
			p, sum := make([]float64, t+1), 0.0
			for j := first; j <= t; j++ {
				s := 0.0
				for c := range d {
					s += q[t][h*d+c] * k[j][kv*d+c]
				}
				s *= float64(e.AttentionScale)
				if cap := float64(e.AttentionCap); cap > 0 {
					s = cap * math.Tanh(s/cap)
				}
				p[j] = math.Exp(s)
				sum += p[j]
			}
			for j := first; j <= t; j++ {
				for c := range d {
					o[t][h*d+c] += p[j] / sum * v[j][kv*d+c]
				}
			}
		}
	}
	return o
}

func sum(a, b matrix) matrix {
	y := make(matrix, len(a))
	for t := range a {
		for c := range a[t] {
			y[t] = append(y[t], a[t][c]+b[t][c])
		}
	}
	return y
}

func (e exact) forward(base float64) matrix {
	l := e.in.Layer
	x := e.rows(e.in.X, e.Dim)
	n := e.norm(x, l.AttnNorm)
	q, k, v := e.linear(n, 0), e.linear(n, 1), e.linear(n, 2)
	if e.QKNorm {
		q, k = e.norm(q, l.QNorm), e.norm(k, l.KNorm)
	}
	if !l.Unrotated {
		q, k = e.rotate(q, base), e.rotate(k, base)
	}
	o := e.linear(e.attention(q, k, v), 3)
	if e.PostNorms {
		o = e.norm(o, l.PostAttnNorm)
	}
	h := sum(x, o)
	n = e.norm(h, l.FFNNorm)
	gate, up := e.linear(n, 4), e.linear(n, 5)
	for t := range gate {
		for c, g := range gate[t] {
			act := g / (1 + math.Exp(-g))
			if e.GELU {
				act = g / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(g+0.044715*g*g*g)))
			}
			gate[t][c] = act * up[t][c]
		}
	}
	down := e.linear(gate, 6)
	if e.PostNorms {
		down = e.norm(down, l.PostFFNNorm)
	}
	return sum(h, down)
}

// TestArchitectures: the block of every architecture gives float64's values, and its gradients float64's finite differences.
func TestArchitectures(t *testing.T) {
	for name := range architectures {
		for _, interleaved := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				c, l, in := architecture(t, name)
				c.Interleaved = interleaved
				base := 10000.0
				if l.Rope != nil {
					base = 100
				}
				b, e := build(t, c), exact{c, in}
				r := rand.New(rand.NewPCG(5, 6))
				dy := random(r, c.Rows*c.Dim, 1)
				y, err := b.Forward(in)
				if err != nil {
					t.Fatal(err)
				}
				for row, want := range e.forward(base) {
					for i, w := range want {
						if got := float64(y[row*c.Dim+i]); math.Abs(got-w) > 2e-5*(1+math.Abs(w)) {
							t.Fatalf("row %d, value %d is %g, want %g", row, i, got, w)
						}
					}
				}
				dx := make([]float32, c.Rows*c.Dim)
				if err := b.Backward(in, dx, slices.Clone(dy)); err != nil {
					t.Fatal(err)
				}
				loss := func() (sum float64) {
					for row, y := range e.forward(base) {
						for i, v := range y {
							sum += v * float64(dy[row*c.Dim+i])
						}
					}
					return sum
				}
				values, grads := append(l.values(), in.X[:in.N*c.Dim]), append(clone(l.grads()), dx)
				for n := range 60 {
					k := n % len(values)
					i := r.IntN(len(values[k]))
					const step = 1.0 / 1024
					was := values[k][i]
					values[k][i] = was + step
					up, from := loss(), values[k][i]
					values[k][i] = was - step
					want := (up - loss()) / float64(from-values[k][i])
					values[k][i] = was
					if got := float64(grads[k][i]); math.Abs(want-got) > 2e-4*(1+math.Abs(want)) {
						t.Errorf("value %d of %d: gradient is %g, float64's difference %g", i, k, got, want)
					}
				}
			})
		}
	}
}

// TestArchitecturesAgain: every tier gives the bits of keeping all values, with pairs and with magnitudes, with dropout and where the
// gradients of queries, keys and values find no place in those of gate and up; and what a block will allocate is known.
func TestArchitecturesAgain(t *testing.T) {
	for name := range architectures {
		for _, ff := range []int{40, 56} {
			for _, dropout := range []float64{0, 0.3} {
				t.Run(fmt.Sprintf("%s, %d, %g", name, ff, dropout), func(t *testing.T) {
					var want [][]float32
					for _, selective := range []bool{false, true} {
						c, l, in := architecture(t, name, func(c *Config) { c.FF, c.Dropout, c.Selective = ff, dropout, selective })
						in.Key = 7
						b := build(t, c)
						for _, way := range []string{"kept", "kept, scratch lost", "computed again"} {
							got := gradients(t, b, in, l, way)
							if want == nil {
								want = got
							}
							for i := range want {
								if !slices.Equal(got[i], want[i]) {
									t.Errorf("selective %v, %s: value %d differs", selective, way, i)
								}
							}
						}
						own, scratch := b.Bytes()
						wantOwn, wantScratch := c.Bytes()
						if own != wantOwn || scratch != wantScratch {
							t.Errorf("selective %v: allocated %d and %d, predicted %d and %d", selective, own, scratch, wantOwn, wantScratch)
						}
					}
				})
			}
		}
	}
}

// gradients are those of a layer's pairs and of its input, whatever the buffers held before.
func gradients(t *testing.T, b *Block, in Input, l *Layer, way string) [][]float32 {
	t.Helper()
	l.zero()
	if way != "computed again" {
		if _, err := b.Forward(in); err != nil {
			t.Fatal(err)
		}
	}
	if way != "kept" { // others' blocks had the scratch meanwhile
		b.scratch.holder = nil
		for _, s := range b.scratch.buffers {
			for i := range s.Float32s() {
				s.Float32s()[i] = float32(math.NaN())
			}
		}
	}
	dx := random(rand.New(rand.NewPCG(1, 2)), b.cfg.Rows*b.cfg.Dim, 1)
	if err := b.Backward(in, dx, dx); err != nil {
		t.Fatal(err)
	}
	if b.intact != (way == "kept") {
		t.Errorf("%s: what lies in scratch is taken for intact: %v", way, b.intact)
	}
	return append(clone(l.grads()), dx[:in.N*b.cfg.Dim])
}
