package eval

import "math"

// An Interval is the 95 % confidence interval of a share or of a difference of shares.
type Interval [2]float64

const z = 1.959963984540054 // the normal distribution's 97.5 % quantile

// wilson is the interval of a share of right of n (Wilson 1927, doi:10.1080/01621459.1927.10502953).
func wilson(right, n int) Interval {
	p, m := float64(right)/float64(n), float64(n)
	mid := (p + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return Interval{max(0, mid-half), min(1, mid+half)}
}

// paired is the interval of the difference of two shares over the same n items, of which the second has gained and lost so many
// (Agresti and Min 2005, doi:10.1002/sim.1781: Wald's, with half an item added to each of the four cells).
func paired(gained, lost, n int) Interval {
	b, c, m := float64(gained)+0.5, float64(lost)+0.5, float64(n)+2
	d := (b - c) / m
	half := z * math.Sqrt(b+c-(b-c)*(b-c)/m) / m
	return Interval{max(-1, d-half), min(1, d+half)}
}

// mcnemar is the probability, if neither were better, that of gained+lost items so uneven a part falls to one side: the exact,
// two-sided test (McNemar 1947, doi:10.1007/BF02295996).
func mcnemar(gained, lost int) float64 {
	n, few := gained+lost, min(gained, lost)
	sum := 0.0
	for k := range few + 1 {
		sum += math.Exp(choose(n, k) - float64(n)*math.Ln2)
	}
	return min(1, 2*sum)
}

// choose is the logarithm of the number of ways to take k of n.
func choose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
