package collect

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"
	"unicode/utf8"

	"temper/dataset"
)

// jsonl reads the rows of the task's files and ranges.
func (r *reader) jsonl() error {
	for _, p := range r.task.Files {
		if err := r.jsonlPart(p); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) jsonlPart(p Part) error {
	obj, err := r.open(p)
	if err != nil {
		return err
	}
	defer obj.Close()
	var in io.Reader
	src := r.source(p)
	var check *hashed
	if p.Offset == 0 && p.Length == p.Size {
		check = &hashed{r: io.NewSectionReader(obj, 0, p.Size), h: sha256.New()}
		if in, err = dataset.Decompress(p.Name, check); err != nil {
			return r.reject(p, 0, 0, err.Error(), nil)
		}
	} else {
		from, err := lineStart(obj, p.Offset, p.Size)
		if err != nil {
			return err
		}
		to, err := lineStart(obj, p.Offset+p.Length, p.Size)
		if err != nil {
			return err
		}
		src.Offset, src.Row = from, p.Lines
		if from > p.Offset {
			src.Row++ // the line that began before the range
		}
		in = io.NewSectionReader(obj, from, max(0, to-from))
	}
	for rec, err := range dataset.ReadJSONL(in, src, r.bad) {
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		if err := r.give(owned(rec)); err != nil {
			return err
		}
	}
	if check == nil {
		return nil
	}
	if _, err := io.Copy(io.Discard, check); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	if hex.EncodeToString(check.h.Sum(nil)) != p.SHA256 {
		return changed(p)
	}
	return nil
}

// hashed computes the digest of what is read through it.
type hashed struct {
	r io.Reader
	h hash.Hash
}

func (h *hashed) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	h.h.Write(p[:n])
	return n, err
}

// owned gives a row an ID that no row of another file has; the one it came with goes to meta, as id.
func owned(rec dataset.Record) dataset.Record {
	var b strings.Builder
	b.WriteString(rec.Text)
	for _, m := range rec.Messages {
		b.WriteString("\x00" + m.Role + "\x00" + m.Content)
	}
	if rec.ID == dataset.RecordID(rec.Source.URI, rec.Source.Offset, rec.Text) {
		return rec
	}
	meta := dataset.Meta{"id": rec.ID}
	for k, v := range rec.Meta {
		meta[k] = v
	}
	rec.Meta, rec.ID = meta, dataset.RecordID(rec.Source.URI, rec.Source.Offset, rec.ID+"\x00"+b.String())
	return rec
}

// lineStart is the first offset at or after from where a line starts: from itself if the byte before it ends a line.
func lineStart(obj io.ReaderAt, from, size int64) (int64, error) {
	if from <= 0 {
		return 0, nil
	}
	buf := make([]byte, 64<<10)
	for at := from - 1; at < size; at += int64(len(buf)) {
		n, err := obj.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			return at + int64(i) + 1, nil
		}
		if err != nil && err != io.EOF {
			return 0, err
		}
	}
	return size, nil
}

