package collect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"time"
)

// A fetched says what a file in the folder is.
type fetched struct {
	URL      string `json:"url"`
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"`
	Done     bool   `json:"done"`
	SHA256   string `json:"sha256,omitempty"` // when it is done

	At      string    `json:"at,omitempty"`      // where the address led to, if elsewhere
	Asked   time.Time `json:"asked,omitzero"`    // when the server last said what the file is
	Skipped bool      `json:"skipped,omitempty"` // it is no page, and was not fetched
}

// have is what the folder has of an address, and how many bytes.
func (w *Web) have(name, address string) (have fetched, at int64) {
	if b, err := os.ReadFile(name + ".json"); err != nil || json.Unmarshal(b, &have) != nil || have.URL != address {
		have = fetched{}
	}
	info, err := os.Stat(name)
	if err != nil {
		return fetched{}, 0
	}
	return have, info.Size()
}

// refusal is the error of an answer without a file: one that is not there, or may not be read, now or later, or one to ask for again.
func refusal(address string, res *http.Response) error {
	switch c := res.StatusCode; {
	case c == http.StatusNotFound || c == http.StatusGone:
		return fmt.Errorf("%s: %s: %w", address, res.Status, fs.ErrNotExist)
	case c == http.StatusRequestTimeout || c == http.StatusTooEarly || c == http.StatusTooManyRequests || c < 400 || c > 499:
		return fmt.Errorf("%s: %s", address, res.Status)
	}
	return fmt.Errorf("%s: %s: %w", address, res.Status, ErrForbidden)
}

// isPageType reports whether a media type is that of a page, or not said.
func isPageType(kind string) bool {
	media, _, _ := mime.ParseMediaType(kind)
	return kind == "" || media == "text/html" || media == "application/xhtml+xml"
}

// keep writes a response's bytes from at on, and what they are. A file that is being read is not written to, but replaced.
func keep(ctx context.Context, name string, at int64, res *http.Response, is fetched) (fetched, error) {
	if at == 0 {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return is, err
		}
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return is, err
	}
	defer f.Close()
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return is, err
	}
	if is, err = is.note(ctx, name); err != nil { // a part of this is worth going on with
		return is, err
	}
	most := int64(maxFetch)
	if ctx.Value(pagesKey{}) != nil {
		most = maxPage
	}
	n, err := io.Copy(f, io.LimitReader(watched{ctx, res.Body}, most-at+1))
	switch {
	case err == nil && at+n > most:
		err = fmt.Errorf("more than %d bytes: %w", most, ErrForbidden)
	case err == nil && res.ContentLength >= 0 && n < res.ContentLength:
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return is, fmt.Errorf("%s, after %d bytes: %w; the next try goes on from there if the server can", is.URL, at+n, err)
	}
	is.Done = true
	if err := f.Close(); err != nil {
		return is, err
	}
	return is.note(ctx, name)
}

// note writes down what a file is: with its digest, if it is done.
func (is fetched) note(ctx context.Context, name string) (fetched, error) {
	if is.Done {
		f, err := os.Open(name)
		if err != nil {
			return is, err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, watched{ctx, f}); err != nil {
			return is, err
		}
		is.SHA256 = hex.EncodeToString(h.Sum(nil))
	}
	b, err := json.Marshal(is)
	if err != nil {
		return is, err
	}
	return is, os.WriteFile(name+".json", b, 0o644)
}
