package main

import (
	"time"

	"temper/internal/kernel"
	"temper/model"
)

// Generation reads a prompt of prefillTokens, or draws drawnTokens after one of 16.
const (
	prefillTokens = 512
	drawnTokens   = 128
)

// measured is how long an engine is measured at least, in whole passes over the texts.
const measured = 2 * time.Second

// generate measures reading a prompt, or drawing the likeliest tokens after a short one.
func generate(what, base string) (got result, err error) {
	kernel.SetThreads(threads)
	m, err := model.Open(base)
	if err != nil {
		return got, err
	}
	defer m.Close()
	g, err := model.NewGenerator(m, nil, prefillTokens+drawnTokens)
	if err != nil {
		return got, err
	}
	prompt, drawn := make([]int32, prefillTokens), 1
	for i := range prompt {
		prompt[i] = int32(i * 7919 % m.Vocab)
	}
	if what == "decode" {
		prompt, drawn = prompt[:16], drawnTokens
	}
	var start time.Time
	for round := 0; got.Seconds < measured.Seconds(); round++ {
		if round == 1 {
			start = time.Now() // after a warm-up
		}
		out, err := g.Generate([][]int32{prompt}, model.Sampling{MaxTokens: drawn}, nil)
		if err != nil {
			return got, err
		}
		if round == 0 {
			continue
		}
		if got.Seconds = time.Since(start).Seconds(); what == "decode" {
			got.Units += int64(len(out[0]))
		} else {
			got.Units += int64(len(prompt))
		}
	}
	return got, nil
}
