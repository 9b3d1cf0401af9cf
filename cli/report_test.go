package cli

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"temper/activities"
	"temper/dataset"
	"temper/finetune"
	"temper/worker"
	"temper/workflows"
)

var update = flag.Bool("update", false, "rewrite golden files")

// finished is a run that promoted its adapter.
func finished() worker.Run {
	var curve []activities.Point
	for step := 1; step <= 240; step++ {
		p := activities.Point{Step: step, Loss: 1.5 + 1.4*math.Exp(-float64(step)/40)}
		if step%60 == 0 {
			p.EvalLoss = 1.62 + 1.1*math.Exp(-float64(step)/45)
		}
		curve = append(curve, p)
	}
	filtered := dataset.Reasons{"gopher_quality.words": 1202, "language": 102}
	for i, n := range []int64{100, 90, 80, 70, 60, 50, 40, 14} {
		filtered["rule_"+string(rune('a'+i))] = n
	}
	score := func(loss float64) map[string]any {
		return map[string]any{"score": activities.Score{Loss: loss, Perplexity: math.Exp(loss), Tokens: 15_220}}
	}
	stages := []activities.StageResult{
		{Name: "base", Seconds: 0.8, Cached: true},
		{Name: "collect", Counts: dataset.Counts{In: 9120, Out: 9117, Bad: 3}, Seconds: 3.2},
		{Name: "filter", Counts: dataset.Counts{In: 9117, Out: 7309, Dropped: 1808, Reasons: filtered}, Seconds: 6.4},
		{Name: "near", Counts: dataset.Counts{In: 7309, Out: 7002, Dropped: 307, Reasons: dataset.Reasons{"near_duplicate": 307}}, Seconds: 4.1},
		{Name: "split", Counts: dataset.Counts{In: 7002, Out: 5730, Dropped: 1802, Reasons: dataset.Reasons{"mix": 1802}}, Seconds: 1.2, Metrics: map[string]any{"mix": dataset.Mixture{
			Unit: "tokens", Tokens: 480_000, Wanted: 500_000, Groups: []dataset.MixGroup{{Name: "de", Rows: 530, Size: 40_000, Share: 0.25, Taken: 80_000, Capped: "max_epochs"}, {Name: "en", Rows: 6340, Size: 900_000, Share: 0.75, Taken: 400_000}}}}},
		{Name: "train", Counts: dataset.Counts{In: 480, Out: 480}, Seconds: 213.4, Metrics: map[string]any{"curve": curve, "steps": 240, "tokens": 480_000, "loss": 1.53,
			"tokens_per_second": 2249.0, "peak_bytes": 912_000_000, "memory": finetune.Memory{Checkpointing: "none", Total: 870_000_000}}},
		{Name: "evaluate base", Counts: dataset.Counts{In: 120, Out: 120}, Seconds: 9, Metrics: score(2.8114)},
		{Name: "evaluate challenger", Counts: dataset.Counts{In: 120, Out: 120}, Seconds: 9, Metrics: score(1.6202)},
		{Name: "answers", Counts: dataset.Counts{In: 2, Out: 2}, Seconds: 12, Metrics: map[string]any{"answers": []activities.Answer{
			{Question: "What does bufio.NewReader return?", Before: "It returns a string that was read from the file, and then the file is closed by the reader, which is the usual way of reading.",
				After: "NewReader returns a new Reader whose buffer has the default size.\n\n    func NewReader(rd io.Reader) *Reader"},
			{Question: "한국어로 답하세요: strings 패키지는 무엇입니까?", Before: "I do not know\x1b[31m.", After: "strings 패키지는 UTF-8로 인코딩된 문자열을 다루는 간단한 함수들을 구현합니다."}}}},
	}
	start := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	return worker.Run{ID: "quickstart", Name: "go-docs", Kind: "Pipeline", Status: "completed", Started: start, Ended: start.Add(263 * time.Second), Stages: stages,
		Result: &workflows.PipelineResult{Stages: stages, Dataset: activities.PublishResult{Name: "go-docs", Version: "84b4f77cb86c"}, Adapter: activities.AdapterResult{Name: "go-docs", Version: "bbbbbbbbbbbb"},
			Gate: activities.GateResult{Decision: activities.Promoted, Reason: "loss 1.6202 on 15220 held-out tokens, -42.4 % against the base's 2.8114; to be promoted it must be below 2.8114"}}}
}

var devHouse = Connection{Store: "s3://temper/house", S3: "http://127.0.0.1:7070", Web: "http://127.0.0.1:7080", TemporalUI: "http://127.0.0.1:8233"}

