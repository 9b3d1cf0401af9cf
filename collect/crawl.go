package collect

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	maxDepth  = 100
	maxCrawl  = 1_000_000
	defCrawl  = 1000
	maxLinked = 1 << 20 // links of one page that are looked at
)

// manyKey marks in a context that a file is one of many, which are not asked for again at once.
type manyKey struct{}

// pagesKey marks in a context that only pages are wanted, whatever an address answers.
type pagesKey struct{}

// crawl takes the pages that links lead to from a root, breadth first: on its host and below its folder, so many links deep, so many
// at most. What is no page, is not there or may not be read is left out, unless it is the root.
func (l *lister) crawl(root string, o HTML) error {
	first, err := url.Parse(root)
	if err != nil || first.Scheme != "http" && first.Scheme != "https" {
		return fmt.Errorf("html.depth: links are followed from an http or https address, not from %q", root)
	}
	ctx := context.WithValue(context.WithValue(l.ctx, manyKey{}, true), pagesKey{}, true)
	var home *url.URL // where the root was led to
	seen := map[string]bool{}
	level := []string{plainAddress(first)}
	seen[level[0]] = true
	for depth := 0; len(level) > 0; depth++ {
		var next []string
		for _, address := range level {
			f, err := l.page(ctx, address)
			if why := missing(err); why != "" && home != nil {
				continue
			}
			if err != nil {
				return err
			}
			if home == nil {
				if home = first; f.At != "" {
					home, _ = url.Parse(f.At)
				}
			}
			if f.Skipped {
				continue
			}
			if err := l.take(address, f); err != nil {
				return err
			}
			if depth == o.Depth {
				continue
			}
			links, err := l.links(ctx, f)
			if err != nil {
				return err
			}
			for _, u := range links {
				if to := plainAddress(u); within(home, u) && !seen[to] && len(seen) < o.Pages {
					seen[to] = true
					next = append(next, to)
				}
			}
		}
		level = next
	}
	if len(l.parts) == 0 {
		return fmt.Errorf("%s is no web page: %w", root, ErrSource)
	}
	return nil
}

// page asks for one page.
func (l *lister) page(ctx context.Context, address string) (f FileInfo, err error) {
	err = fmt.Errorf("%s: nothing is there", address)
	for f, err = range l.files.List(ctx, address) { // it is one file
	}
	return f, err
}

// plainAddress is an address as it is asked for: without a fragment, and with a path.
func plainAddress(u *url.URL) string {
	v := *u
	v.Fragment, v.RawFragment, v.User = "", "", nil
	v.Host = strings.ToLower(v.Host)
	if v.Path == "" {
		v.Path = "/"
	}
	return v.String()
}

// within reports whether an address is on the host of another and below its folder.
func within(home, u *url.URL) bool {
	folder := home.Path[:strings.LastIndexByte(home.Path, '/')+1]
	return u.Scheme == home.Scheme && strings.EqualFold(u.Host, home.Host) && strings.HasPrefix(path.Clean("/"+u.Path)+"/", cmp.Or(folder, "/"))
}

// links are the addresses that a page's links lead to, in their order. Source: the WHATWG HTML standard, §4.6.
func (l *lister) links(ctx context.Context, f FileInfo) ([]*url.URL, error) {
	base, err := url.Parse(cmp.Or(f.At, f.URI))
	if err != nil {
		return nil, nil
	}
	obj, err := l.files.Open(ctx, f.URI)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	b, err := io.ReadAll(io.NewSectionReader(obj, 0, min(obj.Info().Size, maxPage)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.URI, err)
	}
	return linksOf(b, base), nil
}

// linksOf are the addresses of a page's links. A page that asks for its links not to be followed has none.
func linksOf(page []byte, base *url.URL) (links []*url.URL) {
	z := html.NewTokenizer(bytes.NewReader(page))
	z.SetMaxBuf(1 << 20)
	based := false
	for n := 0; n < maxLinked; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return links
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		name, more := z.TagName()
		tag := atom.Lookup(name)
		if tag != atom.A && tag != atom.Area && tag != atom.Base && tag != atom.Meta {
			continue
		}
		attr := map[string]string{}
		for more && len(attr) < 64 {
			var key, value []byte
			key, value, more = z.TagAttr()
			if _, ok := attr[string(key)]; !ok {
				attr[string(key)] = string(value)
			}
		}
		to, err := base.Parse(strings.TrimSpace(attr["href"]))
		switch {
		case tag == atom.Meta:
			if content := strings.ToLower(attr["content"]); strings.EqualFold(attr["name"], "robots") && (strings.Contains(content, "nofollow") || strings.Contains(content, "none")) {
				return nil
			}
		case err != nil || attr["href"] == "" || len(attr["href"]) > maxAddress:
		case tag == atom.Base:
			if !based { // only the first counts
				base, based = to, true
			}
		case (to.Scheme == "http" || to.Scheme == "https") && !strings.Contains(" "+strings.ToLower(attr["rel"])+" ", " nofollow "):
			n++
			links = append(links, to)
		}
	}
	return links
}
