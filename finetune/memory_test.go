package finetune

import (
	"math"
	"runtime"
	"testing"

	"temper/lora"
)

// TestStepsAllocateLittle holds that a step works in the memory that is there: it allocates less than one matrix of a block's
// rows a block, so that memory stays what preflight says.
func TestStepsAllocateLittle(t *testing.T) {
	base := open(t, "models/stories260K.gguf")
	a, err := lora.New(base.Modules(), lora.Options{Rank: 8}, 1)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]int32, 400)
	for i := range ids {
		ids[i] = int32(i * 31 % base.Vocab)
	}
	allocated := func() int64 {
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.TotalAlloc)
	}
	const batch = 2
	for _, checkpointing := range []string{"none", "full"} {
		tr, err := newTrainer(Job{Base: base, Adapter: a, Tokens: Windows(ids, len(ids), base.Vocab)}, Options{Steps: 4, Batch: batch, Checkpointing: checkpointing}.WithDefaults(), Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.network.close()
		least := int64(math.MaxInt64) // a step may still grow a thread's scratch
		for range 5 {
			at := allocated()
			if _, err := tr.next(t.Context()); err != nil {
				t.Fatal(err)
			}
			least = min(least, allocated()-at)
		}
		blocks := int64(batch * len(base.Layers))
		if one := int64(len(ids) * base.Dim * 4); least > blocks*one {
			t.Errorf("checkpointing %s: every step allocates at least %d bytes; %d blocks' smallest matrices are %d", checkpointing, least, blocks, blocks*one)
		}
	}
}

// TestTrainingLeavesNoMemory holds that what a run allocated is free after it.
func TestTrainingLeavesNoMemory(t *testing.T) {
	base := open(t, "models/stories260K.gguf")
	tokens := stories(t)
	held := func() int64 {
		for range 3 { // finalizers run between collections
			runtime.GC()
		}
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return int64(s.HeapAlloc)
	}
	run := func() int64 {
		o := lawOptions
		o.Steps, o.Checkpointing = 1, "none"
		res, err := Train(t.Context(), Job{Base: base, Adapter: read(t, "goldens/lora-init"), Tokens: tokens}, o, Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		return res.Memory.Blocks
	}
	blocks := run()
	before := held()
	for range 5 {
		run()
	}
	if grown := held() - before; grown > blocks {
		t.Errorf("five runs leave %d bytes; one run's blocks are %d", grown, blocks)
	}
}
