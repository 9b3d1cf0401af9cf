package finetune

import (
	"bytes"
	"math"
	"testing"

	"temper/internal/kernel"
)

// TestBF16: training with products in bfloat16 ends within 0.5 % of the held-out loss of float32, and in the same bytes with
// one thread and without checkpointing as with two and with it.
func TestBF16(t *testing.T) {
	if !kernel.BF16.Supported() {
		t.Skip("this processor has no AVX512_BF16")
	}
	defer kernel.SetThreads(0)
	base, tokens := open(t, "models/stories260K.gguf"), stories(t)
	job := Job{Base: base, Adapter: read(t, "goldens/lora-init"), Tokens: Tokens{Vocab: 512, Sequences: tokens.Sequences[:5]}}
	held := Tokens{Vocab: 512, Sequences: tokens.Sequences[5:]}
	train := func(compute, checkpointing string, threads int) ([]byte, float64) {
		o := lawOptions
		o.Steps, o.Compute, o.Checkpointing, o.Threads = 40, compute, checkpointing, threads
		r, err := Train(t.Context(), job, o, Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Evaluate(base, r.Adapter, held, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		return files(t, r.Adapter), s.Loss
	}
	plain, want := train("f32", "full", 2)
	start, err := Evaluate(base, nil, held, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	first, got := train("bf16", "full", 2)
	t.Logf("held-out loss %.5f before, %.5f in float32, %.5f in bfloat16", start.Loss, want, got)
	if math.Abs(got-want) > 0.005*want {
		t.Errorf("held-out loss %g, in float32 %g", got, want)
	}
	if bytes.Equal(first, plain) {
		t.Error("nothing was computed in bfloat16")
	}
	if again, _ := train("bf16", "none", 1); !bytes.Equal(again, first) {
		t.Error("one thread without checkpointing ends in other bytes")
	}
}
