package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"temper/activities"
	"temper/dataset"
	"temper/finetune"
	"temper/internal/store"
	"temper/lora"
	"temper/worker"
	"temper/workflows"
)

// hostile is text that would do harm if it were not escaped.
const hostile = `<script>alert("x")</script><img src=x onerror=alert(1)> {{.}} "'&`

// A house is a server over a memory store with a published dataset, two adapters, and runs of every kind.
type house struct {
	*Server
	store    dataset.Store
	manifest dataset.Manifest
	runs     []worker.Run // the newest first
	champion string       // version of the adapter in use
	handler  http.Handler
}

const trainRows = 60

// newHouse furnishes it.
func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{store: store.NewMem()}
	kept, rejects := put(t, h.store, trainSet()), put(t, h.store, dropped())
	stage, err := dataset.PublishStage(t.Context(), h.store, dataset.Stage{SchemaVersion: dataset.SchemaVersion, Name: "filter", Key: strings.Repeat("ab", 32), Engine: "filter/1",
		Counts: dataset.Counts{In: 70, Out: 62, Dropped: 8}})
	if err != nil {
		t.Fatal(err)
	}
	h.manifest, err = dataset.Publish(t.Context(), h.store, dataset.Publication{Name: "go-docs", Recipe: `{"name":"go-docs","max_bad":"5%"}`, Stages: []string{stage.Key},
		Splits:  []dataset.SplitRefs{{Name: "train", Refs: []dataset.Ref{kept}}, {Name: "test", Refs: []dataset.Ref{put(t, h.store, rowsOf("test", 2))}}},
		Rejects: []dataset.Ref{rejects}})
	if err != nil {
		t.Fatal(err)
	}
	h.adapters(t)
	h.runs = []worker.Run{h.going(), h.complete(rejects), h.broken(), {ID: "nightly/2026-11-23 <b>", Kind: "Retrain", Status: "completed", Started: day, Ended: day.Add(time.Hour),
		Name: "go-docs", Result: &workflows.PipelineResult{Nothing: true}}}
	h.Server = &Server{Store: h.store, TemporalUI: "http://127.0.0.1:8233", Namespace: "default",
		Runs: func(_ context.Context, limit int) ([]worker.Run, error) { return h.runs[:min(limit, len(h.runs))], nil },
		Run: func(_ context.Context, id string) (worker.Run, error) {
			for _, r := range h.runs {
				if r.ID == id {
					return r, nil
				}
			}
			return worker.Run{}, fmt.Errorf("%s: %w", id, worker.ErrNoRun)
		}}
	h.handler = h.Handler()
	return h
}

var day = time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)

// rowsOf makes conversations about packages.
func rowsOf(prefix string, n int) []dataset.Row {
	var rows []dataset.Row
	for i := range n {
		rows = append(rows, dataset.Row{
			Record: dataset.Record{ID: fmt.Sprintf("%s%02d", prefix, i), Meta: dataset.Meta{"package": "bufio"}, Cluster: "c1", Parents: []string{"p0"},
				Messages: []dataset.Message{{Role: "user", Content: fmt.Sprintf("What does bufio.Scanner number %d do?", i)},
					{Role: "assistant", Content: "Scanner provides a convenient interface for reading data such as a file of newline-delimited lines of text."}},
				Source: dataset.Source{URI: "bufio/scan.go", Offset: 1000 + int64(i), Length: 200, Row: 14, SHA256: strings.Repeat("0f", 32), License: "BSD-3-Clause"}},
			Signals: dataset.Signals{"words": float64(20 + i), "language": "en", "language_score": 0.98},
			Checks:  []dataset.Check{{Rule: "gopher_quality.words", Value: float64(20 + i), Op: ">=", Threshold: 10}},
		})
	}
	return rows
}

// trainSet has a hostile row and a long one among others.
func trainSet() []dataset.Row {
	rows := rowsOf("train", trainRows)
	rows[1].Record = dataset.Record{ID: "evil" + hostile, Text: hostile, Meta: dataset.Meta{hostile: hostile}, Source: dataset.Source{URI: hostile, License: hostile}}
	rows[1].Signals = dataset.Signals{hostile: hostile}
	rows[1].Checks = []dataset.Check{{Rule: hostile, Op: hostile, Detail: hostile}}
	rows[2].Text, rows[2].Messages = strings.Repeat("a long text, ", 500)+"and this is its end", nil
	return rows
}

