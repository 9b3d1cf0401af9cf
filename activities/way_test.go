package activities

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"temper/internal/store"
)

// TestEveryStageOnce: a run over the same files finds every stage done, with the same outputs; and a run on another store
// makes the same bytes.
func TestEveryStageOnce(t *testing.T) {
	dir, s := documents(t, 60), store.NewMem()
	first, gate, err := newWorld(t, s).way(dir)
	if err != nil {
		t.Fatal(err)
	}
	if gate.Decision != Promoted {
		t.Errorf("decision %s: %s", gate.Decision, gate.Reason)
	}
	for _, r := range first {
		if r.Cached {
			t.Errorf("%s %s: found on an empty store", r.Name, r.Key)
		}
	}
	again, gate, err := newWorld(t, s).way(dir)
	if err != nil {
		t.Fatal(err)
	}
	if gate.Decision != Unchanged {
		t.Errorf("again: decision %s: %s", gate.Decision, gate.Reason)
	}
	for _, r := range again {
		if !r.Cached {
			t.Errorf("%s %s: made again", r.Name, r.Key)
		}
	}
	elsewhere, _, err := newWorld(t, store.NewMem()).way(dir)
	if err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string][]StageResult{"again": again, "elsewhere": elsewhere} {
		if got, want := byName(got), byName(first); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	if curve := CurveOf(first); len(curve) != small.Steps || curve[3].EvalLoss == 0 || curve[2].EvalLoss != 0 {
		t.Errorf("curve %v", curve)
	}
	if shown := AnswersOf(first); len(shown) != 2 || shown[0].Expected == "" {
		t.Errorf("answers %v", shown)
	}
}

// TestShardsStayApart: exact deduplication gives as many shards as it took, and drops what an earlier shard has.
func TestShardsStayApart(t *testing.T) {
	w := newWorld(t, store.NewMem())
	stages, _, err := w.way(documents(t, 60))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(stages, func(r StageResult) bool { return r.Name == "exact" })
	exact := stages[i]
	if n := len(exact.Outputs["records"]); n < 2 || exact.Counts.In != 60 || exact.Counts.Out != 57 || exact.Counts.Reasons["exact"] != 3 {
		t.Errorf("%d shards, counts %+v", n, exact.Counts)
	}
	dropped := int64(0)
	for _, ref := range exact.Outputs["rejects"] {
		dropped += ref.Records
	}
	if dropped != exact.Counts.Dropped {
		t.Errorf("%d rows among the rejects, %d counted", dropped, exact.Counts.Dropped)
	}
}

// TestFullStore: wherever the store is full, the error says so, where, and what to do; with room made the run goes on from what is
// done and comes to the same.
func TestFullStore(t *testing.T) {
	dir, whole := documents(t, 60), store.NewMem()
	want, _, err := newWorld(t, whole).way(dir)
	if err != nil {
		t.Fatal(err)
	}
	all, err := store.NewQuota(t.Context(), whole, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	for share := int64(1); share < 8; share += 2 {
		s := store.NewMem()
		tight, err := store.NewQuota(t.Context(), s, all.Used()*share/8)
		if err != nil {
			t.Fatal(err)
		}
		before, _, err := newWorld(t, tight).way(dir)
		if err == nil {
			t.Fatalf("%d/8 of the bytes are enough", share)
		}
		if k, again := kind(err); k != TypeFull || again {
			t.Errorf("%d/8: kind %s, retried %v: %v", share, k, again, err)
		}
		for _, part := range []string{"bytes are used", "make room", "temper retry"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%d/8: %q does not say %q", share, err, part)
			}
		}
		got, _, err := newWorld(t, s).way(dir)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(byName(got), byName(want)) {
			t.Errorf("%d/8: got %v, want %v", share, byName(got), byName(want))
		}
		for i := range before {
			if !got[i].Cached {
				t.Errorf("%d/8: %s was lost", share, got[i].Name)
			}
		}
	}
}
