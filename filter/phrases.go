package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a line may say that C4 minds.
const (
	saysLorem = 1 << iota
	saysJavascript
	saysPolicy
)

// c4Phrases are what C4 minds, in small letters, by what their first two letters are.
var c4Phrases = []struct {
	text string
	says int
}{
	{"lorem ipsum", saysLorem}, {"javascript", saysJavascript}, {"terms of use", saysPolicy}, {"privacy policy", saysPolicy},
	{"cookie policy", saysPolicy}, {"uses cookies", saysPolicy}, {"use of cookies", saysPolicy}, {"use cookies", saysPolicy},
}

// phraseStart has a bit for each second letter, by first letter, with which a phrase begins.
var phraseStart = func() (t [256]uint32) {
	for _, p := range c4Phrases {
		for _, first := range [...]byte{p.text[0], p.text[0] - 32} {
			t[first] |= 1 << (p.text[1] & 31)
		}
	}
	return t
}()

// phrases returns what of c4Phrases text says, in any case.
func phrases(text string) (says int) {
	for i := 0; i+10 <= len(text); i++ {
		b := phraseStart[text[i]]
		if b == 0 || b>>(text[i+1]&31)&1 == 0 {
			continue
		}
		for _, p := range c4Phrases {
			if says&p.says == 0 && i+len(p.text) <= len(text) && foldedASCII(text[i:i+len(p.text)], p.text) {
				says |= p.says
			}
		}
	}
	return says
}

// foldedASCII reports whether text is small, which is in small letters, in any case; both are of one length.
func foldedASCII(text, small string) bool {
	for i := range len(small) {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != small[i] {
			return false
		}
	}
	return true
}

// countFields returns the runs of characters that are not space in text, and the characters of the longest.
func countFields(text string) (count, longest int) {
	length := 0
	for i := 0; i < len(text); {
		n, space := 1, false
		if c := text[i]; c < utf8.RuneSelf {
			space = ascii[c] == kindSpace
		} else {
			var r rune
			r, n = utf8.DecodeRuneInString(text[i:])
			space = unicode.IsSpace(r)
		}
		i += n
		if space {
			length = 0
			continue
		}
		if length == 0 {
			count++
		}
		length++
		longest = max(longest, length)
	}
	return count, longest
}

// abbreviations are words, in small letters, whose dot ends no sentence.
var abbreviations = map[string]bool{"mr": true, "mrs": true, "ms": true, "dr": true, "prof": true, "st": true, "vs": true,
	"e.g": true, "i.e": true, "cf": true, "no": true, "fig": true, "vol": true, "approx": true, "jr": true, "sr": true,
	"gen": true, "col": true, "lt": true, "rev": true, "hon": true, "al": true}

// sentences returns how many sentences a line that is not blank has; see [C4].
func sentences(text string) (count int) {
	open := false // something stands after the last end
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '.' || c == '?' || c == '!':
		case c == 0xE2 && strings.HasPrefix(text[i:], "…"):
			i += 2
		case c == 0xE3 && strings.HasPrefix(text[i:], "。"), c == 0xEF && (strings.HasPrefix(text[i:], "！") || strings.HasPrefix(text[i:], "？")):
			count, open = count+1, false // these need no space
			i += 2
			continue
		default:
			open = open || c != ' '
			continue
		}
		end := closing(text, i+1)
		if end < len(text) && text[end] != ' ' && text[end] != '\t' || text[i] == '.' && end < len(text) && abbreviated(text[:i]) {
			continue
		}
		count, open = count+1, false
		i = end
	}
	if open {
		count++
	}
	return count
}

// closing returns where the marks, quotes and brackets that close a sentence end.
func closing(text string, i int) int {
	for i < len(text) {
		switch {
		case strings.IndexByte(".?!\"')]", text[i]) >= 0:
			i++
		case strings.HasPrefix(text[i:], "”"), strings.HasPrefix(text[i:], "’"):
			i += len("”")
		case strings.HasPrefix(text[i:], "»"):
			i += len("»")
		default:
			return i
		}
	}
	return i
}

// abbreviated reports whether the dot after before belongs to an initial or an abbreviation.
func abbreviated(before string) bool {
	start := strings.LastIndexAny(before, " \t(\"") + 1
	word := before[start:]
	if len(word) == 1 && 'A' <= word[0] && word[0] <= 'Z' && word != "I" {
		return true
	}
	return len(word) <= 6 && abbreviations[strings.ToLower(word)]
}
