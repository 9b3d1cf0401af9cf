package eval

import (
	"math/big"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// numbers are written with signs, thousands' commas, a decimal point; at most so many digits that none is costly.
var numbers = regexp.MustCompile(`[-+]?(?:(?:\d{1,3}(?:,\d{3}){1,20}|\d{1,60})(?:\.\d{1,60})?|\.\d{1,60})`)

// matches reports whether a model's answer is the one of an item that has no choices.
func (it Item) matches(answer string) bool {
	if it.Kind == Words {
		return plain(answer) == plain(it.Answer)
	}
	want, _ := number(it.Answer)
	got := lastNumber(answer)
	return got != nil && got.Cmp(want) == 0
}

// number is the value of a text that is a number and nothing else but a currency, a percent sign or a full stop.
func number(s string) (*big.Rat, bool) {
	s = strings.TrimRight(strings.TrimLeft(s, "$€£ \n"), "$€£%. \n")
	if numbers.FindString(s) != s || s == "" {
		return nil, false
	}
	return new(big.Rat).SetString(strings.ReplaceAll(strings.TrimPrefix(s, "+"), ",", ""))
}

// lastNumber is the last number of a text, nil if it has none.
func lastNumber(s string) *big.Rat {
	all := numbers.FindAllStringIndex(s, -1)
	if len(all) == 0 {
		return nil
	}
	at := all[len(all)-1]
	word := s[at[0]:at[1]]
	before, _ := utf8.DecodeLastRuneInString(s[:at[0]])
	switch word[0] {
	case '-':
		if unicode.IsDigit(before) {
			word = word[1:] // the minus of "7-3"
		}
	case '.':
		if before == '.' || unicode.IsLetter(before) || unicode.IsDigit(before) {
			word = word[1:] // the full stop of "so.5"
		}
	}
	v, _ := number(word)
	return v
}

// plain is a text without case, punctuation, articles and superfluous spaces; of one that is nothing else, what there is: the choice
// "A" is no article.
func plain(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) })
	out := words[:0]
	for _, w := range words {
		if w != "a" && w != "an" && w != "the" {
			out = append(out, w)
		}
	}
	switch {
	case len(words) == 0:
		return strings.TrimSpace(s)
	case len(out) == 0:
		return strings.Join(words, " ")
	}
	return strings.Join(out, " ")
}
