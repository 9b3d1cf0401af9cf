package collect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"temper/dataset"
)

// maxColumns bounds the cells of a row.
const maxColumns = 4096

func (c *CSV) charset() string { return c.Charset }

func (c *CSV) cuts(rel string) bool { return !compressed(rel) }

// rows finds the rows after the header, which belongs to the first task.
func (c *CSV) rows(in io.ReaderAt, size int64, name string) rows {
	t := c.table(windowOf(in, size), name)
	if len(c.Columns) == 0 {
		t.header() // an error of reading comes again with the next row
	}
	return t
}

func (c *CSV) table(w *window, name string) *csvRows {
	t := &csvRows{w: w, comma: ',', quotes: c.Quotes != "none"}
	if stem := strings.TrimSuffix(path.Base(name), path.Ext(name)); strings.HasSuffix(name, ".tsv") || compressed(name) && strings.HasSuffix(stem, ".tsv") {
		t.comma = '\t'
	}
	if b := separators[c.Separator]; b != 0 {
		t.comma = b
	}
	return t
}

// read reads the rows of the task's tables.
func (c *CSV) read(r *reader) error {
	for _, p := range r.task.Files {
		names := c.Columns
		var bad *span
		if len(names) == 0 && p.Offset > 0 {
			var err error
			if names, err = r.header(c, p); err != nil {
				return err
			}
		}
		err := r.stream(p, func(w *window) error {
			t := c.table(w, p.Name)
			if len(names) == 0 && p.Offset == 0 {
				names, bad = t.header()
			}
			switch {
			case bad != nil:
				return r.rejectSpan(p, *bad)
			case len(names) == 0: // no line at all, or the first part has said what is wrong
				return nil
			}
			return r.table(c, p, t, names)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// header reads the names of the columns of a file that the part is not the beginning of; nil if they are bad.
func (r *reader) header(c *CSV, p Part) ([]string, error) {
	obj, err := r.open(p)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	w := windowOf(obj, p.Size)
	names, _ := c.table(w, p.Name).header()
	return names, w.failed()
}

// table yields the rows of a table.
func (r *reader) table(c *CSV, p Part, t *csvRows, names []string) error {
	for {
		s, ok, err := t.next()
		if err != nil || !ok {
			return err
		}
		if s.reason == "" && len(t.cells) != len(names) {
			s.reason = fmt.Sprintf("%d cells, the table has %d columns", len(t.cells), len(names))
		}
		if s.reason == "" && !utf8.Valid(s.text) {
			s.reason = "not valid UTF-8"
		}
		o := fields{}
		if s.reason == "" {
			for i, name := range names {
				o[name], _ = json.Marshal(t.cells[i]) // strings always marshal
			}
		}
		if err := r.giveRow(p, s, o, c.Text); err != nil {
			return err
		}
	}
}

// csvRows finds the rows of a table.
type csvRows struct {
	w      *window
	comma  byte
	quotes bool
	cells  []string
	used   int
}

// header is the first row, the names of the columns, or what is wrong with it.
func (t *csvRows) header() (names []string, bad *span) {
	s, ok, err := t.next()
	if err != nil || !ok {
		return nil, nil
	}
	names = append(names, t.cells...)
	seen := map[string]bool{}
	for _, n := range names {
		if s.reason == "" && seen[n] {
			s.reason = fmt.Sprintf("two columns are named %q", n)
		}
		seen[n] = true
	}
	if s.reason == "" && !utf8.Valid(s.text) {
		s.reason = "not valid UTF-8"
	}
	if s.reason != "" {
		s.reason, s.text = "the header: "+s.reason, bytes.Clone(s.text)
		return nil, &s
	}
	return names, nil
}

func (t *csvRows) next() (span, bool, error) {
	t.w.take(t.used)
	t.used = 0
	t.w.atStart()
	for { // empty lines
		b, ok := t.w.byteAt(0)
		if !ok {
			return span{}, false, t.w.failed()
		}
		if c, _ := t.w.byteAt(1); b == '\n' || b == '\r' && c == '\n' {
			t.w.take(1)
			continue
		}
		break
	}
	n, ok := t.parse()
	if err := t.w.failed(); err != nil && (n == 0 || t.w.buf[n-1] != '\n') { // it may go on
		return span{}, false, err
	}
	s := span{from: t.w.at, row: t.w.row + 1}
	if ok && n <= maxSpan {
		t.used, s.text = n, trimEnd(t.w.buf[:n])
		s.length = int64(len(s.text))
		return s, true, nil
	}
	s.reason = "a quoted cell does not close, or goes on after its closing quote, or there are too many cells"
	length, head, held := t.w.line()
	s.text, s.length = trimEnd(head), length
	if held {
		t.used = int(length)
	} else {
		t.w.row++
	}
	if length > maxSpan {
		s.reason = fmt.Sprintf("line of %d bytes, longer than %d", length, maxSpan)
	} else {
		s.length = int64(len(s.text))
	}
	return s, true, nil
}

// parse reads the cells of the row at the window's start and returns its length with the line end; it is not ok if it is none.
func (t *csvRows) parse() (n int, ok bool) {
	t.cells = t.cells[:0]
	for i := 0; ; {
		if len(t.cells) == maxColumns {
			return 0, false
		}
		var cell string
		if b, _ := t.w.byteAt(i); t.quotes && b == '"' {
			cell, i, ok = t.quoted(i + 1)
		} else {
			cell, i, ok = t.bare(i)
		}
		if !ok {
			return 0, false
		}
		t.cells = append(t.cells, cell)
		b, more := t.w.byteAt(i)
		switch {
		case !more:
			return i, true
		case b == t.comma:
			i++
			continue
		case b == '\r':
			i++
		}
		return i + 1, true
	}
}

// bare reads a cell without quotes and returns where it ends.
func (t *csvRows) bare(i int) (string, int, bool) {
	from := i
	for {
		for ; i < len(t.w.buf); i++ {
			if b := t.w.buf[i]; b == t.comma || b == '\n' {
				end := i
				if b == '\n' && end > from && t.w.buf[end-1] == '\r' {
					end--
				}
				return string(t.w.buf[from:end]), end, true
			}
		}
		if !t.w.more() {
			return string(t.w.buf[from:]), i, len(t.w.buf) <= maxSpan
		}
	}
}

// quoted reads a cell after its opening quote and returns where what separates cells stands.
func (t *csvRows) quoted(i int) (string, int, bool) {
	var cell []byte
	for {
		j := bytes.IndexByte(t.w.buf[i:], '"')
		if j < 0 {
			cell = append(cell, t.w.buf[i:]...)
			if i = len(t.w.buf); !t.w.more() {
				return "", 0, false
			}
			continue
		}
		cell = append(cell, t.w.buf[i:i+j]...)
		i += j + 1
		b, more := t.w.byteAt(i)
		switch {
		case more && b == '"':
			cell = append(cell, '"')
			i++
			continue
		case more && b == '\r':
			if c, _ := t.w.byteAt(i + 1); c != '\n' {
				return "", 0, false
			}
		case more && b != t.comma && b != '\n':
			return "", 0, false
		}
		return string(cell), i, more || len(t.w.buf) <= maxSpan
	}
}

// fields are the fields of a row.
type fields = map[string]json.RawMessage

// record is a row's record; text names the field that holds its text. The reason says why it is none.
func (r *reader) record(p Part, s span, o fields, text string) (rec dataset.Record, reason string) {
	if text != "" {
		raw, ok := o[text]
		if !ok {
			return rec, fmt.Sprintf("no column or field %q", text)
		}
		for _, name := range []string{text, "messages", "conversations"} {
			delete(o, name)
		}
		o["text"] = raw
	}
	at := r.source(p)
	at.Offset, at.Length, at.Row = s.from, s.length, s.row
	rec, err := dataset.ReadObject(o, at)
	if err != nil {
		return rec, err.Error()
	}
	return placed(rec, at), ""
}

// giveRow yields a row's record, or puts it into quarantine.
func (r *reader) giveRow(p Part, s span, o fields, text string) error {
	var rec dataset.Record
	if s.reason == "" {
		rec, s.reason = r.record(p, s, o, text)
	}
	if s.reason != "" {
		return r.rejectSpan(p, s)
	}
	return r.give(rec)
}
