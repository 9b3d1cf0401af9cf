package finetune

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"

	"temper/lora"
)

// litterAllowed is how many bytes steps may leave behind before they are collected. Go's own collector would let them grow to as much
// as a run holds: twice what preflight says.
const litterAllowed = 8 << 20

// litter counts what steps leave behind.
type litter struct {
	seen   uint64 // allocated by the process when it was last collected
	sample [1]metrics.Sample
}

// collect frees what was left behind if it is much.
func (l *litter) collect() {
	if n := l.allocated(); n-l.seen > litterAllowed {
		runtime.GC()
		l.seen = n
	}
}

func (l *litter) allocated() uint64 {
	l.sample[0].Name = "/gc/heap/allocs:bytes"
	metrics.Read(l.sample[:])
	return l.sample[0].Value.Uint64()
}

// settle ends a run's loading: what it read and does not need, the adapter to start from and the checkpoint to go on from, is given
// back to the system before the first step fills the buffers.
func (t *trainer) settle() {
	t.Adapter, t.Resume = nil, nil
	debug.FreeOSMemory()
	t.litter.seen = t.litter.allocated()
}

// release frees all but the trained values, so that their adapter is written into memory that the steps had.
func (t *trainer) release() {
	n := t.network
	n.close()
	n.blocks, n.scratch, n.inputs, n.dy, n.head = nil, nil, nil, nil, head{}
	n.params.grad, n.params.layers, n.params.lengths = nil, nil, nil
	t.solver, t.values = nil, nil
	debug.FreeOSMemory()
}

// hollow is an adapter whose factors have their lengths but share one run of zeros: what is left of an adapter whose values are
// elsewhere.
func hollow(a *lora.Adapter) *lora.Adapter {
	longest := 0
	for _, p := range a.Pairs {
		longest = max(longest, len(p.A), len(p.B))
	}
	zeros, out := make([]float32, longest), *a
	out.Pairs = make([]lora.Pair, len(a.Pairs))
	for i, p := range a.Pairs {
		p.A, p.B, p.Magnitude = zeros[:len(p.A):len(p.A)], zeros[:len(p.B):len(p.B)], nil
		out.Pairs[i] = p
	}
	out.Saved = slices.Clone(a.Saved)
	for i := range out.Saved {
		out.Saved[i].W = nil
	}
	return &out
}
