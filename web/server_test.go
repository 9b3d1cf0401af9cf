package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"temper/activities"
	"temper/internal/store"
	"temper/worker"
)

func get(t testing.TB, h http.Handler, path, host string) (int, string, http.Header) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+path, nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header()
}

// TestPages: every kind of page answers, is whole, and shows what it is for.
func TestPages(t *testing.T) {
	h := newHouse(t)
	for name, want := range map[string][]string{
		"runs":             {"quickstart", "tonight", "broken", "failed", `http-equiv="refresh"`, "scheduled retrain"},
		"run":              {"9,117", "1,808", "-42.4 %", "gopher_quality.words", "<svg class=\"plot\"", "2.8114", "1.6202", "Promoted.", "NewReader returns a new Reader", "cached", "go-docs@" + h.manifest.Version, "mem:/datasets/go-docs", "/namespaces/default/workflows/quickstart"},
		"running":          {"84 of 240 steps", "35.0 %", "loss 1.9021", "<svg class=\"plot\"", `http-equiv="refresh"`, "hold it"},
		"failed":           {"plan collect: open /nowhere", "temper retry broken"},
		"retrain":          {"Nothing new was found"},
		"run-rejects":      {"drop00", "drop07", "dropped", "gopher_quality.words: 0, must be &gt;= 10"},
		"run-rejects-rule": {"drop03", "drop07", "(ko)"},
		"datasets":         {h.manifest.Version, "newest", "train", "test"},
		"dataset":          {"gopher_quality.words", "filter/1", "go-docs@bbbbbbbbbbbb", "language_score", "BSD-3-Clause", "name: go-docs\nmax_bad: 5%"},
		"rows":             {"train00", "train24", "rows 0 to 24 of 60", "from=25"},
		"rows-page":        {"train25", "train49", "rows 25 to 49 of 60", "from=50"},
		"rows-rejects":     {"drop03", "drop07"},
		"rows-found":       {"train05"},
		"row":              {"drop03", "bufio/scan.go", "1,003 to 1,203", strings.Repeat("0f", 32), "0.65", "temper data why go-docs@" + h.manifest.Version},
		"adapters":         {"go-docs@aaaaaaaaaaaa", "go-docs@bbbbbbbbbbbb", "champion", "previous", "1.6253"},
		"adapter":          {"champion", "smollm2-135m-instruct", "<svg class=\"plot\"", "&#34;rank&#34;: 16", "/datasets/go-docs/" + h.manifest.Version},
		"adapter-before":   {"previous", "temper adapter rollback go-docs", "temper adapter promote"},
	} {
		status, body, _ := h.serve(t, h.pagesOf()[name])
		if status != http.StatusOK || !strings.HasSuffix(strings.TrimSpace(body), "</html>") {
			t.Errorf("%s: status %d, ends %q", name, status, body[max(0, len(body)-40):])
		}
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%s does not show %q", name, w)
			}
		}
	}
}

// TestFilters: a page of chosen rows shows those and no others.
func TestFilters(t *testing.T) {
	h := newHouse(t)
	for name, not := range map[string][]string{"run-rejects-rule": {"drop00", "drop04"}, "rows-rejects": {"drop00"}, "rows-found": {"train06"}, "rows": {"train25"}, "rows-page": {"train24", "train50"}} {
		_, body, _ := h.serve(t, h.pagesOf()[name])
		for _, id := range not {
			if strings.Contains(body, "<code>"+id+"</code>") {
				t.Errorf("%s shows %s", name, id)
			}
		}
	}
}

// TestPaging: following the links from page to page shows every row once, in order.
func TestPaging(t *testing.T) {
	h := newHouse(t)
	next := regexp.MustCompile(`<a href="([^"]*)">Next rows`)
	id := regexp.MustCompile(`<code>(train\d\d)</code>`)
	path, seen := h.pagesOf()["rows"], []string{}
	for range 10 {
		_, body, _ := h.serve(t, path)
		for _, m := range id.FindAllStringSubmatch(body, -1) {
			seen = append(seen, m[1])
		}
		m := next.FindStringSubmatch(body)
		if m == nil {
			break
		}
		path = strings.ReplaceAll(m[1], "&amp;", "&")
	}
	var want []string
	for i := range trainRows {
		if i != 1 { // the hostile one
			want = append(want, fmt.Sprintf("train%02d", i))
		}
	}
	if strings.Join(seen, " ") != strings.Join(want, " ") {
		t.Errorf("saw %v", seen)
	}
}

