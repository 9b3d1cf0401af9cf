package repair

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A grade says how sure it is that a sequence is not meant as it stands.
type grade int

const (
	meant  grade = iota // leave it
	weak                // decode it with a strong one of the same word
	strong              // decode it
)

// after are the signs that stand behind a letter in sound text: quotes, dashes, marks, the dots of an ellipsis.
const after = "\u00a0 …’‘“”–—•™®©»«›‹¡¿°ºª·´¨¹²³†‡"

// aligned are scripts whose letters appear as runs of sequences.
var aligned = []*unicode.RangeTable{unicode.Cyrillic, unicode.Greek, unicode.Hebrew, unicode.Arabic, unicode.Armenian, unicode.Georgian}

// judge grades the sequences of text.
func (e *encoding) judge(text string, seqs []sequence) {
	for i := range seqs {
		s := &seqs[i]
		if e.western {
			s.grade = gradeWestern(text, *s)
		} else {
			s.grade = gradeOther(text, *s)
		}
	}
	for i := 0; i < len(seqs); {
		j := i + 1
		for j < len(seqs) && seqs[j].start == seqs[j-1].end {
			j++
		}
		if consistent(seqs[i:j]) || e.western && spelled(text, seqs[i:j]) {
			for k := i; k < j; k++ {
				seqs[k].grade = strong
			}
		}
		i = j
	}
}

// consistent reports whether a run of touching sequences decodes to a word: three letters of one script that is not
// Latin, or two characters of three bytes.
func consistent(run []sequence) bool {
	var counts [6]int
	wide, lossy := 0, 0
	for _, s := range run {
		if s.runes == 3 && s.char > 0x0800 {
			wide++
		}
		if s.char == utf8.RuneError {
			lossy++
		}
		for i, t := range aligned {
			if unicode.Is(t, s.char) {
				counts[i]++
			}
		}
	}
	most := slices.Max(counts[:])
	return most >= 3 && most+lossy >= len(run)*2/3 || wide >= 2 && wide+lossy == len(run)
}

// spelled reports whether a run of two or more touching sequences decodes to the letters that go on a word in Latin script.
func spelled(text string, run []sequence) bool {
	for _, s := range run {
		if !unicode.Is(unicode.Latin, s.char) {
			return false
		}
	}
	before, _ := around(text, run[0])
	return len(run) >= 2 && isLower(before)
}

// around returns the characters before and after s; 0 at the ends of text.
func around(text string, s sequence) (before, next rune) {
	if s.start > 0 {
		before, _ = utf8.DecodeLastRuneInString(text[:s.start])
	}
	if s.end < len(text) {
		next, _ = utf8.DecodeRuneInString(text[s.end:])
	}
	return before, next
}

// gradeWestern judges what was read as Windows-1252 or Latin-1.
func gradeWestern(text string, s sequence) grade {
	before, next := around(text, s)
	first, n := utf8.DecodeRuneInString(text[s.start:])
	rest := text[s.start+n : s.end]
	second, _ := utf8.DecodeRuneInString(rest)
	control := second >= 0x80 && second < 0xA0
	switch {
	case s.runes == 4:
		return strong
	case strings.HasPrefix(rest, string(utf8.RuneError)) && s.runes == 3:
		return weak
	case s.runes == 3 && isLower(before) && isLower(next):
		return strong
	case s.runes == 3:
		return gradeThree(rest, first)
	case control && (windows(second) == 0 || first == 'Ã' || first == 'Â' || isLower(before)):
		return strong
	case control:
		return weak
	case strings.HasSuffix(rest, " "):
		if first == 'Ã' && isLower(before) {
			return strong
		}
		return weak
	case first == 'Ã':
		if isUpper(before) && isLower(s.char) && next == 0 { // no word ends so
			return weak
		}
		return gradeTilde(second, before, next)
	case first == 'Â':
		if isUpper(before) || strings.ContainsRune("’‘“”–—…", second) && !isLower(before) {
			return weak
		}
		return strong
	case isUpper(first) && isLower(before) && (!strings.ContainsRune(after, second) || isLower(next) || strings.ContainsRune("¹²³", second)):
		return strong
	}
	return weak
}

// gradeThree judges a sequence of three: doubtful are a letter with two signs that may follow it.
func gradeThree(rest string, first rune) grade {
	if first == 'ï' && rest == "»¿" {
		return strong
	}
	for _, r := range rest {
		if !strings.ContainsRune(after, r) && r != utf8.RuneError {
			return strong
		}
	}
	return weak
}

// gradeTilde judges Ã and what follows it: the two bytes of À to ÿ.
func gradeTilde(second, before, next rune) grade {
	switch {
	case !strings.ContainsRune(after, second) || second == '™' || isLower(before):
		return strong
	case unicode.IsLetter(before) && unicode.IsLetter(next) && second != '’':
		return strong
	case strings.ContainsRune("®©ª°¨´¡«»", second) && (next == 0 || unicode.IsLetter(next)):
		return strong
	}
	return weak
}

// gradeOther judges the other encodings, which are rarer and whose sequences are nearer to words: signs that UTF-8
// puts between words, and Latin letters that take the place of something foreign inside a word.
func gradeOther(text string, s sequence) grade {
	before, next := around(text, s)
	first, n := utf8.DecodeRuneInString(text[s.start:])
	second, _ := utf8.DecodeRuneInString(text[s.start+n:])
	inside := isLower(before) && isLower(next) && before < 0x0250 && next < 0x0250
	switch {
	case s.char >= 0x2010 && s.char <= 0x203A && s.runes == 3, s.runes == 4:
		return strong
	case s.runes == 3 && unicode.Is(unicode.Latin, s.char) && inside:
		return strong
	case s.runes == 3:
		return weak
	case inside && isLower(s.char) && s.char != 'ſ' && s.char < 0x0250 && !isLower(first) && !isBox(second):
		return strong
	case unicode.IsLetter(s.char):
		return weak
	}
	return meant
}

// isBox reports whether r draws boxes.
func isBox(r rune) bool { return r >= 0x2500 && r < 0x2600 }
