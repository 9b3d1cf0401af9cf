package dataset

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

const (
	maxLine = 16 << 20 // bytes of a JSONL line; a longer one is bad
	maxRaw  = 512      // bytes of a bad row that are kept
)

// ReadJSONL reads records from JSON objects, one a line: this package's own rows, and the common foreign forms (see
// [ReadObject]). Of src the URI, SHA256 and License go into every record that does not bring a source of its own; src.Offset is the
// offset of r's first byte and src.Row the number of lines before it, so that a part of a file reads like the whole.
//
// A row without an id gets a [RecordID]. An id that was seen before in r gets "~" and the line number appended: IDs are unique.
// Broken lines, and lines over 16 MiB, go to bad with their offset and line; where bad is nil they end the stream with
// ErrMalformed. Empty lines are skipped.
func ReadJSONL(r io.Reader, src Source, bad Quarantine) Records {
	return func(yield func(Record, error) bool) {
		seen := ids{}
		for line, err := range ReadLines(r, src, bad) {
			if err == nil {
				line.ID = seen.unique(line.ID, line.At.Row)
			}
			if !yield(line.Record, err) || err != nil {
				return
			}
		}
	}
}

// A Line is the record of one line of JSONL.
type Line struct {
	Record
	At    Source // the line; Record.Source is another where the row brings its own
	Named bool   // the row brought its ID
}

// ReadLines is [ReadJSONL] with the place of every line, and with the IDs as the rows bring them.
func ReadLines(r io.Reader, src Source, bad Quarantine) iter.Seq2[Line, error] {
	if bad == nil {
		bad = refuse
	}
	return func(yield func(Line, error) bool) {
		lines := lineReader{r: bufio.NewReaderSize(r, 64<<10), at: src.Offset, row: src.Row}
		for {
			text, ok, err := lines.next()
			if err == nil && !ok {
				return
			}
			if err != nil {
				yield(Line{}, fmt.Errorf("read %s at offset %d: %w", src.URI, lines.start, err))
				return
			}
			if text.length == 0 {
				continue
			}
			at := Source{URI: src.URI, Offset: lines.start, Length: text.length, Row: lines.row, SHA256: src.SHA256, License: src.License}
			rec, reason := parseLine(text, at)
			if reason != "" {
				if err := bad(Bad{Source: at, Reason: reason, Raw: clip(text.text, maxRaw)}); err != nil {
					yield(Line{}, err)
					return
				}
				continue
			}
			if !yield(Line{rec, at, rec.ID != contentID(rec, at)}, nil) {
				return
			}
		}
	}
}

// ids are the hashes of the IDs one reader has given.
type ids map[uint64]struct{}

// unique returns id, with the row appended where it was given before.
func (s ids) unique(id string, row int64) string {
	if _, again := s[xxh3.HashString(id)]; again {
		id = fmt.Sprintf("%s~%d", id, row)
	}
	s[xxh3.HashString(id)] = struct{}{}
	return id
}

// refuse is the quarantine of a reader that was given none.
func refuse(b Bad) error {
	return fmt.Errorf("%s, line %d, offset %d: %s: %w", b.Source.URI, b.Source.Row, b.Source.Offset, b.Reason, ErrMalformed)
}

// parseLine returns the record of one line, or why there is none.
func parseLine(line jsonLine, at Source) (Record, string) {
	switch {
	case line.length > maxLine:
		return Record{}, fmt.Sprintf("line of %d bytes, longer than %d", line.length, maxLine)
	case !utf8.Valid(line.text):
		return Record{}, "not valid UTF-8"
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line.text, &fields); err != nil {
		return Record{}, "not a JSON object: " + err.Error()
	}
	if fields == nil {
		return Record{}, "not a JSON object: null"
	}
	rec, err := ReadObject(fields, at)
	if err != nil {
		return Record{}, err.Error()
	}
	return rec, ""
}

// A jsonLine is one line without its end, and its length in the source; the text of an overlong line is only its beginning.
type jsonLine struct {
	text   []byte
	length int64
}

// A lineReader cuts a stream into lines, holding at most maxLine bytes of one.
type lineReader struct {
	r     *bufio.Reader
	buf   []byte
	at    int64 // offset of the next byte
	start int64 // offset of the line last returned
	row   int64 // its number, from 1
}

// next returns the next line; it is valid until the call after.
func (l *lineReader) next() (jsonLine, bool, error) {
	l.buf, l.start = l.buf[:0], l.at
	for {
		part, err := l.r.ReadSlice('\n')
		l.at += int64(len(part))
		if room := maxLine + 2 - len(l.buf); len(part) > room {
			l.buf = append(l.buf, part[:room]...)
		} else {
			l.buf = append(l.buf, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err == io.EOF && l.at == l.start {
			return jsonLine{}, false, nil
		}
		if err != nil && err != io.EOF {
			return jsonLine{}, false, err
		}
		l.row++
		return l.line(err == nil), true, nil
	}
}

// line is the line in the buffer without its end, or an empty one of only white space.
func (l *lineReader) line(ended bool) jsonLine {
	text, n := l.buf, l.at-l.start
	if ended {
		n--
		text = bytes.TrimSuffix(text, []byte("\n"))
	}
	if bytes.HasSuffix(text, []byte("\r")) {
		n--
		text = text[:len(text)-1]
	}
	if l.start == 0 {
		if cut, bom := bytes.CutPrefix(text, []byte("\ufeff")); bom {
			l.start, n, text = 3, n-3, cut
		}
	}
	if n <= maxLine && len(bytes.TrimSpace(text)) == 0 {
		n = 0
	}
	return jsonLine{text: text, length: n}
}

// clip returns at most n bytes of b as valid UTF-8.
func clip(b []byte, n int) string {
	return strings.ToValidUTF8(string(b[:min(len(b), n)]), "\ufffd")
}

// WriteJSONL writes rows as JSON objects, one a line, and returns how many. Map keys are sorted: the same rows give the same
// bytes. [ReadJSONL] reads the records back; use [Join] to write records that nothing was said about.
func WriteJSONL(w io.Writer, rows Rows) (n int64, err error) {
	b := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	for row, err := range rows {
		if err != nil {
			return n, err
		}
		if err := enc.Encode(row); err != nil {
			return n, fmt.Errorf("write record %s: %w", row.ID, err)
		}
		n++
	}
	return n, b.Flush()
}
