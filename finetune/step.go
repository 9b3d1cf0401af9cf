package finetune

import "encoding/json"

// A Step is what is known after one optimizer step.
type Step struct {
	Step            int      `json:"step"` // from 1
	Steps           int      `json:"steps"`
	Loss            float64  `json:"loss"` // mean over the step's trained tokens, before the step
	LR              float64  `json:"lr"`
	GradNorm        float64  `json:"grad_norm"` // before clipping
	Tokens          int64    `json:"tokens"`    // read so far in all steps
	Trained         int64    `json:"trained_tokens"`
	TokensPerSecond float64  `json:"tokens_per_second"` // in this step; 0 without a clock
	PeakBytes       int64    `json:"peak_bytes"`        // of the process's memory; 0 if nobody measures
	SecondsLeft     float64  `json:"seconds_left"`      // at the pace so far; 0 without a clock
	EvalLoss        *float64 `json:"eval_loss,omitempty"`
	Skipped         string   `json:"skipped,omitempty"` // why the step changed nothing, with the layer and the sample
}

// MarshalJSON writes a loss or norm that is no number as null.
func (s Step) MarshalJSON() ([]byte, error) {
	type plain Step
	out := struct {
		plain
		Loss     *float64 `json:"loss"`
		GradNorm *float64 `json:"grad_norm"`
	}{plain: plain(s)}
	if !bad(s.Loss) {
		out.Loss = &s.Loss
	}
	if !bad(s.GradNorm) {
		out.GradNorm = &s.GradNorm
	}
	return json.Marshal(out)
}
