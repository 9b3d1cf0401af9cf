package collect

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"temper/dataset"
)

func (t *Text) charset() string { return t.Charset }

func (m *Markdown) charset() string { return m.Charset }

func (t *Text) cuts(rel string) bool { return t.Split == "paragraph" && !compressed(rel) }

func (t *Text) rows(in io.ReaderAt, size int64, _ string) rows {
	return &paragraphs{w: windowOf(in, size)}
}

// read reads whole files, or their paragraphs.
func (t *Text) read(r *reader) error {
	if t.Split != "paragraph" {
		return r.sections(whole)
	}
	for _, p := range r.task.Files {
		err := r.stream(p, func(w *window) error { return r.paragraphs(p, &paragraphs{w: w}) })
		if err != nil {
			return err
		}
	}
	return nil
}

// paragraphs yields the paragraphs of a part.
func (r *reader) paragraphs(p Part, in *paragraphs) error {
	for {
		s, ok, err := in.next()
		if err != nil || !ok {
			return err
		}
		if at := invalid(s.text); s.reason == "" && at >= 0 {
			s.reason = "not UTF-8 text"
			s.row += int64(bytes.Count(s.text[:at], newline))
			s.from, s.length, s.text = s.from+int64(at), s.length-int64(at), s.text[at:]
		}
		if s.reason != "" {
			if err := r.rejectSpan(p, s); err != nil {
				return err
			}
			continue
		}
		src := r.source(p)
		src.Offset, src.Length, src.Row = s.from, s.length, s.row
		rec := dataset.Record{Text: string(s.text), Source: src}
		rec.ID = dataset.RecordID(src.URI, src.Offset, rec.Text)
		if err := r.give(rec); err != nil {
			return err
		}
	}
}

// A section is a span of a file and what is known of it.
type section struct {
	from, to int
	meta     dataset.Meta
}

// decoded is a whole file as UTF-8, if it is not too long as that.
func (r *reader) decoded(p Part, b []byte) ([]byte, bool, error) {
	in, err := r.decode(bytes.NewReader(b))
	if err != nil || r.coding == "" {
		return b, err == nil, err
	}
	text, err := io.ReadAll(io.LimitReader(in, maxWhole+1))
	if err != nil || len(text) > maxWhole {
		return nil, false, r.reject(p, 0, 0, fmt.Sprintf("%s text of more than %d bytes as UTF-8", r.coding, maxWhole), nil)
	}
	return text, true, nil
}

// sections cuts every file of the task, which must be text, and yields its sections.
func (r *reader) sections(cut func([]byte) []section) error {
	for _, p := range r.task.Files {
		b, ok, err := r.whole(p)
		if err != nil {
			return err
		}
		if ok {
			b, ok, err = r.decoded(p, b)
		}
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if at := invalid(b); at >= 0 {
			if err := r.reject(p, int64(at), int64(bytes.Count(b[:at], newline)+1), "not UTF-8 text", b[at:]); err != nil {
				return err
			}
			continue
		}
		if err := r.spans(p, b, cut(b)); err != nil {
			return err
		}
	}
	return nil
}

var (
	newline = []byte("\n")
	mark    = []byte("\ufeff") // the byte order mark some editors put before UTF-8
)

// spans yields the sections of b, in their order, without the white space around them; nothing for one without text.
func (r *reader) spans(p Part, b []byte, sections []section) error {
	at, row := 0, int64(1) // the line at that byte
	for _, s := range sections {
		from := s.from
		if from == 0 && bytes.HasPrefix(b, mark) {
			from = len(mark)
		}
		text := b[min(from, s.to):s.to]
		from += len(text) - len(bytes.TrimLeft(text, " \t\r\n"))
		if text = bytes.Trim(text, " \t\r\n"); len(text) == 0 {
			continue
		}
		row += int64(bytes.Count(b[at:from], newline))
		at = from
		src := r.source(p)
		src.Offset, src.Length, src.Row = int64(from), int64(len(text)), row
		rec := dataset.Record{Text: string(text), Meta: s.meta, Source: src}
		rec.ID = dataset.RecordID(src.URI, src.Offset, rec.Text)
		if err := r.give(rec); err != nil {
			return err
		}
	}
	return nil
}

// invalid is the offset of the first byte that is not UTF-8, or -1.
func invalid(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; ; {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
}

// whole is all of a text as one section.
func whole(b []byte) []section { return []section{{0, len(b), nil}} }

// paragraphs finds what blank lines part.
type paragraphs struct {
	w    *window
	used int
}

func (t *paragraphs) next() (span, bool, error) {
	t.w.take(t.used)
	t.used = 0
	t.w.atStart()
	for {
		b, ok := t.w.byteAt(0)
		if !ok {
			return span{}, false, t.w.failed()
		}
		if !blank(b) {
			break
		}
		t.w.take(1)
	}
	s := span{from: t.w.at, row: t.w.row + 1}
	var head []byte
	empty := false // the line, so far
	for i := 0; ; i++ {
		b, ok := t.w.byteAt(i)
		if !ok && len(t.w.buf) > maxSpan { // too long: look for its end without holding it
			if head == nil {
				head = append(head, t.w.buf[:512]...)
			}
			s.length += int64(i)
			t.w.take(i)
			t.w.buf, i = nil, 0
			b, ok = t.w.byteAt(0)
		}
		if ok && !(b == '\n' && empty) {
			empty = b == '\n' || empty && blank(b)
			continue
		}
		if err := t.w.failed(); err != nil && !ok {
			return span{}, false, err
		}
		s.text, t.used = bytes.TrimRight(t.w.buf[:i], blanks), i
		if s.length += int64(len(s.text)); s.length > maxSpan {
			s.reason = fmt.Sprintf("paragraph of %d bytes, longer than %d", s.length, maxSpan)
			if head != nil {
				s.text = head
			}
		}
		return s, true, nil
	}
}

// blanks are the bytes that make no text.
const blanks = " \t\r\n\v\f"

func blank(b byte) bool { return b < 0x80 && strings.IndexByte(blanks, b) >= 0 }

// lines yields the lines of b, with their ends, and where they start.
func lines(b []byte) func(yield func(int, []byte) bool) {
	return func(yield func(int, []byte) bool) {
		at := 0
		for line := range bytes.Lines(b) {
			if !yield(at, line) {
				return
			}
			at += len(line)
		}
	}
}
