package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"temper/dataset"
	"temper/dedup"
	"temper/filter"
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

// runEngine measures one of our engines in this process and prints the result: passes over texts on one core, generation on as many
// as training.
func runEngine(name, in, base string) error {
	if name == "prefill" || name == "decode" {
		got, err := generate(name, base)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(got)
	}
	runtime.GOMAXPROCS(1)
	texts, err := readTexts(in)
	if err != nil {
		return err
	}
	if len(texts) == 0 {
		return fmt.Errorf("%s has no texts", in)
	}
	pass, err := engine(name, base)
	if err != nil {
		return err
	}
	if _, err := pass(texts[:max(1, len(texts)/10)]); err != nil {
		return err
	}
	var size int64
	for _, t := range texts {
		size += int64(len(t.Text))
	}
	var got result
	for start := time.Now(); got.Seconds < measured.Seconds(); got.Seconds = time.Since(start).Seconds() {
		if got.Count, err = pass(texts); err != nil {
			return err
		}
		got.Units += size
	}
	return json.NewEncoder(os.Stdout).Encode(got)
}

// engine returns a pass over texts, which counts what comes out.
func engine(name, base string) (func([]dataset.Record) (int64, error), error) {
	switch name {
	case "minhash":
		return minhash, nil
	case "near":
		return near, nil
	case "filter":
		return gopher, nil
	case "tokenize":
		m, err := model.Open(base)
		if err != nil {
			return nil, err
		}
		return func(texts []dataset.Record) (n int64, err error) {
			for _, t := range texts {
				n += int64(len(m.Tokenizer.Encode(t.Text, false)))
			}
			return n, nil
		}, nil
	}
	return nil, errors.New("-run takes minhash, near, filter, tokenize, prefill or decode")
}

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

func minhash(texts []dataset.Record) (n int64, err error) {
	for _, err := range dedup.Sign(stream(texts), dedup.Near{}, 1) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// near counts the texts that are kept of near duplicates.
func near(texts []dataset.Record) (n int64, err error) {
	var signatures []dedup.Signature
	for s, err := range dedup.Sign(stream(texts), dedup.Near{}, 1) {
		if err != nil {
			return n, err
		}
		signatures = append(signatures, s)
	}
	again := func(yield func(dedup.Signature, error) bool) {
		for _, s := range signatures {
			if !yield(s, nil) {
				return
			}
		}
	}
	clusters, err := dedup.NearClusters(stream(texts), again, dedup.Near{}, &dedup.Memory{})
	if err != nil {
		return n, err
	}
	for note, err := range dedup.NearNotes(stream(texts), clusters, dedup.Near{}) {
		if err != nil {
			return n, err
		}
		if note.Verdict() == nil {
			n++
		}
	}
	return n, nil
}

// gopher counts the rows that are kept.
func gopher(texts []dataset.Record) (n int64, err error) {
	steps, err := filter.Use([]string{"gopher"})
	if err != nil {
		return 0, err
	}
	for note, err := range filter.Notes(stream(texts), steps) {
		if err != nil {
			return n, err
		}
		if note.Verdict() == nil {
			n++
		}
	}
	return n, nil
}

func stream(texts []dataset.Record) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for _, t := range texts {
			if !yield(t, nil) {
				return
			}
		}
	}
}
