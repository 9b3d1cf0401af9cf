package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// splitters part a text into the words BPE works within, by the name GGUF gives the pre-tokenizer. The published patterns use
// look-ahead, which Go's expressions lack, so each is a scanner.
var splitters = map[string]func(string, func(string)){
	"gpt-2":     gpt2,
	"gpt2":      gpt2,
	"phi-2":     gpt2,
	"smollm":    digitsApart,
	"starcoder": digitsApart,
	"refact":    digitsApart,
}

// digitsApart makes every digit a word of its own, then splits what is between as GPT-2 does.
func digitsApart(s string, word func(string)) {
	from := 0
	for i, r := range s {
		if unicode.IsNumber(r) {
			gpt2(s[from:i], word)
			from = i + utf8.RuneLen(r)
			word(s[i:from])
		}
	}
	gpt2(s[from:], word)
}

// gpt2 splits by 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func gpt2(s string, word func(string)) {
	for s != "" {
		n := contraction(s)
		if n == 0 {
			n = gpt2Word(s)
		}
		word(s[:n])
		s = s[n:]
	}
}

// contraction is the length of 's, 't, 're, 've, 'm, 'll or 'd at the start of s, or 0.
func contraction(s string) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	switch s[1] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(s) > 2 {
		switch s[1:3] {
		case "re", "ve", "ll":
			return 3
		}
	}
	return 0
}

// The classes of characters the pattern tells apart.
const (
	space = iota
	letter
	digit
	other
)

func class(r rune) int {
	switch {
	case unicode.IsSpace(r):
		return space
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return digit
	}
	return other
}

// run is the length of the characters of one class at the start of s.
func run(s string, c int) int {
	for i, r := range s {
		if class(r) != c {
			return i
		}
	}
	return len(s)
}

// gpt2Word is the length of the word at the start of s, which is no contraction.
func gpt2Word(s string) int {
	r, _ := utf8.DecodeRuneInString(s)
	if c := class(r); c != space {
		return run(s, c)
	}
	if s[0] == ' ' && len(s) > 1 {
		next, _ := utf8.DecodeRuneInString(s[1:])
		if c := class(next); c != space {
			return 1 + run(s[1:], c)
		}
	}
	n := run(s, space)
	if n == len(s) {
		return n
	}
	// The last space before a word belongs to the word, or is a word of its own.
	_, last := utf8.DecodeLastRuneInString(s[:n])
	if n > last {
		return n - last
	}
	return n
}