// TestLinks: every link of every page leads to a page that is there, and every kind of page is reached from the first.
func TestLinks(t *testing.T) {
	h := newHouse(t)
	href := regexp.MustCompile(`(?:href|action)="([^"]*)"`)
	seen, todo := map[string]bool{}, []string{"/"}
	for len(todo) > 0 && len(seen) < 2000 {
		path := todo[0]
		todo = todo[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		status, body, _ := h.serve(t, path)
		if status != http.StatusOK {
			t.Errorf("%s: status %d", path, status)
			continue
		}
		base, err := url.Parse("http://127.0.0.1:7080" + path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range href.FindAllStringSubmatch(body, -1) {
			to, err := base.Parse(strings.ReplaceAll(m[1], "&amp;", "&"))
			if err != nil {
				t.Errorf("%s links to %q: %v", path, m[1], err)
				continue
			}
			if to.Host == base.Host {
				to.Fragment = ""
				todo = append(todo, to.RequestURI())
			}
		}
	}
	for name, path := range h.pagesOf() {
		if !seen[path] && !strings.HasPrefix(name, "missing") && name != "rows-found" && name != "run-rejects-rule" && name != "rows-rejects" {
			t.Errorf("no link leads to %s", path)
		}
	}
}

// TestHostileText: what foreign data says is shown as text, wherever it stands.
func TestHostileText(t *testing.T) {
	h := newHouse(t)
	tag := regexp.MustCompile(`<(script|img|b)\b`)
	shown := 0
	for name, path := range h.pagesOf() {
		_, body, _ := h.serve(t, path)
		if m := tag.FindString(body); m != "" && m != "<b" {
			t.Errorf("%s has the element %s", name, m)
		}
		if strings.Contains(body, "alert(&#34;x&#34;)") {
			shown++
		}
	}
	if shown < 4 {
		t.Errorf("only %d pages show the text, escaped", shown)
	}
	var report strings.Builder
	if err := WriteReport(&report, h.runs[1], []Place{{"Parquet", hostile}}); err != nil {
		t.Fatal(err)
	}
	if m := tag.FindString(report.String()); m != "" && m != "<b" {
		t.Errorf("the report has the element %s", m)
	}
}

// TestRefused: what cannot be is a clear error page with its status.
func TestRefused(t *testing.T) {
	h := newHouse(t)
	rows := h.pagesOf()["rows"]
	for _, tt := range []struct {
		path   string
		status int
		says   string
	}{
		{"/nowhere", 404, "there is no page /nowhere"},
		{"/runs/nobody", 404, "no such run"},
		{"/datasets/go-docs/000000000000", 404, "dataset go-docs@000000000000"},
		{"/datasets/..%2Fx/1", 400, "letters, digits"},
		{"/adapters/go-docs/000000000000", 404, "adapter go-docs@000000000000"},
		{"/adapters/" + strings.Repeat("a", 101) + "/1", 400, "1 to 100 letters"},
		{rows + "?from=-1", 400, "must be a row number"},
		{rows + "?from=x", 400, "must be a row number"},
		{rows + "?from=99999999999999999999", 400, "must be a row number"},
		{rows + "?from=60", 400, "there are 60 rows here"},
		{rows + "?at=60", 400, "there are 60 rows here"},
		{rows + "?from=1&from=2", 400, "given once"},
		{rows + "?page=2", 400, "no parameter"},
		{rows + "?split=nope", 400, "has no split"},
		{rows + "?q=" + strings.Repeat("a", 501), 400, "at most 500 bytes"},
		{rows + "?q=%ff", 400, "as text"},
		{rows + "?q=%zz", 400, "cannot be read"},
		{"/rejects/quickstart?stage=nope", 400, "no stage"},
		{"/?from=1", 400, "no parameter"},
	} {
		status, body, _ := h.serve(t, tt.path)
		if status != tt.status || !strings.Contains(body, tt.says) || !strings.Contains(body, "<nav") {
			t.Errorf("%s: status %d, want %d and %q in a page", tt.path, status, tt.status, tt.says)
		}
	}
}

// TestForeignHost: a name that is not this machine's own is refused, so that no foreign site can read a page through it.
func TestForeignHost(t *testing.T) {
	h := newHouse(t)
	for host, want := range map[string]int{
		"localhost": 200, "localhost:7080": 200, "LOCALHOST.:7080": 200, "127.0.0.1": 200, "127.0.0.5:1": 200, "[::1]": 200, "[::1]:7080": 200,
		"evil.example": 421, "evil.example:7080": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "10.0.0.1": 421, "[2001:db8::1]:80": 421, "": 421,
	} {
		for _, path := range []string{"/", "/style.css", "/healthz", h.pagesOf()["rows"]} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			r.Host = host
			w := httptest.NewRecorder()
			h.handler.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s of host %q: status %d, want %d", path, host, w.Code, want)
			}
			if want == 421 && strings.Contains(w.Body.String(), "train00") {
				t.Errorf("host %q was shown rows", host)
			}
		}
	}
}

