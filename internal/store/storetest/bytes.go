package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"temper/dataset"
)

func snapshot(t *testing.T, s dataset.Store) {
	old, next := strings.Repeat("a", 3<<20), strings.Repeat("b", 3<<20)
	put(t, s, "k", old)
	obj, err := s.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	head := make([]byte, 10)
	if _, err := obj.ReadAt(head, 0); err != nil {
		t.Fatal(err)
	}
	put(t, s, "k", next)
	rest := make([]byte, 2<<20)
	_, err = obj.ReadAt(rest, 1<<20)
	if !errors.Is(err, dataset.ErrConflict) && (err != nil || string(rest) != old[:2<<20]) {
		t.Errorf("after a write: %q…, %v, want the old bytes or ErrConflict", rest[:3], err)
	}
	if got, _ := get(t, s, "k"); got != next {
		t.Errorf("a new reader got %q…", got[:3])
	}
}

// failing is a body that breaks in its middle.
type failing struct{ err error }

func (f failing) ReadAt(b []byte, off int64) (int, error) {
	if off > 0 {
		return 0, f.err
	}
	return len(b) / 2, f.err
}

func failingBody(t *testing.T, s dataset.Store) {
	put(t, s, "there", "old")
	broken := errors.New("broken")
	for _, key := range []string{"new", "there"} {
		if _, err := s.Put(t.Context(), key, failing{broken}, 1<<20); err == nil {
			t.Errorf("%s: a broken body was stored", key)
		}
		if _, err := s.Put(t.Context(), key, strings.NewReader("short"), 1000); err == nil {
			t.Errorf("%s: a short body was stored", key)
		}
	}
	for info, err := range s.List(t.Context(), "") {
		if err != nil || info.Key != "there" || info.Size != 3 {
			t.Errorf("left behind: %+v, %v", info, err)
		}
	}
}

func ranges(t *testing.T, s dataset.Store) {
	want := make([]byte, 5<<20)
	for i := range want {
		want[i] = byte(i * 2654435761 >> 13)
	}
	if _, err := s.Put(t.Context(), "k", bytes.NewReader(want), int64(len(want))); err != nil {
		t.Fatal(err)
	}
	obj, err := s.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	got, err := io.ReadAll(io.NewSectionReader(obj, 0, int64(len(want))))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("straight through: %d bytes, %v", len(got), err)
	}
	n := len(want)
	for _, r := range [][2]int{{0, 1}, {n - 8, n}, {100, 300_000}, {4 << 20, n}, {n - 1, n}, {1 << 20, 1<<20 + 5}, {0, n}} {
		b := make([]byte, r[1]-r[0])
		if m, err := obj.ReadAt(b, int64(r[0])); m != len(b) || err != nil && err != io.EOF || !bytes.Equal(b, want[r[0]:r[1]]) {
			t.Errorf("range %v: %d bytes, %v", r, m, err)
		}
	}
	b := make([]byte, 10)
	if m, err := obj.ReadAt(b, int64(n-4)); m != 4 || err != io.EOF || !bytes.Equal(b[:4], want[n-4:]) {
		t.Errorf("over the end: %d bytes, %v, want 4, EOF", m, err)
	}
	if m, err := obj.ReadAt(b, int64(n+4)); m != 0 || err != io.EOF {
		t.Errorf("behind the end: %d bytes, %v, want 0, EOF", m, err)
	}
}

func cancelled(t *testing.T, s dataset.Store) {
	put(t, s, "k", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Put(ctx, "new", strings.NewReader("x"), 1); err == nil {
		t.Error("put: no error")
	}
	if _, err := s.PutIf(ctx, "new", []byte("x"), ""); err == nil {
		t.Error("conditional put: no error")
	}
	for _, err := range s.List(ctx, "") {
		if err == nil {
			t.Error("list: no error")
		}
	}
	if _, err := s.Stat(t.Context(), "new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stored all the same: %v", err)
	}
}

func blobs(t *testing.T, s dataset.Store) {
	write := func(w io.Writer) (int64, error) {
		_, err := io.WriteString(w, "one\ntwo\n")
		return 2, err
	}
	ref, err := dataset.PutBlob(t.Context(), s, ".txt", write)
	if err != nil {
		t.Fatal(err)
	}
	before, err := s.Stat(t.Context(), ref.Key())
	if err != nil {
		t.Fatal(err)
	}
	again, err := dataset.PutBlob(t.Context(), s, ".txt", write)
	after, _ := s.Stat(t.Context(), ref.Key())
	if err != nil || again != ref || after != before {
		t.Errorf("again: %+v %+v, %v, want %+v %+v", again, after, err, ref, before)
	}
	if err := dataset.VerifyBlob(t.Context(), s, ref); err != nil {
		t.Errorf("verify: %v", err)
	}
	put(t, s, ref.Key(), "one\nTwo\n")
	if err := dataset.VerifyBlob(t.Context(), s, ref); !errors.Is(err, dataset.ErrMalformed) {
		t.Errorf("verify of changed bytes: got %v, want ErrMalformed", err)
	}
}
