package dedup

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"temper/dataset"
)

func all(recs []dataset.Record) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for _, r := range recs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func texted(texts ...string) []dataset.Record {
	var out []dataset.Record
	for i, t := range texts {
		out = append(out, dataset.Record{ID: fmt.Sprintf("r%d", i), Text: t})
	}
	return out
}

func notes(t testing.TB, in dataset.Notes) []dataset.Note {
	t.Helper()
	var out []dataset.Note
	for n, err := range in {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// dropped are the IDs of the records that notes drop, with the detail.
func dropped(t testing.TB, in dataset.Notes) []string {
	t.Helper()
	var out []string
	for _, n := range notes(t, in) {
		if v := n.Verdict(); v != nil {
			out = append(out, n.ID+"<"+v.Detail)
		}
	}
	return out
}

func TestExactKeepsTheFirst(t *testing.T) {
	recs := texted("a b", "c", "A  b", "a b", "c")
	if got, want := dropped(t, ExactNotes(all(recs), Exact{})), []string{"r3<r0", "r4<r1"}; !slices.Equal(got, want) {
		t.Errorf("exact: %v, want %v", got, want)
	}
	if got, want := dropped(t, ExactNotes(all(recs), Exact{Normalize: true})), []string{"r2<r0", "r3<r0", "r4<r1"}; !slices.Equal(got, want) {
		t.Errorf("normalized: %v, want %v", got, want)
	}
	turns := []dataset.Record{{ID: "a", Messages: []dataset.Message{{Role: "user", Content: "x"}}}, {ID: "b", Messages: []dataset.Message{{Role: "assistant", Content: "x"}}}}
	if got := dropped(t, ExactNotes(all(turns), Exact{})); got != nil {
		t.Errorf("turns of other roles are equal: %v", got)
	}
}

// sentence makes n words of a vocabulary.
func sentence(r *rand.Rand, n int) []string {
	w := make([]string, n)
	for i := range w {
		w[i] = fmt.Sprintf("w%d", r.IntN(5000))
	}
	return w
}

// corpus makes records among which are near duplicates of several degrees.
func corpus(seed uint64, n int) []dataset.Record {
	r := rand.New(rand.NewPCG(seed, 1))
	var texts []string
	for len(texts) < n {
		w := sentence(r, 30+r.IntN(100))
		texts = append(texts, strings.Join(w, " "))
		for range r.IntN(4) {
			v := slices.Clone(w)
			for range r.IntN(12) {
				v[r.IntN(len(v))] = "changed"
			}
			texts = append(texts, strings.Join(v, " "))
		}
	}
	return texted(texts[:n]...)
}

func clustersOf(t testing.TB, recs []dataset.Record, o Near) []Cluster {
	t.Helper()
	c, err := NearClusters(all(recs), Sign(all(recs), o, 1), o, &Memory{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// trueJaccard compares two records by their shingles.
func trueJaccard(a, b dataset.Record, o Near) float64 {
	s := newSigner(o.WithDefaults())
	x := slices.Clone(s.shingleSet(a))
	return jaccard(x, s.shingleSet(b))
}

// TestPrecisionAndRecall: nothing below the threshold is dropped, and of the pairs above it the S-curve's share is found.
func TestPrecisionAndRecall(t *testing.T) {
	o := Near{Similarity: 0.7, Keep: "first"}.WithDefaults()
	found, there := 0, 0
	for seed := range uint64(5) {
		recs := corpus(seed, 300)
		cluster := map[string]Cluster{}
		for _, c := range clustersOf(t, recs, o) {
			cluster[c.ID] = c
		}
		shingles := map[string][]uint64{}
		signer := newSigner(o)
		for _, r := range recs {
			shingles[r.ID] = slices.Clone(signer.shingleSet(r))
		}
		for id, c := range cluster {
			if got := jaccard(shingles[id], shingles[c.Keeper]); got < o.Similarity || math.Abs(got-c.Similarity) > 1e-12 {
				t.Fatalf("%s dropped for %s at %v, said to be %v", id, c.Keeper, got, c.Similarity)
			}
		}
		for i := range recs {
			for j := range i {
				if jaccard(shingles[recs[i].ID], shingles[recs[j].ID]) >= o.Similarity {
					there++
					a, b := cluster[recs[i].ID], cluster[recs[j].ID]
					if a.Cluster != "" && a.Cluster == b.Cluster {
						found++
					}
				}
			}
		}
	}
	if there < 200 {
		t.Fatalf("only %d pairs planted", there)
	}
	if recall := float64(found) / float64(there); recall < wantedRecall-0.02 {
		t.Errorf("recall %.3f of %d pairs, promised at least %.2f", recall, there, wantedRecall)
	}
}

// values are a record's MinHash values.
func values(rec dataset.Record, o Near) []uint64 {
	s := newSigner(o)
	s.hashShingles(rec)
	return slices.Clone(s.sketcher.sketch(s.set))
}

// TestEstimate: equal bins have the probability of the Jaccard similarity, within the binomial bound.
func TestEstimate(t *testing.T) {
	o := Near{Similarity: 0.8}.WithDefaults()
	r := rand.New(rand.NewPCG(3, 4))
	for _, changes := range []int{1, 5, 20, 60} {
		same, bins, truth := 0, 0, 0.0
		const rounds = 40
		for range rounds {
			w := sentence(r, 400)
			v := slices.Clone(w)
			for range changes {
				v[r.IntN(len(v))] = "changed"
			}
			a, b := dataset.Record{ID: "a", Text: strings.Join(w, " ")}, dataset.Record{ID: "b", Text: strings.Join(v, " ")}
			x, y := values(a, o), values(b, o)
			for i := range x {
				bins++
				if x[i] == y[i] {
					same++
				}
			}
			truth += trueJaccard(a, b, o) / rounds
		}
		got, bound := float64(same)/float64(bins), 4*math.Sqrt(truth*(1-truth)/float64(bins))
		if math.Abs(got-truth) > bound+0.01 {
			t.Errorf("%d changes: estimate %.4f, true %.4f ± %.4f", changes, got, truth, bound)
		}
	}
}

// TestShards: the clusters do not depend on how the records were cut into shards.
func TestShards(t *testing.T) {
	recs, o := corpus(9, 500), Near{}.WithDefaults()
	want := clustersOf(t, recs, o)
	if len(want) < 50 {
		t.Fatalf("only %d records in clusters", len(want))
	}
	for _, shards := range []int{2, 7} {
		var files []*bytes.Buffer
		for i := range shards {
			var b bytes.Buffer
			if _, err := WriteSignatures(&b, Sign(all(recs[i*len(recs)/shards:(i+1)*len(recs)/shards]), o, 1), o); err != nil {
				t.Fatal(err)
			}
			files = append(files, &b)
		}
		joined := func(yield func(Signature, error) bool) {
			for _, f := range files {
				for s, err := range ReadSignatures(bytes.NewReader(f.Bytes()), o) {
					if !yield(s, err) || err != nil {
						return
					}
				}
			}
		}
		got, err := NearClusters(all(recs), iter.Seq2[Signature, error](joined), o, &Memory{})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d shards: other clusters (%d, not %d), %v", shards, len(got), len(want), err)
		}
	}
}

// TestOrder: in any order of the records the same ones are in one cluster; and each is kept, or its keeper is: the best by rank, then
// by order, of those it is like.
func TestOrder(t *testing.T) {
	recs, o := corpus(11, 300), Near{Keep: "first"}.WithDefaults()
	partition := func(recs []dataset.Record) string {
		members := map[string][]string{}
		at := map[string]int{}
		for i, r := range recs {
			at[r.ID] = i
		}
		keeper := map[string]string{}
		for _, c := range clustersOf(t, recs, o) {
			members[c.Cluster] = append(members[c.Cluster], c.ID)
			keeper[c.ID] = c.Keeper
		}
		for id, k := range keeper {
			if keeper[k] != k || at[k] > at[id] {
				t.Errorf("%s goes for %s, which is not kept or comes later", id, k)
			}
		}
		var out []string
		for _, m := range members {
			slices.Sort(m)
			out = append(out, strings.Join(m, " "))
		}
		slices.Sort(out)
		return strings.Join(out, "\n")
	}
	want := partition(recs)
	r := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		r.Shuffle(len(recs), func(i, j int) { recs[i], recs[j] = recs[j], recs[i] })
		if got := partition(recs); got != want {
			t.Errorf("another order, other clusters:\n%s\nwant\n%s", got, want)
		}
	}
}

// TestChain: A~B~C with A≁C. B goes for the first keeper; C is no duplicate of it and stays, in the same cluster.
func TestChain(t *testing.T) {
	w := sentence(rand.New(rand.NewPCG(5, 6)), 60)
	b, c := slices.Clone(w), []string(nil)
	for i := range 4 {
		b[i] = "beta"
	}
	c = slices.Clone(b)
	for i := range 4 {
		c[len(c)-1-i] = "gamma"
	}
	recs := texted(strings.Join(w, " "), strings.Join(b, " "), strings.Join(c, " "))
	o := Near{Similarity: 0.8, Keep: "first"}.WithDefaults()
	if ab, bc, ac := trueJaccard(recs[0], recs[1], o), trueJaccard(recs[1], recs[2], o), trueJaccard(recs[0], recs[2], o); ab < 0.8 || bc < 0.8 || ac >= 0.8 {
		t.Fatalf("not a chain: %.2f %.2f %.2f", ab, bc, ac)
	}
	got := clustersOf(t, recs, o)
	if len(got) != 3 || got[1].Keeper != "r0" || got[2].Keeper != "r2" || got[2].Cluster != "r0" {
		t.Errorf("%+v", got)
	}
	if d := dropped(t, NearNotes(all(recs), got, o)); !slices.Equal(d, []string{"r1<r0"}) {
		t.Errorf("dropped %v", d)
	}
}

// TestKeepers: the longest, the first or the best of a field is kept.
func TestKeepers(t *testing.T) {
	w := sentence(rand.New(rand.NewPCG(7, 8)), 100)
	recs := texted(strings.Join(w, " "), strings.Join(w, " ")+" more", strings.Join(w, " "))
	for i, stars := range []string{"1", "2", "30"} {
		recs[i].Meta = dataset.Meta{"stars": stars}
	}
	for keep, want := range map[string]string{"first": "r0", "longest": "r1", "best:stars": "r2"} {
		for _, c := range clustersOf(t, recs, Near{Keep: keep}) {
			if c.Keeper != want || c.Size != 3 {
				t.Errorf("%s: %+v, want keeper %s", keep, c, want)
			}
		}
	}
	if got := clustersOf(t, texted("two words", "Two, words!", "", ""), Near{}); len(got) != 2 {
		t.Errorf("short texts that are equal in words: %+v", got)
	}
}

func TestSCurve(t *testing.T) {
	for _, s := range []float64{0.3, 0.5, 0.7, 0.8, 0.9, 1} {
		o := Near{Similarity: s}
		if r := o.Recall(s); r < wantedRecall {
			b, n := o.Layout()
			t.Errorf("similarity %g: recall %.4f with %d bands of %d", s, r, b, n)
		}
	}
}

func TestEvals(t *testing.T) {
	long := "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
	items := []dataset.Record{{ID: "q1", Text: long}, {ID: "q2", Text: "What is the capital of France?"}, {ID: "q3", Text: "too short"}}
	e, err := NewEvals(all(items), Decontaminate{Against: []string{"x"}})
	if err != nil || e.Skipped() != 1 {
		t.Fatal(e.Skipped(), err)
	}
	recs := texted("before ONE two, three four five six seven eight nine ten eleven twelve thirteen after",
		"one two three four five six seven eight nine ten eleven twelve and no more", "He asked: what is the Capital of france?", "it is too short", "what is the capital of Spain?")
	got := dropped(t, e.Notes(all(recs), nil))
	want := []string{"r0<q1: ONE two, three four five six seven eight nine ten eleven twelve thirteen (question, 0.93 of " + long + ")",
		"r2<q2: what is the Capital of france (question, 1.00 of What is the capital of France?)"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzReadSignatures(f *testing.F) {
	o := Near{}.WithDefaults()
	var b bytes.Buffer
	if _, err := WriteSignatures(&b, Sign(all(texted("a b c", "")), o, 1), o); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, err := range ReadSignatures(bytes.NewReader(in), o) {
			if err != nil && !errors.Is(err, dataset.ErrMalformed) {
				t.Fatal(err)
			}
		}
	})
}
