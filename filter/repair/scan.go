package repair

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What a text may need, by one look at each character.
const (
	needEntities = 1 << iota
	needMojibake
	needTypography
	needLineEndings
	needControl
	needInvisible
	needNFC
)

// scan returns which passes may find something in text, of those that are asked for.
func scan(text string, asked Options) (needed int) {
	odd := uncomposed()
	if asked.NFKC {
		odd = incompatible()
	}
	before := rune(-1)
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			end := i + plainRun(text[i:])
			if !clean(text[i:end]) {
				needed |= plainNeeds(text[i:end])
			}
			before = rune(text[end-1])
			i = end
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if class := classOf(r); class != 0 && needed&needMojibake == 0 && bad(text, i, n, r, class, before) {
			needed |= needMojibake
		}
		if b := r >> blockBits; odd[b>>3]&(1<<(b&7)) != 0 {
			needed |= needNFC
		}
		if r < 0x0300 || r >= 0x2000 && r < 0x2100 || r == 0x3000 || r >= 0xF000 {
			needed |= signNeeds(text[i:], r, asked.Plain)
		}
		if asked.Invisible && invisibles(r) {
			needed |= needInvisible
		}
		before = r
		i += n
	}
	return needed
}

// plainNeeds returns what ASCII text that is not clean needs.
func plainNeeds(text string) (needed int) {
	for i := range len(text) {
		switch c := text[i]; {
		case c == '&':
			needed |= needEntities
		case c == '\r':
			needed |= needLineEndings
		case c == 0x7F, c < 0x20 && c != '\n' && c != '\t':
			needed |= needControl
		}
	}
	return needed
}

// signNeeds returns what the sign or the letter r, at the start of text, needs.
func signNeeds(text string, r rune, asked bool) (needed int) {
	if r == 0x2028 || r == 0x2029 {
		needed |= needLineEndings
	}
	if invisible(text) > 0 {
		needed |= needControl
	}
	if asked {
		if _, ok := plain[r]; ok || r >= 0xFF01 && r < 0xFFF0 {
			needed |= needTypography
		}
	}
	return needed
}

// blockBits is the size of the blocks of characters that are told apart by uncomposed, as a power of two.
const blockBits = 4

// uncomposed has a bit for each block of characters in which one may not be in the composed form: it is a mark, or
// composes with another, or is never in that form.
var uncomposed = sync.OnceValue(func() *blocks { return oddBlocks(norm.NFC) })

// incompatible is the same for the compatible form.
var incompatible = sync.OnceValue(func() *blocks { return oddBlocks(norm.NFKC) })

type blocks [(utf8.MaxRune >> blockBits >> 3) + 1]byte

// oddBlocks returns the blocks with characters that may not be in a form.
func oddBlocks(form norm.Form) *blocks {
	var t blocks
	for r := rune(0x80); r < 0x30000; r++ {
		if r >= 0x3400 && r < 0xA000 || r >= 0xAC00 && r < 0xF900 { // ideographs and Korean syllables are whole
			continue
		}
		p := form.PropertiesString(string(r))
		if p.CCC() != 0 || p.LeadCCC() != 0 || !form.IsNormalString(string(r)) || !p.BoundaryBefore() {
			b := r >> blockBits
			t[b>>3] |= 1 << (b & 7)
		}
	}
	return &t
}

// clean reports whether text is ASCII without control characters and entities: most text is, and is done with here.
func clean(text string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(text); i += 8 {
		w := load64(text[i : i+8])
		amp, del := w^('&'*ones), w^(0x7F*ones)
		odd := w | (w - 0x20*ones) | (amp - ones) | (del - ones) // exact where the bytes are ASCII; else the first term says it
		if odd&highs != 0 && !cleanBytes(text[i:i+8]) {
			return false
		}
	}
	return cleanBytes(text[i:])
}

// load64 returns the first 8 bytes of s as one number; the compiler makes it one load.
func load64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func cleanBytes(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c >= 0x7F || c == '&' || c < 0x20 && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}
