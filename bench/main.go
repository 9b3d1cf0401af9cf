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
	"slices"
	"strings"
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
	only := flag.String("only", "", "the tables to measure, of training, generation, data, commands, separated by commas; the report goes to standard output only")
	corpus := flag.String("corpus", "", "write the texts that engines are measured on into this folder, and end")
	grows := flag.Bool("scaling", false, "measure two cores beside one, and twice the text beside once, over and over; the report goes to "+scalingFile)
	t := task{}
	flag.StringVar(&t.engine, "run", "", "measure one engine on -in and print the result as JSON: "+engineNames())
	flag.StringVar(&t.in, "in", "", "JSONL of texts, for -run")
	flag.IntVar(&t.cores, "cores", 1, "cores, each with its share of the texts, for -run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case t.engine != "":
		t.base = *base
		err = runEngine(t)
	case *corpus != "":
		_, _, err = newTexts(ctx, *corpus, "")
	default:
		err = bench(ctx, plan{*count, *temper, *base, *only, *grows})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// A plan is what to measure.
type plan struct {
	rounds             int
	temper, base, only string
	scaling            bool
}

// bench measures everything in rounds and writes the report.
func bench(ctx context.Context, p plan) error {
	if p.rounds < 1 || p.rounds > 100 {
		return fmt.Errorf("%d rounds; there must be 1 to 100", p.rounds)
	}
	dir, err := os.MkdirTemp("", "temper-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := newSetting(ctx, dir, p.temper, p.base)
	if err != nil {
		return err
	}
	if p.scaling {
		return scaling(ctx, s, p.rounds)
	}
	series, err := chosen(s.series(), p.only)
	if err != nil {
		return err
	}
	for round := range p.rounds {
		for i := range series {
			if err := series[i].measure(ctx, s, round); err != nil {
				return err
			}
		}
	}
	b, err := render(report{Machine: describe(ctx, s), Rounds: p.rounds, Series: series})
	if err != nil {
		return err
	}
	if p.rounds < enough || p.only != "" {
		_, err = os.Stdout.Write(b)
		return err
	}
	return os.WriteFile(filepath.FromSlash(reportFile), b, 0o644)
}

// chosen are the series of the tables that are named; all where none is.
func chosen(all []series, only string) ([]series, error) {
	if only == "" {
		return all, nil
	}
	kinds := map[string]kind{"training": training, "generation": generation, "data": data, "commands": command}
	want := map[kind]bool{}
	for name := range strings.SplitSeq(only, ",") {
		k, there := kinds[name]
		if !there {
			return nil, fmt.Errorf("-only %s: there are training, generation, data and commands", name)
		}
		want[k] = true
	}
	return slices.DeleteFunc(all, func(s series) bool { return !want[s.Kind] }), nil
}
