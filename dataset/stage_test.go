package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"temper/dataset"
	"temper/internal/store"
)

// TestStageKey: the key tells engine, options, inputs and their order apart, and not the order of keys in the options.
func TestStageKey(t *testing.T) {
	type ab struct {
		A int     `json:"a"`
		B float64 `json:"b"`
	}
	type ba struct {
		B float64 `json:"b"`
		A int     `json:"a"`
	}
	x, y := dataset.Ref{SHA256: "x"}, dataset.Ref{SHA256: "y"}
	key := func(engine string, o any, extra []string, in ...dataset.Ref) string {
		k, err := dataset.StageKey(engine, o, in, extra...)
		if err != nil || len(k) != 64 {
			t.Fatalf("%q, %v", k, err)
		}
		return k
	}
	base := key("e/1", ab{1, 2}, nil, x, y)
	if got := key("e/1", ba{2, 1}, nil, x, y); got != base {
		t.Error("the order of fields changes the key")
	}
	if got := key("e/1", map[string]any{"b": 2, "a": 1}, nil, x, y); got != base {
		t.Error("a map has another key than the struct of the same JSON")
	}
	seen := map[string]int{base: -1}
	for i, k := range []string{key("e/2", ab{1, 2}, nil, x, y), key("e/1", ab{1, 3}, nil, x, y), key("e/1", ab{1, 2}, nil, y, x), key("e/1", ab{1, 2}, nil, x),
		key("e/1", ab{1, 2}, []string{"z"}, x, y), key("e/1", nil, nil, x, y)} {
		if was, ok := seen[k]; ok {
			t.Errorf("keys %d and %d are equal", was, i)
		}
		seen[k] = i
	}
	if _, err := dataset.StageKey("e/1", func() {}, nil); err == nil {
		t.Error("options that are no JSON: no error")
	}
}

// TestPublishStageRace: of any number of workers that finish one stage all get the same manifest, the first one's.
func TestPublishStageRace(t *testing.T) {
	s := store.NewMem()
	if _, found, err := dataset.LoadStage(t.Context(), s, "k"); found || err != nil {
		t.Fatalf("found %v, %v before it was published", found, err)
	}
	got := make([]dataset.Stage, 8)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			stage := dataset.Stage{SchemaVersion: 1, Key: "k", Outputs: map[string][]dataset.Ref{"records": {{SHA256: fmt.Sprint(i)}}}, Metrics: map[string]any{"n": i}}
			var err error
			if got[i], err = dataset.PublishStage(t.Context(), s, stage); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	loaded, found, err := dataset.LoadStage(t.Context(), s, "k")
	if !found || err != nil {
		t.Fatalf("found %v, %v", found, err)
	}
	for i := range got {
		if d := cmp.Diff(loaded, got[i]); d != "" {
			t.Errorf("worker %d: %s", i, d)
		}
	}
}

// TestMoveAlias: an alias moves from the expected version only, and moving it again changes nothing.
func TestMoveAlias(t *testing.T) {
	s := store.NewMem()
	tests := []struct {
		expect, to string
		want       dataset.Aliases
		err        error
	}{
		{"", "v1", dataset.Aliases{Champion: "v1"}, nil},
		{"", "v2", dataset.Aliases{Champion: "v1"}, dataset.ErrConflict},
		{"v1", "v2", dataset.Aliases{Champion: "v2", Previous: "v1"}, nil},
		{"v1", "v2", dataset.Aliases{Champion: "v2", Previous: "v1"}, nil},
		{"v2", "v1", dataset.Aliases{Champion: "v1", Previous: "v2"}, nil},
	}
	for i, tt := range tests {
		got, err := dataset.MoveAlias(t.Context(), s, "a", tt.expect, tt.to)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("move %d: got %+v, %v, want %+v, %v", i, got, err, tt.want, tt.err)
		}
		if got, err := dataset.LoadAliases(t.Context(), s, "a"); got != tt.want || err != nil {
			t.Errorf("load %d: got %+v, %v, want %+v", i, got, err, tt.want)
		}
	}
	if _, err := dataset.LoadAliases(t.Context(), s, "../x"); err == nil {
		t.Error("a name out of its folder: no error")
	}
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			_, err := dataset.MoveAlias(t.Context(), s, "raced", "", fmt.Sprintf("v%d", i))
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, dataset.ErrConflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 16 promotions won, want 1", won.Load())
	}
}

