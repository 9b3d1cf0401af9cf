package repair

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The classes of characters that matter beside each other.
const (
	common      = 1 << iota // signs of ordinary text that mojibake also has
	control1                // C1 controls
	odd                     // hardly ever anything but mojibake
	law                     // § ¶
	currency                //
	opening                 // signs that open: quotes, ¡ ¿ • ©
	closing                 // signs that close: quotes, ® ™
	numeric                 //
	face                    // letters of which faces are made
	upperAccent             // capitals with accents
	lowerAccent             // small letters with accents
	upperOther              // capitals of Greek and Cyrillic
	lowerOther              // small ones
	box                     // lines and blocks
)

// members are the characters of the classes; a-b is a range. The classes are ftfy's.
var members = map[uint16]string{
	common:      "\u00a0\u00ad·´–—―…’",
	control1:    "\u0080-\u009f",
	odd:         "¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊\ufffdªº",
	law:         "¶§",
	currency:    "¢£¥₧€",
	opening:     "¡«¿©΄΅‘‚“„•‹\uf8ff",
	closing:     "®»˝”›™",
	numeric:     "²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№",
	face:        "Ò-ÖÙ-Üò-öø-üŐŌŪŲ°",
	upperAccent: "À-ÑØÜÝĂĀĄĆČĎĐĘĚĒĖĞĢİĪĶĹĽŁĻŃŇŅŒŘŚŞŠŢŤŮŰŸŹŻŽҐ",
	lowerAccent: "ßà-ñăąāćčďđęěēėğģįīķĺľłļœŕśşšťüźżžґﬁﬂ",
	upperOther:  "ÞΑ-ΩΆΈΉΊΌΎΏΪΫЁ-Я",
	lowerOther:  "α-ωάέήίΰа-џ",
	box:         "│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓",
}

// The classes of the characters below maxRune, of the few above it, and what must not stand behind each.
var (
	classes, wants = classTables()
	highClasses    = map[rune]uint16{'ﬁ': lowerAccent, 'ﬂ': lowerAccent, '\uf8ff': opening, utf8.RuneError: odd}
)

// pairs are classes that, one behind another, are no text.
var pairs = []struct{ first, second uint16 }{
	{odd | lowerAccent | upperAccent | box | opening | closing | currency | numeric | law, odd},
	{odd, lowerAccent | upperAccent | box | opening | closing | currency | numeric | law},
	{lowerAccent | lowerOther | box | closing | currency | numeric, upperAccent},
	{box | closing | currency | numeric, lowerAccent},
	{lowerAccent | box | closing, currency},
	{upperAccent | box, numeric | law},
	{currency | numeric | box, opening},
	{box, face},
	{lowerAccent | upperAccent | currency | numeric | opening | closing | law, box},
	{box, closing},
}

func classTables() (c, w [maxRune]uint16) {
	for class, list := range members {
		text := []rune(list)
		for i := 0; i < len(text); i++ {
			last := text[i]
			if i+2 < len(text) && text[i+1] == '-' {
				last = text[i+2]
			}
			for r := text[i]; r <= last; r++ {
				if r < maxRune {
					c[r] |= class
				}
			}
			if last != text[i] {
				i += 2
			}
		}
	}
	for r, class := range c {
		w[r] = wanted(class)
	}
	return c, w
}

// wanted returns the classes that must not stand behind a class.
func wanted(class uint16) (w uint16) {
	for _, p := range pairs {
		if class&p.first != 0 {
			w |= p.second
		}
	}
	return w
}

func classOf(r rune) uint16 {
	if r >= 0 && r < maxRune {
		return classes[r]
	}
	return highClasses[r]
}

// isBad reports whether text has characters beside each other that only mojibake has. The rules are those of ftfy 6
// (Speer 2019, its module badness), as classes beside classes and the sequences of bad.
func isBad(text string) bool {
	before := rune(-1)
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			n := plainRun(text[i:])
			i += n
			before = rune(text[i-1])
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if class := classOf(r); class != 0 && bad(text, i, n, r, class, before) {
			return true
		}
		before = r
		i += n
	}
	return false
}

