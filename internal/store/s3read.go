package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"

	"temper/dataset"
)

const (
	windowMin = 256 << 10 // bytes a read fetches at least
	windowMax = 8 << 20   // bytes a reader that goes straight on comes to fetch at once
	windows   = 8         // kept, so that columns read side by side do not drive each other out
)

// s3Object reads ranges of one version of an object: a request for another version fails.
type s3Object struct {
	store *S3
	ctx   context.Context // of Open: io.ReaderAt has none
	info  dataset.Info

	mu    sync.Mutex
	cache []window // least recently used first
}

// A window is bytes of the object that were fetched.
type window struct {
	off  int64
	data []byte
}

func (w window) end() int64 { return w.off + int64(len(w.data)) }

// Info implements [dataset.Object].
func (o *s3Object) Info() dataset.Info { return o.info }

// Close implements [dataset.Object].
func (o *s3Object) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cache = nil
	return nil
}

// ReadAt implements [io.ReaderAt]. Small reads are served from windows that grow while a reader goes straight on.
func (o *s3Object) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read %s at offset %d", o.info.Key, off)
	}
	n := 0
	for n < len(b) && off+int64(n) < o.info.Size {
		at := off + int64(n)
		w, ok := o.cached(at)
		if !ok {
			size := o.next(at, int64(len(b)-n))
			if size <= int64(len(b)-n) && size > windowMax { // too large to keep
				m, err := o.fetch(b[n:n+int(size)], at)
				n += m
				if err != nil {
					return n, err
				}
				continue
			}
			w = window{at, make([]byte, size)}
			if _, err := o.fetch(w.data, at); err != nil {
				return n, err
			}
			o.keep(w)
		}
		n += copy(b[n:], w.data[at-w.off:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// cached returns a window that holds the byte at.
func (o *s3Object) cached(at int64) (window, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, w := range o.cache {
		if w.off <= at && at < w.end() {
			o.cache = append(slices.Delete(o.cache, i, i+1), w)
			return w, true
		}
	}
	return window{}, false
}

// next returns how many bytes to fetch at an offset for a read of want: what is wanted, and twice as much as before where a
// window ends.
func (o *s3Object) next(at, want int64) int64 {
	size := int64(windowMin)
	o.mu.Lock()
	for _, w := range o.cache {
		if w.end() == at {
			size = min(2*int64(len(w.data)), windowMax)
		}
	}
	o.mu.Unlock()
	return min(max(size, want), o.info.Size-at)
}

// keep remembers a window, in place of the one not used for longest.
func (o *s3Object) keep(w window) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cache = slices.DeleteFunc(o.cache, func(old window) bool { return old.end() == w.off })
	if len(o.cache) >= windows {
		o.cache = slices.Delete(o.cache, 0, 1)
	}
	o.cache = append(o.cache, w)
}

// fetch fills b from the offset at, going on where a connection breaks off.
func (o *s3Object) fetch(b []byte, at int64) (n int, err error) {
	for range tries {
		var m int
		m, err = o.get(b[n:], at+int64(n))
		if n += m; n == len(b) {
			return n, nil
		}
		if o.ctx.Err() != nil || errors.Is(err, dataset.ErrConflict) || minio.ToErrorResponse(err).StatusCode >= 400 {
			break // the server's answer, after the client's own tries
		}
	}
	return n, o.store.fail("read", o.info.Key, err)
}

// get makes one request.
func (o *s3Object) get(b []byte, at int64) (int, error) {
	var opts minio.GetObjectOptions
	if err := opts.SetRange(at, at+int64(len(b))-1); err != nil {
		return 0, err
	}
	if err := opts.SetMatchETag(o.info.ETag); err != nil {
		return 0, err
	}
	body, _, header, err := o.store.core.GetObject(o.ctx, o.store.bucket, o.store.prefix+o.info.Key, opts)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	if err := o.same(header); err != nil {
		return 0, err
	}
	return io.ReadFull(body, b)
}

// same checks that an answer is of the version that was opened. If-Match is not enough: some servers ignore it, and some make up
// the description of an object that is being replaced from the old version's size and the new one's ETag.
func (o *s3Object) same(answer http.Header) error {
	if etag := strings.Trim(answer.Get("ETag"), `"`); etag != o.info.ETag {
		return conflict(o.info.Key, o.info.ETag, etag)
	}
	_, total, _ := strings.Cut(answer.Get("Content-Range"), "/")
	if total != strconv.FormatInt(o.info.Size, 10) {
		return fmt.Errorf("opened with %d bytes, now it has %s: %w", o.info.Size, total, dataset.ErrConflict)
	}
	return nil
}