func dropped() []dataset.Row {
	rows := rowsOf("drop", 8)
	for i := range rows {
		c := dataset.Check{Rule: "gopher_quality.words", Value: float64(i), Op: ">=", Threshold: 10, Drop: true}
		if i%4 == 3 {
			c = dataset.Check{Rule: "language", Value: 0.3, Op: ">=", Threshold: 0.65, Drop: true, Detail: "ko"}
		}
		rows[i].Checks, rows[i].Verdict = []dataset.Check{c}, &c
	}
	return rows
}

func put(t testing.TB, s dataset.Store, rows []dataset.Row) dataset.Ref {
	t.Helper()
	ref, err := dataset.PutBlob(t.Context(), s, ".parquet", func(w io.Writer) (int64, error) {
		return dataset.WriteRows(w, func(yield func(dataset.Row, error) bool) {
			for _, r := range rows {
				if !yield(r, nil) {
					return
				}
			}
		}, dataset.ParquetOptions{})
	})
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// adapters puts two cards on the store and makes the second the champion.
func (h *house) adapters(t testing.TB) {
	t.Helper()
	key := strings.Repeat("7e", 32)
	if _, err := dataset.PublishStage(t.Context(), h.store, dataset.Stage{SchemaVersion: dataset.SchemaVersion, Name: "train", Key: key, Engine: "train/1", Metrics: map[string]any{"curve": curve()}}); err != nil {
		t.Fatal(err)
	}
	for i, version := range []string{"aaaaaaaaaaaa", "bbbbbbbbbbbb"} {
		card := activities.AdapterCard{SchemaVersion: dataset.SchemaVersion, Name: "go-docs", Version: version, Base: activities.BaseCard{Name: "smollm2-135m-instruct", SHA256: strings.Repeat("5a", 32)},
			Dataset: "go-docs@" + h.manifest.Version, LoRA: lora.Options{}.WithDefaults(), Train: finetune.Options{}.WithDefaults(), Stage: key,
			Metrics: map[string]any{"steps": 240, "tokens": 480_000, "loss": 1.62 + float64(i)/10, "tokens_per_second": 812.5}}
		b, err := json.Marshal(card)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.store.Put(t.Context(), activities.AdapterDir(card.Name, version)+"temper.json", bytes.NewReader(b), int64(len(b))); err != nil {
			t.Fatal(err)
		}
		if _, err := dataset.MoveAlias(t.Context(), h.store, "go-docs", h.champion, version); err != nil {
			t.Fatal(err)
		}
		h.champion = version
	}
}

// curve falls as losses do.
func curve() []activities.Point {
	var out []activities.Point
	for step := 1; step <= 240; step++ {
		p := activities.Point{Step: step, Loss: 1.5 + 1.4*math.Exp(-float64(step)/40) + 0.12*math.Sin(float64(step*step))}
		if step%60 == 0 {
			p.EvalLoss = 1.62 + 1.1*math.Exp(-float64(step)/45)
		}
		out = append(out, p)
	}
	return out
}

// complete is a run that promoted its adapter.
func (h *house) complete(rejects dataset.Ref) worker.Run {
	stages := []activities.StageResult{
		{Name: "base", Counts: dataset.Counts{Bytes: 98_400_000}, Seconds: 0.8, Cached: true},
		{Name: "collect", Counts: dataset.Counts{In: 9120, Out: 9117, Bad: 3, Bytes: 4_120_000}, Seconds: 3.2},
		{Name: "filter", Counts: dataset.Counts{In: 9117, Out: 7309, Dropped: 1808, Bytes: 3_900_000, Reasons: dataset.Reasons{"gopher_quality.words": 1706, "language": 102}}, Seconds: 6.4,
			Outputs: map[string][]dataset.Ref{"rejects": {rejects}}},
		{Name: "near", Counts: dataset.Counts{In: 7309, Out: 7002, Dropped: 307, Bytes: 3_500_000, Reasons: dataset.Reasons{"near_duplicate": 307}}, Seconds: 4.1},
		{Name: "split", Counts: dataset.Counts{In: 7002, Out: 7002}, Seconds: 1.2, Metrics: map[string]any{"mix": dataset.Mixture{Unit: "tokens", Tokens: 480_000, Wanted: 500_000, Groups: []dataset.MixGroup{
			{Name: "de" + hostile, Rows: 530, Size: 40_000, Share: 0.25, Taken: 80_000, Capped: "max_epochs"}, {Name: "en", Rows: 6340, Size: 900_000, Share: 0.75, Taken: 400_000}}}}},
		{Name: "train", Counts: dataset.Counts{In: 480, Out: 480}, Seconds: 213.4, Metrics: map[string]any{"curve": curve(), "steps": 240, "tokens": 480_000, "loss": 1.53,
			"tokens_per_second": 2249.0, "peak_bytes": 912_000_000, "memory": finetune.Memory{Checkpointing: "none", Total: 870_000_000}}},
		{Name: "evaluate base", Counts: dataset.Counts{In: 120, Out: 120}, Seconds: 9, Metrics: map[string]any{"score": activities.Score{Loss: 2.8114, Perplexity: 16.63, Tokens: 15_220}}},
		{Name: "evaluate challenger", Counts: dataset.Counts{In: 120, Out: 120}, Seconds: 9, Metrics: map[string]any{"score": activities.Score{Loss: 1.6202, Perplexity: 5.05, Tokens: 15_220}}},
		{Name: "answers", Counts: dataset.Counts{In: 1, Out: 1}, Seconds: 12, Metrics: map[string]any{"answers": []activities.Answer{
			{ID: "test00", Question: "What does bufio.NewReader return?", Before: "It returns a string." + hostile, After: "NewReader returns a new Reader whose buffer has the default size.", Expected: "NewReader returns a new Reader whose buffer has the default size."}}}},
	}
	return worker.Run{ID: "quickstart", Name: "go-docs", Kind: "Pipeline", Status: "completed", Started: day, Ended: day.Add(263 * time.Second), Stages: stages,
		Result: &workflows.PipelineResult{Stages: stages, Dataset: activities.PublishResult{Name: "go-docs", Version: h.manifest.Version},
			Adapter: activities.AdapterResult{Name: "go-docs", Version: h.champion},
			Gate:    activities.GateResult{Decision: activities.Promoted, Reason: "loss 1.6202 on 15220 held-out tokens, -42.4 % against the base's 2.8114; to be promoted it must be below 2.8114"}}}
}

// going is a run in the middle of its training.
func (h *house) going() worker.Run {
	done := h.complete(dataset.Ref{}).Stages[:5]
	for i := range done {
		done[i].Outputs = nil
	}
	return worker.Run{ID: "tonight", Name: "go-docs", Kind: "Pipeline", Status: "running", Started: time.Now().Add(-95 * time.Second), Stages: done, Current: "tune",
		Active: []activities.Progress{{Stage: "train", Done: 84, Total: 240, Unit: "steps", Note: "loss 1.9021, 2210 tokens/s", Curve: curve()[:84]}}}
}

// broken is a run that failed, with a hostile reason.
func (h *house) broken() worker.Run {
	return worker.Run{ID: "broken", Name: "go-docs", Kind: "Pipeline", Status: "failed", Started: day.Add(-time.Hour), Ended: day.Add(-59 * time.Minute), Error: "plan collect: open /nowhere: " + hostile,
		Stages: []activities.StageResult{{Name: "base", Counts: dataset.Counts{Bytes: 1}, Seconds: 0.1}}}
}

// pagesOf are addresses of pages of every kind.
func (h *house) pagesOf() map[string]string {
	d, rows := "/datasets/go-docs/"+h.manifest.Version, "/datasets/go-docs/"+h.manifest.Version+"/rows"
	return map[string]string{"runs": "/", "run": "/runs/quickstart", "running": "/runs/tonight", "failed": "/runs/broken", "retrain": "/runs/nightly%2F2026-11-23%20%3Cb%3E",
		"run-rejects": "/rejects/quickstart", "run-rejects-rule": "/rejects/quickstart?stage=filter&rule=language", "datasets": "/datasets", "dataset": d,
		"rows": rows, "rows-page": rows + "?from=25", "rows-rejects": rows + "?split=rejects&rule=language", "rows-hostile": rows + "?at=1", "rows-found": rows + "?q=train05",
		"row": rows + "?at=3&split=rejects", "adapters": "/adapters", "adapter": "/adapters/go-docs/bbbbbbbbbbbb", "adapter-before": "/adapters/go-docs/aaaaaaaaaaaa",
		"missing": "/nowhere", "missing-run": "/runs/nobody"}
}

// serve answers a request for path as a browser on this machine would make it.
func (h *house) serve(t testing.TB, path string) (status int, body string, header http.Header) {
	t.Helper()
	return get(t, h.handler, path, "127.0.0.1:7080")
}
