package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"temper/internal/kernel"
)

// A result is what one process measured of itself.
type result struct {
	Units   int64   `json:"units"`          // bytes of text, or tokens trained
	Seconds float64 `json:"seconds"`        // of processor time for bytes, of the clock for tokens
	Wall    float64 `json:"wall,omitempty"` // seconds of the clock, for bytes
	Peak    int64   `json:"peak_bytes"`     // of resident memory
	Count   int64   `json:"count"`          // what came out of one pass: tokens, rows kept; 0 where it says nothing
	F1      float64 `json:"f1,omitempty"`   // of main texts
}

// A contestant is one program of a series with its results so far.
type contestant struct {
	Name    string
	args    []string // of the peers' script, of this program with -run, or of the binary; training of ours has none
	in      string   // the texts' file; "" where there are none
	base    string   // whose tokenizer; "" for the base model
	ours    bool
	Results []result
}

// A series is one thing that several programs do.
type series struct {
	Title   string
	Text    string // the kind of text
	Counts  string // what a pass over texts counts
	Kind    kind
	Same    bool         // all must count the same
	Members []contestant // the first is ours
}

// A kind of series is a table of the report.
type kind int

const (
	data       kind = iota // units are bytes of text
	training               // units are tokens trained
	generation             // units are tokens read or drawn
	command                // units are bytes of text; the binary, from files to files
)

// series are all there are; without Python they have no peers.
func (s *setting) series() []series {
	train := func(mode, compute, title string) series {
		return series{Title: title, Kind: training, Members: []contestant{
			{Name: "temper", ours: true, args: []string{"train", mode, compute}}, {Name: "PyTorch + PEFT", args: []string{"train", mode}}}}
	}
	generate := func(what, title string) series {
		return series{Title: title, Kind: generation, Members: []contestant{
			{Name: "temper", ours: true, args: []string{what}}, {Name: "llama.cpp", args: []string{what}}}}
	}
	all := []series{
		train("none", "f32", "No checkpointing"),
		train("full", "f32", "Full checkpointing"),
		generate("prefill", "Reading 512 tokens"),
		generate("decode", "Drawing 128 tokens"),
	}
	all = append(append(all, s.data()...), s.commands()...)
	if kernel.BF16.Supported() {
		all = slices.Insert(all, 2, train("none", "bf16", "No checkpointing, `compute: bf16`"))
	}
	if s.python == "" {
		for i := range all {
			all[i].Members = all[i].Members[:min(1, len(all[i].Members))]
		}
	}
	return all
}

// measure lets every member run once; who begins changes from round to round.
func (r *series) measure(ctx context.Context, s *setting, round int) error {
	for i := range r.Members {
		m := &r.Members[(i+round)%len(r.Members)]
		got, err := s.measure(ctx, m)
		if err != nil {
			return fmt.Errorf("%s, %s, %s: %w", r.Title, r.Text, m.Name, err)
		}
		if got.Units <= 0 || got.Seconds <= 0 {
			return fmt.Errorf("%s, %s: it measured nothing: %+v", r.Title, m.Name, got)
		}
		if first := r.Members[round%len(r.Members)].Results; r.Same && len(first) > 0 && first[0].Count != got.Count {
			return fmt.Errorf("%s: %s counts %d %s, another %d", r.Title, m.Name, got.Count, r.Counts, first[0].Count)
		}
		m.Results = append(m.Results, got)
		fmt.Fprintf(os.Stderr, "round %d: %s: %s: %s\n", round+1, strings.TrimSuffix(r.Title+", "+r.Text, ", "), m.Name, rate(r, got.rate()))
	}
	return nil
}

func (s *setting) measure(ctx context.Context, m *contestant) (got result, err error) {
	switch {
	case m.ours && m.args[0] == "train":
		return s.tune(ctx, m.args[1], m.args[2])
	case m.ours && m.in == commandLine:
		return s.command(ctx, m.args)
	}
	base := cmp.Or(m.base, s.base)
	name, args := s.self, []string{"-run", m.args[0], "-in", m.in, "-base", base}
	if !m.ours {
		name, args = s.python, append([]string{filepath.FromSlash("bench/peers.py"), base, m.in, s.ids}, m.args...)
	}
	out, err := output(ctx, name, args...)
	if err != nil {
		return got, err
	}
	return got, json.Unmarshal(out, &got)
}

// tune trains with the binary and reads its log.
func (s *setting) tune(ctx context.Context, mode, compute string) (got result, err error) {
	log, adapter := filepath.Join(s.dir, "steps.jsonl"), filepath.Join(s.dir, "adapter")
	_, err = output(ctx, s.temper, "tune", "--base", s.base, "--ids", s.ids, "--batch", "1", "--sequence", strconv.Itoa(sequence),
		"--steps", strconv.Itoa(steps), "--rank", "16", "--alpha", "32", "--schedule", "constant", "--warmup", "0", "--checkpointing", mode, "--compute", compute,
		"--threads", strconv.Itoa(threads), "--log", log, "--force", "-o", adapter)
	if err != nil {
		return got, err
	}
	b, err := os.ReadFile(log)
	if err != nil {
		return got, err
	}
	return fromLog(b)
}

// fromLog sums up the steps of a training log after the warm-up.
func fromLog(log []byte) (got result, err error) {
	for line := range bytes.Lines(log) {
		var step struct {
			Step            int64
			TokensPerSecond float64 `json:"tokens_per_second"`
			PeakBytes       int64   `json:"peak_bytes"`
		}
		if err := json.Unmarshal(line, &step); err != nil {
			return got, fmt.Errorf("training log: %w", err)
		}
		got.Peak = max(got.Peak, step.PeakBytes)
		if step.Step > warmup && step.TokensPerSecond > 0 {
			got.Units += sequence
			got.Seconds += sequence / step.TokensPerSecond
		}
	}
	return got, nil
}

func (r result) rate() float64 { return float64(r.Units) / r.Seconds }

// median is the middle of the results' values; of an even number, the mean of the two in the middle.
func (c contestant) median(value func(result) float64) float64 {
	v := c.values(value)
	if len(v) == 0 {
		return 0
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// values are the results' values, sorted.
func (c contestant) values(value func(result) float64) []float64 {
	v := make([]float64, 0, len(c.Results))
	for _, r := range c.Results {
		v = append(v, value(r))
	}
	slices.Sort(v)
	return v
}
