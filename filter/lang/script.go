package lang

import "unicode"

// script is a writing system, as far as the languages told apart here need it.
type script uint8

const (
	noScript    script = iota // not a letter
	otherScript               // a letter of a script with no language here
	latin
	cyrillic
	arabic
	devanagari
	hebrew
	ethiopic
	tibetan
	han
	kana
	hangul
	greek
	armenian
	georgian
	thai
	lao
	khmer
	myanmar
	bengali
	gurmukhi
	gujarati
	odia
	tamil
	telugu
	kannada
	malayalam
	sinhala
	thaana
	mongolian
	canadian
	cherokee
	tifinagh
	yi
	scripts // how many
)

// only are the languages of the scripts that serve but one of the languages told apart here.
var only = [scripts]string{
	hangul: "ko", greek: "el", armenian: "hy", georgian: "ka", thai: "th", lao: "lo", khmer: "km", myanmar: "my", bengali: "bn",
	gurmukhi: "pa", gujarati: "gu", odia: "or", tamil: "ta", telugu: "te", kannada: "kn", malayalam: "ml", sinhala: "si", thaana: "dv",
	mongolian: "mn", canadian: "iu", cherokee: "chr", tifinagh: "zgh", yi: "ii",
}

// blocks are the ranges of code points above ASCII of each script, in order.
var blocks = [...]struct {
	lo, hi rune
	script script
}{
	{0xAA, 0x24F, latin}, {0x250, 0x2AF, latin}, {0x300, 0x36F, latin}, {0x370, 0x3FF, greek}, {0x400, 0x52F, cyrillic},
	{0x531, 0x58F, armenian}, {0x591, 0x5F4, hebrew}, {0x600, 0x6FF, arabic}, {0x750, 0x77F, arabic}, {0x780, 0x7BF, thaana},
	{0x8A0, 0x8FF, arabic}, {0x900, 0x97F, devanagari}, {0x980, 0x9FF, bengali}, {0xA00, 0xA7F, gurmukhi}, {0xA80, 0xAFF, gujarati},
	{0xB00, 0xB7F, odia}, {0xB80, 0xBFF, tamil}, {0xC00, 0xC7F, telugu}, {0xC80, 0xCFF, kannada}, {0xD00, 0xD7F, malayalam},
	{0xD80, 0xDFF, sinhala}, {0xE00, 0xE7F, thai}, {0xE80, 0xEFF, lao}, {0xF00, 0xFFF, tibetan}, {0x1000, 0x109F, myanmar},
	{0x10A0, 0x10FF, georgian}, {0x1100, 0x11FF, hangul}, {0x1200, 0x139F, ethiopic}, {0x13A0, 0x13FF, cherokee},
	{0x1400, 0x167F, canadian}, {0x1780, 0x17FF, khmer}, {0x1800, 0x18AF, mongolian}, {0x1C80, 0x1C8F, cyrillic},
	{0x1C90, 0x1CBF, georgian}, {0x1E00, 0x1EFF, latin}, {0x1F00, 0x1FFF, greek}, {0x2C60, 0x2C7F, latin}, {0x2D00, 0x2D2F, georgian},
	{0x2D30, 0x2D7F, tifinagh}, {0x2D80, 0x2DDF, ethiopic}, {0x2DE0, 0x2DFF, cyrillic}, {0x3005, 0x3007, han}, {0x3041, 0x30FF, kana},
	{0x3131, 0x318F, hangul}, {0x31F0, 0x31FF, kana}, {0x3400, 0x4DBF, han}, {0x4E00, 0x9FFF, han}, {0xA000, 0xA4CF, yi},
	{0xA640, 0xA69F, cyrillic}, {0xA720, 0xA7FF, latin}, {0xA8E0, 0xA8FF, devanagari}, {0xAB30, 0xAB6F, latin}, {0xAB70, 0xABBF, cherokee},
	{0xAC00, 0xD7FF, hangul}, {0xF900, 0xFAFF, han}, {0xFB00, 0xFB06, latin}, {0xFB13, 0xFB17, armenian}, {0xFB1D, 0xFB4F, hebrew},
	{0xFB50, 0xFDFF, arabic}, {0xFE70, 0xFEFE, arabic}, {0xFF21, 0xFF5A, latin}, {0xFF66, 0xFF9F, kana}, {0x20000, 0x3134F, han},
}

// bmp holds the script of every letter and mark below 0x3000, and the block's script above.
var bmp = func() (t [0x10000]script) {
	for _, b := range blocks {
		for r := b.lo; r <= b.hi && r < rune(len(t)); r++ {
			if r >= 0x3400 || unicode.In(r, unicode.L, unicode.M) {
				t[r] = b.script
			}
		}
	}
	for r := range rune(0x80) {
		if 'a' <= r|0x20 && r|0x20 <= 'z' {
			t[r] = latin
		}
	}
	return t
}()

// scriptOf returns the script of a letter or mark, noScript for anything else.
func scriptOf(r rune) script {
	switch {
	case r < rune(len(bmp)):
		if s := bmp[r]; s != noScript || r < 0x80 || !unicode.IsLetter(r) {
			return s
		}
		return otherScript
	case 0x20000 <= r && r <= 0x3134F:
		return han
	case unicode.IsLetter(r):
		return otherScript
	}
	return noScript
}

// weight is how many letters of an alphabet a letter of the script is worth: a syllable or a word says more.
func (s script) weight() int {
	switch s {
	case han, hangul:
		return 3
	case kana, ethiopic, yi, canadian, cherokee:
		return 2
	}
	return 1
}
