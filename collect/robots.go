package collect

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/temoto/robotstxt"
	"golang.org/x/time/rate"
)

const (
	maxRobots = 512 << 10
	maxDelay  = time.Minute // that a robots.txt may ask for
)

// A host is what is known of a server.
type host struct {
	once   sync.Once
	robots *robotstxt.Group
	err    error
	pace   *rate.Limiter
}

// host is what is known of an address's server.
func (w *Web) host(u *url.URL) *host {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hosts == nil {
		w.hosts = map[string]*host{}
	}
	key := u.Scheme + "://" + u.Host
	if w.hosts[key] == nil {
		w.hosts[key] = &host{pace: rate.NewLimiter(rate.Every(cmp.Or(w.Every, time.Second)), 1)}
	}
	return w.hosts[key]
}

// permitted waits for the host's turn, or says that its robots.txt does not want the address read. Source: RFC 9309.
func (w *Web) permitted(ctx context.Context, u *url.URL) error {
	h := w.host(u)
	h.once.Do(func() { h.robots, h.err = w.robots(ctx, u) })
	if h.err != nil {
		w.mu.Lock()
		delete(w.hosts, u.Scheme+"://"+u.Host) // ask again next time
		w.mu.Unlock()
		return h.err
	}
	if h.robots != nil {
		if !h.robots.Test(u.RequestURI()) {
			return fmt.Errorf("%s: its robots.txt does not want it read by programs: %w", u, ErrForbidden)
		}
		if d := min(h.robots.CrawlDelay, maxDelay); d > cmp.Or(w.Every, time.Second) {
			h.pace.SetLimit(rate.Every(d))
		}
	}
	return h.pace.Wait(ctx)
}

// robots asks a host what it wants read; nil means all. One that answers with an error of its own wants nothing read (RFC 9309,
// §2.3.1.4).
func (w *Web) robots(ctx context.Context, u *url.URL) (*robotstxt.Group, error) {
	at := url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/robots.txt"}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", agent)
	client := *w.http()
	client.CheckRedirect = nil
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at.String(), err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxRobots))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at.String(), err)
	}
	data, err := robotstxt.FromStatusAndBytes(res.StatusCode, b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at.String(), err)
	}
	return data.FindGroup(agent), nil
}
