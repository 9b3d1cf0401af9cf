// Command bench measures how fast Temper is beside what people use instead, and writes docs/benchmarks.md.
//
// Every measurement is a process of its own that measures its steady state: starting, reading the input and a warm-up are not in
// it. Ours and its peers take turns, round after round, so that whatever else the machine does falls on all alike; the median of
// the rounds counts. The peers are Python's libraries in the environment of interop/setup; without it their columns stay empty.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

// reportFile is written when a measurement is worth keeping.
const (
	reportFile = "docs/benchmarks.md"
	enough     = 5 // rounds
)

func main() {
	count := flag.Int("count", enough, "rounds; with fewer than 5 the report goes to standard output only")
	temper := flag.String("temper", "bin/temper-lean", "the binary that trains")
	base := flag.String("base", "smollm2-135m-instruct", "the base model: a name of the catalogue, or a GGUF file")
	run := flag.String("run", "", "measure one engine on -in and print the result as JSON: minhash, near, filter, tokenize, prefill, decode")
	in := flag.String("in", "", "JSONL of texts, for -run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := error(nil)
	if *run != "" {
		err = runEngine(*run, *in, *base)
	} else {
		err = bench(ctx, *count, *temper, *base)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// bench measures everything in rounds and writes the report.
func bench(ctx context.Context, rounds int, temper, base string) error {
	if rounds < 1 || rounds > 100 {
		return fmt.Errorf("%d rounds; there must be 1 to 100", rounds)
	}
	dir, err := os.MkdirTemp("", "temper-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := newSetting(ctx, dir, temper, base)
	if err != nil {
		return err
	}
	series := s.series()
	for round := range rounds {
		for i := range series {
			if err := series[i].measure(ctx, s, round); err != nil {
				return err
			}
		}
	}
	b, err := render(report{Machine: describe(ctx, s), Rounds: rounds, Series: series})
	if err != nil {
		return err
	}
	if rounds < enough {
		_, err = os.Stdout.Write(b)
		return err
	}
	return os.WriteFile(filepath.FromSlash(reportFile), b, 0o644)
}
