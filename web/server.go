// Package web is Temper's page: the runs, their stages, what was dropped and why, the loss curve, and rows of a dataset.
// Pages are rendered here and work without JavaScript; they only read.
package web

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"go.temporal.io/sdk/client"

	"temper/dataset"
	"temper/worker"
)

//go:embed pages/*.html pages/style.css
var pages embed.FS

// Server serves the page.
type Server struct {
	Temporal   client.Client
	Store      dataset.Store
	TemporalUI string // URL of Temporal's own UI to link to, or ""

	tmpl map[string]*template.Template
}

// Handler returns the routes. Every one answers GET only.
func (s *Server) Handler() http.Handler {
	s.tmpl = map[string]*template.Template{}
	for _, page := range []string{"runs", "run", "rows", "datasets", "error"} {
		s.tmpl[page] = template.Must(template.New("layout.html").Funcs(functions).ParseFS(pages, "pages/layout.html", "pages/"+page+".html"))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page(s.runs))
	mux.HandleFunc("GET /runs/{id...}", s.page(s.run))
	mux.HandleFunc("GET /rejects/{id...}", s.page(s.rejects))
	mux.HandleFunc("GET /datasets", s.page(s.datasets))
	mux.HandleFunc("GET /datasets/{name}/{version}", s.page(s.rows))
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, pages, "pages/style.css")
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	return secure(mux)
}

// secure forbids what these pages never do: scripts, frames, foreign content.
func secure(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		h.ServeHTTP(w, r)
	})
}

// A view is a page's template and its data.
type view struct {
	Page    string
	Title   string
	Refresh int // seconds after which the browser loads the page again; 0: never
	UI      string
	Data    any
}

// page renders what f returns, or its error with the fitting status.
func (s *Server) page(f func(*http.Request) (view, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		v, err := f(r)
		if err != nil {
			status = http.StatusInternalServerError
			if errors.Is(err, worker.ErrNoRun) || errors.Is(err, fs.ErrNotExist) {
				status = http.StatusNotFound
			}
			v = view{Page: "error", Title: http.StatusText(status), Data: err.Error()}
		}
		v.UI = s.TemporalUI
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		if err := s.tmpl[v.Page].Execute(w, v); err != nil {
			fmt.Fprintf(w, "<p>%s</p>", template.HTMLEscapeString(err.Error()))
		}
	}
}

// functions are what the templates use beside their data.
var functions = template.FuncMap{
	"bytes": Bytes,
	"when":  func(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") },
	"took": func(r worker.Run) string {
		if r.Ended.IsZero() {
			return time.Since(r.Started).Round(time.Second).String()
		}
		return r.Ended.Sub(r.Started).Round(time.Second).String()
	},
	"count": func(n int64) string { return group(strconv.FormatInt(n, 10)) },
	"short": func(s string) string { return s[:min(12, len(s))] },
}

// Bytes prints a size for people: 98.4 MB.
func Bytes(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	f, i := float64(n), 0
	for f >= 1000 && i < len(units)-1 {
		f, i = f/1000, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// group puts commas between thousands.
func group(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		if digits[i-1] != '-' {
			digits = digits[:i] + "," + digits[i:]
		}
	}
	return digits
}
