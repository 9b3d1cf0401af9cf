package collect

import (
	"bytes"
	"fmt"
	"mime"
	"unicode/utf8"

	"golang.org/x/net/html/charset"

	"temper/collect/page"
	"temper/dataset"
)

// HTML reads web pages: a record is the main text of one, without menus, lists of links, comments and notices; see package page. A
// page without text gives none. The encoding is UTF-8 where the bytes are, else what the page says. Meta: title, language.
type HTML struct {
	Root    string   `json:"root" doc:"folder, file or address"`
	Include []string `json:"include,omitempty" doc:"file names to read" default:"*.html, *.htm, *.xhtml, also .gz, .zst, .bz2, .xz"`
	License string   `json:"license,omitempty" doc:"SPDX identifier"`
}

func (h *HTML) common() common {
	return common{&h.Root, &h.Include, &h.License, packed("*.html", "*.htm", "*.xhtml")}
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