// text reads whole files, or their paragraphs.
func (r *reader) text(o Text) error {
	for _, p := range r.task.Files {
		b, ok, err := r.utf8(p)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if o.Split != "paragraph" {
			if err := r.span(p, b, section{0, len(b), nil}); err != nil {
				return err
			}
			continue
		}
		for _, s := range paragraphs(b) {
			if err := r.span(p, b, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// utf8 reads a file that must be UTF-8 text.
func (r *reader) utf8(p Part) (b []byte, ok bool, err error) {
	b, ok, err = r.whole(p)
	if err != nil || !ok {
		return nil, false, err
	}
	if at := invalid(b); at >= 0 {
		return nil, false, r.reject(p, int64(at), int64(bytes.Count(b[:at], []byte{'\n'})+1), "not UTF-8 text", b[at:])
	}
	return b, true, nil
}

// invalid is the offset of the first byte that is not UTF-8, or -1.
func invalid(b []byte) int {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// A section is a span of a file and what is known of it.
type section struct {
	from, to int
	meta     dataset.Meta
}

// span yields a section's text without the white space around it; nothing if there is no text.
func (r *reader) span(p Part, b []byte, s section) error {
	text := b[s.from:s.to]
	lead := len(text) - len(bytes.TrimLeft(text, " \t\r\n"))
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil
	}
	src := r.source(p)
	src.Offset, src.Length = int64(s.from+lead), int64(len(text))
	src.Row = int64(bytes.Count(b[:s.from+lead], []byte{'\n'}) + 1)
	rec := dataset.Record{Text: string(text), Meta: s.meta, Source: src}
	rec.ID = dataset.RecordID(src.URI, src.Offset, rec.Text)
	return r.give(rec)
}

// paragraphs cuts text at blank lines.
func paragraphs(b []byte) []section {
	var out []section
	from := 0
	for at := 0; at < len(b); {
		end := at + bytes.IndexByte(b[at:], '\n')
		if end < at {
			end = len(b)
		}
		if len(bytes.TrimSpace(b[at:end])) == 0 {
			if at > from {
				out = append(out, section{from, at, nil})
			}
			from = min(end+1, len(b))
		}
		at = end + 1
	}
	if from < len(b) {
		out = append(out, section{from, len(b), nil})
	}
	return out
}

// markdown reads sections.
func (r *reader) markdown() error {
	for _, p := range r.task.Files {
		b, ok, err := r.utf8(p)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		for _, s := range sections(b) {
			if err := r.span(p, b, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// sections cuts Markdown at its ATX headings (CommonMark 0.31, §4.2) outside fenced code (§4.5). Meta has the title, and the path
// of titles down to it.
func sections(b []byte) []section {
	var out []section
	var titles [6]string
	open := section{}
	fence := ""
	close := func(at int) {
		if at > open.from {
			open.to = at
			out = append(out, open)
		}
	}
	for at := 0; at < len(b); {
		end := at + bytes.IndexByte(b[at:], '\n')
		if end < at {
			end = len(b)
		}
		line := string(bytes.TrimRight(b[at:end], "\r"))
		trimmed := strings.TrimLeft(line, " ")
		indented := len(line)-len(trimmed) > 3
		switch mark := fenceOf(trimmed); {
		case indented:
		case fence == "" && mark != "":
			fence = mark
		case fence != "" && strings.HasPrefix(mark, fence) && strings.Trim(trimmed, fence[:1]+" ") == "":
			fence = ""
		case fence == "":
			if level, title := heading(trimmed); level > 0 {
				close(at)
				titles[level-1] = title
				clear(titles[level:])
				open = section{from: at, meta: dataset.Meta{"title": title, "path": joined(titles[:level])}}
			}
		}
		at = end + 1
	}
	close(len(b))
	return out
}

// fenceOf is the run of backticks or tildes that opens or closes fenced code, or "".
func fenceOf(line string) string {
	for _, c := range []string{"`", "~"} {
		if n := len(line) - len(strings.TrimLeft(line, c)); n >= 3 {
			return line[:n]
		}
	}
	return ""
}

// heading is the level and text of an ATX heading, or 0.
func heading(line string) (level int, title string) {
	level = len(line) - len(strings.TrimLeft(line, "#"))
	if level == 0 || level > 6 || len(line) > level && line[level] != ' ' && line[level] != '\t' {
		return 0, ""
	}
	title = strings.TrimSpace(line[level:])
	if t := strings.TrimRight(title, "#"); t == "" || strings.HasSuffix(t, " ") {
		title = strings.TrimSpace(t)
	}
	return level, title
}

func joined(titles []string) string {
	var parts []string
	for _, t := range titles {
		if t != "" {
			parts = append(parts, t)
		}
	}
	return strings.Join(parts, " > ")
}
