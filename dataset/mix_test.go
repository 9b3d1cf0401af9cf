package dataset_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"temper/dataset"
)

// languages are rows of languages, so many of each, 10 to 200 bytes long, some in clusters.
func languages(seed uint64, of map[string]int) []dataset.Row {
	r := rand.New(rand.NewPCG(seed, 1))
	var rows []dataset.Row
	for _, language := range []string{"de", "en", "fr", "pl"} {
		for i := range of[language] {
			row := dataset.Row{Record: dataset.Record{ID: fmt.Sprintf("%s%d", language, i), Text: strings.Repeat("x", 10+r.IntN(191))}, Signals: dataset.Signals{"language": language}}
			if r.IntN(3) == 0 {
				row.Cluster = fmt.Sprintf("c%d", r.IntN(1+of[language]/4))
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func each(rows []dataset.Row) dataset.Rows {
	return func(yield func(dataset.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func textBytes(r dataset.Record) (int64, error) { return dataset.TextBytes(r), nil }

// mixed returns the ids of what a mix takes, sorted, and the mixture.
func mixed(t *testing.T, rows []dataset.Row, m dataset.Mix) ([]string, *dataset.Mixture) {
	t.Helper()
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	x, err := dataset.PlanMix(each(rows), m, "bytes", textBytes)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	sum := int64(0)
	for row, err := range x.Mixed(each(rows)) {
		if err != nil {
			t.Fatal(err)
		}
		c := row.Checks[len(row.Checks)-1]
		if drop := c.Value >= c.Threshold; c.Rule != "mix" || c.Drop != drop || (row.Verdict != nil) != drop {
			t.Fatalf("%s: check %+v, verdict %v", row.ID, c, row.Verdict)
		}
		if row.Verdict == nil {
			ids = append(ids, row.ID)
			sum += dataset.TextBytes(row.Record)
		}
	}
	if sum != x.Tokens {
		t.Errorf("%d bytes taken, %d said", sum, x.Tokens)
	}
	slices.Sort(ids)
	return ids, x
}

// TestMixKeepsAll: without weights, temperature or budgets every row is taken once.
func TestMixKeepsAll(t *testing.T) {
	rows := languages(1, map[string]int{"de": 100, "en": 300, "fr": 7})
	ids, x := mixed(t, rows, dataset.Mix{By: "language"})
	if len(ids) != len(rows) || x.Tokens != x.Wanted {
		t.Errorf("%d of %d rows, %d of %d bytes", len(ids), len(rows), x.Tokens, x.Wanted)
	}
}

// TestMixShares: groups come to their shares but for less than one row; temperature is n^(1/T); what a group may not be repeated for
// goes to the others; no budget is passed.
func TestMixShares(t *testing.T) {
	rows := languages(2, map[string]int{"de": 1000, "en": 4000, "fr": 100})
	const row = 210.0 // bytes of one at most
	tests := []struct {
		name string
		mix  dataset.Mix
		want func(sizes []float64) []float64 // de, en, fr
	}{
		{"weights", dataset.Mix{Groups: []dataset.Group{{Name: "de", Weight: 1}, {Name: "en", Weight: 3}}, Tokens: 40_000},
			func([]float64) []float64 { return []float64{10_000, 30_000} }},
		{"temperature", dataset.Mix{Temperature: 2, Tokens: 30_000}, func(n []float64) []float64 {
			a, b, c := math.Sqrt(n[0]), math.Sqrt(n[1]), math.Sqrt(n[2])
			return []float64{30_000 * a / (a + b + c), 30_000 * b / (a + b + c), 30_000 * c / (a + b + c)}
		}},
		{"at most so often", dataset.Mix{Groups: []dataset.Group{{Name: "fr", Weight: 1}, {Name: "en", Weight: 1}}, Tokens: 200_000, MaxEpochs: 1.5},
			func(n []float64) []float64 { return []float64{1.5 * n[2], 200_000 - 1.5*n[2]} }},
		{"a bound of its own", dataset.Mix{Groups: []dataset.Group{{Name: "en", Tokens: 5000}, {Name: "*"}}},
			func(n []float64) []float64 { return []float64{5000, n[0] + n[2]} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.mix.By = "language"
			sizes := make([]float64, 3)
			for _, r := range rows {
				sizes[slices.Index([]string{"de", "en", "fr"}, r.Signals["language"].(string))] += float64(dataset.TextBytes(r.Record))
			}
			_, x := mixed(t, rows, tt.mix)
			for i, want := range tt.want(sizes) {
				if got := float64(x.Groups[i].Taken); got > want+1 || got < want-row {
					t.Errorf("%s: %.0f bytes, want %.0f", x.Groups[i].Name, got, want)
				}
			}
			if x.Tokens > x.Wanted {
				t.Errorf("%d bytes of %d", x.Tokens, x.Wanted)
			}
		})
	}
}

// TestMixRepeats: a group is passed over as often as its share asks, no row more often than another by more than once, and copies stay in
// the row's cluster.
func TestMixRepeats(t *testing.T) {
	rows := languages(3, map[string]int{"de": 200, "en": 400})
	m := dataset.Mix{By: "language", Groups: []dataset.Group{{Name: "de", Weight: 1}, {Name: "en", Weight: 1}}, Tokens: 80_000}
	x, err := dataset.PlanMix(each(rows), m, "bytes", textBytes)
	if err != nil {
		t.Fatal(err)
	}
	times, clusters, seen := map[string]int{}, map[string]string{}, map[string]bool{}
	for row, err := range x.Mixed(each(rows)) {
		if err != nil {
			t.Fatal(err)
		}
		id, _, _ := strings.Cut(row.ID, "~")
		if seen[row.ID] {
			t.Errorf("%s is there twice", row.ID)
		}
		seen[row.ID] = true
		if c, ok := clusters[id]; ok && c != dataset.ClusterOf(row) {
			t.Errorf("%s: cluster %s and %s", id, c, dataset.ClusterOf(row))
		}
		clusters[id] = dataset.ClusterOf(row)
		if row.Verdict == nil && strings.HasPrefix(id, "de") {
			times[id]++
		}
	}
	least, most := len(rows), 0
	for _, n := range times {
		least, most = min(least, n), max(most, n)
	}
	if e := x.Groups[0].Epochs(); len(times) != 200 || e < 1.5 || e > 2.5 || least < int(e) || most > int(e)+1 {
		t.Errorf("%.2f epochs, %d rows %d to %d times", e, len(times), least, most)
	}
}

// TestMixOrder: the order of the rows and how they lie in shards change nothing.
func TestMixOrder(t *testing.T) {
	rows := languages(4, map[string]int{"de": 300, "en": 500})
	m := dataset.Mix{By: "language", Temperature: 3, Tokens: 20_000, Seed: 9}
	want, _ := mixed(t, rows, m)
	r := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		if got, _ := mixed(t, rows, m); !slices.Equal(got, want) {
			t.Fatal("another order is another sample")
		}
	}
}

// TestMixMoves: after a weight has moved, of every group the smaller of both samples is part of the larger.
func TestMixMoves(t *testing.T) {
	rows := languages(5, map[string]int{"de": 800, "en": 800, "fr": 800})
	take := func(weight float64) map[string][]string {
		ids, _ := mixed(t, rows, dataset.Mix{By: "language", Tokens: 60_000,
			Groups: []dataset.Group{{Name: "de", Weight: 2}, {Name: "en", Weight: weight}, {Name: "fr", Weight: 3}}})
		of := map[string][]string{}
		for _, id := range ids {
			of[id[:2]] = append(of[id[:2]], id)
		}
		return of
	}
	before, after := take(1), take(4)
	for _, language := range []string{"de", "en", "fr"} {
		small, large := before[language], after[language]
		if len(small) > len(large) {
			small, large = large, small
		}
		if len(small) == 0 || len(small) == len(large) {
			t.Errorf("%s: %d and %d rows", language, len(small), len(large))
		}
		for _, id := range small {
			if _, in := slices.BinarySearch(large, id); !in {
				t.Errorf("%s is in the smaller sample only", id)
			}
		}
	}
}

// TestMixRefuses: settings that cannot be meant are refused by name.
func TestMixRefuses(t *testing.T) {
	for want, m := range map[string]dataset.Mix{
		"by":          {By: "color"},
		"temperature": {By: "language", Temperature: -1},
		"tokens":      {By: "language", Tokens: -1},
		"max_epochs":  {By: "language", MaxEpochs: 101},
		"some have":   {By: "language", Groups: []dataset.Group{{Name: "a", Weight: 1}, {Name: "b"}}},
		"twice":       {By: "language", Groups: []dataset.Group{{Name: "a"}, {Name: "a"}}},
		"one of both": {By: "language", Temperature: 2, Groups: []dataset.Group{{Name: "a", Weight: 1}}},
	} {
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
