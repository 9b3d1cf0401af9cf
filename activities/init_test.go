package activities

import (
	"strings"
	"testing"

	"temper/internal/store"
	"temper/lora"
)

// TestInitAdapter: a training that starts from an adapter of the store takes its rank and begins where it ended, and one that is not
// there is an error that says so.
func TestInitAdapter(t *testing.T) {
	w := newWorld(t, store.NewMem())
	in := w.training()
	first := must(w, w.a.Train, in)
	in.LoRA = lora.Options{Rank: 9, InitAdapter: "small@" + first.Version}.WithDefaults()
	in.Name = "again"
	in.Options.Seed = 3
	second := must(w, w.a.Train, in)
	adapter, err := w.a.adapter(t.Context(), second.Adapter)
	if err != nil || adapter.Rank != 2 {
		t.Fatalf("the second has rank %d, want the first's 2: %v", adapter.Rank, err)
	}
	ended, begun := CurveOf([]StageResult{first.Stage}), CurveOf([]StageResult{second.Stage})
	if len(ended) == 0 || len(begun) == 0 || begun[0].Loss > (ended[0].Loss+ended[len(ended)-1].Loss)/2 {
		t.Errorf("the second begins at %+v; the first went from %+v to %+v", begun, ended[0], ended[len(ended)-1])
	}
	in.LoRA.InitAdapter = "small@ffffffffffff"
	if _, err := do(w, w.a.Train, in); err == nil || !strings.Contains(err.Error(), "tune.lora.init_adapter: adapter small@ffffffffffff") {
		t.Errorf("an adapter that is not there: %v", err)
	}
}
