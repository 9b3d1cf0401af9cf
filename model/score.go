package model

import (
	"fmt"

	"temper/internal/kernel"
)

// Score returns, for each choice, the sum of log-probabilities (natural, at most 0) of its tokens after prompt. The prompt is
// read once. An empty choice scores 0; prompt must not be empty, and prompt and choice together must fit the context.
func (g *Generator) Score(prompt []int32, choices [][]int32) ([]float64, error) {
	longest := 0
	for _, c := range choices {
		longest = max(longest, len(c))
	}
	if len(prompt) == 0 || len(prompt)+longest > g.context {
		return nil, fmt.Errorf("prompt of %d tokens and a choice of %d; the context is %d", len(prompt), longest, g.context)
	}
	c := g.cache(len(prompt) + longest)
	defer g.release(c)
	d := g.m.Dim
	last := make([]float32, d) // the hidden state that predicts a choice's first token
	for h, err := range g.pass.hidden(prompt, c) {
		if err != nil {
			return nil, err
		}
		copy(last, h[len(h)-d:])
	}
	scores := make([]float64, len(choices))
	for i, choice := range choices {
		if len(choice) == 0 {
			continue
		}
		c.n = len(prompt)
		sum, err := g.logLikelihood(c, last, choice)
		if err != nil {
			return nil, fmt.Errorf("choice %d: %w", i, err)
		}
		scores[i] = sum
	}
	return scores, nil
}

// logLikelihood is the log-probability of ids after the cache's tokens, of which first is the last hidden state.
func (g *Generator) logLikelihood(c *cache, first []float32, ids []int32) (float64, error) {
	sum := g.logProbabilities(first, ids[:1])
	rest := ids[1:]
	for h, err := range g.pass.hidden(ids[:len(ids)-1], c) {
		if err != nil {
			return 0, err
		}
		n := len(h) / g.m.Dim
		sum += g.logProbabilities(h, rest[:n])
		rest = rest[n:]
	}
	return sum, nil
}

// logProbabilities sums the log-probabilities of targets under the hidden states h, (len(targets), Dim).
func (g *Generator) logProbabilities(h []float32, targets []int32) float64 {
	n := len(targets)
	loss, weights := make([]float32, n), make([]float32, n)
	kernel.CrossEntropy(nil, loss, h, targets, weights, n, g.m.Head, 0, g.m.LogitCap)
	sum := 0.0
	for _, l := range loss {
		sum -= float64(l)
	}
	return sum
}
