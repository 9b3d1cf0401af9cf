package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
)

// scalingFile is written when there were enough rounds.
const scalingFile = "docs/scaling.md"

// doublings are how often the texts grow from the least to all of them.
const doublings = 4

// A growth is one thing measured at every size, or on one and on two cores: what each round gave.
type growth struct {
	title string
	at    [][]result // by size, or by cores
}

// perPass are the engines whose cost is looked at; the first only computes.
var perPass = []string{"spin", "minhash", "near", "filters", "fix_text", "language", "pii"}

// A scale measures how cost follows cores and the size of the input.
type scale struct {
	*setting
	parts []text // every 16th of the sources, every 8th, ..., all
}

// scaling measures in rounds and writes the tables.
func scaling(ctx context.Context, s *setting, rounds int) error {
	sc := &scale{setting: s}
	if err := sc.split(); err != nil {
		return err
	}
	cores, sizes, memory := sc.rows(2), sc.rows(doublings + 1)[1:], sc.commandRows()
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "round %d\n", round+1)
		for i := range cores {
			for n := range 2 {
				if err := sc.pass(ctx, &cores[i], n, sc.parts[doublings-2], n+1); err != nil {
					return err
				}
			}
		}
		for i := range sizes {
			for n, part := range sc.parts {
				if err := sc.pass(ctx, &sizes[i], n, part, 1); err != nil {
					return err
				}
			}
		}
		for i := range memory {
			for n, part := range sc.parts {
				got, err := sc.run(ctx, 1, part, sc.arguments(memory[i].title, part))
				if err != nil {
					return err
				}
				memory[i].at[n] = append(memory[i].at[n], got)
			}
		}
	}
	b := sc.render(describe(ctx, s), rounds, cores, sizes, memory)
	if rounds < enough {
		_, err := os.Stdout.Write(b)
		return err
	}
	return os.WriteFile(filepath.FromSlash(scalingFile), b, 0o644)
}

// split writes the parts of the sources: evenly spread, so that all are of the same kinds of files.
func (sc *scale) split() error {
	texts, err := readTexts(sc.code.whole)
	if err != nil {
		return err
	}
	for every := 1 << doublings; every > 1; every /= 2 {
		path := filepath.Join(sc.dir, fmt.Sprintf("every-%d.jsonl", every))
		out, err := newLines(path)
		if err != nil {
			return err
		}
		part := text{whole: path}
		for i := 0; i < len(texts); i += every {
			part.bytes += int64(len(texts[i].Text))
			part.count++
			if err := out.enc.Encode(row{texts[i].ID, texts[i].Text}); err != nil {
				return err
			}
		}
		if err := out.close(); err != nil {
			return err
		}
		sc.parts = append(sc.parts, part)
	}
	sc.parts = append(sc.parts, sc.code)
	return nil
}

func (sc *scale) rows(n int) (all []growth) {
	for _, name := range perPass {
		all = append(all, growth{name, make([][]result, n)})
	}
	return all
}

// pass measures an engine in a process of its own.
func (sc *scale) pass(ctx context.Context, g *growth, n int, part text, cores int) error {
	out, err := output(ctx, sc.self, "-run", g.title, "-in", part.whole, "-cores", strconv.Itoa(cores))
	if err != nil {
		return err
	}
	var got result
	if err := json.Unmarshal(out, &got); err != nil {
		return err
	}
	if got.Units <= 0 || got.Seconds <= 0 || got.Wall <= 0 {
		return fmt.Errorf("%s on %s measured nothing: %+v", g.title, part.whole, got)
	}
	g.at[n] = append(g.at[n], got)
	return nil
}

func (sc *scale) commandRows() (all []growth) {
	for _, name := range []string{"temper collect", "temper filter", "temper dedup"} {
		all = append(all, growth{name, make([][]result, doublings+1)})
	}
	return all
}

