// Package storetest is what every store must do, as tests. Stores in memory, in a folder and on a real S3 server pass the same ones.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"temper/dataset"
)

// Run tests the stores that open returns: each call gives an empty one.
func Run(t *testing.T, open func(t *testing.T) dataset.Store) {
	for name, test := range map[string]func(*testing.T, dataset.Store){
		"what is put is read":             roundTrip,
		"what is not there":               missing,
		"create race has one winner":      race,
		"swaps lose no increment":         counter,
		"a swap needs the current etag":   stale,
		"etags change with every write":   etags,
		"list is ordered and by prefix":   list,
		"odd keys are kept":               oddKeys,
		"what is no key is refused":       badKeys,
		"an open object does not change":  snapshot,
		"a failing body leaves nothing":   failingBody,
		"ranges read as the whole":        ranges,
		"a cancelled call fails":          cancelled,
		"blobs are stored once and whole": blobs,
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) { test(t, open(t)) })
	}
}

// put stores text under key and returns its ETag.
func put(t *testing.T, s dataset.Store, key, text string) string {
	t.Helper()
	etag, err := s.Put(t.Context(), key, strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
	return etag
}

// get returns what is under key, and its ETag.
func get(t *testing.T, s dataset.Store, key string) (string, string) {
	t.Helper()
	obj, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatalf("open %s: %v", key, err)
	}
	defer obj.Close()
	b, err := io.ReadAll(io.NewSectionReader(obj, 0, obj.Info().Size))
	if err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	return string(b), obj.Info().ETag
}

func roundTrip(t *testing.T, s dataset.Store) {
	for _, text := range []string{"", "x", strings.Repeat("0123456789", 100_000)} {
		put(t, s, "a/b", text)
		got, etag := get(t, s, "a/b")
		if got != text {
			t.Errorf("got %d bytes, want %d", len(got), len(text))
		}
		info, err := s.Stat(t.Context(), "a/b")
		if want := (dataset.Info{Key: "a/b", Size: int64(len(text)), ETag: etag}); err != nil || info != want {
			t.Errorf("stat: got %+v, %v, want %+v", info, err, want)
		}
	}
}

func missing(t *testing.T, s dataset.Store) {
	put(t, s, "folder/object", "x")
	for _, key := range []string{"nothing", "folder", "folder/none"} {
		if _, err := s.Open(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open %s: got %v, want ErrNotExist", key, err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("stat %s: got %v, want ErrNotExist", key, err)
		}
	}
	for range 2 {
		if err := s.Delete(t.Context(), "folder/object"); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	if _, err := s.Stat(t.Context(), "folder/object"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after delete: got %v, want ErrNotExist", err)
	}
	if _, err := s.PutIf(t.Context(), "gone", []byte("x"), "someetag"); !errors.Is(err, dataset.ErrConflict) {
		t.Errorf("swap of what is not there: got %v, want ErrConflict", err)
	}
}

func race(t *testing.T, s dataset.Store) {
	const writers = 16
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { _, errs[i] = s.PutIf(t.Context(), "race/manifest.json", fmt.Appendf(nil, "writer %d", i), "") })
	}
	wg.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner < 0:
			winner = i
		case err == nil:
			t.Errorf("writers %d and %d both won", winner, i)
		case !errors.Is(err, dataset.ErrConflict):
			t.Errorf("writer %d: %v", i, err)
		}
	}
	if got, _ := get(t, s, "race/manifest.json"); got != fmt.Sprintf("writer %d", winner) {
		t.Errorf("%q is stored, writer %d won", got, winner)
	}
}