// TestSplitOf: a cluster's split depends on it and the seed alone, about the share asked for is held out, and more when the share grows.
func TestSplitOf(t *testing.T) {
	const n = 20_000
	for _, percent := range []float64{0, 2, 10, 50, 100} {
		held, other := 0, 0
		for i := range n {
			c := fmt.Sprintf("cluster %d", i)
			if dataset.SplitOf(c, percent, 1) == "test" {
				held++
				if percent < 100 && dataset.SplitOf(c, min(percent+5, 100), 1) != "test" {
					t.Fatalf("%s was held out at %v %% and is not at more", c, percent)
				}
			}
			if dataset.SplitOf(c, percent, 1) != dataset.SplitOf(c, percent, 2) {
				other++
			}
		}
		if want := n * percent / 100; float64(held) < want*0.85-1 || float64(held) > want*1.15+1 {
			t.Errorf("%v %%: %d of %d held out", percent, held, n)
		}
		if percent > 0 && percent < 100 && other == 0 {
			t.Errorf("%v %%: the seed changes nothing", percent)
		}
	}
}

// TestMap: results come in order for any number of workers, no more than that many are at work, and an error ends them.
func TestMap(t *testing.T) {
	const n = 200
	in := func(yield func(dataset.Record, error) bool) {
		for i := range n {
			if !yield(dataset.Record{ID: fmt.Sprint(i)}, nil) {
				return
			}
		}
	}
	broken := errors.New("broken")
	for _, workers := range []int{0, 1, 2, 7} {
		var busy, peak atomic.Int32
		f := func(r dataset.Record) (dataset.Record, error) {
			peak.Store(max(peak.Load(), busy.Add(1)))
			defer busy.Add(-1)
			r.Text = r.ID + "!"
			if r.ID == "150" {
				return r, broken
			}
			return r, nil
		}
		i, failed := 0, false
		for rec, err := range dataset.Map(in, workers, f) {
			if err != nil {
				failed = errors.Is(err, broken)
				break
			}
			if rec.Text != fmt.Sprintf("%d!", i) {
				t.Fatalf("%d workers, record %d: %q", workers, i, rec.Text)
			}
			i++
		}
		if i != 150 || !failed {
			t.Errorf("%d workers: %d records before the error, want 150", workers, i)
		}
		if int(peak.Load()) > max(workers, 1) {
			t.Errorf("%d workers: %d at work at once", workers, peak.Load())
		}
		for range dataset.Map(in, workers, f) {
			break // a reader may have enough
		}
	}
}

// TestPutBlobFails: what breaks off leaves nothing in the store, and a full store says so.
func TestPutBlobFails(t *testing.T) {
	s, err := store.Open(t.Context(), "mem:", store.Options{Quota: 10})
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if _, err := dataset.PutBlob(t.Context(), s, ".txt", func(w io.Writer) (int64, error) {
		_, err := io.WriteString(w, "half")
		return 1, errors.Join(err, broken)
	}); !errors.Is(err, broken) {
		t.Errorf("got %v, want broken", err)
	}
	if _, err := dataset.PutBlob(t.Context(), s, ".txt", func(w io.Writer) (int64, error) {
		_, err := io.WriteString(w, "more than ten bytes")
		return 1, err
	}); !errors.Is(err, dataset.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	for info := range s.List(t.Context(), "") {
		t.Errorf("left behind: %+v", info)
	}
	for _, ref := range []dataset.Ref{{}, {SHA256: "ab"}, {SHA256: strings.Repeat("g", 64)}} {
		if _, err := dataset.OpenBlob(context.Background(), s, ref); !errors.Is(err, dataset.ErrMalformed) {
			t.Errorf("open of %+v: got %v, want ErrMalformed", ref, err)
		}
	}
}

// TestFullDisk: where the staging folder is full, the error is ErrFull and says what to do.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	_, err := dataset.PutBlob(t.Context(), store.NewMem(), ".txt", func(io.Writer) (int64, error) {
		f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		_, err = f.Write([]byte("x"))
		return 0, err
	})
	if !errors.Is(err, dataset.ErrFull) || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("got %v, want ErrFull", err)
	}
}

// replaced is a store whose objects are replaced between open and read, so many times.
type replaced struct {
	dataset.Store
	times int
}

type replacedObject struct{ dataset.Object }

func (replacedObject) ReadAt([]byte, int64) (int, error) { return 0, dataset.ErrConflict }

func (r *replaced) Open(ctx context.Context, key string) (dataset.Object, error) {
	obj, err := r.Store.Open(ctx, key)
	if r.times--; r.times >= 0 && err == nil {
		return replacedObject{obj}, nil
	}
	return obj, err
}

// TestReplacedWhileRead: a document that is replaced while it is read is read again, and not for ever.
func TestReplacedWhileRead(t *testing.T) {
	for times, want := range map[int]error{0: nil, 3: nil, 1_000_000: dataset.ErrConflict} {
		s := &replaced{store.NewMem(), 0}
		if _, err := dataset.MoveAlias(t.Context(), s, "a", "", "v1"); err != nil {
			t.Fatal(err)
		}
		s.times = times
		if a, err := dataset.LoadAliases(t.Context(), s, "a"); !errors.Is(err, want) || want == nil && a.Champion != "v1" {
			t.Errorf("%d times: %+v, %v, want %v", times, a, err, want)
		}
	}
}
