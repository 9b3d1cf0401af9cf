package collect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"temper/dataset"
)

// mixed are files of this machine and of the web.
type mixed struct {
	Local
	web *Web
}

func (m mixed) of(uri string) Files {
	if remote(uri) {
		return m.web
	}
	return m.Local
}

func (m mixed) List(ctx context.Context, root string) iter.Seq2[FileInfo, error] {
	return m.of(root).List(ctx, root)
}

func (m mixed) Open(ctx context.Context, uri string) (dataset.Object, error) {
	return m.of(uri).Open(ctx, uri)
}

// TestURLs: a list of addresses is one source, in whatever order and however often it names them; what is not there is a bad row;
// what was asked for is not asked for again, so that a list that broke off goes on; and its lines are addresses.
func TestURLs(t *testing.T) {
	s := &site{files: map[string]string{"/a": "{\"text\":\"a\"}\n", "/b": "{\"text\":\"b\"}\n{\"text\":\"c\"}\n", "/no": "{\"text\":\"no\"}\n"}, robots: "User-agent: *\nDisallow: /no\n"}
	at := serve(t, s)
	root := folder(t, map[string]string{"some.urls": "\ufeff# rows\n" + at + "/b\n\n  " + at + "/a\r\n" + at + "/gone\n" + at + "/b\n" + at + "/no\n", "wrong.urls": at + "/a\na.jsonl\n"})
	both := mixed{web: &Web{Folder: t.TempDir(), Private: true, Every: time.Nanosecond}}
	source := Source{JSONL: &JSONL{Root: root + "/some.urls"}}
	want := readFrom(t, both, source, 1<<20)
	var got []string
	for _, rec := range want.Records {
		got = append(got, strings.TrimPrefix(rec.Source.URI, at)+" "+rec.Text)
	}
	for _, b := range want.Bad {
		got = append(got, strings.TrimPrefix(b.Source.URI, at)+" "+strings.TrimPrefix(b.Reason, b.Source.URI))
	}
	if d := cmp.Diff([]string{"/a a", "/b b", "/b c", "/gone : 404 Not Found: file does not exist", "/no : its robots.txt does not want it read by programs: permission denied to read"}, got); d != "" {
		t.Errorf("want -, got +:\n%s", d)
	}
	asked := len(s.asked)
	if d := cmp.Diff(want, readFrom(t, both, source, 20)); d != "" {
		t.Errorf("whole -, small tasks +:\n%s", d)
	}
	if more := s.asked[asked:]; !slices.Equal(more, []string{"/gone"}) {
		t.Errorf("asked again for %q", more)
	}
	if _, err := Plan(t.Context(), both, Source{JSONL: &JSONL{Root: root + "/wrong.urls"}}, 1); err == nil || !strings.Contains(err.Error(), "line 2: \"a.jsonl\" is no address") {
		t.Errorf("a line that is none: %v", err)
	}
}

