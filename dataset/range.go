package dataset

import (
	"fmt"
	"math"
)

// A Range sums up a number over rows.
type Range struct {
	Count     int64   `json:"count"`
	Min       float64 `json:"min"`
	Max       float64 `json:"max"`
	Mean      float64 `json:"mean"`
	Sum       string  `json:"sum,omitempty"`       // exact, as a hexadecimal fraction with a binary exponent
	Histogram *Sketch `json:"histogram,omitempty"` // nil in statistics of an earlier version

	exact *exactSum
}

// add takes one value; those that are not finite are left out.
func (r *Range) add(v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return
	}
	if r.exact == nil {
		r.exact, r.Histogram = &exactSum{}, &Sketch{}
	}
	if r.Count == 0 {
		r.Min, r.Max = v, v
	}
	r.Count++
	r.Min, r.Max = min(r.Min, v), max(r.Max, v)
	r.exact.add(v)
	r.Histogram.Add(v)
}

// seal sets the mean and the sum.
func (r *Range) seal() {
	if r.exact == nil || r.Count == 0 {
		return
	}
	r.Sum = r.exact.text()
	r.Mean = r.exact.mean(r.Count)
}

// open makes what was stored ready to be added to.
func (r *Range) open() error {
	if r.exact != nil || r.Count == 0 {
		return nil
	}
	if r.Sum == "" || r.Histogram == nil {
		return fmt.Errorf("they were written by an earlier version, which kept too little to merge them: publish the dataset again: %w", ErrMalformed)
	}
	r.exact = &exactSum{}
	return r.exact.parse(r.Sum)
}

// merge adds the values of another range.
func (r *Range) merge(o *Range) error {
	other := *o
	if err := other.open(); err != nil || other.Count == 0 {
		return err
	}
	if err := r.open(); err != nil {
		return err
	}
	if r.Count == 0 {
		r.Min, r.Max, r.exact, r.Histogram = other.Min, other.Max, &exactSum{}, &Sketch{}
	}
	r.Count += other.Count
	r.Min, r.Max = min(r.Min, other.Min), max(r.Max, other.Max)
	r.exact.merge(other.exact)
	r.Histogram.Merge(other.Histogram)
	r.seal()
	return nil
}

// Quantile returns the value that q of all are not above, within the histogram's error and from Min to Max; the mean where there is no
// histogram.
func (r *Range) Quantile(q float64) float64 {
	if r.Histogram == nil {
		return r.Mean
	}
	return min(max(r.Histogram.Quantile(q), r.Min), r.Max)
}

// Bars counts the values in at most n bars of equal width from Min to Max, or, where the greatest is over 50 times the median and none is
// below 0, of widths that grow by one factor. A bucket of the histogram that two bars share is parted by width. Nil where there is nothing
// to draw.
func (r *Range) Bars(n int) []Bucket {
	if r.Histogram == nil || r.Count == 0 || n < 1 || r.Min == r.Max {
		return nil
	}
	edges := r.edges(n)
	bars := make([]Bucket, n)
	parts := make([]float64, n)
	for _, b := range r.Histogram.Buckets() {
		low, high := max(b.Low, r.Min), min(b.High, r.Max)
		for i := range n {
			from, to := max(low, edges[i]), min(high, edges[i+1])
			switch {
			case low >= high:
				if low >= edges[i] && (low < edges[i+1] || i == n-1) {
					parts[i] += float64(b.Count)
				}
			case to > from:
				parts[i] += float64(b.Count) * (to - from) / (high - low)
			}
		}
	}
	sum, said := 0.0, int64(0)
	for i, p := range parts { // rounded so that they add up
		sum += p
		count := int64(math.Round(sum)) - said
		said += count
		bars[i] = Bucket{edges[i], edges[i+1], count}
	}
	return bars
}

// edges are the ends of n bars.
func (r *Range) edges(n int) []float64 {
	edges := make([]float64, n+1)
	grow := r.Min >= 0 && r.Max > 50*r.Quantile(0.5) && r.Max > 1
	start := max(r.Min, min(1, r.Max/1e6))
	for i := range edges {
		f := float64(i) / float64(n)
		if edges[i] = r.Min + (r.Max-r.Min)*f; grow {
			edges[i] = start * math.Pow(r.Max/start, f)
		}
	}
	edges[0], edges[n] = r.Min, r.Max
	return edges
}
