package collect

import (
	"bytes"
	"unicode/utf8"

	"temper/dataset"
)

// text reads whole files, or their paragraphs.
func (r *reader) text(o Text) error {
	cut := whole
	if o.Split == "paragraph" {
		cut = paragraphs
	}
	return r.sections(cut)
}

// A section is a span of a file and what is known of it.
type section struct {
	from, to int
	meta     dataset.Meta
}

// sections cuts every file of the task, which must be UTF-8 text, and yields its sections.
func (r *reader) sections(cut func([]byte) []section) error {
	for _, p := range r.task.Files {
		b, ok, err := r.whole(p)
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

// paragraphs cuts text at blank lines.
func paragraphs(b []byte) []section {
	var out []section
	from := 0
	for at, line := range lines(b) {
		if len(bytes.TrimSpace(line)) == 0 {
			out = append(out, section{from, at, nil})
			from = at + len(line)
		}
	}
	return append(out, section{from, len(b), nil})
}

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
