package eval

import (
	"math/big"
	"regexp"
	"strings"
	"unicode"
)

// numbers are written with signs, thousands' commas, a decimal point; at most so many digits that none is costly.
var numbers = regexp.MustCompile(`[-+]?(?:\d{1,3}(?:,\d{3}){1,20}|\d{1,60})(?:\.\d{1,60})?`)

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
	s = strings.Trim(s, "$€£%. \n")
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
	if before := s[:at[0]]; strings.HasPrefix(word, "-") && endsInDigit(before) {
		word = word[1:] // the minus of "7-3"
	}
	v, _ := number(word)
	return v
}

func endsInDigit(s string) bool { return s != "" && s[len(s)-1] >= '0' && s[len(s)-1] <= '9' }

// plain is a text without case, punctuation, articles and superfluous spaces.
func plain(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) })
	out := words[:0]
	for _, w := range words {
		if w != "a" && w != "an" && w != "the" {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}