// TestWriteReport: the report of a run is as in testdata/report.txt, which a person has read.
func TestWriteReport(t *testing.T) {
	var b bytes.Buffer
	if err := WriteReport(&b, finished(), devHouse); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "report.txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("want -, got +:\n%s", d)
	}
	for line := range strings.SplitSeq(b.String(), "\n") {
		if cellWidth(line) > usual {
			t.Errorf("%d columns: %s", cellWidth(line), line)
		}
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Error("an answer can steer the terminal")
	}
}

// TestReportOfUnfinished: a run that failed or goes on has a report of what there is.
func TestReportOfUnfinished(t *testing.T) {
	run := finished()
	run.Status, run.Result, run.Stages, run.Error = "failed", nil, run.Stages[:3], "filter: the disk is full"
	var b bytes.Buffer
	if err := WriteReport(&b, run, Connection{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Run quickstart: failed in 4 min 23 s", "the disk is full", "1,808"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
	for _, not := range []string{"Training", "Held-out", "Before and after", "Where it lies"} {
		if strings.Contains(b.String(), not) {
			t.Errorf("the report has %q, of which there is nothing", not)
		}
	}
}

// TestReportFile: -o writes one page, whole, and refuses to replace one.
func TestReportFile(t *testing.T) {
	a := &app{ctx: t.Context(), out: &bytes.Buffer{}, err: &bytes.Buffer{}}
	c := &reportCommand{Out: filepath.Join(t.TempDir(), "report.html")}
	c.Store, c.Dir = "s3://temper/house", t.TempDir()
	if err := errors.Join(c.check(), c.write(a, finished())); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(c.Out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"</html>", "s3://temper/house/datasets/go-docs/84b4f77cb86c/data/", "<svg"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if err := c.check(); !errors.Is(err, errInput) {
		t.Errorf("an existing output: %v", err)
	}
	c.Out = filepath.Join(t.TempDir(), "no", "folder.html")
	if err := c.write(a, finished()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestWrap: no line is wider than it may be, no text is lost, and only spaces and line ends are gained or lost.
func TestWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("ab cd  \n\t한e\u0301."))).Draw(t, "text")
		columns := rapid.IntRange(4, 30).Draw(t, "columns")
		lines := wrap(text, columns)
		for _, line := range lines {
			if cellWidth(line) > columns {
				t.Fatalf("%q has %d columns, more than %d", line, cellWidth(line), columns)
			}
		}
		squeeze := func(s string) string {
			return strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(s)
		}
		if got, want := squeeze(strings.Join(lines, "")), squeeze(text); got != want {
			t.Fatalf("%q became %q", want, got)
		}
	})
}

// TestTable: columns stand below their heads, numbers to the right, whatever the width of the characters; and no cell breaks its line
// or steers the terminal.
func TestTable(t *testing.T) {
	var b bytes.Buffer
	table := newTable(&b, "NAME", ">ROWS", "NOTE")
	table.row("a", "7", "x")
	table.row("한국어", "1,200", "two\nlines \x1b[2J")
	if err := table.flush(); err != nil {
		t.Fatal(err)
	}
	want := "NAME     ROWS  NOTE\na           7  x\n한국어  1,200  two lines ␛[2J\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestPlotLoss: the drawing has its size, the highest loss at the top and the lowest at the bottom; what cannot be drawn is not.
func TestPlotLoss(t *testing.T) {
	falling := []activities.Point{{Step: 1, Loss: 3}, {Step: 2, Loss: 2}, {Step: 3, Loss: 1, EvalLoss: 0.5}}
	lines := plotLoss(falling, 60, 8)
	if len(lines) != 10 || !strings.Contains(lines[0], "3.000") || !strings.Contains(lines[7], "0.500") || !strings.HasSuffix(lines[7], "●") {
		t.Errorf("got\n%s", strings.Join(lines, "\n"))
	}
	for _, line := range lines {
		if cellWidth(line) > 60 {
			t.Errorf("%d columns: %s", cellWidth(line), line)
		}
	}
	for _, points := range [][]activities.Point{nil, falling[:1], {{Step: 1, Loss: math.NaN()}, {Step: 2, Loss: 1}}, {{Step: 1, Loss: math.Inf(1)}, {Step: 2, Loss: 1}}} {
		if got := plotLoss(points, 60, 8); got != nil {
			t.Errorf("%v is drawn", points)
		}
	}
	if flat := plotLoss([]activities.Point{{Step: 5, Loss: 2}, {Step: 5, Loss: 2}}, 60, 8); len(flat) != 10 {
		t.Errorf("a flat curve of one step: %v", flat)
	}
}
