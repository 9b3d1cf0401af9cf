package repair

import (
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// An encoding is a single-byte encoding that UTF-8 is mistaken for.
type encoding struct {
	sloppy bool // bytes that it leaves out are read as Latin-1's, and U+FFFD may stand for a lost byte
	spaced bool // a space may stand for the byte A0
	low    [maxRune]byte
	high   map[rune]byte // of characters from maxRune on
}

// maxRune is above nearly every character of the encodings.
const maxRune = 0x2700

// lost stands for U+FFFD in the bytes of a sloppy encoding.
const lost = 0x1A

// latin1 is ISO 8859-1 with its control characters.
var latin1 = newEncoding(nil, false, true)

// encodings are the encodings looked for, the likelier first; the order is ftfy's.
var encodings = []*encoding{latin1, windows(charmap.Windows1252), windows(charmap.Windows1251), windows(charmap.Windows1250),
	windows(charmap.Windows1253), windows(charmap.Windows1254), windows(charmap.Windows1257),
	newEncoding(charmap.ISO8859_2, false, true), newEncoding(charmap.Macintosh, false, false), newEncoding(charmap.CodePage437, false, true)}

func windows(m *charmap.Charmap) *encoding { return newEncoding(m, true, true) }

// newEncoding returns the encoding of m; nil is Latin-1.
func newEncoding(m *charmap.Charmap, sloppy, spaced bool) *encoding {
	e := &encoding{sloppy: sloppy, spaced: spaced, high: make(map[rune]byte)}
	for b := 0x80; b <= 0xFF; b++ {
		r := rune(b)
		if m != nil {
			if d := m.DecodeByte(byte(b)); d != utf8.RuneError {
				r = d
			} else if !sloppy && b >= 0xA0 {
				continue
			} // else it is a control character
		}
		if r < maxRune {
			e.low[r] = byte(b)
		} else {
			e.high[r] = byte(b)
		}
	}
	return e
}

// byteOf returns the byte that r was, and whether there is one.
func (e *encoding) byteOf(r rune) (byte, bool) {
	switch {
	case r < utf8.RuneSelf:
		return byte(r), !(r == lost && e.sloppy)
	case r == utf8.RuneError:
		return lost, e.sloppy
	case r < maxRune:
		return e.low[r], e.low[r] != 0
	}
	b, ok := e.high[r]
	return b, ok
}

// windowsControl returns the character that Windows-1252 has where Latin-1 has the control character r, or 0.
func windowsControl(r rune) rune {
	if r < 0x80 || r > 0x9F {
		return 0
	}
	if w := charmap.Windows1252.DecodeByte(byte(r)); w != r && w != utf8.RuneError {
		return w
	}
	return 0
}

// What a character may be in UTF-8 that was read in one of the encodings of Windows and ISO.
const (
	startsTwo   = 1 << iota // the first of two bytes
	startsThree             // of three
	startsFour              // of four: F0 or F3, the others begin nothing that is in use
	follows                 // a later byte
	followsOnly             // a later byte that is no sign of punctuation that common text has
)

// clues are what the characters below maxRune may be.
var clues = func() (t [maxRune]uint8) {
	for _, e := range encodings[:8] {
		for r, b := range e.low {
			switch {
			case b >= 0x80 && b <= 0xBF:
				t[r] |= follows | followsOnly
			case b >= 0xC2 && b <= 0xDF:
				t[r] |= startsTwo
			case b >= 0xE0 && b <= 0xEF:
				t[r] |= startsThree
			case b == 0xF0 || b == 0xF3:
				t[r] |= startsFour
			}
		}
	}
	for _, r := range "–—―‘’‚“”„•…" {
		t[r] &^= followsOnly
	}
	t[' '] |= follows // it was A0
	return t
}()

func clue(r rune) uint8 {
	if r < maxRune {
		return clues[r]
	}
	return 0
}