// arguments are those of a command over a part.
func (sc *scale) arguments(name string, part text) []string {
	switch name {
	case "temper collect":
		return []string{"collect", "-r", filepath.Join(sc.dir, "jsonl.yaml"), "--set", "collect=[{jsonl: {root: " + part.whole + "}}]"}
	case "temper filter":
		return []string{"filter", "-r", filepath.Join(sc.dir, "filter.yaml"), part.whole}
	}
	return []string{"dedup", "--near", "0.8", part.whole}
}

// middle is the median of what the rounds gave.
func middle(all []result, value func(result) float64) float64 {
	return contestant{Results: all}.median(value)
}

// cost is nanoseconds of processor time a byte.
func cost(r result) float64 { return r.Seconds / float64(r.Units) * 1e9 }

func (sc *scale) render(m machine, rounds int, cores, sizes, memory []growth) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Scaling\n\nWritten by `make bench-scaling`; do not edit. %s, %s, %d cores, %s, %s, commit %s. Medians of %d rounds, over the sources of\n"+
		"[benchmarks](benchmarks.md) and parts of them.\n\n", m.Date, m.CPU, m.Cores, m.System, m.Go, m.Commit, rounds)
	fmt.Fprintf(&b, "## Two cores\n\nTwo shards at once, as activities take them, beside one of them after the other, %.0f MB in all. `spin` computes without touching memory: what the\n"+
		"machine's second core gives at best.\n\n| | one core, MB/s | two cores, MB/s | times | CPU a byte, times |\n|---|---|---|---|---|\n", float64(sc.parts[doublings-2].bytes)/1e6)
	clock := func(r result) float64 { return float64(r.Units) / r.Wall / 1e6 }
	for _, g := range cores {
		one, two := middle(g.at[0], clock), middle(g.at[1], clock)
		fmt.Fprintf(&b, "| %s | %.1f | %.1f | %.2f | %.2f |\n", g.title, one, two, two/one, middle(g.at[1], cost)/middle(g.at[0], cost))
	}
	b.WriteString("\n## Twice the text\n\nNanoseconds of processor time a byte, on one core, and how much it grows at most from one size to the next.\n\n|")
	head := func(of string) {
		for _, p := range sc.parts {
			fmt.Fprintf(&b, " | %.0f MB", float64(p.bytes)/1e6)
		}
		fmt.Fprintf(&b, " | %s |\n|---", of)
		for range len(sc.parts) + 1 {
			b.WriteString("|---")
		}
		b.WriteString("|\n")
	}
	head("most a doubling")
	for _, g := range sizes {
		table(&b, g, cost, "%.1f", most)
	}
	b.WriteString("\nThe commands, from a file to a dataset folder.\n\n|")
	head("most a doubling")
	for _, g := range memory {
		table(&b, g, cost, "%.1f", most)
	}
	b.WriteString("\n## Memory\n\nThe largest resident set of the commands, MiB.\n\n|")
	head("bytes a further record")
	first, last := sc.parts[0], sc.parts[doublings]
	for _, g := range memory {
		table(&b, g, mebibytes, "%.0f", func(v []float64) string {
			return fmt.Sprintf("%.0f", (v[doublings]-v[0])*(1<<20)/float64(last.count-first.count))
		})
	}
	return b.Bytes()
}

// table writes a row: a value at every size, and what they come to.
func table(b *bytes.Buffer, g growth, value func(result) float64, form string, sum func([]float64) string) {
	var v []float64
	fmt.Fprintf(b, "| %s", g.title)
	for _, at := range g.at {
		v = append(v, middle(at, value))
		fmt.Fprintf(b, " | "+form, v[len(v)-1])
	}
	fmt.Fprintf(b, " | %s |\n", sum(v))
}

// most is how much a value grows at most from one size to the next.
func most(v []float64) string {
	grows := math.Inf(-1)
	for i := range len(v) - 1 {
		grows = max(grows, v[i+1]/v[i]-1)
	}
	return fmt.Sprintf("%+.1f %%", 100*grows)
}
