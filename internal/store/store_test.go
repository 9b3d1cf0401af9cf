package store_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"temper/dataset"
	"temper/internal/store"
	"temper/internal/store/storetest"
)

func TestMem(t *testing.T) {
	storetest.Run(t, func(*testing.T) dataset.Store { return store.NewMem() })
}

func TestDir(t *testing.T) {
	storetest.Run(t, func(t *testing.T) dataset.Store { return open(t, t.TempDir(), store.Options{}) })
}

func TestQuota(t *testing.T) {
	storetest.Run(t, func(t *testing.T) dataset.Store { return open(t, "mem:", store.Options{Quota: 64 << 20}) })
}

func open(t *testing.T, address string, o store.Options) dataset.Store {
	t.Helper()
	s, err := store.Open(t.Context(), address, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestQuotaIsFull: what does not fit changes nothing, what is deleted or replaced makes room.
func TestQuotaIsFull(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, store.Options{Quota: 100})
	put := func(key string, n int) error {
		_, err := s.Put(t.Context(), key, strings.NewReader(strings.Repeat("x", n)), int64(n))
		return err
	}
	steps := []struct {
		key  string
		n    int
		full bool
	}{{"a", 60, false}, {"b", 50, true}, {"b", 40, false}, {"c", 1, true}, {"a", 30, false}, {"c", 30, false}, {"a", 31, true}}
	for i, st := range steps {
		if err := put(st.key, st.n); errors.Is(err, dataset.ErrFull) != st.full || !st.full && err != nil {
			t.Errorf("step %d, %s of %d: %v", i, st.key, st.n, err)
		}
	}
	if _, err := s.PutIf(t.Context(), "d", []byte("x"), ""); !errors.Is(err, dataset.ErrFull) {
		t.Errorf("conditional put: got %v, want ErrFull", err)
	}
	if err := s.Delete(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if err := put("d", 40); err != nil {
		t.Errorf("after a delete: %v", err)
	}
	if err := open(t, dir, store.Options{Quota: 100}).Delete(t.Context(), "d"); err != nil {
		t.Error(err)
	}
	again := open(t, dir, store.Options{Quota: 61})
	if _, err := again.PutIf(t.Context(), "e", []byte("xx"), ""); !errors.Is(err, dataset.ErrFull) {
		t.Errorf("60 of 61 bytes were there before: got %v, want ErrFull", err)
	}
}

// TestDirSwapsAcrossStores: two stores on one folder, as two processes have them, lose no increment of a counter.
func TestDirSwapsAcrossStores(t *testing.T) {
	dir := t.TempDir()
	if os.Getenv("TEMPER_STORE_CHILD") != "" {
		dir = os.Getenv("TEMPER_STORE_CHILD")
	}
	s := open(t, dir, store.Options{})
	var wg sync.WaitGroup
	if os.Getenv("TEMPER_STORE_CHILD") == "" {
		if _, err := s.PutIf(t.Context(), "set", []byte("\n"), ""); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDirSwapsAcrossStores$")
			cmd.Env = append(os.Environ(), "TEMPER_STORE_CHILD="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	for i := range 20 {
		word := fmt.Sprintf("%d-%d\n", os.Getpid(), i)
		for lost := 0; ; lost++ {
			info, err := s.Stat(t.Context(), "set")
			if err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(filepath.Join(dir, "set"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err = s.PutIf(t.Context(), "set", append(b, word...), info.ETag); err == nil {
				break
			}
			if !errors.Is(err, dataset.ErrConflict) || lost > 10_000 {
				t.Fatal(err)
			}
		}
	}
	wg.Wait()
	if b, _ := os.ReadFile(filepath.Join(dir, "set")); os.Getenv("TEMPER_STORE_CHILD") == "" && strings.Count(string(b), "-") != 40 {
		t.Errorf("%d of 40 words:\n%s", strings.Count(string(b), "-"), b)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, address := range []string{"", "s3://", "s3:bucket", "file://host/path", "http://host/x"} {
		if _, err := store.Open(t.Context(), address, store.Options{}); err == nil {
			t.Errorf("%q: no error", address)
		}
	}
	if _, err := store.Open(t.Context(), "s3://bucket", store.Options{Endpoint: "host:1"}); err == nil || !strings.Contains(err.Error(), "want http") {
		t.Errorf("endpoint without a scheme: %v", err)
	}
	if _, err := store.Open(t.Context(), "s3://bucket", store.Options{Endpoint: "http://127.0.0.1:1", AccessKey: "a", SecretKey: "b"}); err == nil || !strings.Contains(err.Error(), "bucket at 127.0.0.1:1") {
		t.Errorf("unreachable endpoint: %v", err)
	}
}

// TestS3NeverMixesVersions: an object whose description and bytes are of two versions is refused, where the server's If-Match
// lets it pass.
func TestS3NeverMixesVersions(t *testing.T) {
	etag, total := "", ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		w.Header().Set("ETag", `"new"`)
		switch {
		case r.Method == http.MethodHead:
			w.Header().Set("Content-Length", "1") // the old version's
		default:
			w.Header().Set("ETag", etag)
			w.Header().Set("Content-Range", "bytes 0-0/"+total)
			w.WriteHeader(http.StatusPartialContent)
			io.WriteString(w, "1") //nolint:errcheck // the reader will tell
		}
	}))
	defer server.Close()
	s := open(t, "s3://bucket", store.Options{Endpoint: server.URL, AccessKey: "a", SecretKey: "b"})
	for _, tt := range []struct {
		etag, total string
		want        error
	}{{`"new"`, "1", nil}, {`"new"`, "2", dataset.ErrConflict}, {`"newer"`, "1", dataset.ErrConflict}} {
		etag, total = tt.etag, tt.total
		obj, err := s.Open(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := obj.ReadAt(make([]byte, 1), 0); !errors.Is(err, tt.want) {
			t.Errorf("etag %s, %s bytes: got %v, want %v", tt.etag, tt.total, err, tt.want)
		}
		obj.Close()
	}
}
