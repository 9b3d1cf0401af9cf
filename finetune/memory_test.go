package finetune

import (
	"math"
	"runtime"
	"slices"
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
	for _, checkpointing := range tiers {
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

// TestPreflightAllocates holds blocks and scratch of the preflight to what a step of each tier allocates, with and without magnitudes.
func TestPreflightAllocates(t *testing.T) {
	base, tokens := open(t, "models/stories260K.gguf"), stories(t)
	rows := tokens.Longest()
	for _, dora := range []bool{false, true} {
		for _, tier := range tiers {
			a, err := lora.New(base.Modules(), lora.Options{Rank: 8, DoRA: dora}, 1)
			if err != nil {
				t.Fatal(err)
			}
			n, err := newNetwork(base, a, rows, tier)
			if err != nil {
				t.Fatal(err)
			}
			defer n.close()
			if _, err := n.learn(tokens.Sequences[0], 1, 0); err != nil {
				t.Fatal(err)
			}
			var own, scratch int64
			for i, b := range n.blocks {
				mine, shared := b.Bytes()
				scratch = shared
				if i == 0 || b != n.blocks[0] {
					own += mine
				}
			}
			o := Options{Checkpointing: tier}.WithDefaults()
			m, err := Preflight(base, a, rows, o)
			if err != nil {
				t.Fatal(err)
			}
			if want := m.Scratch - working(blockConfig(base, n.params, rows), o); own != m.Blocks || scratch != want {
				t.Errorf("%s, magnitudes %v: allocated %d and %d, predicted %d and %d", tier, dora, own, scratch, m.Blocks, want)
			}
		}
	}
}

// TestHeadByPieces holds that the losses and the stream's gradient do not depend on how many rows the head takes at once.
func TestHeadByPieces(t *testing.T) {
	base, s := open(t, "models/stories260K.gguf"), stories(t).Sequences[0]
	n, err := newNetwork(base, read(t, "goldens/lora-after10"), len(s.IDs), none)
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	if err := n.forward(s, 0); err != nil {
		t.Fatal(err)
	}
	var losses, dy []float32
	for _, piece := range []int{len(s.IDs), 7, 1} {
		n.head.piece = piece
		for i := range n.dy {
			n.dy[i] = 1 // what a step before left
		}
		l := n.losses(s, 1)
		if losses == nil {
			losses, dy = slices.Clone(l), slices.Clone(n.dy[:len(s.IDs)*base.Dim])
		}
		if !near(l, losses) || !near(n.dy[:len(dy)], dy) {
			t.Errorf("pieces of %d rows give other values", piece)
		}
	}
}

// near says whether values are the same but for the order of sums.
func near(x, y []float32) bool {
	return slices.EqualFunc(x, y, func(a, b float32) bool { return math.Abs(float64(a-b)) <= 1e-6*(1+math.Abs(float64(b))) })
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
