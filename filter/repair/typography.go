package repair

import (
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// plain are quotes, ligatures and digraphs, and what they become. Ligatures that are letters, such as æ, stay.
var plain = map[rune]string{
	'ʼ': "'", '‘': "'", '’': "'", '‚': "'", '‛': "'", '“': `"`, '”': `"`, '„': `"`, '‟': `"`,
	'Ĳ': "IJ", 'ĳ': "ij", 'ŉ': "'n", 'Ǳ': "DZ", 'ǲ': "Dz", 'ǳ': "dz", 'Ǆ': "DŽ", 'ǅ': "Dž", 'ǆ': "dž", 'Ǉ': "LJ", 'ǈ': "Lj", 'ǉ': "lj",
	'Ǌ': "NJ", 'ǋ': "Nj", 'ǌ': "nj", 'ﬀ': "ff", 'ﬁ': "fi", 'ﬂ': "fl", 'ﬃ': "ffi", 'ﬄ': "ffl", 'ﬅ': "ſt", 'ﬆ': "st", '\u3000': " ",
}

// typography finds quotes, ligatures, and full-width and half-width forms, which become what they mean.
func typography(text string) (out []change) {
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i += plainRun(text[i:])
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		by, ok := plain[r]
		if !ok && r >= 0xFF01 && r < 0xFFF0 {
			by = norm.NFKC.String(text[i : i+n])
			ok = by != text[i:i+n]
		}
		if ok {
			out = append(out, change{i, i + n, by})
		}
		i += n
	}
	return out
}
