package activities

import (
	"sync"
	"testing"

	"temper/dataset"
	"temper/internal/store"
)

// TestDecide: the rule of the gate.
func TestDecide(t *testing.T) {
	champion := func(loss float64) *Score { return &Score{Loss: loss} }
	for _, tt := range []struct {
		name     string
		in       GateInput
		decision string
		bar      float64
	}{
		{"better than the base", GateInput{Base: Score{Loss: 2}, Challenger: Score{Loss: 1.9}}, Promoted, 2},
		{"not better by enough", GateInput{By: 10, Base: Score{Loss: 2}, Challenger: Score{Loss: 1.9}}, Kept, 1.8},
		{"as good", GateInput{Base: Score{Loss: 2}, Challenger: Score{Loss: 2}}, Kept, 2},
		{"worse than the champion", GateInput{Base: Score{Loss: 2}, Champion: champion(1), ChampionVersion: "old", Challenger: Score{Loss: 1.5}}, Kept, 1},
		{"better than the champion", GateInput{By: 1, Base: Score{Loss: 2}, Champion: champion(1), ChampionVersion: "old", Challenger: Score{Loss: 0.98}}, Promoted, 0.99},
		{"only the base counts", GateInput{BetterThan: "base", Base: Score{Loss: 2}, Champion: champion(1), ChampionVersion: "old", Challenger: Score{Loss: 1.5}}, Promoted, 2},
		{"the champion itself", GateInput{Base: Score{Loss: 2}, Champion: champion(1), ChampionVersion: "new", Challenger: Score{Loss: 1}}, Unchanged, 1},
	} {
		tt.in.Adapter.Version = "new"
		if got := decide(tt.in); got.Decision != tt.decision || got.Bar != tt.bar || got.Reason == "" {
			t.Errorf("%s: %+v, want %s at %g", tt.name, got, tt.decision, tt.bar)
		}
	}
}

// TestGateMoves: a promotion moves the alias once, also when it is tried twice; of two that start from one champion, one wins and
// the other is told, for good.
func TestGateMoves(t *testing.T) {
	s := store.NewMem()
	w := newWorld(t, s)
	gate := func(champion, version string) (GateResult, error) {
		return do(w, w.a.Gate, GateInput{Name: "n", Adapter: AdapterResult{Version: version}, ChampionVersion: champion, Base: Score{Loss: 2}, Challenger: Score{Loss: 1}})
	}
	for range 2 {
		if r, err := gate("", "v1"); err != nil || r.Decision != Promoted || r.Champion != "v1" {
			t.Fatalf("first: %+v, %v", r, err)
		}
	}
	if _, err := gate("v1", "v2"); err != nil {
		t.Fatal(err)
	}
	_, err := gate("v1", "v3")
	if k, again := kind(err); k != TypeConflict || again {
		t.Errorf("forestalled: kind %q, retried %v: %v", k, again, err)
	}
	aliases, err := dataset.LoadAliases(t.Context(), s, "n")
	if err != nil || aliases != (dataset.Aliases{Champion: "v2", Previous: "v1"}) {
		t.Errorf("aliases %+v, %v", aliases, err)
	}
}

// TestRemember: retrains that end at once forget nothing of each other, and known records are dropped.
func TestRemember(t *testing.T) {
	s := store.NewMem()
	w := newWorld(t, s)
	var rows []dataset.Ref
	for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
		ref, err := w.a.putRows(t.Context(), all([]dataset.Row{{Record: dataset.Record{ID: id, Text: "text of " + id}}}))
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, ref)
	}
	var wg sync.WaitGroup
	for _, ref := range rows[:5] {
		wg.Go(func() {
			if _, err := do(w, w.a.Remember, RememberInput{Name: "n", Rows: []dataset.Ref{ref}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	known := must(w, w.a.RecallKnown, RecallInput{Name: "n"})
	if known.Index.Records != 5 {
		t.Fatalf("%d records are known, want 5", known.Index.Records)
	}
	for i, ref := range rows {
		r := must(w, w.a.Known, KnownInput{Shard: ref, Known: known.Index})
		if got, want := r.Counts.Out == 1, i == 5; got != want {
			t.Errorf("record %d: kept %v, want %v", i, got, want)
		}
	}
}
