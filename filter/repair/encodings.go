package repair

import (
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// An encoding is a single-byte encoding that UTF-8 is mistaken for.
type encoding struct {
	western bool // the letters of À to ÿ lie where Latin-1 has them: the most common accident, judged more boldly
	lossy   bool // U+FFFD may stand for a byte that the encoding leaves out
	bytes   [maxRune]byte
}

// maxRune is above every character of the encodings; the highest are the blocks and boxes of code page 437.
const maxRune = 0x2700

// lossyByte stands for U+FFFD in the bytes of a lossy encoding; no UTF-8 has it.
const lossyByte = 0xFF

// encodings are the encodings looked for, the likelier first. The first is Windows-1252 and Latin-1 at once: browsers
// read C1 controls for the bytes that Windows-1252 leaves out.
var encodings = []*encoding{
	western(charmap.Windows1252), other(charmap.Windows1251), other(charmap.Windows1250), other(charmap.Macintosh),
	other(charmap.CodePage437), other(charmap.Windows1253), western(charmap.Windows1254), other(charmap.Windows1257),
}

func western(m *charmap.Charmap) *encoding {
	e := other(m)
	e.western, e.lossy = true, true
	for b := 0x80; b < 0xA0; b++ {
		e.bytes[b] = byte(b)
	}
	return e
}

func other(m *charmap.Charmap) *encoding {
	e := &encoding{}
	for b := 0x80; b <= 0xFF; b++ {
		if r := m.DecodeByte(byte(b)); r != utf8.RuneError && r < maxRune {
			e.bytes[r] = byte(b)
		}
	}
	return e
}

// byteOf returns the byte that r was, or 0.
func (e *encoding) byteOf(r rune) byte {
	if r < maxRune {
		return e.bytes[r]
	}
	if r == utf8.RuneError && e.lossy {
		return lossyByte
	}
	return 0
}

// leads has a bit for each encoding, by place in encodings, in which a character is the first byte of a UTF-8
// sequence, follows one in which it is a later byte. They let text of any language pass fast.
var leads, follows = func() (l, f [maxRune]uint8) {
	for i, e := range encodings {
		for r, b := range e.bytes {
			if b >= 0xC2 && b <= 0xF4 {
				l[r] |= 1 << i
			}
			if b >= 0x80 && b < 0xC0 {
				f[r] |= 1 << i
			}
		}
	}
	return l, f
}()

// lead returns the encodings in which r begins a sequence.
func lead(r rune) uint8 {
	if r < maxRune {
		return leads[r]
	}
	return 0
}

// follow returns the encodings in which r may continue a sequence.
func follow(r rune) uint8 {
	if r == ' ' || r == utf8.RuneError {
		return 0xFF
	}
	if r < maxRune {
		return follows[r]
	}
	return 0
}

// windows returns the character that Windows-1252 has where Latin-1 has the control character r, or 0.
func windows(r rune) rune {
	if r < 0x80 || r > 0x9F {
		return 0
	}
	if w := charmap.Windows1252.DecodeByte(byte(r)); w != r && w != utf8.RuneError {
		return w
	}
	return 0
}