// TestCrawl: links are followed on the root's host and below its folder, so deep and to so many addresses as is said; robots.txt, a
// page that asks not to be followed, and what is no page are heeded; and nothing is asked for twice.
func TestCrawl(t *testing.T) {
	page := func(links ...string) string {
		b := "<html><body><p>" + prose + "</p>"
		for _, l := range links {
			b += fmt.Sprintf("<a href=%q>x</a>", l)
		}
		return b
	}
	s := &site{robots: "User-agent: *\nDisallow: /docs/no\n", files: map[string]string{
		"/docs/":       page("a", "b#part", "/docs/c?q=1", "../else", "/docsother", "http://example.com/docs/z", "mailto:a@b", "no", "gone", "data.pdf", "javascript:x()", "//[bad"),
		"/docs/a":      page("deep/d", "a", "b"),
		"/docs/b":      "<html><base href='/docs/deep/'>" + page("e"),
		"/docs/c":      "<html><meta name=robots content='noindex, nofollow'>" + page("hidden"),
		"/docs/no":     page(),
		"/docs/deep/d": page("f"), "/docs/deep/e": page(), "/docs/deep/f": page(), "/else": page(), "/docs/hidden": page(), "/docs/data.pdf": "%PDF-1.4 " + strings.Repeat("x", 1000),
	}}
	at := serve(t, s)
	crawl := func(web *Web, depth, pages int) (got []string) {
		r := readFrom(t, web, Source{HTML: &HTML{Root: at + "/docs/", Depth: depth, Pages: pages}}, 1<<20)
		for _, rec := range r.Records {
			got = append(got, strings.TrimPrefix(rec.Source.URI, at))
		}
		if len(r.Bad) > 0 {
			t.Errorf("bad %+v", r.Bad)
		}
		return got
	}
	newWeb := func() *Web { return &Web{Folder: t.TempDir(), Private: true, Every: time.Nanosecond} }
	web := newWeb()
	for _, tt := range []struct {
		depth, pages int
		want         []string
	}{
		{1, 0, []string{"/docs/", "/docs/a", "/docs/b", "/docs/c?q=1"}},
		{2, 0, []string{"/docs/", "/docs/a", "/docs/b", "/docs/c?q=1", "/docs/deep/d", "/docs/deep/e"}},
		{9, 0, []string{"/docs/", "/docs/a", "/docs/b", "/docs/c?q=1", "/docs/deep/d", "/docs/deep/e", "/docs/deep/f"}},
		{9, 3, []string{"/docs/", "/docs/a", "/docs/b"}},
	} {
		if d := cmp.Diff(tt.want, crawl(web, tt.depth, tt.pages)); d != "" {
			t.Errorf("depth %d, pages %d: want -, got +:\n%s", tt.depth, tt.pages, d)
		}
	}
	times := map[string]int{}
	for _, a := range s.asked {
		times[a]++
	}
	for name, n := range times {
		if n > 1 && name != "/docs/gone" {
			t.Errorf("%s was asked for %d times", name, n)
		}
	}
	if times["/else"]+times["/docsother"]+times["/docs/no"]+times["/docs/hidden"] > 0 {
		t.Errorf("asked %q", s.asked)
	}
	obj, err := web.Open(t.Context(), at+"/docs/data.pdf") // which the crawl left where it was
	if err != nil || obj.Info().Size != 1009 {
		t.Errorf("a file that is no page: %v", err)
	}
	for _, wrong := range []HTML{{Root: "pages", Depth: 1}, {Root: at, Depth: -1}, {Root: at, Pages: 3}, {Root: at, Depth: 1, Pages: -3}} {
		if err := (Source{HTML: &wrong}).Validate(); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
	if _, err := Plan(t.Context(), newWeb(), Source{HTML: &HTML{Root: at + "/docs/data.pdf", Depth: 1}}, 1); !errors.Is(err, ErrSource) {
		t.Errorf("a root that is no page: %v", err)
	}
}

// TestPlanned: a worker whose copy of a file is not the one that the plan names asks for it again, and takes what it gets if that is it.
func TestPlanned(t *testing.T) {
	s := &site{files: map[string]string{"/a.jsonl": "{\"text\":\"old\"}\n"}}
	at := serve(t, s) + "/a.jsonl"
	source := Source{JSONL: &JSONL{Root: at}}
	planner := &Web{Folder: t.TempDir(), Private: true, Every: time.Nanosecond}
	worker := &Web{Folder: t.TempDir(), Private: true, Every: time.Nanosecond}
	if got := readFrom(t, worker, source, 1<<20); got.Records[0].Text != "old" {
		t.Fatalf("%+v", got)
	}
	s.files["/a.jsonl"] = "{\"text\":\"new\"}\n"
	tasks, err := Plan(t.Context(), planner, source, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range Read(t.Context(), worker, tasks[0], nil) {
		if err != nil || rec.Text != "new" {
			t.Errorf("%q, %v", rec.Text, err)
		}
	}
	s.files["/a.jsonl"] = "{\"text\":\"now\"}\n"
	if err := os.RemoveAll(worker.Folder); err != nil {
		t.Fatal(err)
	}
	for _, err := range Read(t.Context(), worker, tasks[0], nil) {
		if err != nil && !strings.Contains(err.Error(), "has changed since the plan was made") {
			t.Error(err)
		}
	}
}

// TestRefusal: answers that would be the same again are told from those that may not.
func TestRefusal(t *testing.T) {
	for code, permanent := range map[int]bool{400: true, 401: true, 403: true, 404: true, 410: true, 451: true, 408: false, 425: false, 429: false, 500: false, 503: false} {
		err := refusal("a", &http.Response{StatusCode: code, Status: http.StatusText(code)})
		if got := missing(err) != ""; got != permanent {
			t.Errorf("%d: permanent %v: %v", code, got, err)
		}
	}
}

// FuzzLinks: no page makes the search for links panic, and all it finds are addresses.
func FuzzLinks(f *testing.F) {
	f.Add([]byte("<a href=x><base href='//y/'><area href=../z rel=nofollow><meta name=robots content=none>"))
	f.Add([]byte("<a href='http://[::1'><a href=\"\x00\"><a href=%zz>"))
	base, err := url.Parse("http://example.com/a/b?c")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, page []byte) {
		for _, u := range linksOf(page, base) {
			if u.Scheme != "http" && u.Scheme != "https" {
				t.Errorf("a link to %s", u)
			}
			if again, err := url.Parse(plainAddress(u)); err == nil && plainAddress(again) != plainAddress(u) {
				t.Errorf("%s, then %s", plainAddress(u), plainAddress(again))
			}
			within(base, u)
		}
	})
}
