package dataset_test

import (
	"fmt"
	"io"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"temper/dataset"
	"temper/internal/store"
)

// A pass says something about every record: a signal, two checks, and an edit of the text it sees.
func pass(t *rapid.T, name string, rows []dataset.Row) []dataset.Note {
	var notes []dataset.Note
	for _, r := range rows {
		n := dataset.Note{ID: r.ID, Signals: dataset.Signals{name: rapid.Float64Range(-9, 9).Draw(t, name)}}
		for _, rule := range []string{name + ".a", name + ".b"} {
			n.Checks = append(n.Checks, dataset.Check{Rule: rule, Value: rapid.Float64Range(-9, 9).Draw(t, rule), Op: ">=", Threshold: 0.5,
				Drop: rapid.IntRange(0, 4).Draw(t, "drop") == 0, Detail: rapid.SampledFrom([]string{"", "en", "r7"}).Draw(t, "detail")})
		}
		if len(r.Text) > 2 && rapid.Bool().Draw(t, "edit") {
			n.Edits = []dataset.Edit{{Rule: name, Start: 1, End: 2, Old: r.Text[1:2], New: "<" + name + ">"}}
		}
		notes = append(notes, n)
	}
	return notes
}

// told is what passes one after the other make of rows, by the rules of notes.
func told(rows []dataset.Row, notes []dataset.Note) []dataset.Row {
	var out []dataset.Row
	for i, r := range rows {
		n := notes[i]
		signals := dataset.Signals{}
		for _, s := range []dataset.Signals{r.Signals, n.Signals} {
			for k, v := range s {
				signals[k] = v
			}
		}
		r.Signals = signals
		r.Checks = append(append([]dataset.Check{}, r.Checks...), n.Checks...)
		for _, e := range n.Edits {
			r.Text = r.Text[:e.Start] + e.New + r.Text[e.End:]
		}
		for j := range r.Checks {
			if r.Verdict = nil; r.Checks[j].Drop {
				r.Verdict = &r.Checks[j]
				break
			}
		}
		out = append(out, r)
	}
	return out
}

// seq yields a slice.
func seq[T any](values []T) func(yield func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for _, v := range values {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// TestLineage: where a row came from and what every pass said of it, kept or dropped, is in the published dataset: through passes at
// once and one after the other with files between them, and through publishing, which writes the rows anew in files of other sizes.
func TestLineage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var recs []dataset.Record
		var rows []dataset.Row
		for i := range rapid.IntRange(1, 12).Draw(t, "records") {
			r := dataset.Record{ID: fmt.Sprintf("r%d", i), Text: rapid.StringMatching("[a-z ]{0,20}").Draw(t, "text"), Cluster: fmt.Sprintf("c%d", i%3),
				Meta: dataset.Meta{"package": "p", "name": rapid.StringMatching("[A-Z]{0,3}").Draw(t, "name")}, Parents: []string{fmt.Sprintf("p%d", i)},
				Source: dataset.Source{URI: "a/b.go", Offset: rapid.Int64Range(0, 1<<40).Draw(t, "offset"), Length: 20, Row: int64(i + 1), SHA256: "d", License: "MIT"}}
			recs, rows = append(recs, r), append(rows, dataset.Row{Record: r})
		}
		first := pass(t, "first", rows)
		between := told(rows, first)
		second := pass(t, "second", between)
		want := told(between, second)

		s := store.NewMem()
		read := func(ref dataset.Ref) []dataset.Row {
			obj, err := dataset.OpenBlob(t.Context(), s, ref)
			if err != nil {
				t.Fatal(err)
			}
			defer obj.Close()
			return gather(t, dataset.ReadRows(obj, ref.Bytes))
		}
		once := gather(t, dataset.Join(seq(recs), seq(first), seq(second)))
		stored := read(put(t, s, gather(t, dataset.Join(seq(recs), seq(first)))))
		twice := gather(t, dataset.Annotate(seq(stored), seq(second)))
		if d := cmp.Diff(want, once, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("at once: want -, got +:\n%s", d)
		}
		if d := cmp.Diff(want, twice, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("with a file between: want -, got +:\n%s", d)
		}

		var kept, dropped []dataset.Row
		for _, r := range want {
			if r.Verdict == nil {
				kept = append(kept, r)
			} else {
				dropped = append(dropped, r)
			}
		}
		cut := rapid.IntRange(0, len(kept)).Draw(t, "cut")
		m, err := dataset.Publish(t.Context(), s, dataset.Publication{Name: "set", Recipe: "{}",
			Splits:  []dataset.SplitRefs{{Name: "train", Refs: []dataset.Ref{put(t, s, kept[:cut]), put(t, s, kept[cut:])}}},
			Rejects: []dataset.Ref{put(t, s, dropped)}})
		if err != nil {
			t.Fatal(err)
		}
		dir := dataset.DatasetDir(m.Name, m.Version)
		if d := cmp.Diff(kept, gather(t, dataset.DatasetRows(t.Context(), s, dir, m.Splits[0].Files)), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("published: want -, got +:\n%s", d)
		}
		if d := cmp.Diff(dropped, gather(t, dataset.DatasetRows(t.Context(), s, dir, m.Rejects)), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("rejects: want -, got +:\n%s", d)
		}
	})
}

// TestAnnotateOutOfStep: notes that are missing, or of other records, are an error that names the record, and not put to the wrong one.
func TestAnnotateOutOfStep(t *testing.T) {
	recs := []dataset.Record{{ID: "a"}, {ID: "b"}}
	for _, notes := range [][]dataset.Note{{{ID: "a"}}, {{ID: "b"}, {ID: "a"}}, {}} {
		n := 0
		var err error
		for _, err = range dataset.Join(seq(recs), seq(notes)) {
			n++
		}
		if err == nil || n > 2 {
			t.Errorf("%v: %d rows, %v", notes, n, err)
		}
	}
}

// TestApplyRefuses: an edit that does not fit its text is an error and changes nothing.
func TestApplyRefuses(t *testing.T) {
	for _, e := range []dataset.Edit{{Start: 0, End: 9, Old: "text"}, {Start: 2, End: 1}, {Start: -1, End: 0}, {Start: 0, End: 4, Old: "other"}} {
		if got, err := dataset.Apply("text", []dataset.Edit{e}); err == nil {
			t.Errorf("%+v: %q", e, got)
		}
	}
}

// put stores rows as a blob.
func put(t *rapid.T, s dataset.Store, rows []dataset.Row) dataset.Ref {
	ref, err := dataset.PutBlob(t.Context(), s, ".parquet", func(w io.Writer) (int64, error) {
		return dataset.WriteRows(w, seq(rows), dataset.ParquetOptions{})
	})
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// gather takes all of a stream.
func gather[T any](t *rapid.T, in iter.Seq2[T, error]) (out []T) {
	for v, err := range in {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}
