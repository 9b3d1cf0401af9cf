package collect

import (
	"bytes"
	"io"
)

// maxSpan bounds the bytes of one row that are held: a longer one is bad.
const maxSpan = 16 << 20

// A span is one row of a file.
type span struct {
	from   int64  // offset in the plain file
	length int64  // bytes, without the line end
	row    int64  // its line or number, from 1
	text   []byte // valid until the next; the beginning of one that is bad
	reason string // why it is bad, or ""
}

// rows finds the rows of a stream. Begun at the start of any row, it finds the same rows from there on.
type rows interface {
	next() (s span, ok bool, err error)
}

// A cutter finds rows in one pass, so that its files are cut where rows start.
type cutter interface {
	cuts(rel string) bool
	rows(in io.ReaderAt, size int64, name string) rows
}

// A splitter takes any byte range of a file, and reads the rows that start in it.
type splitter interface{ splits(rel string) bool }

// A window is the part of a stream that is looked at: at most maxSpan bytes and one read more.
type window struct {
	r    io.Reader
	buf  []byte
	size int   // of the next buffer, without what is in this one
	at   int64 // offset of buf's first byte
	row  int64 // line ends before it, or rows
	err  error // that ended r; io.EOF too
}

// more reads on and reports whether there are more bytes; not if the window is full.
func (w *window) more() bool {
	if w.err != nil || len(w.buf) > maxSpan {
		return false
	}
	if w.size = max(w.size, 8<<10); cap(w.buf)-len(w.buf) < w.size/2 {
		w.size = min(2*w.size, 256<<10)
		grown := make([]byte, len(w.buf), 2*len(w.buf)+w.size)
		copy(grown, w.buf)
		w.buf = grown
	}
	for range 100 {
		n, err := w.r.Read(w.buf[len(w.buf):cap(w.buf)])
		w.buf = w.buf[:len(w.buf)+n]
		w.err = err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	w.err = io.ErrNoProgress
	return false
}

// windowOf is a window on a whole file.
func windowOf(in io.ReaderAt, size int64) *window {
	return &window{r: io.NewSectionReader(in, 0, size)}
}

// byteAt returns a byte of the window, reading on as needed; not ok at the end, or where the window is full.
func (w *window) byteAt(i int) (byte, bool) {
	for i >= len(w.buf) {
		if !w.more() {
			return 0, false
		}
	}
	return w.buf[i], true
}

// drop moves the window past its first n bytes.
func (w *window) drop(n int) {
	w.buf = w.buf[n:]
	w.at += int64(n)
}

// take moves the window past its first n bytes, and counts their lines.
func (w *window) take(n int) {
	w.row += int64(bytes.Count(w.buf[:n], newline))
	w.drop(n)
}

// failed is the error of the stream, if it broke off.
func (w *window) failed() error {
	if w.err == io.EOF {
		return nil
	}
	return w.err
}

// atStart skips the byte order mark of a file's first bytes.
func (w *window) atStart() {
	if w.at != 0 {
		return
	}
	for len(w.buf) < len(mark) && w.more() {
	}
	if bytes.HasPrefix(w.buf, mark) {
		w.drop(len(mark))
	}
}

// line returns the length of the first line with its end, of any length, and whether the window holds all of it. What it does not
// hold has been dropped, and head is a copy of the beginning.
func (w *window) line() (n int64, head []byte, held bool) {
	for from := 0; ; {
		if i := bytes.IndexByte(w.buf[from:], '\n'); i >= 0 {
			return int64(from + i + 1), w.buf[:from+i+1], true
		}
		from = len(w.buf)
		if w.more() {
			continue
		}
		if len(w.buf) <= maxSpan {
			return int64(len(w.buf)), w.buf, true
		}
		break
	}
	head = bytes.Clone(w.buf[:512])
	for {
		i := bytes.IndexByte(w.buf, '\n')
		if i >= 0 {
			w.drop(i + 1)
			return n + int64(i) + 1, head, false
		}
		n += int64(len(w.buf))
		w.drop(len(w.buf))
		w.buf = nil
		if !w.more() {
			return n, head, false
		}
	}
}

// trimEnd is a line without its end.
func trimEnd(b []byte) []byte { return bytes.TrimSuffix(bytes.TrimSuffix(b, newline), []byte("\r")) }
