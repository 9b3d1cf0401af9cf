package collect

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"

	"temper/collect/page"
	"temper/dataset"
)

// HTML reads web pages: a record is the main text of one, without menus, lists of links, comments and notices; see package page. A
// page without text gives none. The encoding is UTF-8 where the bytes are, else what the page says. Meta: title, language.
type HTML struct {
	Root    string   `json:"root" doc:"folder, file or address; or a file named *.urls with addresses, one a line"`
	Depth   int      `json:"depth,omitempty" doc:"links to follow from root, an http(s) address, one after another, on its host and below its folder" default:"0"`
	Pages   int      `json:"pages,omitempty" doc:"most addresses asked for where links are followed" default:"1000"`
	Include []string `json:"include,omitempty" doc:"file names to read" default:"*.html, *.htm, *.xhtml, also .gz, .zst, .bz2, .xz"`
	License string   `json:"license,omitempty" doc:"SPDX identifier"`
}

func (h *HTML) common() common {
	return common{&h.Root, &h.Include, &h.License, packed("*.html", "*.htm", "*.xhtml")}
}

func (h *HTML) fill() {
	if h.Depth > 0 && h.Pages == 0 {
		h.Pages = defCrawl
	}
}

func (h *HTML) validate() error {
	switch {
	case h.Depth < 0 || h.Depth > maxDepth:
		return fmt.Errorf("html.depth is %d; it must be 0 to %d", h.Depth, maxDepth)
	case h.Pages < 0 || h.Pages > maxCrawl:
		return fmt.Errorf("html.pages is %d; it must be 1 to %d", h.Pages, maxCrawl)
	case h.Pages > 0 && h.Depth == 0:
		return errors.New("html.pages bounds how many links are followed, and html.depth says none is")
	case h.Depth > 0 && !strings.HasPrefix(h.Root, "http://") && !strings.HasPrefix(h.Root, "https://"):
		return errors.New("html.depth: links are followed from a root that is an http or https address")
	}
	return nil
}

// read reads the task's pages.
func (h *HTML) read(r *reader) error {
	for _, p := range r.task.Files {
		b, ok, err := r.whole(p)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		src := r.source(p)
		src.Length = int64(len(b))
		if err := r.page(b, "", src, dataset.Meta{}); err != nil {
			return err
		}
	}
	return nil
}

// maxPage bounds the bytes of a page.
const maxPage = 32 << 20

// page yields the record of a page, or puts it into quarantine; kind is its media type, if that is known.
func (r *reader) page(b []byte, kind string, src dataset.Source, meta dataset.Meta) error {
	if len(b) > maxPage {
		return r.quarantine(src, fmt.Sprintf("page of %d bytes, longer than %d", len(b), maxPage), b)
	}
	text, err := utf8Text(b, kind)
	if err != nil {
		return r.quarantine(src, err.Error(), b)
	}
	media, _, _ := mime.ParseMediaType(kind)
	if media == "text/plain" {
		return r.giveText(string(bytes.TrimSpace(text)), src, meta)
	}
	read, err := page.Read(text)
	if err != nil {
		return r.quarantine(src, err.Error(), b)
	}
	for key, v := range map[string]string{"title": read.Title, "language": read.Language} {
		if v != "" {
			meta[key] = v
		}
	}
	return r.giveText(read.Text, src, meta)
}

// giveText yields a text, if there is one.
func (r *reader) giveText(text string, src dataset.Source, meta dataset.Meta) error {
	if text == "" {
		return nil
	}
	rec := dataset.Record{ID: dataset.RecordID(src.URI, src.Offset, text), Text: text, Source: src}
	if len(meta) > 0 {
		rec.Meta = meta
	}
	return r.give(rec)
}

// utf8Text is a page as UTF-8. Bytes that are UTF-8 are taken for that, whatever is said of them: a page in another encoding is not
// by chance. Else a byte order mark counts, then the media type, then what the page's first bytes say, then windows-1252. Source: the
// WHATWG Encoding and HTML standards, §13.2.3.
func utf8Text(b []byte, kind string) ([]byte, error) {
	b = bytes.TrimPrefix(b, mark)
	if utf8.Valid(b) && !bytes.Contains(b, []byte("\x1b$")) { // ISO-2022-JP is of ASCII bytes
		return b, nil
	}
	enc, name, _ := charset.DetermineEncoding(b[:min(len(b), 1024)], kind)
	if name == "utf-8" {
		return bytes.ToValidUTF8(b, []byte("\ufffd")), nil
	}
	text, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return nil, fmt.Errorf("not %s: %w", name, err)
	}
	return bytes.TrimPrefix(text, mark), nil
}
