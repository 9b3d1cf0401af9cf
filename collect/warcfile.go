package collect

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
)

const (
	maxHeader = 256 << 10 // bytes of a record's header
	maxBlock  = 64 << 20  // bytes of a record that is held
	maxJump   = 1 << 30   // bytes of a record that is jumped over within compressed data
)

// A warcFile finds the records of a WARC file. What it finds from the start of any record on does not depend on where it began.
type warcFile struct {
	in   io.ReaderAt
	size int64
	at   int64 // of the next record, or of the member it is in
	row  int64
	hold bool // give the records' bytes

	header textproto.MIMEHeader // of the record last given
	member *member              // that is open, of a compressed file
	last   *member              // the one before it, whose readers are used again
	text   *bufio.Reader        // of the headers of a plain file
}

// A member is one gzip member being read.
type member struct {
	from int64
	n    int64 // records in it so far
	base int64 // where raw began to read
	raw  *counted
	buf  *bufio.Reader // of raw: what it holds has not been decompressed
	zip  *gzip.Reader
	in   *bufio.Reader // of zip
}

func newWARC(in io.ReaderAt, size, at, row int64) *warcFile {
	return &warcFile{in: in, size: size, at: at, row: row}
}

var gzipMagic, warcMagic = []byte{0x1f, 0x8b, 0x08}, []byte("WARC/")

func (a *warcFile) next() (span, bool, error) {
	for {
		if a.member != nil {
			s, ok, err := a.inMember()
			if ok || err != nil {
				return s, ok, err
			}
			continue
		}
		var head [5]byte
		n, err := a.in.ReadAt(head[:min(5, max(a.size-a.at, 0))], a.at)
		if n == 0 {
			return span{}, false, ifNot(err, io.EOF)
		}
		switch {
		case bytes.HasPrefix(head[:n], gzipMagic):
			if err := a.open(); err != nil {
				return a.bad(a.at, err)
			}
		case bytes.Equal(head[:n], warcMagic):
			return a.plain()
		case head[0] == '\r' || head[0] == '\n':
			a.at++
		default:
			return a.bad(a.at, errors.New("no WARC record starts here"))
		}
	}
}

// ifNot is err, if it is another.
func ifNot(err, other error) error {
	if errors.Is(err, other) {
		return nil
	}
	return err
}

// bad gives the bytes from a place to the next start of a record as a bad one. Errors of reading the file are such.
func (a *warcFile) bad(from int64, why error) (span, bool, error) {
	a.member = nil
	end, err := a.find(from + 1)
	if err != nil {
		return span{}, false, err
	}
	a.at, a.row = end, a.row+1
	raw := make([]byte, min(512, end-from))
	n, err := a.in.ReadAt(raw, from)
	if err := ifNot(err, io.EOF); err != nil {
		return span{}, false, err
	}
	return span{from: from, length: end - from, row: a.row, text: raw[:n], reason: why.Error()}, true, nil
}

// find is the next place from which a record may start: a gzip member that holds one, or a version after a line end.
func (a *warcFile) find(from int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for at := from; at < a.size; {
		n, err := a.in.ReadAt(buf[:min(int64(len(buf)), a.size-at)], at)
		if err := ifNot(err, io.EOF); err != nil {
			return 0, err
		}
		if n == 0 {
			break
		}
		for i := range n {
			switch {
			case bytes.HasPrefix(buf[i:n], gzipMagic) && a.holdsRecord(at+int64(i)):
				return at + int64(i), nil
			case bytes.HasPrefix(buf[i:n], []byte("\nWARC/")):
				return at + int64(i) + 1, nil
			}
		}
		if n < 8 {
			break
		}
		at += int64(n - 5) // a mark may lie across
	}
	return a.size, nil
}

// holdsRecord reports whether a gzip member begins at a place and a record in it.
func (a *warcFile) holdsRecord(at int64) bool {
	z, err := gzip.NewReader(bufio.NewReaderSize(io.NewSectionReader(a.in, at, a.size-at), 512))
	if err != nil {
		return false
	}
	head := make([]byte, len(warcMagic))
	_, err = io.ReadFull(z, head)
	return err == nil && bytes.Equal(head, warcMagic)
}

// plain reads the record at a.at of a file that is not compressed.
func (a *warcFile) plain() (span, bool, error) {
	from := a.at
	raw := &counted{r: io.NewSectionReader(a.in, from, a.size-from)}
	if a.text == nil {
		a.text = bufio.NewReaderSize(nil, 64<<10)
	}
	buf := a.text
	buf.Reset(raw)
	head, length, err := readHeader(buf)
	if err != nil {
		if raw.err != nil {
			return span{}, false, raw.err
		}
		return a.bad(from, err)
	}
	body := from + raw.n - int64(buf.Buffered())
	if length > a.size-body {
		return a.bad(from, fmt.Errorf("a block of %d bytes, of which the file has %d", length, a.size-body))
	}
	end, err := a.afterBlock(body + length)
	if err != nil {
		return span{}, false, err
	}
	if end < 0 {
		return a.bad(from, fmt.Errorf("a block of %d bytes, after which no record starts", length))
	}
	a.at, a.row, a.header = end, a.row+1, head
	s := span{from: from, length: body + length - from, row: a.row}
	if a.hold && length <= maxBlock {
		s.text = make([]byte, length)
		if n, err := a.in.ReadAt(s.text, body); int64(n) < length {
			return span{}, false, err
		}
	} else if a.hold && isPage(head) {
		s.reason = tooLong(length)
	}
	return s, true, nil
}

