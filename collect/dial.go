package collect

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// trusts reports whether an address is below the one that is trusted.
func (w *Web) trusts(u *url.URL) bool {
	t, err := url.Parse(w.Trusted)
	return err == nil && w.Trusted != "" && t.Scheme == u.Scheme && t.Host == u.Host
}

// http is the client, which looks at every address it is led to.
func (w *Web) http() *http.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.client == nil {
		w.client = &http.Client{Transport: &guarded{web: w, direct: transport(w.guard(), nil), open: transport(nil, nil), proxied: transport(nil, http.ProxyFromEnvironment)}, CheckRedirect: w.redirect}
	}
	return w.client
}

func transport(control func(network, address string, c syscall.RawConn) error, proxy func(*http.Request) (*url.URL, error)) *http.Transport {
	return &http.Transport{
		Proxy: proxy, DialContext: (&net.Dialer{Timeout: 30 * time.Second, Control: control}).DialContext, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 30 * time.Second, ResponseHeaderTimeout: time.Minute, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 1 << 20,
	}
}

// redirect permits a redirection as it permits an address.
func (w *Web) redirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("more than ten redirections")
	}
	if w.trusts(via[0].URL) || w.trusts(req.URL) { // a hub sends to where its files lie
		return nil
	}
	return w.permitted(req.Context(), req.URL)
}

// A guarded transport connects to public addresses, the trusted one, or the environment's proxy.
type guarded struct {
	web                   *Web
	direct, open, proxied *http.Transport
}

// RoundTrip implements [http.RoundTripper].
func (g *guarded) RoundTrip(req *http.Request) (*http.Response, error) {
	proxy, err := http.ProxyFromEnvironment(req)
	switch {
	case err != nil:
		return nil, err
	case proxy != nil:
		if name := req.URL.Hostname(); !g.web.Private && !g.web.trusts(req.URL) && (name == "localhost" || strings.HasSuffix(name, ".localhost") || isPrivate(name)) {
			return nil, refused(name)
		}
		return g.proxied.RoundTrip(req)
	case g.web.trusts(req.URL):
		return g.open.RoundTrip(req)
	}
	return g.direct.RoundTrip(req)
}

// guard refuses connections to private addresses, whatever name led there.
func (w *Web) guard() func(network, address string, c syscall.RawConn) error {
	if w.Private {
		return nil
	}
	return func(_, address string, _ syscall.RawConn) error {
		ip, _, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		if isPrivate(ip) {
			return refused(ip)
		}
		return nil
	}
}

func refused(name string) error {
	return fmt.Errorf("%s is an address of a private network: set TEMPER_PRIVATE_SOURCES=1 to read there: %w", name, ErrForbidden)
}

// reserved are the ranges that are not public and that netip does not tell. Source: the IANA special-purpose address registries.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
}

// isPrivate reports whether a text is an address that is not on the public network.
func isPrivate(text string) bool {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return false
	}
	ip = ip.Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return true
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
