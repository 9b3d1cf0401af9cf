package collect

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

// marks are the byte order marks of encodings other than UTF-8, the longer first. Source: the Unicode standard 15.0, §23.8.
var marks = []struct {
	mark string
	name string
	enc  encoding.Encoding
}{
	{"\xff\xfe\x00\x00", "utf-32le", utf32.UTF32(utf32.LittleEndian, utf32.ExpectBOM)},
	{"\x00\x00\xfe\xff", "utf-32be", utf32.UTF32(utf32.BigEndian, utf32.ExpectBOM)},
	{"\xff\xfe", "utf-16le", unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)},
	{"\xfe\xff", "utf-16be", unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM)},
}

// encodingOf is the encoding of a text that begins with some bytes: what its mark says, else the one that is named; "" is UTF-8.
func encodingOf(begin []byte, named string) (name string, enc encoding.Encoding) {
	for _, m := range marks {
		if bytes.HasPrefix(begin, []byte(m.mark)) {
			return m.name, m.enc
		}
	}
	if named == "" || bytes.HasPrefix(begin, mark) {
		return "", nil
	}
	enc, name = charset.Lookup(named)
	if name == "utf-8" {
		return "", nil
	}
	return name, enc
}

// A coder is a kind of which files may be in another encoding than UTF-8: one that their mark says, or this.
type coder interface{ charset() string }

// decode is Decode of a file of the task, whose encoding it notes.
func (r *reader) decode(in io.Reader) (io.Reader, error) {
	r.coding = ""
	_, k, err := r.task.Source.kind()
	c, ok := k.(coder)
	if err != nil || !ok {
		return in, err
	}
	in, r.coding, err = Decode(in, c.charset())
	return in, err
}

// uncut makes the first part of a file all of it, and the others nothing, if it is in another encoding than UTF-8: its rows are not
// found in its bytes.
func uncut(k kind, obj io.ReaderAt, parts []*Part) error {
	c, ok := k.(coder)
	if !ok || len(parts) < 2 {
		return nil
	}
	var begin [4]byte
	if n, err := obj.ReadAt(begin[:min(4, parts[0].Size)], 0); err != nil && (err != io.EOF || n == 0) {
		return err
	}
	if _, enc := encodingOf(begin[:], c.charset()); enc == nil {
		return nil
	}
	for i, p := range parts {
		if p.Offset, p.Length = p.Size, 0; i == 0 {
			p.Offset, p.Length = 0, p.Size
		}
	}
	return nil
}

// checkCharset refuses the name of an encoding that is not known.
func checkCharset(kind, name string) error {
	if enc, _ := charset.Lookup(name); name != "" && enc == nil {
		return fmt.Errorf("%s.charset: no encoding is called %q; windows-1252, iso-8859-2, shift_jis, gb18030 and the others of the WHATWG Encoding standard are", kind, name)
	}
	return nil
}

// Decode returns a text as UTF-8, and the name of the encoding it is in, "" if that is UTF-8: by its mark, else by the name given. What the
// encoding has no letter for becomes U+FFFD.
func Decode(r io.Reader, named string) (io.Reader, string, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	begin, err := b.Peek(4)
	if err != nil && err != io.EOF {
		return nil, "", err
	}
	name, enc := encodingOf(begin, named)
	if enc == nil {
		return b, "", nil
	}
	return transform.NewReader(b, enc.NewDecoder()), name, nil
}
