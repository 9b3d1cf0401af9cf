package collect

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// Web is files by their http and https addresses. A file is fetched whole into Folder, once, and again where a plan names another
// digest than that of the one there; what breaks off goes on from there where the server can. It asks robots.txt, waits between the requests to a host, and refuses addresses of private networks, which a name
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
		name, is, err := w.fetch(ctx, root, true)
		if err != nil {
			yield(FileInfo{}, err)
			return
		}
		info, err := os.Stat(name)
		if err != nil {
			yield(FileInfo{}, err)
			return
		}
		yield(FileInfo{URI: root, Size: info.Size(), At: is.At, Skipped: is.Skipped}, nil)
	}
}

// Open implements [Files].
func (w *Web) Open(ctx context.Context, uri string) (dataset.Object, error) {
	name, _, err := w.fetch(ctx, uri, false)
	if err != nil {
		return nil, err
	}
	return Local{}.Open(ctx, name)
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

// recent is how long a file of a list, or of a crawl, is not asked for again: one that broke off goes on, and no server is asked the
// same all day.
const recent = 12 * time.Hour

// fetch brings a file into the folder and returns its name there, and what it is. If fresh, the server is asked whether it has changed.
func (w *Web) fetch(ctx context.Context, address string, fresh bool) (string, fetched, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fetched{}, fmt.Errorf("%q is no http or https address", address)
	}
	if err := os.MkdirAll(w.Folder, 0o755); err != nil {
		return "", fetched{}, err
	}
	name := w.name(address)
	unlock := lock(name)
	defer unlock()
	fresh = w.asked(name) || fresh
	have, at := w.have(name, address)
	if have.Skipped && ctx.Value(pagesKey{}) == nil {
		have, at = fetched{}, 0
	}
	if fresh && ctx.Value(manyKey{}) != nil && time.Since(have.Asked) < recent {
		fresh = false
	}
	if have.Done && !fresh && (planned(ctx) == "" || planned(ctx) == have.SHA256) {
		return name, have, nil
	}
	res, err := w.get(ctx, u, have, at)
	if err != nil {
		return "", have, err
	}
	defer res.Body.Close()
	is := fetched{URL: address, ETag: res.Header.Get("ETag"), Modified: res.Header.Get("Last-Modified"), Asked: time.Now()}
	if to := res.Request.URL.String(); to != address {
		is.At = to
	}
	switch res.StatusCode {
	case http.StatusNotModified:
		have.Asked = is.Asked
		have, err = have.note(ctx, name)
		return name, have, err
	case http.StatusPartialContent:
	case http.StatusOK: // from the beginning, whatever was asked for
		at = 0
	case http.StatusRequestedRangeNotSatisfiable: // it is not the file of which the beginning is here
		return "", have, errors.Join(fmt.Errorf("%s: %s; the next try begins anew", address, res.Status), os.Remove(name))
	default:
		return "", have, refusal(address, res)
	}
	if ctx.Value(pagesKey{}) != nil && !isPageType(res.Header.Get("Content-Type")) {
		is.Skipped, res.Body, res.ContentLength = true, http.NoBody, 0
	}
	is, err = keep(ctx, name, at, res, is)
	return name, is, err
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

// watchKey marks who watches in a context.
type watchKey struct{}

// Watch returns a context whose fetching calls a function for every stretch of bytes that comes.
func Watch(ctx context.Context, came func()) context.Context {
	return context.WithValue(ctx, watchKey{}, came)
}

// Watching returns a writer that tells who watches a context of all that is written to it, and keeps nothing.
func Watching(ctx context.Context) io.Writer {
	return teller{ctx}
}

type teller struct{ ctx context.Context }

func (t teller) Write(b []byte) (int, error) {
	if came, ok := t.ctx.Value(watchKey{}).(func()); ok {
		came()
	}
	return len(b), nil
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
