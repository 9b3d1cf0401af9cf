package model

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Sampling says how tokens are chosen from logits.
type Sampling struct {
	Temperature float64 `json:"temperature,omitempty" doc:"0 takes the likeliest token; above, logits are divided by it" default:"0"`
	TopP        float64 `json:"top_p,omitempty" doc:"draw from the likeliest tokens that together reach this probability" default:"1"`
	Seed        uint64  `json:"seed,omitempty" doc:"the same seed gives the same answers" default:"0"`
	MaxTokens   int     `json:"max_tokens,omitempty" doc:"longest answer, in tokens" default:"256"`
	Stop        []int32 `json:"stop,omitempty" doc:"tokens that end an answer; they are not part of it"`
}

// WithDefaults fills in MaxTokens 256 and TopP 1.
func (s Sampling) WithDefaults() Sampling {
	if s.MaxTokens == 0 {
		s.MaxTokens = 256
	}
	if s.TopP == 0 {
		s.TopP = 1
	}
	return s
}

// Validate says what is wrong with s, after WithDefaults.
func (s Sampling) Validate() error {
	switch {
	case !(s.Temperature >= 0 && s.Temperature <= 100):
		return fmt.Errorf("temperature is %g; it must be 0 to 100", s.Temperature)
	case !(s.TopP > 0 && s.TopP <= 1):
		return fmt.Errorf("top_p is %g; it must be above 0 and at most 1", s.TopP)
	case s.MaxTokens < 1 || s.MaxTokens > maxContext:
		return fmt.Errorf("max_tokens is %d; it must be 1 to %d", s.MaxTokens, maxContext)
	}
	return nil
}

// A sampler draws tokens; it keeps its scratch between draws.
type sampler struct {
	Sampling
	order []int32
	p     []float64
}

// draw chooses a token. The choice is a function of the logits, the options, the prompt's number and the position in the answer.
func (s *sampler) draw(logits []float32, prompt, position int) int32 {
	best := int32(0)
	for i, v := range logits {
		if v > logits[best] {
			best = int32(i)
		}
	}
	if s.Temperature == 0 {
		return best
	}
	s.order, s.p = s.order[:0], s.p[:0]
	top, sum := float64(logits[best]), 0.0
	for i, v := range logits {
		// Beyond e^-20 of the likeliest a token is not worth sorting: all of a large vocabulary is below 1e-4 together.
		if z := (float64(v) - top) / s.Temperature; z > -20 {
			s.order = append(s.order, int32(i))
		}
	}
	slices.SortFunc(s.order, func(a, b int32) int { return cmp.Or(cmp.Compare(logits[b], logits[a]), cmp.Compare(a, b)) })
	for _, id := range s.order {
		e := math.Exp((float64(logits[id]) - top) / s.Temperature)
		s.p = append(s.p, e)
		sum += e
	}
	keep, mass := 0, 0.0
	for keep < len(s.p) && (keep == 0 || mass < s.TopP*sum) {
		mass += s.p[keep]
		keep++
	}
	u := rand.New(rand.NewPCG(s.Seed, uint64(prompt)<<32|uint64(position))).Float64() * mass
	for i, p := range s.p[:keep] {
		if u -= p; u < 0 {
			return s.order[i]
		}
	}
	return s.order[keep-1]
}
