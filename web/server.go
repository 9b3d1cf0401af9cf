// Package web is Temper's page: the runs, their stages, what was dropped and why, the loss curve, rows of a dataset, and the
// adapters. Pages are rendered here and work without JavaScript; they only read. A report is a run's page as one file.
package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"temper/dataset"
	"temper/worker"
)

//go:embed pages/*.html pages/style.css
var pages embed.FS

// Server serves the page.
type Server struct {
	Runs       func(ctx context.Context, limit int) ([]worker.Run, error) // the newest first
	Run        func(ctx context.Context, id string) (worker.Run, error)   // worker.ErrNoRun where none has the ID
	Store      dataset.Store
	TemporalUI string // URL of Temporal's own UI to link to, or ""
	Namespace  string // of the runs, for those links
}

// patience is how long one page may take to gather what it shows.
const patience = 30 * time.Second

// errRequest means that the address asks for what cannot be.
var errRequest = errors.New("bad request")

// A view is a page's template and its data.
type view struct {
	Page    string // template
	Title   string
	Section string // of the navigation
	Refresh int    // seconds after which the browser loads the page again; 0: never
	Status  int    // 0 means 200
	UI      string
	Data    any
}

// Handler returns the routes. Every one answers GET only, and only to this machine's own names.
func (s *Server) Handler() http.Handler {
	layouts := map[string]*template.Template{}
	for _, page := range []string{"runs", "run", "rows", "row", "datasets", "dataset", "adapters", "adapter", "error"} {
		layouts[page] = template.Must(template.New("layout.html").Funcs(functions).ParseFS(pages, "pages/layout.html", "pages/parts.html", "pages/"+page+".html"))
	}
	h := &handler{Server: s, layouts: layouts}
	mux := http.NewServeMux()
	for pattern, f := range map[string]func(*http.Request) (view, error){
		"GET /{$}": s.runs, "GET /runs/{id...}": s.run, "GET /rejects/{id...}": s.rejects,
		"GET /datasets": s.datasets, "GET /datasets/{name}/{version}": s.dataset, "GET /datasets/{name}/{version}/rows": s.rows,
		"GET /adapters": s.adapters, "GET /adapters/{name}/{version}": s.adapter,
		"/": func(r *http.Request) (view, error) {
			return view{}, fmt.Errorf("there is no page %s: %w", r.URL.Path, fs.ErrNotExist)
		},
	} {
		mux.HandleFunc(pattern, h.page(f))
	}
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, pages, "pages/style.css")
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	return h.guard(mux)
}

type handler struct {
	*Server
	layouts map[string]*template.Template
}

// headers forbid what these pages never do: scripts, frames, foreign content; and keep them out of caches.
var headers = map[string]string{
	"Content-Security-Policy":      "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), microphone=(), geolocation=()",
	"Cache-Control":                "no-store",
}

// guard sets the headers and refuses what no page answers: other names of this machine, under which a foreign site could read
// it (DNS rebinding), and other methods.
func (h *handler) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for k, v := range headers {
			w.Header().Set(k, v)
		}
		switch {
		case !ownHost(r.Host):
			h.render(w, problem(http.StatusMisdirectedRequest, fmt.Sprintf("This page answers to localhost and 127.0.0.1 only, not to %q.", r.Host)))
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			h.render(w, problem(http.StatusMethodNotAllowed, "Pages here are read only: use GET."))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// ownHost reports whether the Host header names this machine by itself.
func ownHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if strings.EqualFold(strings.TrimSuffix(name, "."), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap().IsLoopback()
}

// page renders what f returns, or its error as a page with the fitting status.
func (h *handler) page(f func(*http.Request) (view, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		v, err := f(r.WithContext(ctx))
		if err != nil {
			v = problem(statusOf(err), err.Error())
		}
		h.render(w, v)
	}
}

// problem is the page of an error.
func problem(status int, text string) view {
	return view{Page: "error", Title: http.StatusText(status), Status: status, Data: text}
}

// statusOf is the HTTP status of an error.
func statusOf(err error) int {
	switch {
	case errors.Is(err, errRequest):
		return http.StatusBadRequest
	case errors.Is(err, worker.ErrNoRun), errors.Is(err, fs.ErrNotExist):
		return http.StatusNotFound
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// render writes a page whole, or the error that its template ended with.
func (h *handler) render(w http.ResponseWriter, v view) {
	v.UI = h.TemporalUI
	var b bytes.Buffer
	if err := h.layouts[v.Page].Execute(&b, v); err != nil {
		v = problem(http.StatusInternalServerError, err.Error())
		b.Reset()
		if err := h.layouts[v.Page].Execute(&b, v); err != nil {
			http.Error(w, err.Error(), v.Status)
			return
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if v.Status != 0 {
		w.WriteHeader(v.Status)
	}
	w.Write(b.Bytes()) //nolint:errcheck // the reader has gone
}