// TestHeaders: every answer, an error too, forbids scripts, frames and foreign content, and is kept out of caches.
func TestHeaders(t *testing.T) {
	h := newHouse(t)
	for _, path := range h.pagesOf() {
		_, body, header := h.serve(t, path)
		if !strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self';") || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Cache-Control") != "no-store" ||
			header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %v", path, header)
		}
		if strings.Contains(body, " style=") || strings.Contains(body, "<style") {
			t.Errorf("%s has a style that the policy forbids", path)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", strings.NewReader("x=1"))
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: status %d, %v", w.Code, w.Header())
	}
}

// TestEmpty: with nothing there, every list says what to do.
func TestEmpty(t *testing.T) {
	s := &Server{Store: store.NewMem(), Runs: func(context.Context, int) ([]worker.Run, error) { return nil, nil }}
	for _, path := range []string{"/", "/datasets", "/adapters"} {
		status, body, _ := get(t, s.Handler(), path, "localhost")
		if status != 200 || !strings.Contains(body, "temper run recipe.yaml") {
			t.Errorf("%s: status %d, %s", path, status, body)
		}
	}
}

// TestServerDown: an error of the servers is a page that says so.
func TestServerDown(t *testing.T) {
	h := newHouse(t)
	h.Runs = func(context.Context, int) ([]worker.Run, error) {
		return nil, errors.New("list runs: connection refused")
	}
	status, body, _ := h.serve(t, "/")
	if status != 500 || !strings.Contains(body, "connection refused") {
		t.Errorf("status %d, %s", status, body)
	}
	h.Runs = func(context.Context, int) ([]worker.Run, error) {
		return nil, fmt.Errorf("list runs: %w", context.DeadlineExceeded)
	}
	if status, _, _ := h.serve(t, "/"); status != http.StatusGatewayTimeout {
		t.Errorf("status %d for a server that is slow", status)
	}
}

// TestTextIsBounded: a list shows the beginning of a long text and leads to the whole.
func TestTextIsBounded(t *testing.T) {
	h := newHouse(t)
	_, body, _ := h.serve(t, h.pagesOf()["rows"])
	if strings.Contains(body, "and this is its end") || !strings.Contains(body, "more bytes") {
		t.Error("the list shows the long text whole, or does not say that there is more")
	}
	if _, body, _ = h.serve(t, h.pagesOf()["rows"]+"?at=2"); !strings.Contains(body, "and this is its end") {
		t.Error("the row's page does not show its end")
	}
}

// TestReport: the report is one file with everything in it and no link to a page.
func TestReport(t *testing.T) {
	h := newHouse(t)
	var b strings.Builder
	if err := WriteReport(&b, h.runs[1], Places(h.runs[1], "s3://temper/house")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<style>", "<svg class=\"plot\"", "1,808", "limited by <code>max_epochs</code>", "16.7 %", "-42.4 %", "s3://temper/house/datasets/go-docs/" + h.manifest.Version + "/data/", "s3://temper/house/adapters/go-docs/bbbbbbbbbbbb", "NewReader returns a new Reader"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	for _, not := range []string{`href=`, `src=`, `http-equiv="refresh"`, "ZgotmplZ", "url("} {
		if strings.Contains(strings.ReplaceAll(b.String(), "img src=x onerror", ""), not) {
			t.Errorf("the report has %q: it must stand alone", not)
		}
	}
	if LossPlot([]activities.Point{{Step: 1, Loss: 2}}) != nil {
		t.Error("one point is drawn")
	}
}
