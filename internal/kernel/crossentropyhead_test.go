package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"temper/internal/quant"
)

// TestCrossEntropyHead holds the gradient of the head to float64's, added to what is there, with and without a cap; the others do not
// change by it, nor with the number of threads.
func TestCrossEntropyHead(t *testing.T) {
	defer SetThreads(0)
	const n, vocab, d, scale = 9, 37, 24, 0.5
	r := rand.New(rand.NewPCG(1, 2))
	values := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		return x
	}
	w, h, weights := values(vocab*d), values(n*d), values(n)
	targets := make([]int32, n)
	for i := range targets {
		targets[i] = int32(i * 5 % vocab)
	}
	head := quant.F32Tensor("head", vocab, d, w)
	for _, cap := range []float32{0, 3} {
		var first []float32
		for _, threads := range []int{1, 2, 7} {
			SetThreads(threads)
			loss, dh, dhead := make([]float32, n), make([]float32, n*d), make([]float32, vocab*d)
			for i := range dhead {
				dhead[i] = 1
			}
			CrossEntropyHead(dh, dhead, loss, h, targets, weights, n, head, scale, cap)
			if first == nil {
				first = dhead
			}
			if !slices.Equal(dhead, first) {
				t.Errorf("cap %g: %d threads give other bytes", cap, threads)
			}
			loss2, dh2 := make([]float32, n), make([]float32, n*d)
			if CrossEntropy(dh2, loss2, h, targets, weights, n, head, scale, cap); !slices.Equal(loss, loss2) || !slices.Equal(dh, dh2) {
				t.Errorf("cap %g: the head's gradient changes the others", cap)
			}
		}
		want := make([]float64, vocab*d)
		for i := range n {
			logits, bend, sum := make([]float64, vocab), make([]float64, vocab), 0.0
			for v := range vocab {
				for c := range d {
					logits[v] += float64(w[v*d+c]) * float64(h[i*d+c])
				}
				if bend[v] = 1; cap > 0 {
					tanh := math.Tanh(logits[v] / float64(cap))
					logits[v], bend[v] = float64(cap)*tanh, 1-tanh*tanh
				}
				sum += math.Exp(logits[v])
			}
			for v := range vocab {
				g := math.Exp(logits[v]) / sum
				if v == int(targets[i]) {
					g--
				}
				for c := range d {
					want[v*d+c] += scale * float64(weights[i]) * g * bend[v] * float64(h[i*d+c])
				}
			}
		}
		for i, v := range first {
			if math.Abs(float64(v)-1-want[i]) > 1e-4 {
				t.Fatalf("cap %g: gradient %d is %g, want %g", cap, i, v-1, want[i])
			}
		}
	}
}
