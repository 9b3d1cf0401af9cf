// Package pii finds personal data in text: e-mail addresses, IP addresses, telephone numbers, payment cards and bank
// accounts. The scanners are written by hand and read the text once each; they prefer to miss a doubtful candidate
// over masking code, versions or identifiers.
//
// Sources: RFC 5322 §3.2.3 (the common subset of addresses), the IANA special-purpose address registries (RFC 6890),
// ITU-T E.164, the North American Numbering Plan, ISO/IEC 7812 (Luhn), ISO 13616 (IBAN).
package pii

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kinds are what Find looks for when it is given no kinds, in this order.
var Kinds = []string{"email", "ip", "phone", "card", "iban"}

// A Match is personal data found in a text: text[Start:End], byte offsets.
type Match struct {
	Kind  string
	Start int
	End   int
}

// CheckKinds refuses a kind that Find does not know.
func CheckKinds(kinds []string) error {
	for _, k := range kinds {
		if !slices.Contains(Kinds, k) {
			return fmt.Errorf("unknown kind of personal data %q: must be one of %s", k, strings.Join(Kinds, ", "))
		}
	}
	return nil
}

// Placeholder returns what a match of kind is replaced with: "<EMAIL>".
func Placeholder(kind string) string {
	return "<" + strings.ToUpper(kind) + ">"
}

// Find returns the personal data of the given kinds in text (all Kinds if none are given), sorted and not overlapping:
// of two matches that overlap the one that starts first stays, of two that start together the longer. Kinds that are
// not in Kinds find nothing; see CheckKinds.
func Find(text string, kinds []string) []Match {
	if len(kinds) == 0 {
		kinds = Kinds
	}
	s := scan{text: text}
	for _, k := range kinds {
		switch k {
		case "email":
			s.emails()
		case "ip":
			s.ip4s()
			s.ip6s()
		}
	}
	s.numbers(slices.Contains(kinds, "phone"), slices.Contains(kinds, "card"), slices.Contains(kinds, "iban"))
	return disjoint(s.found)
}

// disjoint sorts matches and drops those that overlap an earlier one.
func disjoint(found []Match) []Match {
	slices.SortFunc(found, func(a, b Match) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), cmp.Compare(a.Kind, b.Kind))
	})
	kept, end := found[:0], 0
	for _, m := range found {
		if m.Start >= end {
			kept = append(kept, m)
			end = m.End
		}
	}
	return kept
}

// A scan is one text and what was found in it so far.
type scan struct {
	text  string
	found []Match
}

func (s *scan) add(kind string, start, end int) {
	s.found = append(s.found, Match{Kind: kind, Start: start, End: end})
}

// at returns the byte at i, 0 outside the text.
func (s *scan) at(i int) byte {
	if i < 0 || i >= len(s.text) {
		return 0
	}
	return s.text[i]
}

// numbers walks over the text once and tries the scanners that start at a digit.
func (s *scan) numbers(phone, card, iban bool) {
	if !phone && !card && !iban {
		return
	}
	for i := 0; i < len(s.text); i++ {
		if !isDigit(s.text[i]) {
			continue
		}
		end := 0
		if iban {
			end = s.iban(i)
		}
		if end == 0 && card {
			end = s.card(i)
		}
		if end == 0 && phone {
			end = s.phone(i)
		}
		if end > i {
			i = end - 1
			continue
		}
		for i+1 < len(s.text) && isDigit(s.text[i+1]) {
			i++
		}
	}
}

func isDigit(c byte) bool { return c-'0' < 10 }

func isLetter(c byte) bool { return c|0x20-'a' < 26 }

// wordAt reports whether a character that continues a word starts at i, or a placeholder: what stood next to a word before it was
// replaced is judged as it was then.
func (s *scan) wordAt(i int) bool {
	if i < 0 || i >= len(s.text) {
		return false
	}
	if s.text[i] == '<' {
		for _, k := range Kinds {
			if strings.HasPrefix(s.text[i:], Placeholder(k)) {
				return true
			}
		}
	}
	r, _ := utf8.DecodeRuneInString(s.text[i:])
	return isWord(r)
}

// wordBefore reports whether a character that continues a word ends at i, or a placeholder.
func (s *scan) wordBefore(i int) bool {
	if i <= 0 || i > len(s.text) {
		return false
	}
	if s.text[i-1] == '>' {
		for _, k := range Kinds {
			if strings.HasSuffix(s.text[:i], Placeholder(k)) {
				return true
			}
		}
	}
	r, _ := utf8.DecodeLastRuneInString(s.text[:i])
	return isWord(r)
}

// isWord reports whether r continues a word: a digit, an underscore, or a letter of a script that parts words by spaces. Those
// that put words and particles right behind an address (Chinese, Japanese, Korean, Thai) do not.
func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return isDigit(byte(r)) || isLetter(byte(r)) || r == '_'
	}
	return unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Mn)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
