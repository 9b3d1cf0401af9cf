package collect

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"temper/dataset"
)

const maxFetch = 1 << 40 // bytes of a file

// Web is files by their http and https addresses. A file is fetched whole into Folder, once; what breaks off goes on from there where
// the server can. It asks robots.txt, waits between the requests to a host, and refuses addresses of private networks, which a name
// or a redirection may lead to, unless it is told to take them. It is safe for concurrent use.
type Web struct {
	Folder  string            // of what was fetched
	Private bool              // take private addresses
	Every   time.Duration     // between requests to one host; 0 means one second
	Header  map[string]string // of every request to Trusted
	Trusted string            // an address that needs no robots.txt, may be private, and is not waited for; "" for none

	mu     sync.Mutex
	hosts  map[string]*host
	client *http.Client
	listed map[string]bool // names of files in Folder to ask for again when they are opened next
}

// agent is how requests say who asks.
const agent = "temper"

// ErrForbidden means that a server's robots.txt, or the rule on private addresses, keeps a file from being read.
var ErrForbidden = fmt.Errorf("%w to read", fs.ErrPermission)

// List implements [Files]: an address is a file. What was fetched before is asked for again, and fetched if it has changed.
func (w *Web) List(ctx context.Context, root string) iter.Seq2[FileInfo, error] {
	return func(yield func(FileInfo, error) bool) {
		name, err := w.fetch(ctx, root, true)
		if err != nil {
			yield(FileInfo{}, err)
			return
		}
		info, err := os.Stat(name)
		if err != nil {
			yield(FileInfo{}, err)
			return
		}
		yield(FileInfo{URI: root, Size: info.Size()}, nil)
	}
}

// Open implements [Files].
func (w *Web) Open(ctx context.Context, uri string) (dataset.Object, error) {
	name, err := w.fetch(ctx, uri, false)
	if err != nil {
		return nil, err
	}
	return Local{}.Open(ctx, name)
}

// A fetched says what a file in the folder is.
type fetched struct {
	URL      string `json:"url"`
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"`
	Done     bool   `json:"done"`
}

// name is where a file is kept.
func (w *Web) name(address string) string {
	sum := sha256.Sum256([]byte(address))
	return filepath.Join(w.Folder, hex.EncodeToString(sum[:16]))
}

// again has a file that was fetched before asked for again when it is opened next: a listing does not say whether it has changed.
func (w *Web) again(address string) {
	name := w.name(address)
	if _, err := os.Stat(name); err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listed == nil {
		w.listed = map[string]bool{}
	}
	w.listed[name] = true
}

// asked reports whether a file is to be asked for again, once.
func (w *Web) asked(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer delete(w.listed, name)
	return w.listed[name]
}

// fetch brings a file into the folder and returns its name there. If fresh, the server is asked whether it has changed.
func (w *Web) fetch(ctx context.Context, address string, fresh bool) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%q is no http or https address", address)
	}
	if err := os.MkdirAll(w.Folder, 0o755); err != nil {
		return "", err
	}
	name := w.name(address)
	unlock := lock(name)
	defer unlock()
	fresh = w.asked(name) || fresh
	var have fetched
	if b, err := os.ReadFile(name + ".json"); err == nil && json.Unmarshal(b, &have) != nil || have.URL != address {
		have = fetched{}
	}
	at := int64(0)
	if info, err := os.Stat(name); err == nil {
		at = info.Size()
	} else {
		have = fetched{}
	}
	if have.Done && !fresh {
		return name, nil
	}
	res, err := w.get(ctx, u, have, at)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusNotModified:
		return name, nil
	case http.StatusPartialContent:
	case http.StatusOK: // from the beginning, whatever was asked for
		at = 0
	case http.StatusRequestedRangeNotSatisfiable: // it is not the file of which the beginning is here
		return "", errors.Join(fmt.Errorf("%s: %s; the next try begins anew", address, res.Status), os.Remove(name))
	case http.StatusNotFound, http.StatusGone:
		return "", fmt.Errorf("%s: %s: %w", address, res.Status, fs.ErrNotExist)
	default:
		return "", fmt.Errorf("%s: %s", address, res.Status)
	}
	return name, keep(ctx, name, at, res, fetched{URL: address, ETag: res.Header.Get("ETag"), Modified: res.Header.Get("Last-Modified")})
}

// get asks for a file: whether it has changed, if it is here, or for the rest of it.
func (w *Web) get(ctx context.Context, u *url.URL, have fetched, at int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	switch since := cmp.Or(have.ETag, have.Modified); {
	case have.Done && have.ETag != "":
		req.Header.Set("If-None-Match", have.ETag)
	case have.Done && have.Modified != "":
		req.Header.Set("If-Modified-Since", have.Modified)
	case !have.Done && at > 0 && since != "" && !strings.HasPrefix(since, "W/"): // the rest, if it is the same file
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
		req.Header.Set("If-Range", since)
	}
	req.Header.Set("Accept-Encoding", "identity") // the bytes are kept as they are
	return w.do(req)
}

// do sends a request when the host's turn has come.
func (w *Web) do(req *http.Request) (*http.Response, error) {
	req.Header.Set("User-Agent", agent)
	if w.trusts(req.URL) {
		for k, v := range w.Header {
			req.Header.Set(k, v)
		}
	} else if err := w.permitted(req.Context(), req.URL); err != nil {
		return nil, err
	}
	return w.http().Do(req)
}

// keep writes a response's bytes from at on, and what they are.
func keep(ctx context.Context, name string, at int64, res *http.Response, is fetched) error {
	note := func() error {
		b, err := json.Marshal(is)
		if err != nil {
			return err
		}
		return os.WriteFile(name+".json", b, 0o644)
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(at); err != nil {
		return err
	}
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return err
	}
	if err := note(); err != nil { // a part of this is worth going on with
		return err
	}
	n, err := io.Copy(f, io.LimitReader(watched{ctx, res.Body}, maxFetch-at+1))
	switch {
	case err == nil && res.ContentLength >= 0 && n < res.ContentLength:
		err = io.ErrUnexpectedEOF
	case err == nil && at+n > maxFetch:
		err = fmt.Errorf("more than %d bytes", int64(maxFetch))
	}
	if err != nil {
		return fmt.Errorf("%s, after %d bytes: %w; the next try goes on from there if the server can", is.URL, at+n, err)
	}
	is.Done = true
	return errors.Join(note(), f.Close())
}

// watchKey marks who watches in a context.
type watchKey struct{}

// Watch returns a context whose fetching calls a function for every stretch of bytes that comes.
func Watch(ctx context.Context, came func()) context.Context {
	return context.WithValue(ctx, watchKey{}, came)
}

// watched tells who watches what is read.
type watched struct {
	ctx context.Context // of the call that reads: io.Reader has none
	r   io.Reader
}

func (w watched) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	if came, ok := w.ctx.Value(watchKey{}).(func()); ok && n > 0 {
		came()
	}
	return n, err
}

// fetching are the files that are being fetched by this process.
var fetching sync.Map

// lock waits until nobody else fetches a file.
func lock(name string) func() {
	mu, _ := fetching.LoadOrStore(name, &sync.Mutex{})
	mu.(*sync.Mutex).Lock()
	return mu.(*sync.Mutex).Unlock
}
