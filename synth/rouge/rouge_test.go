package rouge

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"temper/dataset"
)

// ask returns a record with an instruction.
func ask(id, instruction string) dataset.Record {
	return dataset.Record{ID: id, Messages: []dataset.Message{{Role: "system", Content: "be short"}, {Role: "user", Content: instruction}, {Role: "assistant", Content: "yes"}}}
}

func stream(recs []dataset.Record) dataset.Rows {
	return func(yield func(dataset.Row, error) bool) {
		for _, r := range recs {
			if !yield(dataset.Row{Record: r}, nil) {
				return
			}
		}
	}
}

// checks returns the one check of each record, the zero one where there is none; the order is learnt from so many records.
func checks(t testing.TB, recs []dataset.Record, threshold float64, sample int) (out []dataset.Check) {
	t.Helper()
	for row, err := range novel(stream(recs), "rouge", threshold, sample) {
		if err != nil {
			t.Fatal(err)
		}
		if row.ID != recs[len(out)].ID || len(row.Checks) > 1 || len(row.Checks) == 0 && row.Verdict != nil {
			t.Fatalf("row %+v of record %s", row, recs[len(out)].ID)
		}
		c := dataset.Check{}
		if len(row.Checks) == 1 {
			c = row.Checks[0]
		}
		if c.Drop != (row.Verdict != nil) || c.Drop && *row.Verdict != c {
			t.Fatalf("%s: check %v, verdict %v", row.ID, c, row.Verdict)
		}
		out = append(out, c)
	}
	if len(out) != len(recs) {
		t.Fatalf("%d rows of %d records", len(out), len(recs))
	}
	return out
}

// lcsTable is the length of the longest common subsequence by the table of all prefixes.
func lcsTable(a, b []uint64) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		diagonal := 0
		for j, y := range b {
			above := row[j+1]
			if x == y {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(row[j+1], row[j])
			}
			diagonal = above
		}
	}
	return row[len(b)]
}

// byDefinition compares each instruction with all that were kept before.
func byDefinition(recs []dataset.Record, threshold float64) (out []dataset.Check) {
	var kept [][]uint64
	var ids []string
	for _, rec := range recs {
		c := dataset.Check{Rule: "rouge", Op: "<", Threshold: threshold}
		w := words(instruction(rec))
		if len(w) == 0 {
			out = append(out, dataset.Check{})
			continue
		}
		for i, k := range kept {
			if s := score(lcsTable(w, k), len(w), len(k)); s >= threshold && s > c.Value {
				c.Value, c.Drop, c.Detail = s, true, ids[i]
			}
		}
		if !c.Drop {
			kept, ids = append(kept, w), append(ids, rec.ID)
		}
		out = append(out, c)
	}
	return out
}

// random returns instructions of which some are others with words changed, moved, left out or put in.
func random(r *rand.Rand, n, vocabulary, longest int) (recs []dataset.Record) {
	word := func() string { return fmt.Sprintf("w%d", int(float64(vocabulary)*r.Float64()*r.Float64())) }
	var texts [][]string
	for i := range n {
		var text []string
		if i > 0 && r.IntN(2) == 0 {
			for _, w := range texts[r.IntN(i)] {
				switch r.IntN(9) {
				case 0:
				case 1:
					text = append(text, word())
				case 2:
					text = append(text, w, word())
				default:
					text = append(text, w)
				}
			}
			if k := len(text); k > 1 && r.IntN(3) == 0 {
				a, b := r.IntN(k), r.IntN(k)
				text[a], text[b] = text[b], text[a]
			}
		} else {
			for range r.IntN(longest) {
				text = append(text, word())
			}
		}
		texts = append(texts, text)
		recs = append(recs, ask(fmt.Sprint("r", i), strings.Join(text, " ")))
	}
	return recs
}

// The index finds what comparing all with all finds, the values and the IDs too: on random instructions of many lengths and
// vocabularies, at many thresholds, whatever the order of the words is learnt from.
func TestAllWithAll(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct{ n, vocabulary, longest int }{{300, 30, 12}, {300, 300, 30}, {60, 200, 200}, {200, 5, 6}, {150, 2000, 90}} {
		dropped, all := 0, 0
		for _, threshold := range []float64{0.7, 0.5, 0.95, 1, 0.2, 2.0 / 3} {
			recs := random(r, tt.n, tt.vocabulary, tt.longest)
			want := byDefinition(recs, threshold)
			for _, sample := range []int{sample, 20, 0} {
				got := checks(t, recs, threshold, sample)
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%+v at %v, order of %d, record %d: %v, want %v", tt, threshold, sample, i, got[i], want[i])
					}
				}
			}
			for _, c := range want {
				all++
				if c.Drop {
					dropped++
				}
			}
		}
		if dropped < all/10 || dropped > all*9/10 {
			t.Errorf("%+v: %d of %d dropped: a test of nothing", tt, dropped, all)
		}
	}
}

