package activities

import (
	"encoding/json"

	"temper/dataset"
	"temper/finetune"
)

// A Point is one step of a training's curve.
type Point struct {
	Step     int     `json:"step"`
	Loss     float64 `json:"loss"`
	EvalLoss float64 `json:"eval_loss,omitempty"` // held out; 0 where it was not measured
}

// An Answer is one held-out question with what the base and the tuned model say, and the answer the dataset has.
type Answer struct {
	ID       string `json:"id"`
	Question string `json:"question"`
	Before   string `json:"before"`
	After    string `json:"after"`
	Expected string `json:"expected"`
}

// curvePoints bounds the points of a curve in a stage's metrics: enough to draw, small in a history.
const curvePoints = 400

// onCurve tells whether a step is one of about curvePoints: the first, the last, and evenly between them; and of as many of
// those with a held-out loss. The step alone tells, so that a training that was interrupted has the same curve.
func onCurve(s finetune.Step, evalEvery int) bool {
	nth := func(i, of int) bool { return i%((of+curvePoints-1)/curvePoints) == 0 }
	if s.EvalLoss != nil && evalEvery > 0 && nth(s.Step/evalEvery, s.Steps/evalEvery+1) {
		return true
	}
	return nth(s.Step-1, s.Steps) || s.Step == s.Steps
}

// CurveOf returns the training curve among a run's stages, or nil.
func CurveOf(stages []StageResult) []Point { return metric[[]Point](stages, "curve") }

// AnswersOf returns the answers before and after among a run's stages, or nil.
func AnswersOf(stages []StageResult) []Answer { return metric[[]Answer](stages, "answers") }

// MixtureOf returns what the mix took, or nil.
func MixtureOf(stages []StageResult) *dataset.Mixture {
	return metric[*dataset.Mixture](stages, "mix")
}

// ScoreOf returns what an evaluation of who (base, challenger, champion) measured, if it ran.
func ScoreOf(stages []StageResult, who string) (Score, bool) {
	for _, s := range stages {
		if s.Name == "evaluate "+who {
			return metric[Score]([]StageResult{s}, "score"), true
		}
	}
	return Score{}, false
}

// MetricOf decodes a stage's metric; its zero value if the stage has none of the name.
func MetricOf[T any](s StageResult, name string) T { return metric[T]([]StageResult{s}, name) }

// metric decodes the first metric of a name: metrics have passed through JSON.
func metric[T any](stages []StageResult, name string) (v T) {
	for _, s := range stages {
		if m, ok := s.Metrics[name]; ok {
			if b, err := json.Marshal(m); err == nil && json.Unmarshal(b, &v) == nil {
				return v
			}
		}
	}
	return v
}
