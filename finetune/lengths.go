package finetune

import (
	"temper/internal/quant"
	"temper/lora"
)

// rowsLengths keeps the lengths of the rows of W + s·B·A of all layers, which DoRA divides by, those of the values as they stand.
type rowsLengths struct {
	of      []rowLengths
	scratch []float32
	stale   bool // the values have changed
}

// rowLengths are those of one linear layer.
type rowLengths struct {
	dst       []float32 // the layer's
	w         *quant.Tensor
	squares   []float64 // of w's rows
	a, b      []float32
	scale     float32
	magnitude []float32
	fresh     bool // the magnitudes are to begin as the lengths
}

// newLengths computes them.
func newLengths(rows []rowLengths) *rowsLengths {
	l := &rowsLengths{of: rows, stale: true}
	n := 0
	for _, r := range rows {
		n = max(n, lora.LengthsScratch(r.w.Rows, len(r.a)/r.w.Cols))
	}
	l.scratch = make([]float32, n)
	l.refresh()
	return l
}

// refresh computes the lengths again if the values have changed since. It is called before each forward pass.
func (l *rowsLengths) refresh() {
	if l == nil || !l.stale {
		return
	}
	for _, r := range l.of {
		lora.Lengths(r.dst, r.w, r.squares, r.a, r.b, r.scale, l.scratch)
	}
	l.stale = false
}

// changed says that the values are others now.
func (l *rowsLengths) changed() {
	if l != nil {
		l.stale = true
	}
}

// lengthsBytes is what they hold for an adapter, and while they are computed.
func lengthsBytes(a *lora.Adapter) int64 {
	if !a.DoRA {
		return 0
	}
	n, widest := 0, 0
	for _, p := range a.Pairs {
		n, widest = n+p.Out, max(widest, p.Out)
	}
	return 12*int64(n) + 4*int64(lora.LengthsScratch(widest, a.Widest()))
}
