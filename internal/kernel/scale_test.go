package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestMagnitude holds stretched rows and their gradients to float64's, for shapes with loose ends and a row of zeros, in place and
// not, whatever the number of threads.
func TestMagnitude(t *testing.T) {
	defer SetThreads(0)
	for _, threads := range []int{1, 2, 7} {
		SetThreads(threads)
		magnitude(t)
	}
}

func magnitude(t *testing.T) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	values := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		return x
	}
	for _, shape := range [][2]int{{0, 3}, {1, 1}, {3, 64}, {5, 65}, {40, 129}, {7, 300}} {
		n, d := shape[0], shape[1]
		z, m, length, bias, dy := values(n*d), values(d), values(d), values(d), values(n*d)
		length[d/2] = 0
		y := values(n * d)
		before := append([]float32{}, y...)
		Magnitude(y, z, m, length, bias, n, true)
		dz, dm := append([]float32{}, dy...), make([]float32, d)
		MagnitudeBackward(dz, dm, dz, z, m, length, n)
		place := append([]float32{}, z...)
		Magnitude(place, place, m, length, nil, n, false)
		scaled := append([]float32{}, z...)
		MulRow(scaled, m, n)
		for i := range d {
			gain, sum := 0.0, 0.0
			if length[i] != 0 {
				gain = float64(m[i]) / float64(length[i])
			}
			for at := i; at < n*d; at += d {
				near(t, y[at], float64(before[at])+gain*float64(z[at])+float64(bias[i]))
				near(t, place[at], gain*float64(z[at]))
				near(t, dz[at], gain*float64(dy[at]))
				near(t, scaled[at], float64(m[i])*float64(z[at]))
				sum += float64(dy[at]) * float64(z[at])
			}
			if length[i] == 0 {
				sum = 0
			} else {
				sum /= float64(length[i])
			}
			near(t, dm[i], sum)
		}
	}
}

func near(t *testing.T, got float32, want float64) {
	t.Helper()
	if math.Abs(float64(got)-want) > 1e-5*(1+math.Abs(want)) {
		t.Errorf("got %g, want %g", got, want)
	}
}
