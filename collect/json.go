package collect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

func (j *JSON) charset() string { return "" }

func (j *JSON) cuts(rel string) bool { return !compressed(rel) }

func (j *JSON) rows(in io.ReaderAt, size int64, _ string) rows {
	return &jsonRows{w: windowOf(in, size)}
}

// read reads the objects of the task's files.
func (j *JSON) read(r *reader) error {
	for _, p := range r.task.Files {
		err := r.stream(p, func(w *window) error { return r.values(p, &jsonRows{w: w}) })
		if err != nil {
			return err
		}
	}
	return nil
}

// values yields the records of JSON values.
func (r *reader) values(p Part, in *jsonRows) error {
	for {
		s, ok, err := in.next()
		if err != nil || !ok {
			return err
		}
		if s.reason == "" && !utf8.Valid(s.text) {
			s.reason = "not valid UTF-8"
		}
		var o fields
		if s.reason == "" {
			if err := json.Unmarshal(s.text, &o); err != nil {
				s.reason = "not a JSON object: " + err.Error()
			} else if o == nil {
				s.reason = "not a JSON object: null"
			}
		}
		if err := r.giveRow(p, s, o, ""); err != nil {
			return err
		}
	}
}

// jsonRows finds the elements of an array, or values that stand one after another. Rows are numbered by lines.
type jsonRows struct {
	w     *window
	used  int
	begun bool
	open  bool // the bracket of the array, if there is one, is behind
}

func (j *jsonRows) next() (span, bool, error) {
	j.w.take(j.used)
	j.used = 0
	if !j.begun {
		j.begun, j.open = true, j.w.at > 0
		j.w.atStart()
	}
	for { // what stands between values
		b, ok := j.w.byteAt(0)
		if !ok {
			return span{}, false, j.w.failed()
		}
		switch b {
		case ' ', '\t', '\r', '\n':
		case ',', ']':
			j.open = true
		case '[':
			if j.open {
				return j.value()
			}
			j.open = true
		default:
			j.open = true
			return j.value()
		}
		j.w.take(1)
	}
}

// value is the value at the window's start: to its closing bracket, quote, or what ends a bare word.
func (j *jsonRows) value() (span, bool, error) {
	s := span{from: j.w.at, row: j.w.row + 1}
	var e ending
	var head []byte
	length := int64(0)
	for i := 0; ; i++ {
		b, ok := j.w.byteAt(i)
		if !ok && len(j.w.buf) > maxSpan { // too long: look for its end without holding it
			if head == nil {
				head = append(head, j.w.buf[:512]...)
			}
			length += int64(i)
			j.w.take(i)
			j.w.buf, i = nil, 0
			b, ok = j.w.byteAt(0)
		}
		if ok && !e.after(b) {
			if e.quoted && !e.escaped { // nothing ends before the next quote or backslash
				i += plainRun(j.w.buf[i+1:])
			}
			continue
		}
		if err := j.w.failed(); err != nil && !ok {
			return span{}, false, err
		}
		if ok && e.within {
			i++
		}
		s.length, s.text, j.used = length+int64(i), j.w.buf[:i], i
		switch {
		case head != nil || s.length > maxSpan:
			s.reason = fmt.Sprintf("JSON value of %d bytes, longer than %d", s.length, maxSpan)
			if head != nil {
				s.text = head
			}
		case !ok && (e.depth > 0 || e.quoted):
			s.reason = "JSON value that does not end"
		}
		return s, true, nil
	}
}

// plainRun is how many of the first bytes of b are neither a quote nor a backslash.
func plainRun(b []byte) int {
	n := bytes.IndexByte(b, '"')
	if n < 0 {
		n = len(b)
	}
	if k := bytes.IndexByte(b[:n], '\\'); k >= 0 {
		n = k
	}
	return n
}

// An ending finds the end of a JSON value, byte by byte.
type ending struct {
	depth                  int
	begun, quoted, escaped bool
	within                 bool // the byte that ended it is its last
}

// after takes a byte and reports whether the value has ended.
func (e *ending) after(b byte) bool {
	switch {
	case e.escaped:
		e.escaped = false
	case e.quoted:
		e.escaped = b == '\\'
		if b == '"' {
			e.quoted = false
			e.within = e.depth == 0
		}
	case b == '"':
		if e.begun && e.depth == 0 { // after a bare word
			return true
		}
		e.quoted = true
	case b == '{' || b == '[':
		if e.begun && e.depth == 0 {
			return true
		}
		e.depth++
	case b == '}' || b == ']':
		if e.depth == 0 {
			e.within = !e.begun && b == '}' // alone, it is a value that is none
			return true
		}
		e.depth--
		e.within = e.depth == 0
	case e.depth == 0 && (b == ',' || b == ' ' || b == '\t' || b == '\r' || b == '\n'):
		return true
	}
	e.begun = true
	return e.within
}
