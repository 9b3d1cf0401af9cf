package dedup

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"temper/dataset"
)

// read decodes a JSON file of the shared data.
func read[T any](t *testing.T, path ...string) (v T) {
	t.Helper()
	b, err := os.ReadFile(shared(t, path...))
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestMcCormick: of McCormick's collections of news all pairs that are said to be near duplicates are found, and no other one.
func TestMcCormick(t *testing.T) {
	for _, n := range []int{100, 1000, 2500} {
		b, err := os.ReadFile(shared(t, "minhash-mccormick", fmt.Sprintf("articles_%d.truth", n)))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{}
		for line := range strings.Lines(string(b)) {
			if pair := strings.Fields(line); len(pair) == 2 {
				slices.Sort(pair)
				want[strings.Join(pair, " ")] = true
			}
		}
		for _, o := range []Near{{Similarity: 0.5}, {Similarity: 0.5, Unit: unitTokens}, {Similarity: 0.5, Unit: unitCharacters}, {Similarity: 0.5, Shingle: 3, Keep: "first"}} {
			right, wrong := 0, 0
			for _, c := range clustersOf(t, articles(t, n), o) {
				pair := []string{c.ID, c.Keeper}
				slices.Sort(pair)
				switch {
				case c.ID == c.Keeper:
				case want[strings.Join(pair, " ")]:
					right++
				default:
					wrong++
				}
			}
			t.Logf("%d articles, %s: %d of %d true pairs, %d others", n, or(o.Unit, "words"), right, len(want), wrong)
			if right != len(want) || wrong != 0 {
				t.Errorf("%d articles, %+v: %d of %d true pairs, %d others", n, o, right, len(want), wrong)
			}
		}
	}
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// articles are McCormick's.
func articles(t testing.TB, n int) []dataset.Record {
	t.Helper()
	b, err := os.ReadFile(shared(t, "minhash-mccormick", fmt.Sprintf("articles_%d.train", n)))
	if err != nil {
		t.Fatal(err)
	}
	var out []dataset.Record
	for line := range strings.Lines(string(b)) {
		id, text, _ := strings.Cut(line, " ")
		out = append(out, dataset.Record{ID: id, Text: strings.TrimSpace(text)})
	}
	return out
}

// TestSCurves: the probabilities of other tools' bands and rows, and what we would choose for the similarities they are meant for.
func TestSCurves(t *testing.T) {
	type preset struct {
		Preset      string
		Bands, Rows int
		P           map[string]float64
	}
	right, all := 0, 0
	for _, p := range read[[]preset](t, "vectors", "lsh_s_curves.json") {
		for s, want := range p.P {
			var similarity float64
			if _, err := fmt.Sscan(s, &similarity); err != nil {
				t.Fatal(err)
			}
			all++
			if got := SCurve(p.Bands, p.Rows, similarity); math.Abs(got-want) <= 0.00005+1e-9 {
				right++
			} else {
				t.Errorf("%s, %d bands of %d, similarity %s: %.5f, want %.4f", p.Preset, p.Bands, p.Rows, s, got, want)
			}
		}
	}
	t.Logf("%d of %d", right, all)
}

// TestIntervals: spans that overlap or touch are cut as one, as text-dedup merges them by its strategy "overlapping"; its other
// strategy, which leaves out spans within longer ones, gives the same bytes to cut.
func TestIntervals(t *testing.T) {
	type vectors struct {
		Cases []struct {
			In, Out  [][2]int
			Strategy string
		}
	}
	v := read[vectors](t, "vectors", "textdedup_intervals.json")
	right := 0
	for _, c := range v.Cases {
		covered := func(spans [][2]int) (out [32]bool) {
			for _, s := range spans {
				for i := s[0]; i < s[1]; i++ {
					out[i] = true
				}
			}
			return out
		}
		var spans []span
		for _, s := range c.In {
			spans = append(spans, span{s[0], s[1]})
		}
		var got [][2]int
		for _, s := range joined(spans) {
			got = append(got, [2]int{s.from, s.to})
		}
		if covered(got) == covered(c.Out) && (c.Strategy != "overlapping" || slices.Equal(got, c.Out)) {
			right++
		} else {
			t.Errorf("%v: %v, want %v", c.In, got, c.Out)
		}
	}
	t.Logf("%d of %d", right, len(v.Cases))
}

// TestDaft: texts that have equal signatures in Daft have equal ones here, where Daft's words, fields between single spaces, are ours.
func TestDaft(t *testing.T) {
	type vectors struct {
		Series []*string
		Cases  []struct {
			NgramSize int `json:"ngram_size"`
			Seed      uint64
			Expected  [][]uint64
		}
	}
	v := read[vectors](t, "vectors", "daft_minhash.json")
	right, pairs := 0, 0
	for _, c := range v.Cases {
		o := Near{Shingle: c.NgramSize, Seed: c.Seed, Unit: unitTokens}.WithDefaults()
		for i, a := range v.Series {
			for j, b := range v.Series[:i] {
				if a == nil || b == nil {
					continue
				}
				x, y := newSigner(o).sign(dataset.Record{Text: *a}), newSigner(o).sign(dataset.Record{Text: *b})
				pairs++
				same := slices.Equal(c.Expected[i], c.Expected[j])
				if ours := slices.Equal(x.Bands, y.Bands); ours == same || strings.TrimSpace(*a) == "" && strings.TrimSpace(*b) == "" {
					right++
				} else {
					t.Logf("seed %d: %q and %q: Daft %v, here %v", c.Seed, *a, *b, same, ours)
				}
			}
		}
	}
	t.Logf("%d of %d pairs", right, pairs)
	if right < pairs-1 { // Daft's case of one 1-gram and one value has two texts collide that share but one word
		t.Errorf("%d of %d pairs", right, pairs)
	}
}

// TestToolformer: of real instruction rows, of all pairs that are as similar as 0.9 and 0.7, as many as the S-curve promises are in
// a cluster together, and each row dropped is like its keeper.
func TestToolformer(t *testing.T) {
	recs := toolformer(t)
	for _, s := range []float64{0.9, 0.7} {
		o := Near{Similarity: s}.WithDefaults()
		sets := map[string][]uint64{}
		signer := newSigner(o)
		for _, r := range recs {
			sets[r.ID] = slices.Clone(signer.shingleSet(r))
		}
		clusters := clustersOf(t, recs, o)
		of, kept := map[string]Cluster{}, len(recs)
		for _, c := range clusters {
			of[c.ID] = c
			if c.Keeper != c.ID {
				kept--
				if got := jaccard(sets[c.ID], sets[c.Keeper]); got < s || got != c.Similarity {
					t.Fatalf("%s goes for %s at %v, said to be %v", c.ID, c.Keeper, got, c.Similarity)
				}
			}
		}
		there, found := 0, 0
		for i := 0; i < len(recs); i += 20 {
			for j := range i {
				a, b := sets[recs[i].ID], sets[recs[j].ID]
				if float64(min(len(a), len(b))) < s*float64(max(len(a), len(b))) || jaccard(a, b) < s {
					continue
				}
				if there++; of[recs[i].ID].Cluster != "" && of[recs[i].ID].Cluster == of[recs[j].ID].Cluster {
					found++
				}
			}
		}
		t.Logf("similarity %.1f: %d of %d rows kept, %d in chains; %d of %d pairs of every twentieth row with those before it in one cluster", s, kept, len(recs), Chained(clusters), found, there)
		if there < 3 || float64(found) < wantedRecall*float64(there) {
			t.Errorf("similarity %.1f: %d of %d pairs", s, found, there)
		}
	}
}
