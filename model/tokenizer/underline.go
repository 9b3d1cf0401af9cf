package tokenizer

import "strings"

// SentencePiece writes a space as ▁, U+2581.
const line = "▁"

// underline writes spaces as ▁.
func underline(s string) string {
	if strings.IndexByte(s, ' ') < 0 {
		return s
	}
	return strings.ReplaceAll(s, " ", line)
}

// lineWords begins a word at each ▁ after another character. Merging within such words gives what merging within the whole
// text does when no token has a ▁ after another character.
type lineWords struct{}

func (lineWords) next(s string) int {
	i := 0
	for strings.HasPrefix(s[i:], line) {
		i += len(line)
	}
	if n := strings.Index(s[i:], line); n >= 0 {
		return i + n
	}
	return len(s)
}

// afterUnderlines is lineWords where it changes no id, else nil: the text is one word.
func (t *Tokenizer) afterUnderlines() scanner {
	for _, s := range t.tokens {
		if strings.Contains(strings.TrimLeft(s, line), line) {
			return nil
		}
	}
	return lineWords{}
}
