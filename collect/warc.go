package collect

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/textproto"
	"strings"

	"temper/dataset"
)

// WARC reads web archives (ISO 28500), plain or compressed by records as crawlers write them: a record is the main text of a page
// that was answered with status 200, as in [HTML]; of plain texts, and of the texts of WET files, all. Requests, images and the like
// are left out. A large archive is many tasks. An archive's record that names a false length, or does not end, is bad; reading goes
// on where the next one starts.
//
// The place of a record is that of its bytes in the archive, compressed as they are; the row is its number. Meta: url, date, title,
// language.
type WARC struct {
	Root    string   `json:"root" doc:"folder, file or address; or a file named *.urls with addresses, one a line"`
	Include []string `json:"include,omitempty" doc:"file names to read" default:"*.warc, *.warc.gz, *.wet, *.wet.gz"`
	License string   `json:"license,omitempty" doc:"SPDX identifier"`
}

func (a *WARC) common() common {
	return common{&a.Root, &a.Include, &a.License, []string{"*.warc", "*.warc.gz", "*.wet", "*.wet.gz"}}
}

func (a *WARC) cuts(string) bool { return true }

func (a *WARC) rows(in io.ReaderAt, size int64, name string) rows { return newWARC(in, size, 0, 0) }

// read reads the archives' records that start in the task's parts.
func (a *WARC) read(r *reader) error {
	for _, p := range r.task.Files {
		if err := r.archive(p); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) archive(p Part) error {
	obj, err := r.open(p)
	if err != nil {
		return err
	}
	defer obj.Close()
	if err := verify(p, obj); err != nil {
		return err
	}
	in := newWARC(obj, p.Size, p.Offset, p.Lines)
	in.hold = true
	for {
		s, ok, err := in.next()
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		if !ok || s.from >= p.Offset+p.Length {
			return nil
		}
		if s.reason != "" {
			err = r.rejectSpan(p, s)
		} else {
			src := r.source(p)
			src.Offset, src.Length, src.Row = s.from, s.length, s.row
			err = r.answer(in.header, s.text, src)
		}
		if err != nil {
			return err
		}
	}
}

// answer yields the text of a record of an archive, if it is one of a page.
func (r *reader) answer(head textproto.MIMEHeader, block []byte, src dataset.Source) error {
	meta := dataset.Meta{}
	for key, name := range map[string]string{"url": "Warc-Target-Uri", "date": "Warc-Date"} {
		if v := strings.Trim(head.Get(name), "<>"); v != "" {
			meta[key] = strings.ToValidUTF8(v, "\ufffd")
		}
	}
	kind, body := head.Get("Content-Type"), block
	switch head.Get("Warc-Type") {
	case "conversion", "resource":
	case "response":
		if media, _, _ := mime.ParseMediaType(kind); media != "application/http" {
			return nil
		}
		var status int
		var err error
		if status, kind, body, err = httpBody(block); err != nil {
			return r.quarantine(src, err.Error(), block)
		}
		if status != http.StatusOK {
			return nil
		}
	default:
		return nil
	}
	media, _, err := mime.ParseMediaType(kind)
	if err != nil && kind != "" || kind == "" {
		media = strings.TrimSpace(strings.ToLower(strings.SplitN(cmp.Or(kind, http.DetectContentType(body)), ";", 2)[0]))
	}
	if media != "text/html" && media != "application/xhtml+xml" && media != "text/plain" {
		return nil
	}
	return r.page(body, kind, src, meta)
}

// httpBody takes an HTTP response apart and undoes its transfer and content encodings. Archives often keep the header that says
// chunked and not the chunks: then the bytes after the header are the body.
func httpBody(block []byte) (status int, kind string, body []byte, err error) {
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(block)), nil)
	if err != nil {
		return 0, "", nil, fmt.Errorf("not an HTTP response: %w", err)
	}
	defer res.Body.Close()
	kind = res.Header.Get("Content-Type")
	if res.StatusCode != http.StatusOK {
		return res.StatusCode, kind, nil, nil
	}
	if body, err = io.ReadAll(res.Body); err != nil {
		_, body, _ = bytes.Cut(block, []byte("\r\n\r\n"))
	}
	var plain io.Reader
	switch strings.ToLower(strings.TrimSpace(res.Header.Get("Content-Encoding"))) {
	case "", "identity":
		return res.StatusCode, kind, body, nil
	case "gzip", "x-gzip", "zstd":
		plain, err = dataset.Decompress("body", bytes.NewReader(body)) // one that is not, as archives keep some, stays as it is
	case "deflate":
		if isZlib(body) { // it has to be, but some servers send bare data
			body = body[2:]
		}
		plain = flate.NewReader(bytes.NewReader(body))
	default:
		return 0, "", nil, fmt.Errorf("content encoding %q is not read", res.Header.Get("Content-Encoding"))
	}
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(plain, maxPage+1))
	}
	return res.StatusCode, kind, body, err
}

// isZlib reports whether bytes begin as a zlib stream does. Source: RFC 1950, §2.2.
func isZlib(b []byte) bool {
	return len(b) >= 2 && b[0]&15 == 8 && b[0]>>4 <= 7 && (int(b[0])<<8|int(b[1]))%31 == 0
}