// Values are those of Google's rouge_score 0.1.2: rouge_scorer.RougeScorer(["rougeL"]).score(a, b)["rougeL"].fmeasure.
func TestReference(t *testing.T) {
	for _, tt := range []struct {
		a, b  string
		score float64
	}{
		{"The quick brown fox jumps over the lazy dog", "the lazy dog jumps over the quick brown fox", 4.0 / 9},
		{"Write a poem about spring.", "Write a short poem about the spring", 10.0 / 12},
		{"police killed the gunman", "police kill the gunman", 0.75},
		{"police killed the gunman", "the gunman kill police", 0.5},
	} {
		a, b := words(tt.a), words(tt.b)
		if got := score(lcsTable(a, b), len(a), len(b)); got != tt.score {
			t.Errorf("%q, %q: %v, want %v", tt.a, tt.b, got, tt.score)
		}
		c := checks(t, []dataset.Record{ask("a", tt.a), ask("b", tt.b)}, tt.score, sample)
		if c[0].Drop || !c[1].Drop || c[1].Value != tt.score || c[1].Detail != "a" {
			t.Errorf("%q, %q: %v", tt.a, tt.b, c)
		}
	}
}

// Records without an instruction are kept; of equally like ones the earliest is named; what was dropped drops nothing.
func TestNotes(t *testing.T) {
	recs := []dataset.Record{
		{ID: "text", Text: "List five kinds of apples"}, {ID: "text2", Text: "List five kinds of apples"},
		ask("empty", "?!"), ask("empty2", "..."),
		ask("a", "List five kinds of red apples"), ask("b", "List five kinds of green apples"), ask("c", "List five kinds of apples"),
		ask("d", "List five kinds of apples"), ask("ja", "日本語で詩を書いてください"), ask("ja2", "日本語で詩を書いて下さい"),
	}
	var got []string
	for i, c := range checks(t, recs, 0.9, sample) {
		if c.Drop {
			got = append(got, fmt.Sprintf("%s by %s %.3f", recs[i].ID, c.Detail, c.Value))
		}
	}
	if want := "c by a 0.909, d by a 0.909"; strings.Join(got, ", ") != want {
		t.Errorf("dropped %q, want %q", got, want)
	}
}

// Rows that were dropped before pass as they are and drop nothing; rows before an error come before it; who stops early gets no more.
func TestStream(t *testing.T) {
	broken := errors.New("broken")
	gone := dataset.Row{Record: ask("gone", "Say something"), Verdict: &dataset.Check{Rule: "judge", Drop: true}}
	in := func(yield func(dataset.Row, error) bool) {
		_ = yield(gone, nil) && yield(dataset.Row{Record: ask("a", "Say something")}, nil) &&
			yield(dataset.Row{Record: ask("b", "Say something")}, nil) && yield(dataset.Row{}, broken)
	}
	for _, sample := range []int{0, 1, 3, 9} {
		var got []string
		for row, err := range novel(in, "rouge", 0.7, sample) {
			got = append(got, fmt.Sprintf("%s %d %v %v", row.ID, len(row.Checks), row.Verdict != nil, err))
		}
		if want := "gone 0 true <nil>, a 1 false <nil>, b 1 true <nil>,  0 false broken"; strings.Join(got, ", ") != want {
			t.Errorf("of %d: %q, want %q", sample, got, want)
		}
		for row := range novel(in, "rouge", 0.7, sample) {
			if row.ID != "gone" {
				t.Errorf("of %d: %s after the stop", sample, row.ID)
			}
			break
		}
	}
}

// BenchmarkNovel measures instructions like those of Self-Instruct: about 15 words, a tenth of them near copies.
func BenchmarkNovel(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 4))
	recs := random(r, 20_000, 20_000, 30)
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range Novel(stream(recs), "rouge", 0.7) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N*len(recs))/b.Elapsed().Seconds(), "records/s")
}
