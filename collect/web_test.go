package collect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"
)

// A site is a server with files, that counts what is asked of it and may break off.
type site struct {
	mu     sync.Mutex
	files  map[string]string
	robots string
	cut    int // bytes after which answers break off; 0 for never
	asked  []string
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/robots.txt" {
		if s.robots == "" {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, s.robots)
		return
	}
	s.asked = append(s.asked, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Range")))
	text, ok := s.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if to, ok := strings.CutPrefix(text, "goto "); ok {
		http.Redirect(w, r, to, http.StatusFound)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%d-%.10s"`, len(text), strings.ReplaceAll(text, `"`, "")))
	if s.cut > 0 {
		w = &cutting{w, s.cut}
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
}

// cutting ends the connection after some bytes.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(b []byte) (int, error) {
	if len(b) > c.left {
		c.ResponseWriter.Write(b[:c.left])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

// serve starts a site.
func serve(t *testing.T, s *site) string {
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

// TestWeb: a file is fetched once for all its tasks, again only when it has changed, and its records name its address.
func TestWeb(t *testing.T) {
	s := &site{files: map[string]string{"/a.jsonl": strings.Repeat("{\"text\":\"a row\"}\n", 50)}}
	at := serve(t, s) + "/a.jsonl"
	web := &Web{Folder: t.TempDir(), Private: true, Every: time.Nanosecond}
	source := Source{JSONL: &JSONL{Root: at}}
	got := readFrom(t, web, source, 100)
	if len(got.Records) != 50 || got.Records[0].Source.URI != at || len(s.asked) != 1 {
		t.Errorf("%d records of %s, asked %q", len(got.Records), got.Records[0].Source.URI, s.asked)
	}
	if again := readFrom(t, web, source, 1<<20); len(again.Records) != 50 || len(s.asked) != 2 {
		t.Errorf("%d records, asked %q", len(again.Records), s.asked)
	}
	s.files["/a.jsonl"] = "{\"text\":\"another\"}\n"
	if again := readFrom(t, web, source, 1<<20); len(again.Records) != 1 {
		t.Errorf("%d records after a change", len(again.Records))
	}
	if _, err := Plan(t.Context(), web, Source{JSONL: &JSONL{Root: at + "x"}}, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestWebResume: what breaks off goes on where it broke off, and a file that has changed meanwhile begins anew.
func TestWebResume(t *testing.T) {
	text := strings.Repeat("0123456789", 100)
	s := &site{files: map[string]string{"/f": text}, cut: 300}
	at := serve(t, s) + "/f"
	web := &Web{Folder: t.TempDir(), Private: true, Every: time.Nanosecond}
	want := []string{"/f", "/f bytes=300-", "/f bytes=600-", "/f bytes=900-"}
	for i := range want {
		obj, err := web.Open(t.Context(), at)
		if i < len(want)-1 {
			if err == nil || !strings.Contains(err.Error(), "goes on") {
				t.Fatalf("try %d: %v", i, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(io.NewSectionReader(obj, 0, obj.Info().Size))
		obj.Close()
		if err != nil || string(b) != text {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	}
	if d := cmp.Diff(want, s.asked); d != "" {
		t.Errorf("asked: want -, got +:\n%s", d)
	}
	s.files["/g"] = text
	if _, err := web.Open(t.Context(), strings.TrimSuffix(at, "f")+"g"); err == nil {
		t.Fatal("it did not break off")
	}
	s.files["/g"], s.cut = "new text", 0
	obj, err := web.Open(t.Context(), strings.TrimSuffix(at, "f")+"g")
	if err != nil || obj.Info().Size != int64(len("new text")) {
		t.Errorf("changed meanwhile: %v", err)
	}
}

// TestWebForbidden: robots.txt and private addresses keep files from being read, also where a redirection leads there; a crawl delay is
// kept.
func TestWebForbidden(t *testing.T) {
	s := &site{files: map[string]string{"/a": "a", "/no/b": "b", "/to": "goto /no/b"}, robots: "User-agent: temper\nDisallow: /no\nDisallow: /*?old\nCrawl-delay: 7\n"}
	at := serve(t, s)
	web := &Web{Folder: t.TempDir(), Private: true, Every: time.Nanosecond}
	for _, no := range []string{"/no/b", "/a?old=1"} {
		if _, err := web.Open(t.Context(), at+no); !errors.Is(err, ErrForbidden) || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s, which robots.txt disallows: %v", no, err)
		}
	}
	obj, err := web.Open(t.Context(), at+"/a")
	if err != nil {
		t.Fatal(err)
	}
	obj.Close()
	for _, h := range web.hosts {
		if h.pace.Limit() != rate.Every(7*time.Second) {
			t.Errorf("pace %v", h.pace.Limit())
		}
		h.pace.SetLimit(rate.Inf)
		h.robots.CrawlDelay = 0
	}
	if _, err := web.Open(t.Context(), at+"/to"); !errors.Is(err, ErrForbidden) {
		t.Errorf("a redirection to what robots.txt disallows: %v", err)
	}
	if len(s.asked) != 2 { // a, to
		t.Errorf("asked %q", s.asked)
	}
	public := &Web{Folder: t.TempDir(), Every: time.Nanosecond}
	if _, err := public.Open(t.Context(), at+"/a"); !errors.Is(err, ErrForbidden) {
		t.Errorf("a private address: %v", err)
	}
	s.robots = ""
	other := httptest.NewServer(http.RedirectHandler(at+"/a", http.StatusFound))
	defer other.Close()
	led := &Web{Folder: t.TempDir(), Trusted: other.URL}
	if _, err := led.Open(t.Context(), other.URL+"/x"); !errors.Is(err, ErrForbidden) {
		t.Errorf("a redirection to a private address: %v", err)
	}
	for _, wrong := range []string{"file:///etc/passwd", "ftp://a/b", "http://", "a"} {
		if _, err := web.Open(t.Context(), wrong); err == nil {
			t.Errorf("%s was opened", wrong)
		}
	}
}

// TestIsPrivate: addresses of private, local and reserved networks are told from public ones, however they are written.
func TestIsPrivate(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::"} {
		if !isPrivate(ip) {
			t.Errorf("%s is taken for public", ip)
		}
	}
	for _, ip := range []string{"8.8.8.8", "1.1.1.1", "2606:4700::1111", "example.com"} {
		if isPrivate(ip) {
			t.Errorf("%s is taken for private", ip)
		}
	}
}

// TestHubChange: what a revision holds is asked for again for each listing, and fetched only if it has changed, to the same size too.
func TestHubChange(t *testing.T) {
	s := &site{files: map[string]string{"/api/datasets/o/n/tree/main": `[{"type":"file","path":"a.jsonl","size":15}]`}}
	hub, source := NewHub(serve(t, s), "", t.TempDir()), Source{JSONL: &JSONL{Root: "hf://datasets/o/n"}}
	for _, text := range []string{"one", "one", "two"} {
		s.files["/datasets/o/n/resolve/main/a.jsonl"] = fmt.Sprintf("{\"text\":%q}\n", text)
		if got := readFrom(t, hub, source, 1<<20); len(got.Records) != 1 || got.Records[0].Text != text {
			t.Errorf("%+v, want %q", got.Records, text)
		}
	}
	if len(s.asked) != 6 { // each time the listing and, once, the file
		t.Errorf("asked %q", s.asked)
	}
}

// TestHub: the files of a dataset are listed over several pages and fetched, with the token; one of them, or a folder, may be named, at
// a revision.
func TestHub(t *testing.T) {
	var mu sync.Mutex
	var keys []string
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, r.Header.Get("Authorization"))
		switch r.URL.Path + "?" + r.URL.Query().Get("cursor") {
		case "/api/datasets/o/n/tree/main?":
			w.Header().Set("Link", fmt.Sprintf(`<%s/api/datasets/o/n/tree/main?recursive=true&cursor=2>; rel="next"`, server.URL))
			io.WriteString(w, `[{"type":"directory","path":"data","size":0},{"type":"file","path":"data/b.jsonl","size":18}]`)
		case "/api/datasets/o/n/tree/main?2":
			io.WriteString(w, `[{"type":"file","path":"README.md","size":3},{"type":"file","path":"data/a.jsonl","size":18}]`)
		case "/api/datasets/o/n/tree/main/data?":
			io.WriteString(w, `[{"type":"file","path":"data/a.jsonl","size":18},{"type":"file","path":"data/b.jsonl","size":18}]`)
		case "/api/datasets/o/n/tree/v1/data?":
			io.WriteString(w, `[{"type":"file","path":"data/a.jsonl","size":18}]`)
		case "/datasets/o/n/resolve/main/data/a.jsonl?", "/datasets/o/n/resolve/v1/data/a.jsonl?":
			io.WriteString(w, "{\"text\":\"file a\"}\n")
		case "/datasets/o/n/resolve/main/data/b.jsonl?":
			io.WriteString(w, "{\"text\":\"file b\"}\n")
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	hub := NewHub(server.URL+"/", "secret", t.TempDir())
	for root, want := range map[string][]string{
		"hf://datasets/o/n": {"hf://datasets/o/n/data/a.jsonl", "hf://datasets/o/n/data/b.jsonl"}, "hf://datasets/o/n@v1/data": {"hf://datasets/o/n@v1/data/a.jsonl"},
		"hf://datasets/o/n/data/b.jsonl": {"hf://datasets/o/n/data/b.jsonl"},
	} {
		var uris []string
		for _, rec := range readFrom(t, hub, Source{JSONL: &JSONL{Root: root}}, 10).Records {
			uris = append(uris, rec.Source.URI)
		}
		if d := cmp.Diff(want, uris); d != "" {
			t.Errorf("%s: want -, got +:\n%s", root, d)
		}
	}
	for _, k := range keys {
		if k != "Bearer secret" {
			t.Errorf("a request with the token %q", k)
		}
	}
	if _, err := Plan(t.Context(), hub, Source{JSONL: &JSONL{Root: "hf://datasets/o/none"}}, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a dataset that is not there: %v", err)
	}
	for _, wrong := range []string{"hf://o/n", "hf://datasets/o", "hf://datasets//n"} {
		if _, err := Plan(t.Context(), hub, Source{JSONL: &JSONL{Root: wrong}}, 1); err == nil || !strings.Contains(err.Error(), "hf://datasets/OWNER/NAME") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
