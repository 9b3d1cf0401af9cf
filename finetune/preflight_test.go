package finetune

import (
	"errors"
	"strings"
	"testing"

	"temper/lora"
)

// TestPreflight holds that auto takes the fastest that fits, and that what does not fit is refused with what would.
func TestPreflight(t *testing.T) {
	base := open(t, "models/SmolLM2-135M-Instruct.Q4_1.gguf")
	a, err := lora.New(base.Modules(), lora.Options{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	none, err := Preflight(base, a, 512, Options{})
	if err != nil || none.Checkpointing != "none" {
		t.Fatalf("without a limit: %+v, %v", none, err)
	}
	if none.Total != none.Base+none.Adapter+none.Blocks+none.Scratch+none.Inputs+none.Head+none.Program {
		t.Errorf("the parts do not add up: %+v", none)
	}
	selective, err := Preflight(base, a, 512, Options{Memory: none.Total - 1})
	if err != nil || selective.Checkpointing != "selective" || selective.Total >= none.Total {
		t.Errorf("one byte less than none needs: %+v, %v", selective, err)
	}
	full, err := Preflight(base, a, 512, Options{Memory: selective.Total - 1})
	if err != nil || full.Checkpointing != "full" || full.Total >= selective.Total {
		t.Errorf("one byte less than selective needs: %+v, %v", full, err)
	}
	_, err = Preflight(base, a, 512, Options{Memory: full.Total - 1})
	if !errors.Is(err, ErrMemory) || !strings.Contains(err.Error(), "sequences of 256 tokens would fit") {
		t.Errorf("one byte less than full needs: %v", err)
	}
	_, err = Preflight(base, a, 512, Options{Memory: full.Total, Checkpointing: "none"})
	if !errors.Is(err, ErrMemory) || !strings.Contains(err.Error(), "checkpointing: full would fit") {
		t.Errorf("none where full fits: %v", err)
	}
	_, err = Preflight(base, a, 512, Options{Memory: selective.Total, Checkpointing: "none"})
	if !errors.Is(err, ErrMemory) || !strings.Contains(err.Error(), "checkpointing: selective would fit") {
		t.Errorf("none where selective fits: %v", err)
	}
	last := *a
	last.Pairs = a.Pairs[len(a.Pairs)-7:]
	if m, err := Preflight(base, &last, 512, Options{}); err != nil || m.Blocks != none.Blocks || m.Adapter >= none.Adapter {
		t.Errorf("pairs of the last layer alone, in blocks that serve all: %+v, %v", m, err)
	}
}
