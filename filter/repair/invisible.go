package repair

import (
	"unicode"
	"unicode/utf8"
)

// Characters that are not seen, beyond those that are damage everywhere (see control). Their removal is asked for: in texts of
// some languages they mean something to who sets them in type. A tag character can also smuggle text past a reader.
const (
	softHyphen = 0x00AD
	nonJoiner  = 0x200C
	joiner     = 0x200D
	blackFlag  = 0x1F3F4 // begins a flag that is spelled in tags
	endOfTags  = 0xE007F
)

// invisibles reports whether a character may be removed.
func invisibles(r rune) bool {
	switch {
	case r == softHyphen, r == 0x034F, r == 0x061C, r == 0x180E, r == 0x3164, r == 0xFFA0:
		return true // soft hyphen, grapheme joiner, Arabic letter mark, Mongolian separator, fillers of Korean
	case r >= nonJoiner && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2061 && r <= 0x2064, r >= 0x2066 && r <= 0x2069:
		return true // joiners and marks of direction, embeddings, mathematical operators without a sign, isolates
	case r >= 0xE0000 && r <= endOfTags, r >= 0xE0100 && r <= 0xE01EF:
		return true // tags, selectors of variants
	}
	return false
}

// hidden finds characters that are not seen. There stay: joiners after letters of scripts that join, and after signs, as in
// emoji; tags that spell a flag; selectors of variants after an ideograph.
func hidden(text string) (out []change) {
	before, flag := rune(-1), false
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			n := plainRun(text[i:])
			i += n
			before, flag = rune(text[i-1]), false
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case !invisibles(r):
			flag = r == blackFlag
		case r == nonJoiner || r == joiner:
			if !joins(before) {
				out = append(out, change{i, i + n, ""})
			}
		case r >= 0xE0100:
			if !unicode.Is(unicode.Han, before) {
				out = append(out, change{i, i + n, ""})
			}
		case flag && r >= 0xE0020 && r <= endOfTags:
			flag = r != endOfTags
		default:
			out = append(out, change{i, i + n, ""})
		}
		if !invisibles(r) {
			before = r
		}
		i += n
	}
	return out
}

// single are scripts whose letters stand by themselves: a joiner after one does nothing.
var single = []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian, unicode.Georgian, unicode.Hebrew, unicode.Han,
	unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao}

// joins reports whether a joiner after r may mean something.
func joins(r rune) bool {
	if r < utf8.RuneSelf || unicode.IsSpace(r) || unicode.IsPunct(r) || unicode.In(r, single...) {
		return false
	}
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsSymbol(r)
}
