package dataset

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// hard are numbers that sums and histograms must not stumble over.
var hard = []float64{0, math.Copysign(0, -1), 1, -1, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 1e-300, 0.1, 1e16, -1e16, 3}

// statRows are n random rows with signals, labels, sources and verdicts.
func statRows(seed uint64, n, values int) []Row {
	r := rand.New(rand.NewPCG(seed, 3))
	rows := make([]Row, n)
	for i := range rows {
		v := r.NormFloat64() * math.Exp(20*r.NormFloat64())
		if r.IntN(10) == 0 {
			v = hard[r.IntN(len(hard))]
		}
		rows[i] = Row{Record: Record{ID: fmt.Sprint(i), Text: fmt.Sprint(r.IntN(n)), Meta: Meta{"url": fmt.Sprintf("https://www.site%d.co.uk/a", r.IntN(values))},
			Source: Source{URI: fmt.Sprintf("f%d", r.IntN(values)), License: "MIT"}}, Signals: Signals{"score": v, "whole": float64(r.IntN(50)), "language": fmt.Sprint(r.IntN(values))}}
		if r.IntN(4) == 0 {
			rows[i].Verdict = &Check{Rule: fmt.Sprintf("rule%d", r.IntN(3)), Drop: true}
		}
	}
	return rows
}

func statsOf(rows []Row) Stats {
	s := Stats{SchemaVersion: SchemaVersion, Splits: map[string]*SplitStats{}}
	for _, r := range rows {
		s.split([]string{Train, Test}[len(r.ID)%2]).add(r)
	}
	s.seal()
	return s
}

func asJSON(t *testing.T, s Stats) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestStatsMerge: statistics of parts, stored and read back, merge in any order to those of the whole, to the byte.
func TestStatsMerge(t *testing.T) {
	for seed := range uint64(8) {
		rows := statRows(seed, 600, 90)
		want := asJSON(t, statsOf(rows))
		r := rand.New(rand.NewPCG(seed, 4))
		for range 3 {
			var parts []Stats
			for left := rows; len(left) > 0; {
				n := 1 + r.IntN(len(left))
				var part Stats
				if err := json.Unmarshal([]byte(asJSON(t, statsOf(left[:n]))), &part); err != nil {
					t.Fatal(err)
				}
				parts, left = append(parts, part), left[n:]
			}
			r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			var sum Stats
			for _, p := range parts {
				if err := sum.Merge(p); err != nil {
					t.Fatal(err)
				}
			}
			if got := asJSON(t, sum); got != want {
				t.Fatalf("seed %d, %d parts:\n%s\nwhole:\n%s", seed, len(parts), got, want)
			}
		}
	}
}

// TestQuantiles: a quantile is within the error that the histogram states.
func TestQuantiles(t *testing.T) {
	for seed := range uint64(5) {
		rows := statRows(seed, 2000, 9)
		var values []float64
		r := &Range{}
		for _, row := range rows {
			v := row.Signals["score"].(float64)
			values = append(values, v)
			r.add(v)
		}
		slices.Sort(values)
		for _, q := range []float64{0, 0.01, 0.25, 0.5, 0.75, 0.99, 1} {
			want := values[max(int(math.Ceil(q*float64(len(values)))), 1)-1]
			if got := r.Quantile(q); math.Abs(got-want) > r.Histogram.Error()*math.Abs(want)*1.0001+1e-300 {
				t.Errorf("seed %d: quantile %g is %g, want %g within %g", seed, q, got, want, r.Histogram.Error())
			}
		}
		if n := len(r.Histogram.Buckets()); n > maxBuckets {
			t.Errorf("%d buckets", n)
		}
	}
}

// TestBars: bars have every value once and cover the range.
func TestBars(t *testing.T) {
	for _, grow := range []float64{1, 20} {
		r := &Range{}
		g := rand.New(rand.NewPCG(1, 5))
		for range 1000 {
			r.add(math.Exp(grow * g.Float64()))
		}
		bars, sum := r.Bars(16), int64(0)
		for i, b := range bars {
			sum += b.Count
			if i > 0 && b.Low != bars[i-1].High {
				t.Errorf("bar %d begins at %g, the one before ends at %g", i, b.Low, bars[i-1].High)
			}
		}
		if sum != 1000 || bars[0].Low != r.Min || bars[15].High != r.Max {
			t.Errorf("%d values from %g to %g", sum, bars[0].Low, bars[15].High)
		}
	}
}

// TestDistinct: a count is within five standard errors, from none to many.
func TestDistinct(t *testing.T) {
	for _, n := range []int{0, 1, 10, 100, 3000, 100_000} {
		var d Distinct
		for i := range n {
			d.Add(fmt.Sprint(i))
			d.Add(fmt.Sprint(i / 2))
		}
		if got := float64(d.Count()); math.Abs(got-float64(n)) > 5*distinctError*float64(n) {
			t.Errorf("%d different texts: %.0f", n, got)
		}
	}
}

// TestTooManyValues: where a label has too many values, no count is above the true one or short by more than is said.
func TestTooManyValues(t *testing.T) {
	s, r, want := newSplitStats(), rand.New(rand.NewPCG(1, 6)), map[string]int64{}
	for range 60_000 {
		v := fmt.Sprint(int(math.Exp(10 * r.Float64())))
		want[v]++
		s.tally("language", s.label("language"), v, 1)
	}
	missed := s.Missed["language"]
	if missed == 0 || missed > 60_000/maxValues || len(s.Labels["language"]) > 2*maxValues {
		t.Errorf("%d missed, %d values", missed, len(s.Labels["language"]))
	}
	for v, n := range want {
		if got := s.Labels["language"][v]; got > n || got < n-missed {
			t.Errorf("%s: %d of %d, short by at most %d", v, got, n, missed)
		}
	}
}

// TestExactSum: sums are those of exact arithmetic in any order, and read back from their text.
func TestExactSum(t *testing.T) {
	var a, b exactSum
	for _, v := range hard {
		a.add(v)
	}
	for i := range hard {
		b.add(hard[len(hard)-1-i])
	}
	if a.text() != b.text() {
		t.Errorf("%s, backwards %s", a.text(), b.text())
	}
	var again exactSum
	if err := again.parse(a.text()); err != nil || again.text() != a.text() {
		t.Errorf("read back %s, %v, want %s", again.text(), err, a.text())
	}
	a.merge(&exactSum{})
	if got, want := a.mean(1), 3.1; got != want { // the large ones cancel, the small ones are too small
		t.Errorf("sum %g, want %g", got, want)
	}
	for _, bad := range []string{"", "x", "0x1p-2000", "0x1p+4000", "Inf"} {
		if err := again.parse(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
