package activities

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"temper/dataset"
	"temper/dedup"
	"temper/internal/store"
)

// nightly is what a retrain does of near duplicates: what is near to what earlier ones kept goes, and what is kept is remembered.
func (w *world) nightly(o dedup.Near, texts ...string) (dropped []string) {
	w.t.Helper()
	var rows []dataset.Row
	for i, text := range texts {
		rows = append(rows, dataset.Row{Record: dataset.Record{ID: fmt.Sprintf("%s-%d", text[:1], i), Text: text}})
	}
	shard, err := w.a.putRows(w.t.Context(), all(rows))
	if err != nil {
		w.t.Fatal(err)
	}
	known := must(w, w.a.RecallKnown, RecallInput{Name: "n", Near: &o})
	in := NearInput{Shards: []dataset.Ref{shard}, Options: o, Known: known.Kept, Remember: true}
	in.Signatures = []dataset.Ref{must(w, w.a.Sign, in).Out("signatures")}
	clusters := must(w, w.a.Cluster, in)
	kept := must(w, w.a.Near, NearInput{Shards: in.Shards, Clusters: clusters.Out("clusters"), Options: o})
	for _, rejects := range kept.Outputs["rejects"] {
		for row, err := range dataset.BlobRows(w.t.Context(), w.a.store(), rejects) {
			if err != nil {
				w.t.Fatal(err)
			}
			dropped = append(dropped, fmt.Sprintf("%s %s %s", row.ID, row.Verdict.Rule, row.Verdict.Detail))
		}
	}
	if got := clusters.Out("kept").Records; got != kept.Counts.Out {
		w.t.Errorf("%d records are remembered, %d kept", got, kept.Counts.Out)
	}
	remember := RememberInput{Name: "n", Rows: in.Shards, Kept: clusters.Out("kept"), Near: &o}
	first := must(w, w.a.Remember, remember)
	if again := must(w, w.a.Remember, remember); again.Index != first.Index {
		w.t.Errorf("remembering twice: another index")
	}
	return dropped
}

// TestNightly: what is near to what any earlier retrain kept goes, and says so; files of what was kept become few. Other options of the
// near pass see none of it, and forget none.
func TestNightly(t *testing.T) {
	w := newWorld(t, store.NewMem())
	text := func(of string, changed string) string {
		return strings.Repeat(of+" ", 3) + changed + fmt.Sprintf(" of %s as it is told at the harbour every morning while all ships wait for %s and its weather", of, of) + strings.Repeat(" "+of, 20)
	}
	o := dedup.Near{Similarity: 0.5}.WithDefaults()
	other := o
	other.Seed = 7
	for i, tt := range []struct {
		o     dedup.Near
		texts []string
		want  []string
	}{
		{o, []string{text("a", "story"), text("b", "story")}, nil},
		{o, []string{text("c", "story"), text("b", "tale")}, []string{"b-1 known_near b-1"}},
		{other, []string{text("a", "word"), text("c", "word")}, nil},
		{o, []string{text("a", "tale"), text("d", "story"), text("d", "longer story"), text("c", "tale")}, []string{"a-0 known_near a-0", "d-1 near d-2", "c-3 known_near c-0"}},
		{other, []string{text("c", "book"), text("d", "book")}, []string{"c-0 known_near c-1"}},
	} {
		if got := w.nightly(tt.o, tt.texts...); !slices.Equal(got, tt.want) {
			t.Errorf("night %d: dropped %q, want %q", i, got, tt.want)
		}
	}
	kept := must(w, w.a.RecallKnown, RecallInput{Name: "n", Near: &o}).Kept
	if sizes := recordsIn(kept); !slices.Equal(sizes, []int64{4}) && !slices.Equal(sizes, []int64{3, 1}) {
		t.Errorf("files of %v records", sizes)
	}
	if got := must(w, w.a.RecallKnown, RecallInput{Name: "n"}).Kept; got != nil {
		t.Errorf("what is not asked for: %v", got)
	}
}

