package dataset_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"temper/dataset"
)

// TestNoLeakage: over random clusters and fields, no cluster is on both sides; of every value about the asked share is held out; the
// order of the rows changes nothing.
func TestNoLeakage(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 7))
		rows := languages(seed, map[string]int{"de": r.IntN(400), "en": 1 + r.IntN(2000), "fr": r.IntN(3), "pl": r.IntN(40)})
		percent := 1 + 40*r.Float64()
		var first map[string]string
		for range 2 {
			s, err := dataset.Stratify(each(rows), "language", percent, seed)
			if err != nil {
				t.Fatal(err)
			}
			side, held, all := map[string]string{}, map[string]float64{}, map[string]float64{}
			for _, row := range rows {
				c := dataset.ClusterOf(row)
				split := s.Of(c)
				if was, ok := side[c]; ok && was != split {
					t.Fatalf("seed %d: cluster %s is in %s and %s", seed, c, was, split)
				}
				side[c] = split
				language := row.Signals["language"].(string)
				all[language]++
				if split == dataset.Test {
					held[language]++
				}
			}
			if got, want := held["en"], all["en"]*percent/100; all["en"] > 500 && math.Abs(got-want) > 0.1*all["en"]+10 {
				t.Errorf("seed %d: %.0f rows of %.0f are held out, want %.0f", seed, got, all["en"], want)
			}
			if first == nil {
				first = side
			} else if fmt.Sprint(first) != fmt.Sprint(side) {
				t.Errorf("seed %d: another order is another split", seed)
			}
			r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		}
	}
}

// TestStrata: without clusters every value has exactly its share held out, and all values together have theirs, however few rows each has.
func TestStrata(t *testing.T) {
	var rows []dataset.Row
	for i := range 1000 {
		rows = append(rows, dataset.Row{Record: dataset.Record{ID: fmt.Sprint(i), Meta: dataset.Meta{"kind": fmt.Sprint(i % 100)}}})
	}
	for _, tt := range []struct {
		field string
		least int
	}{{"meta.kind", 19}, {"meta.none", 20}} {
		s, err := dataset.Stratify(each(rows), tt.field, 2, 0)
		if err != nil {
			t.Fatal(err)
		}
		held := 0
		for _, row := range rows {
			if s.Of(row.ID) == dataset.Test {
				held++
			}
		}
		if held < tt.least || held > 20 {
			t.Errorf("by %s: %d of 1000 rows are held out", tt.field, held)
		}
	}
}
