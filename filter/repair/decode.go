package repair

import (
	"unicode/utf8"
)

// A unit is one byte of a misread text: text[start:end] is the character that it became. A byte that was lost has an empty
// character.
type unit struct {
	b          byte
	start, end int
}

// decode reads all of text back by e: it returns the changes, and whether text can be UTF-8 that e misread.
func (e *encoding) decode(text string) ([]change, bool) {
	units := make([]unit, 0, len(text))
	wide := false // a character that is no ASCII
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		b, ok := e.byteOf(r)
		if !ok || r == utf8.RuneError && n < 3 {
			return nil, false
		}
		wide = wide || r >= utf8.RuneSelf
		units = append(units, unit{b, i, i + n})
		i += n
	}
	if !wide {
		return nil, false
	}
	if e.spaced {
		units = unspace(units)
	}
	var out []change
	for i := 0; i < len(units); {
		u := units[i]
		n, char := 0, utf8.RuneError
		if e.sloppy {
			n = lossy(units[i:])
		}
		if n == 0 {
			char, n = sequence(units[i:])
		}
		if n == 0 {
			return nil, false
		}
		if n > 1 || u.b >= 0x80 {
			out = append(out, change{u.start, units[i+n-1].end, string(char)})
		}
		i += n
	}
	return out, true
}

// sequence returns the character whose bytes are the first units, and how many they are; 0 if they are none. Surrogates in
// pairs of three bytes (CESU-8) and the two bytes of Java's NUL are known too.
func sequence(units []unit) (rune, int) {
	var b [6]byte
	n := copyBytes(b[:], units)
	if b[0] < utf8.RuneSelf {
		return rune(b[0]), 1
	}
	if n >= 2 && b[0] == 0xC0 && b[1] == 0x80 {
		return 0, 2
	}
	if n == 6 && b[0] == 0xED && b[3] == 0xED && b[1]&0xF0 == 0xA0 && b[4]&0xF0 == 0xB0 && follow(b[2]) && follow(b[5]) {
		high := rune(b[1]&0x0F)<<6 | rune(b[2]&0x3F)
		low := rune(b[4]&0x0F)<<6 | rune(b[5]&0x3F)
		return 0x10000 + high<<10 | low, 6
	}
	r, size := utf8.DecodeRune(b[:n])
	if r == utf8.RuneError && size < 3 {
		return 0, 0
	}
	return r, size
}

func copyBytes(b []byte, units []unit) (n int) {
	for n < len(b) && n < len(units) {
		b[n] = units[n].b
		n++
	}
	return n
}

func follow(b byte) bool { return b&0xC0 == 0x80 }

// at returns the byte of a unit, 0 outside.
func at(units []unit, i int) byte {
	if i < 0 || i >= len(units) {
		return 0
	}
	return units[i].b
}

// unspace puts the byte A0 back where a space stands for it: after à at the end of a word the space stays too.
func unspace(units []unit) []unit {
	out := make([]unit, 0, len(units)+4)
	for i, u := range units {
		out = append(out, u)
		if u.b == 0xC3 && at(units, i+1) == ' ' && !grave(units[i+2:]) {
			out = append(out, unit{0xA0, u.end, u.end})
		}
	}
	for i := 0; i < len(out); {
		n, space := spaced(out[i:])
		if n == 0 {
			i++
			continue
		}
		out[i+space].b = 0xA0
		i += n
	}
	return out
}

// grave reports whether what follows à and a space belongs to the same word: one of the Portuguese àquele, àquela, àquilo
// and às, or nothing of a word.
func grave(units []unit) bool {
	for _, w := range [...]string{" ", "quele", "quela", "quilo", "s "} {
		match := len(units) >= len(w)
		for i := 0; match && i < len(w); i++ {
			match = units[i].b == w[i]
		}
		if match {
			return true
		}
	}
	return false
}

// spaced returns how many of the first units are one sequence with a space for A0, and where the space is. Sequences that
// would make unlikely characters are left out, as ftfy does.
func spaced(units []unit) (n, space int) {
	a, b, c, d := units[0].b, at(units, 1), at(units, 2), at(units, 3)
	middle := func(b byte) bool { return follow(b) && b != 0x85 && b != 0xA0 }
	switch {
	case b == ' ' && (a == 0xC2 || a == 0xC3 || a == 0xC5 || a == 0xCE || a == 0xD0 || a == 0xD9):
		return 2, 1
	case b == ' ' && (a == 0xE2 || a == 0xE3) && middle(c):
		return 3, 1
	case c == ' ' && a >= 0xE0 && a <= 0xE3 && middle(b):
		return 3, 2
	case a == 0xF0 && b == ' ' && follow(c) && follow(d):
		return 4, 1
	case a == 0xF0 && c == ' ' && follow(b) && follow(d):
		return 4, 2
	case a == 0xF0 && d == ' ' && follow(b) && follow(c):
		return 4, 3
	}
	return 0, 0
}

// lossy returns how many of the first units are one character of which a byte was lost: U+FFFD stands for it, or, once, a
// question mark; 0 if they are none.
func lossy(units []unit) int {
	a, b := units[0].b, at(units, 1)
	want := 0
	switch {
	case a == lost:
		return 1
	case b == lost && a >= 0xC2 && a <= 0xDF, b == '?' && (a == 0xC2 || a == 0xC3):
		return 2
	case a == 0xED && b&0xF0 == 0xA0 && at(units, 3) == 0xED && at(units, 4)&0xF0 == 0xB0:
		third, sixth := at(units, 2), at(units, 5)
		gone := func(b byte) bool { return b == lost || b == '?' }
		if gone(third) && (gone(sixth) || follow(sixth)) || gone(sixth) && (gone(third) || follow(third)) {
			return 6
		}
		want = 3
	case a >= 0xE0 && a <= 0xEF:
		want = 3
	case a >= 0xF0 && a <= 0xF4:
		want = 4
	default:
		return 0
	}
	gone, marks := 0, 0
	for i := 1; i < want; i++ {
		switch c := at(units, i); {
		case c == lost:
			gone++
		case c == '?':
			marks++
		case !follow(c):
			return 0
		}
	}
	if gone+marks == 0 || marks > 1 {
		return 0
	}
	return want
}
