package main

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite testdata")

// members gives each of names three results, whose medians are the rates given.
func members(names []string, rates []float64, peaks []int64) []contestant {
	var all []contestant
	for i, name := range names {
		c := contestant{Name: name}
		for _, off := range []float64{1.25, 1, 0.5} {
			c.Results = append(c.Results, result{Units: int64(rates[i] * off * 4), Seconds: 4, Peak: peaks[i], Count: 7})
		}
		all = append(all, c)
	}
	return all
}

// TestReport: medians, extremes and ratios of made-up results stand where a reader looks for them.
func TestReport(t *testing.T) {
	r := report{Rounds: 3, Machine: machine{Date: "2026-01-02", CPU: "a processor", Cores: 2, System: "linux/amd64", Go: "go1.26", Commit: "abc", Peers: true,
		Sequence: sequence, Threads: threads, Steps: steps - warmup, Warmup: warmup, Sources: "3 files, 1 MB", Prose: "2 pages, 1 MB", MinHash: "as it is."},
		Series: []series{
			{Title: "Full checkpointing", Kind: training, Members: members([]string{"temper", "peer"}, []float64{300, 200}, []int64{1 << 30, 4 << 30})},
			{Title: "Drawing", Kind: generation, Members: members([]string{"temper", "peer"}, []float64{100, 50}, []int64{1, 1})},
			{Title: "Tokenizer", Text: "prose", Counts: "tokens", Members: members([]string{"temper", "peer"}, []float64{3e6, 4e6}, []int64{1, 1})},
			{Title: "`temper collect`", Text: "sources", Kind: command, Counts: "rows", Members: members([]string{"temper"}, []float64{5e6}, []int64{1 << 28})}}}
	got, err := render(r)
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/report.md"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Error(d)
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		units []int64
		want  float64
	}{{nil, 0}, {[]int64{5}, 5}, {[]int64{9, 1}, 5}, {[]int64{9, 1, 2}, 2}} {
		var c contestant
		for _, u := range tt.units {
			c.Results = append(c.Results, result{Units: u, Seconds: 1})
		}
		if got := c.median(result.rate); got != tt.want {
			t.Errorf("median of %v: %v, want %v", tt.units, got, tt.want)
		}
	}
}

// TestFromLog: the steps of the warm-up do not count, the largest memory does, and a broken log is an error.
func TestFromLog(t *testing.T) {
	log := `{"step":1,"tokens_per_second":1,"peak_bytes":9}
{"step":2,"tokens_per_second":1,"peak_bytes":5}
{"step":3,"tokens_per_second":512,"peak_bytes":5}
{"step":4,"tokens_per_second":256,"peak_bytes":7}
`
	got, err := fromLog([]byte(log))
	if want := (result{Units: 2 * sequence, Seconds: 3, Peak: 9}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if _, err := fromLog([]byte(`{"step":`)); err == nil {
		t.Error("a broken log: no error")
	}
}
