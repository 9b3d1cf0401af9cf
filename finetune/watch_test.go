package finetune

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestBlame holds that a run stopped by a bad step names the step, the layer and the sample.
func TestBlame(t *testing.T) {
	base := open(t, "models/stories260K.gguf")
	tokens := stories(t)
	for i := range tokens.Sequences {
		for k := range tokens.Sequences[i].Samples {
			tokens.Sequences[i].Samples[k] = fmt.Sprintf("row-%d-%d", i, k)
		}
	}
	a := read(t, "goldens/lora-init")
	for i, p := range a.Pairs {
		if strings.Contains(p.Name, "layers.2.") {
			a.Pairs[i].A[0], a.Pairs[i].B[0] = float32(math.NaN()), 1
			break
		}
	}
	o := lawOptions
	_, err := Train(t.Context(), Job{Base: base, Adapter: a, Tokens: tokens, InOrder: true}, o, Hooks{})
	if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "step 1: ") || !strings.Contains(err.Error(), "layer 2;") || !strings.Contains(err.Error(), "row-0-0 ") {
		t.Errorf("error is %v", err)
	}
	o.OnBadStep = "skip"
	var skipped []Step
	_, err = Train(t.Context(), Job{Base: base, Adapter: a, Tokens: tokens}, o, Hooks{OnStep: func(s Step) error {
		skipped = append(skipped, s)
		return nil
	}})
	if !errors.Is(err, ErrDiverged) || len(skipped) != maxSkips-1 || !strings.Contains(err.Error(), "10 bad steps in a row") {
		t.Errorf("%d steps skipped, then %v", len(skipped), err)
	}
	if b, err := json.Marshal(skipped[0]); err != nil || !strings.Contains(string(b), `"loss":null`) || !strings.Contains(string(b), `"skipped":"loss NaN`) {
		t.Errorf("a skipped step is written as %s, %v", b, err)
	}
}

// TestSpike holds that a sample unlike all before is a spike, named, and that its step changes nothing where such steps are skipped.
func TestSpike(t *testing.T) {
	base, tokens := open(t, "models/stories260K.gguf"), stories(t)
	q := tokens.Sequences[0]
	all := Tokens{Vocab: 512}
	for range 25 {
		all.Sequences = append(all.Sequences, q)
	}
	odd := q
	odd.IDs, odd.Samples = slices.Clone(q.IDs), []string{"a", "the odd one", "c"}
	from, to := odd.sample(1)
	for i := from; i < to; i++ {
		odd.IDs[i] = int32(17 * i % 500)
	}
	all.Sequences[20] = odd
	o := Options{Epochs: 1, Batch: 1, LR: 0.02, Spike: 1.5, Warmup: -1, Schedule: "constant"}
	job := Job{Base: base, Adapter: read(t, "goldens/lora-init"), Tokens: all, InOrder: true}
	_, err := Train(t.Context(), job, o, Hooks{})
	if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "step 21: ") || !strings.Contains(err.Error(), "the odd one") || !strings.Contains(err.Error(), "layer ") {
		t.Errorf("error is %v", err)
	}
	o.OnBadStep = "skip"
	with, err := Train(t.Context(), job, o, Hooks{})
	if err != nil || with.Skipped != 1 {
		t.Fatalf("%d skipped, %v", with.Skipped, err)
	}
	job.Tokens.Sequences = slices.Delete(slices.Clone(all.Sequences), 20, 21)
	without, err := Train(t.Context(), job, o, Hooks{})
	if err != nil || !bytes.Equal(files(t, with.Adapter), files(t, without.Adapter)) {
		t.Errorf("the adapter differs from that of a run without the sample: %v", err)
	}
}