func recordsIn(refs []dataset.Ref) (n []int64) {
	for _, r := range refs {
		n = append(n, r.Records)
	}
	return n
}

// TestKeptTakesPart: what earlier passes kept, and whether this one's is remembered, make another stage; whether a recipe says so for
// itself does not.
func TestKeptTakesPart(t *testing.T) {
	w := newWorld(t, store.NewMem())
	shard, err := w.a.putRows(t.Context(), all([]dataset.Row{{Record: dataset.Record{ID: "a", Text: "one two three four five six"}}}))
	if err != nil {
		t.Fatal(err)
	}
	no := false
	in := NearInput{Shards: []dataset.Ref{shard}, Options: dedup.Near{}.WithDefaults()}
	in.Signatures = []dataset.Ref{must(w, w.a.Sign, in).Out("signatures")}
	plain := must(w, w.a.Cluster, in)
	in.Options.Remember, in.Options.Memory = &no, 1<<30
	if got := must(w, w.a.Cluster, in); got.Key != plain.Key || len(got.Outputs["kept"]) != 0 {
		t.Errorf("remember: false alone, or more memory, is another stage, or keeps %v", got.Outputs["kept"])
	}
	in.Remember = true
	remembered := must(w, w.a.Cluster, in)
	in.Known = remembered.Outputs["kept"]
	if known := must(w, w.a.Cluster, in); remembered.Key == plain.Key || known.Key == remembered.Key || known.Key == plain.Key {
		t.Error("stages of other results have one key")
	}
}

// TestBrokenKeptFile: kept records that are not as they were written end the pass, with an error that names the file and is not retried.
func TestBrokenKeptFile(t *testing.T) {
	s := store.NewMem()
	w := newWorld(t, s)
	broken, err := dataset.PutBlob(context.Background(), s, KeptExt, func(b io.Writer) (int64, error) {
		_, err := b.Write(make([]byte, 100))
		return 1, err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = do(w, w.a.Cluster, NearInput{Known: []dataset.Ref{broken}, Options: dedup.Near{}.WithDefaults()})
	if k, again := kind(err); k != TypeMalformed || again || !strings.Contains(err.Error(), "kept records "+broken.SHA256[:12]) {
		t.Errorf("kind %q, retried %v: %v", k, again, err)
	}
}

// TestKeeperBySignal: what an earlier pass measured of a row says which of a cluster is kept, before what comes next in keep.
func TestKeeperBySignal(t *testing.T) {
	w := newWorld(t, store.NewMem())
	var rows []dataset.Row
	for i, quality := range []float64{0.5, 0.9, 0.9} {
		text := strings.Repeat("a text of many words ", 20) + strings.Repeat("end ", i)
		rows = append(rows, dataset.Row{Record: dataset.Record{ID: fmt.Sprint(i), Text: text}, Signals: dataset.Signals{"quality": quality}})
	}
	shard, err := w.a.putRows(t.Context(), all(rows))
	if err != nil {
		t.Fatal(err)
	}
	for keep, want := range map[string]string{"longest": "2", "best:quality,shortest": "1", "least:quality,longest": "0"} {
		in := NearInput{Shards: []dataset.Ref{shard}, Options: dedup.Near{Keep: keep, Similarity: 0.3}.WithDefaults()}
		in.Signatures = []dataset.Ref{must(w, w.a.Sign, in).Out("signatures")}
		in.Clusters = must(w, w.a.Cluster, in).Out("clusters")
		kept := must(w, w.a.Near, in)
		for row, err := range dataset.BlobRows(t.Context(), w.a.store(), kept.Out("records")) {
			if err != nil || row.ID != want || kept.Counts.Out != 1 {
				t.Errorf("%s: kept %s of %d, want %s; %v", keep, row.ID, kept.Counts.Out, want, err)
			}
		}
	}
}
