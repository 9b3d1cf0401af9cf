package activities

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"temper/collect"
	"temper/dataset"
	"temper/filter"
	"temper/finetune"
	"temper/internal/store"
	"temper/model/tiny"
	"temper/synth"
)

// TestClassify: what no retry can mend is marked with its type, all else is retried, and a cancellation stays one.
func TestClassify(t *testing.T) {
	app := temporal.NewNonRetryableApplicationError("before", "Before", nil)
	for _, tt := range []struct {
		err   error
		kind  string
		retry bool
	}{
		{dataset.ErrMalformed, TypeMalformed, false},
		{fs.ErrNotExist, TypeMissing, false},
		{dataset.ErrFull, TypeFull, false},
		{&os.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}, TypeFull, false},
		{ErrRefused, TypeRefused, false},
		{finetune.ErrMemory, TypeRefused, false},
		{finetune.ErrProcessor, TypeRefused, false},
		{collect.ErrForbidden, TypeInput, false},
		{finetune.ErrDiverged, TypeDiverged, false},
		{errInput, TypeInput, false},
		{fmt.Errorf("%w: %w", errInput, dataset.ErrMalformed), TypeInput, false},
		{dataset.ErrConflict, TypeConflict, false},
		{errDrain, TypeDrained, true},
		{&synth.Refusal{Status: 401}, TypeInput, false},
		{&synth.Refusal{Status: 429, After: time.Minute}, TypeBusy, true},
		{&synth.Refusal{Status: 503}, "", true},
		{app, "Before", false},
		{errors.New("connection reset"), "", true},
		{context.DeadlineExceeded, "", true},
	} {
		err := classify(fmt.Errorf("doing: %w", tt.err))
		if k, again := kind(err); k != tt.kind || again != tt.retry {
			t.Errorf("%v: kind %q, retried %v; want %q, %v", tt.err, k, again, tt.kind, tt.retry)
		}
		if !strings.Contains(err.Error(), tt.err.Error()) {
			t.Errorf("%q does not tell %q", err, tt.err)
		}
	}
	for _, err := range []error{context.Canceled, temporal.NewCanceledError()} {
		if got := classify(fmt.Errorf("doing: %w", err)); !temporal.IsCanceledError(got) {
			t.Errorf("%v: got %v, want a cancellation", err, got)
		}
	}
	if classify(nil) != nil {
		t.Error("no error became one")
	}
}