// plainRun returns the length of the ASCII at the start of text.
func plainRun(text string) int {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		if load64(text[i:i+8])&0x8080808080808080 != 0 {
			break
		}
	}
	for i < len(text) && text[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// bad reports whether a bad sequence starts at text[i:], whose first character is r, of n bytes and of a class, after before.
func bad(text string, i, n int, r rune, class uint16, before rune) bool {
	if class&control1 != 0 {
		return true
	}
	next, size := rune(-1), 0
	if i+n < len(text) {
		next, size = utf8.DecodeRuneInString(text[i+n:])
	}
	then := classOf(next)
	var w uint16
	if r < maxRune {
		w = wants[r]
	} else {
		w = wanted(class)
	}
	switch {
	case w&then != 0:
		return true
	case class&(lowerOther|upperOther) != 0 && isLatin(before) && then&odd != 0:
		return true
	case class&upperAccent != 0 && (unicode.IsSpace(before) && then&currency != 0 || isSmall(before) && then&(opening|currency) != 0 || next == '°'):
		return true
	case then&(opening|closing) != 0 && badThree(text[i+n+size:], class, then):
		return true
	}
	return badSequence(text, i, n, r, before, next)
}

// badThree reports whether three characters are bad: of a class, then an opening or closing sign, then what rest begins with.
func badThree(rest string, class, then uint16) bool {
	if rest == "" {
		return false
	}
	third, _ := utf8.DecodeRuneInString(rest)
	last := classOf(third)
	switch {
	case then&opening != 0 && class&(lowerAccent|upperAccent|box|currency|closing) != 0 && last&numeric != 0:
		return true
	case then&closing != 0 && class&(lowerAccent|upperAccent|currency|numeric|box|law) != 0 && last&opening != 0:
		return true
	}
	return class&(lowerAccent|upperAccent) != 0 && (third == '_' || unicode.IsLetter(third) || unicode.IsNumber(third))
}

// badSequence knows the sequences that are told by their characters rather than by classes.
func badSequence(text string, i, n int, r, before, next rune) bool {
	if next < 0 {
		return false
	}
	switch r {
	case 'Œ', 'œ':
		return !isLatin(next)
	case 'Â', 'Ã':
		if next == ' ' && badSpace(text, i, r, before) || r == 'Ã' && (next == '\u00a0' || next == '¡') {
			return true
		}
		if r == 'Â' && classOf(next)&(opening|closing) != 0 && (isSmall(before) || in(before, ".,?!") || classOf(before)&closing != 0) {
			return true
		}
		return badAfterCapital(next)
	case 'Î', 'Ð':
		return badAfterCapital(next)
	case '×':
		return in(next, "²³")
	case 'Ø', 'Ù':
		return badArabic(text[i+n:])
	case 'à':
		return in(next, "²µ¹¼½¾")
	case '√':
		return in(next, "±∂†≠®™´≤≥¥µø")
	case '≈':
		return in(next, "°¢")
	case '‚':
		return badMac(text[i:], "‚Ä", "ìîïòôúùû†°¢π") ||
			badMac(text[i:], "‚â", "àä°ê") || badMac(text[i:], "‚ó", "àä°ê")
	case 'в':
		return next == 'Ђ'
	case 'ā':
		return next == '€'
	case 'β':
		return badMac(text[i:], "β€", "™\u00a0Ά\u00ad®°")
	case 'В', 'Г', 'Р', 'С':
		return badBetween(text[i+n:], "ВГРС", "°µ") || r == 'Г' && badTwice(text[i:])
	case 'Β', 'Γ', 'Ξ', 'Ο':
		return badBetween(text[i+n:], "ΒΓΞΟ", "°")
	}
	return false
}

// badSpace reports whether Â or Ã before a space, at i, was a letter with a no-break space, by what stands before it.
func badSpace(text string, i int, r, before rune) bool {
	if i == 0 || before == '\n' || isSmall(before) {
		return true
	}
	if unicode.IsSpace(before) {
		earlier, _ := utf8.DecodeLastRuneInString(text[:i-utf8.RuneLen(before)])
		if isSmall(earlier) {
			return true
		}
	}
	return r == 'Â' && (in(before, ".,?!") || classOf(before)&closing != 0)
}

// badAfterCapital reports whether next, behind one of Â Ã Î Ð, is the second of two bytes.
func badAfterCapital(next rune) bool {
	return in(next, "€œŠš¢£Ÿž\u00a0\u00ad®©°·»–—´") || classOf(next)&(opening|closing) != 0
}

// badArabic reports whether a letter of Arabic and its second byte follow a first byte.
func badArabic(rest string) bool {
	tail := func(r rune) bool {
		return classOf(r)&(common|currency|odd|numeric|opening) != 0 || in(r, "ŸŠ®°µ»")
	}
	second, n := utf8.DecodeRuneInString(rest)
	third, m := utf8.DecodeRuneInString(rest[n:])
	if n == 0 || !tail(second) || !in(third, "ØÙ") {
		return false
	}
	fourth, k := utf8.DecodeRuneInString(rest[n+m:])
	return k > 0 && tail(fourth)
}

// badMac reports whether text starts with prefix and one of last.
func badMac(text, prefix, last string) bool {
	rest, ok := strings.CutPrefix(text, prefix)
	r, n := utf8.DecodeRuneInString(rest)
	return ok && n > 0 && in(r, last)
}

// badBetween reports whether a sign, of the classes or of more, and one of letters follow one of letters.
func badBetween(rest, letters, more string) bool {
	sign, n := utf8.DecodeRuneInString(rest)
	if n == 0 || classOf(sign)&(control1|odd|opening|closing|currency) == 0 && !in(sign, more) {
		return false
	}
	third, m := utf8.DecodeRuneInString(rest[n:])
	return m > 0 && in(third, letters)
}

// badTwice reports whether text starts as a sign of punctuation does that was misread in Latin-1 and then in Windows-1251.
func badTwice(text string) bool {
	rest, ok := strings.CutPrefix(text, "ГўВЂВ")
	_, n := utf8.DecodeRuneInString(rest)
	if !ok || n == 0 || rest[0] == '\n' || n >= len(rest) {
		return false
	}
	return isLatin(rune(rest[n])) || rest[n] == ' '
}

func in(r rune, list string) bool { return r > 0 && strings.ContainsRune(list, r) }

func isLatin(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' && r < utf8.RuneSelf }

func isSmall(r rune) bool { return 'a' <= r && r <= 'z' }
