package synth

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"temper/dataset"
)

// judgedText bounds the answer that a judge reads, in characters.
const judgedText = 240

// judge scores the questions that are still open.
func (w *asker) judge(part []*passage) error {
	if w.Options.Judge.Min == 0 {
		return nil
	}
	var open []*passage
	for _, p := range part {
		if p.open {
			open = append(open, p)
		}
	}
	if len(open) == 0 {
		return nil
	}
	score := w.scoreByWords
	if w.Model.Scores() {
		score = w.scoreByLikelihood
	}
	scores, err := score(open)
	if err != nil {
		return err
	}
	for i, p := range open {
		c := dataset.Check{Rule: "questions.judge", Value: scores[i], Op: ">=", Threshold: w.Options.Judge.Min, Drop: scores[i] < w.Options.Judge.Min}
		p.row = judge(p.row, c)
		p.row.Signals = dataset.Signals{"judge": scores[i]}
	}
	return nil
}

// gainUnit is the gain, in nats a token, at which a question scores 7 of 10.
const gainUnit = 0.35

// scoreByLikelihood scores a question by how much likelier it makes its answer, in nats a token: g = (log p(answer | question) -
// log p(answer | a question about nothing)) / tokens. The score is 10·(1-e^(-g·ln(10/3)/0.35)): 0 without any gain, 7 at 0.35.
func (w *asker) scoreByLikelihood(open []*passage) ([]float64, error) {
	var reqs []Request
	for _, p := range open {
		answer := []string{cutRunes(p.text, judgedText)}
		reqs = append(reqs,
			Request{Messages: []dataset.Message{{Role: "user", Content: p.question}}, Choices: answer},
			Request{Messages: []dataset.Message{{Role: "user", Content: "Tell me something."}}, Choices: answer})
	}
	answers, err := w.complete(reqs)
	if err != nil {
		return nil, err
	}
	scores := make([]float64, len(open))
	for i := range open {
		with, without := answers[2*i], answers[2*i+1]
		if len(with.Scores) != 1 || len(without.Scores) != 1 || len(with.ChoiceTokens) != 1 || with.ChoiceTokens[0] == 0 {
			return nil, fmt.Errorf("model %s: no score for a choice", w.Model.Name())
		}
		gain := (with.Scores[0] - without.Scores[0]) / float64(with.ChoiceTokens[0])
		scores[i] = 10 * (1 - math.Exp(-max(0, gain)*math.Log(10.0/3)/gainUnit))
	}
	return scores, nil
}

// cutRunes is the first n characters of s.
func cutRunes(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// scoreByWords lets a model that tells no likelihoods say a score. An answer that is none scores 0.
func (w *asker) scoreByWords(open []*passage) ([]float64, error) {
	reqs := make([]Request, len(open))
	for i, p := range open {
		reqs[i] = Request{MaxTokens: 64, Messages: []dataset.Message{
			{Role: "system", Content: `You grade training data. Score from 1 to 10 how well the answer answers the question, and how clear the question is by itself. Reply with JSON only: {"score": N}`},
			{Role: "user", Content: "Question: " + p.question + "\n\nAnswer: " + p.text},
		}}
	}
	answers, err := w.complete(reqs)
	if err != nil {
		return nil, err
	}
	scores := make([]float64, len(open))
	for i, a := range answers {
		scores[i] = scoreIn(a.Text)
	}
	return scores, nil
}

// scoreIn reads {"score": N}, in a code fence or not, with N from 0 to 10; anything else is 0.
func scoreIn(text string) float64 {
	from, to := strings.IndexByte(text, '{'), strings.LastIndexByte(text, '}')
	if from < 0 || to < from {
		return 0
	}
	var v struct {
		Score *float64 `json:"score"`
	}
	if json.Unmarshal([]byte(text[from:to+1]), &v) != nil || v.Score == nil || *v.Score < 0 || *v.Score > 10 {
		return 0
	}
	return *v.Score
}
