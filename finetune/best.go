package finetune

// best is the lowest held-out loss so far, for early stopping. Its state is saved.
type best struct {
	Step  int     `json:"step"` // 0 before the first evaluation
	Loss  float64 `json:"loss"`
	Since int     `json:"since"` // evaluations after it
}

// evaluated notes a held-out loss and keeps the values of the lowest.
func (t *trainer) evaluated(loss float64) {
	if t.o.Patience == 0 {
		return
	}
	if t.best.Step == 0 || loss < t.best.Loss {
		t.best = best{Step: t.step, Loss: loss}
		copy(t.bestValue, t.network.params.value)
		return
	}
	t.best.Since++
}

// over reports whether training is done: all steps are, or patience is at its end.
func (t *trainer) over() bool {
	return t.step >= t.total || t.o.Patience > 0 && t.best.Since >= t.o.Patience
}

// result is the values to keep: with patience those of the lowest held-out loss, else the last.
func (t *trainer) result() []float32 {
	if t.best.Step > 0 {
		return t.bestValue
	}
	return t.network.params.value
}