// TestFinish: an activity whose context ended says why, whatever it was doing then.
func TestFinish(t *testing.T) {
	for _, tt := range []struct {
		cause error
		kind  string
	}{{errDrain, TypeDrained}, {errors.New("the server does not answer"), ""}} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(tt.cause)
		err := finish(ctx, fmt.Errorf("read shard: %w", ctx.Err()))
		if k, again := kind(err); k != tt.kind || !again || !strings.Contains(err.Error(), tt.cause.Error()) {
			t.Errorf("%v: kind %q, retried %v: %v", tt.cause, k, again, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := finish(ctx, fmt.Errorf("read shard: %w", ctx.Err())); !temporal.IsCanceledError(err) {
		t.Errorf("cancelled: %v", err)
	}
	if err := finish(ctx, dataset.ErrMalformed); err == nil || temporal.IsCanceledError(err) {
		t.Errorf("another error, meanwhile cancelled: %v", err)
	}
}

// TestRefusals: what cannot be is said at once and never tried again.
func TestRefusals(t *testing.T) {
	w := newWorld(t, store.NewMem())
	base := must(w, w.a.FetchBase, FetchInput{Base: tiny.Name})
	rows, err := w.a.putRows(t.Context(), all([]dataset.Row{{Record: dataset.Record{ID: "a", Text: "Some words to read."}}}))
	if err != nil {
		t.Fatal(err)
	}
	where := "wrods > 5"
	gone := dataset.Ref{SHA256: strings.Repeat("ab", 32), Bytes: 3, Ext: ".parquet"}
	for _, tt := range []struct {
		name, kind, says string
		err              error
	}{
		{"a source that is not there", TypeMissing, "nowhere", fail(do(w, w.a.PlanCollect, PlanInput{Source: collect.Source{Text: &collect.Text{Root: filepath.Join(t.TempDir(), "nowhere")}}}))},
		{"a source of two kinds", TypeInput, "exactly one", fail(do(w, w.a.PlanCollect, PlanInput{}))},
		{"a shard that is gone", TypeMissing, "abab", fail(do(w, w.a.Score, FilterInput{Shard: gone}))},
		{"a misspelt expression", TypeInput, "wrods", fail(do(w, w.a.Select, FilterInput{Shard: rows, Notes: rows, Steps: []filter.Step{{Where: &where}}}))},
		{"a folder as a base", TypeInput, "folder", fail(do(w, w.a.FetchBase, FetchInput{Base: t.TempDir()}))},
		{"a sequence beyond the context", TypeInput, "context", fail(do(w, w.a.Tokenize, TokenizeInput{Base: base, Rows: []dataset.Ref{rows}, Train: finetune.Options{Sequence: 1 << 19}}))},
		{"options that contradict", TypeInput, "epochs", fail(do(w, w.a.Preflight, PreflightInput{Base: base, Options: finetune.Options{Epochs: 1, Steps: 1}}))},
		{"too little memory", TypeRefused, "MiB", fail(do(w, w.a.Preflight, PreflightInput{Base: base, Options: finetune.Options{Memory: 1 << 20}}))},
		{"no row fits", TypeInput, "sequence", fail(do(w, w.a.Tokenize, TokenizeInput{Base: base, Rows: []dataset.Ref{rows}, Train: finetune.Options{Sequence: 2}}))},
		{"too few rows to split", TypeInput, "held out", fail(do(w, w.a.Publish, PublishInput{Name: "few", Rows: []dataset.Ref{rows}}))},
		{"a name that is no key", TypeMalformed, "name", fail(do(w, w.a.RecallKnown, RecallInput{Name: "a/b"}))},
	} {
		if k, again := kind(tt.err); tt.err == nil || k != tt.kind || again || !strings.Contains(tt.err.Error(), tt.says) {
			t.Errorf("%s: kind %q, retried %v: %v", tt.name, k, again, tt.err)
		}
	}
}

func fail[T any](_ T, err error) error { return err }

// TestTooBad: the share of bad rows is judged over all tasks of a source, from a hundred of them on, or from half of its rows.
func TestTooBad(t *testing.T) {
	part := func(bad, rows int64) StageResult {
		return StageResult{Counts: dataset.Counts{In: rows, Bad: bad}, Metrics: map[string]any{"first_bad": "a, offset 7"}}
	}
	for _, tt := range []struct {
		parts []StageResult
		want  bool
	}{
		{[]StageResult{part(2, 20)}, false}, {[]StageResult{part(2, 4)}, true}, {[]StageResult{part(1, 1)}, true}, {nil, false},
		{[]StageResult{part(100, 1000)}, false}, {[]StageResult{part(101, 1000)}, true}, {[]StageResult{part(101, 3000)}, false},
		{[]StageResult{part(60, 60), part(0, 2000)}, false}, {[]StageResult{part(60, 600), part(60, 600)}, true}, {[]StageResult{part(120, 120), part(0, 9000)}, false},
	} {
		err := TooBad(0.05, tt.parts)
		if (err != nil) != tt.want || err != nil && !strings.Contains(err.Error(), "the first: a, offset 7") {
			t.Errorf("%+v: %v", tt.parts, err)
		}
	}
}

// TestMaxBad: broken rows go to quarantine and are counted; of a column of nothing they are counted to the last, and the first are kept.
func TestMaxBad(t *testing.T) {
	dir := t.TempDir()
	lines := strings.Repeat("{\"text\": \"good\"}\n", 2) + strings.Repeat("{broken\n", 2)
	if err := os.WriteFile(filepath.Join(dir, "a.jsonl"), []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, store.NewMem())
	plan := must(w, w.a.PlanCollect, PlanInput{Source: collect.Source{JSONL: &collect.JSONL{Root: dir}}})
	r := must(w, w.a.Collect, CollectInput{Plan: plan.Plan})
	if c := r.Counts; c.In != 4 || c.Out != 2 || c.Bad != 2 {
		t.Errorf("counts %+v", c)
	}
	bad, err := blobJSONL[dataset.Bad](t.Context(), w.a.Store, r.Out("quarantine"))
	if err != nil || len(bad) != 2 || bad[0].Source.Row != 3 || bad[0].Raw != "{broken" {
		t.Errorf("quarantine %+v, %v", bad, err)
	}
	err = TooBad(0.49, []StageResult{r})
	if !errors.Is(err, dataset.ErrMalformed) || !strings.Contains(err.Error(), "2 of 4 rows are bad, more than the 0.49 allowed (max_bad); the first: a.jsonl, offset 34, row 3: ") {
		t.Error(err)
	}
	q, err := newQuarantine()
	if err != nil {
		t.Fatal(err)
	}
	defer q.close()
	for range maxQuarantined + 7 {
		if err := q.take(dataset.Bad{Reason: "nothing"}); err != nil {
			t.Fatal(err)
		}
	}
	ref, err := q.put(t.Context(), w.a.Store)
	if err != nil || ref.Records != maxQuarantined+1 {
		t.Errorf("%d lines, %v", ref.Records, err)
	}
	if all, err := blobJSONL[dataset.Bad](t.Context(), w.a.Store, ref); err != nil || int64(len(all)) != ref.Records || !strings.HasPrefix(all[maxQuarantined].Reason, "7 more rows") {
		t.Errorf("%d lines, %v, the last %+v", len(all), err, all[len(all)-1])
	}
	changing := must(w, w.a.PlanCollect, PlanInput{Source: collect.Source{JSONL: &collect.JSONL{Root: dir, License: "MIT"}}})
	if err := os.WriteFile(filepath.Join(dir, "a.jsonl"), []byte("{\"text\": \"other\"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = do(w, w.a.Collect, CollectInput{Plan: changing.Plan})
	if k, again := kind(err); k != TypeConflict || again {
		t.Errorf("a file that changed: kind %q, retried %v: %v", k, again, err)
	}
}