// afterBlock is the place of the record after a block that ends at a place, the file's size if none is, or -1 if something else is there.
func (a *warcFile) afterBlock(end int64) (int64, error) {
	var b [64]byte
	n, err := a.in.ReadAt(b[:min(64, a.size-end)], end)
	if err := ifNot(err, io.EOF); err != nil {
		return 0, err
	}
	rest := bytes.TrimLeft(b[:n], "\r\n")
	if at := end + int64(n-len(rest)); at >= a.size || bytes.HasPrefix(rest, warcMagic) {
		return at, nil
	}
	return -1, nil
}

// open begins the member at a.at, which mostly is where the last one ended.
func (a *warcFile) open() error {
	m := a.last
	if m == nil {
		m = &member{raw: &counted{}, buf: bufio.NewReaderSize(nil, 64<<10), zip: new(gzip.Reader), in: bufio.NewReaderSize(nil, 64<<10)}
		a.last = m
	}
	if m.raw.r == nil || m.at() != a.at {
		m.base, *m.raw = a.at, counted{r: io.NewSectionReader(a.in, a.at, a.size-a.at)}
		m.buf.Reset(m.raw)
	}
	m.from, m.n = a.at, 0
	if err := m.zip.Reset(m.buf); err != nil {
		return fmt.Errorf("gzip: %w", err)
	}
	m.zip.Multistream(false)
	m.in.Reset(m.zip)
	a.member = m
	return nil
}

// at is the place of the next byte that was not decompressed.
func (m *member) at() int64 { return m.base + m.raw.n - int64(m.buf.Buffered()) }

// inMember reads the next record of the open member; not ok at its end.
func (a *warcFile) inMember() (span, bool, error) {
	m := a.member
	for { // line ends between records
		b, err := m.in.Peek(1)
		if err == io.EOF {
			a.at, a.member = m.at(), nil
			return span{}, false, nil
		}
		if err != nil {
			return a.broken(err)
		}
		if b[0] != '\r' && b[0] != '\n' {
			break
		}
		m.in.Discard(1)
	}
	head, length, err := readHeader(m.in)
	if err == nil && length > maxJump {
		err = fmt.Errorf("a block of %d bytes, longer than %d", length, maxJump)
	}
	if err != nil {
		return a.broken(err)
	}
	s := span{from: m.from}
	if a.hold && length <= maxBlock {
		var b bytes.Buffer
		_, err = io.CopyN(&b, m.in, length)
		s.text = b.Bytes()
	} else {
		_, err = io.CopyN(io.Discard, m.in, length)
	}
	if err == io.EOF {
		err = fmt.Errorf("a block of %d bytes, before which the member ends", length)
	}
	if err == nil {
		err = m.afterRecord()
	}
	if err != nil {
		return a.broken(err)
	}
	a.row++
	a.header, m.n, s.row = head, m.n+1, a.row
	s.length = m.at() - m.from
	if a.hold && length > maxBlock && isPage(head) {
		s.reason = tooLong(length)
	}
	return s, true, nil
}

// afterRecord moves to the next record of the member, or its end.
func (m *member) afterRecord() error {
	for range 64 {
		b, err := m.in.Peek(1)
		if err != nil {
			return ifNot(err, io.EOF)
		}
		if b[0] == '\r' || b[0] == '\n' {
			m.in.Discard(1)
			continue
		}
		if b, _ := m.in.Peek(len(warcMagic)); bytes.Equal(b, warcMagic) {
			return nil
		}
		break
	}
	return errors.New("a block longer than its record says")
}

// broken gives up the open member.
func (a *warcFile) broken(err error) (span, bool, error) {
	if a.member.raw.err != nil {
		return span{}, false, a.member.raw.err
	}
	return a.bad(a.member.from, err)
}

func tooLong(n int64) string { return fmt.Sprintf("a block of %d bytes, longer than %d", n, maxBlock) }

// isPage reports whether a record may hold a page.
func isPage(head textproto.MIMEHeader) bool {
	switch head.Get("Warc-Type") {
	case "response", "resource", "conversion":
		return true
	}
	return false
}

// readHeader reads the header of a record and the length of its block. Source: ISO 28500:2017, §4.
func readHeader(r *bufio.Reader) (textproto.MIMEHeader, int64, error) {
	head, n := textproto.MIMEHeader{}, 0
	last := ""
	for i := 0; ; i++ {
		line, err := r.ReadSlice('\n')
		if n += len(line); n > maxHeader || errors.Is(err, bufio.ErrBufferFull) {
			return nil, 0, errors.New("a header that does not end")
		}
		if err != nil {
			return nil, 0, fmt.Errorf("a header that breaks off: %w", err)
		}
		text := string(bytes.TrimRight(line, "\r\n"))
		switch {
		case i == 0:
			if !strings.HasPrefix(text, "WARC/") {
				return nil, 0, fmt.Errorf("no WARC version but %.20q", text)
			}
			continue
		case text == "":
			length, err := strconv.ParseInt(head.Get("Content-Length"), 10, 64)
			if err != nil || length < 0 {
				return nil, 0, fmt.Errorf("a block of %.20q bytes", head.Get("Content-Length"))
			}
			return head, length, nil
		case text[0] == ' ' || text[0] == '\t':
			if last != "" {
				head[last][0] += " " + strings.TrimSpace(text)
			}
			continue
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return nil, 0, fmt.Errorf("a header line without a colon: %.40q", text)
		}
		if last = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)); head[last] == nil {
			head[last] = []string{strings.TrimSpace(value)}
		}
	}
}