func counter(t *testing.T, s dataset.Store) {
	put(t, s, "counter", "0")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				if err := increment(t.Context(), s, "counter"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got, _ := get(t, s, "counter"); got != "80" {
		t.Errorf("got %s, want 80", got)
	}
}

// increment adds one to the number under key; of n others at work at most n-1 win each round.
func increment(ctx context.Context, s dataset.Store, key string) error {
	for range 2000 {
		obj, err := s.Open(ctx, key)
		if err != nil {
			return err
		}
		b, err := io.ReadAll(io.NewSectionReader(obj, 0, obj.Info().Size))
		obj.Close()
		if errors.Is(err, dataset.ErrConflict) {
			continue // replaced between open and read
		}
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(b))
		if err != nil {
			return err
		}
		if _, err = s.PutIf(ctx, key, strconv.AppendInt(nil, int64(n+1), 10), obj.Info().ETag); err == nil || !errors.Is(err, dataset.ErrConflict) {
			return err
		}
	}
	return errors.New("2000 lost swaps")
}

func stale(t *testing.T, s dataset.Store) {
	first := put(t, s, "k", "one")
	second, err := s.PutIf(t.Context(), "k", []byte("two"), first)
	if err != nil {
		t.Fatalf("current etag: %v", err)
	}
	if _, err := s.PutIf(t.Context(), "k", []byte("three"), first); !errors.Is(err, dataset.ErrConflict) {
		t.Errorf("stale etag: got %v, want ErrConflict", err)
	}
	if _, err := s.PutIf(t.Context(), "k", []byte("three"), ""); !errors.Is(err, dataset.ErrConflict) {
		t.Errorf("create of what is there: got %v, want ErrConflict", err)
	}
	if got, etag := get(t, s, "k"); got != "two" || etag != second {
		t.Errorf("got %q %s, want two %s", got, etag, second)
	}
}

func etags(t *testing.T, s dataset.Store) {
	seen := map[string]int{}
	for i := range 50 {
		etag := put(t, s, "k", strconv.Itoa(100+i))
		if was, ok := seen[etag]; ok || etag == "" {
			t.Fatalf("writes %d and %d both have etag %q", was, i, etag)
		}
		seen[etag] = i
	}
}

func list(t *testing.T, s dataset.Store) {
	keys := []string{"a-b/x", "a/b/c", "a/b/d", "a/c", "a.b", "b", "a/bc", "a0"}
	for i, key := range keys {
		put(t, s, key, strings.Repeat("x", i))
	}
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b/", "a/b/c", "zz", "a-"} {
		var want []string
		for _, key := range keys {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		slices.Sort(want)
		var got []string
		for info, err := range s.List(t.Context(), prefix) {
			if err != nil {
				t.Fatalf("list %q: %v", prefix, err)
			}
			if stat, err := s.Stat(t.Context(), info.Key); err != nil || stat != info {
				t.Errorf("list says %+v, stat %+v, %v", info, stat, err)
			}
			got = append(got, info.Key)
		}
		if !slices.Equal(got, want) {
			t.Errorf("list %q: got %q, want %q", prefix, got, want)
		}
	}
	for range s.List(t.Context(), "") {
		break // a reader may have enough
	}
}

func oddKeys(t *testing.T, s dataset.Store) {
	keys := []string{"odd/a b+c%20d", "odd/ünï/日本", "odd/run=1/part-0.parquet", "odd/..x", "odd/a:b&c?d#e", "odd/.hidden", "odd/'\"<>"}
	for _, key := range keys {
		put(t, s, key, key)
		if got, _ := get(t, s, key); got != key {
			t.Errorf("%q holds %q", key, got)
		}
	}
	slices.Sort(keys)
	var got []string
	for info, err := range s.List(t.Context(), "odd/") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, info.Key)
	}
	if !slices.Equal(got, keys) {
		t.Errorf("list: got %q, want %q", got, keys)
	}
}

func badKeys(t *testing.T, s dataset.Store) {
	for _, key := range []string{"", "/a", "a/", "a//b", "../a", "a/../b", ".", "a\x00b", strings.Repeat("k", 2000)} {
		if _, err := s.Put(t.Context(), key, strings.NewReader("x"), 1); err == nil {
			t.Errorf("put %.20q: no error", key)
		}
		if _, err := s.PutIf(t.Context(), key, []byte("x"), ""); err == nil {
			t.Errorf("conditional put %.20q: no error", key)
		}
	}
	for info, err := range s.List(t.Context(), "") {
		t.Errorf("stored: %+v, %v", info, err)
	}
}
