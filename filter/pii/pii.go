// Package pii finds personal data in text: e-mail addresses, IP addresses, telephone numbers, payment cards, bank accounts,
// addresses of cryptocurrencies, keys and other secrets, and national personal numbers. The scanners are written by hand and read the text once each; they prefer to miss a doubtful candidate
// over masking code, versions or identifiers.
//
// Sources: RFC 5322 §3.2.3 (the common subset of addresses), the IANA special-purpose address registries (RFC 6890),
// ITU-T E.164, the North American Numbering Plan, ISO/IEC 7812 (Luhn), ISO 13616 (IBAN); the others at their scanners.
// Telephone numbers are looked up in Google's libphonenumber.
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
var Kinds = []string{"email", "ip", "phone", "card", "iban", "crypto", "secret", "national"}

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
// not in Kinds find nothing; see CheckKinds. Telephone numbers are found if they begin with + and their country's code, in
// the forms of North America, and as they are written within the given regions (ISO 3166 codes, such as DE).
func Find(text string, kinds []string, regions ...string) []Match {
	if len(kinds) == 0 {
		kinds = Kinds
	}
	s := scan{text: text, regions: regions}
	if slices.Contains(kinds, "email") {
		s.emails()
	}
	if slices.Contains(kinds, "ip") {
		s.ip4s()
		s.ip6s()
	}
	if slices.Contains(kinds, "secret") {
		s.privateKeys()
	}
	s.walk(wanted{phone: slices.Contains(kinds, "phone"), card: slices.Contains(kinds, "card"), iban: slices.Contains(kinds, "iban"),
		crypto: slices.Contains(kinds, "crypto"), secret: slices.Contains(kinds, "secret"), national: slices.Contains(kinds, "national")})
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
	text    string
	regions []string // whose telephone numbers are looked for as they are written there
	found   []Match
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

// A wanted is which of the kinds are looked for that begin with a digit or a letter.
type wanted struct{ phone, card, iban, crypto, secret, national bool }

// What a byte may begin.
const (
	mayDigit  = 1 << iota // a number
	mayCrypto             // an address of a cryptocurrency
	maySecret             // a key
	mayID                 // a personal number that begins with a letter
	mayAssign             // = or :, behind which a secret may stand
)

var may = func() (t [256]uint8) {
	for c := range t {
		b := byte(c)
		if isDigit(b) {
			t[c] |= mayDigit
		}
		if isUpper(b) {
			t[c] |= mayID
		}
		if secretStart[b] {
			t[c] |= maySecret
		}
	}
	for _, c := range "LMDATbBl" {
		t[c] |= mayCrypto
	}
	t['='], t[':'] = mayAssign, mayAssign
	return t
}()

// walk goes over the text once and tries the scanners that start at a digit, or at the first letter of a word.
func (s *scan) walk(w wanted) {
	if w == (wanted{}) {
		return
	}
	for i := 0; i < len(s.text); i++ {
		m := may[s.text[i]]
		if m == 0 {
			continue
		}
		end := 0
		switch {
		case m&mayDigit != 0:
			if end = s.number(i, w); end == 0 {
				for i+1 < len(s.text) && isDigit(s.text[i+1]) {
					i++
				}
			}
		case m&mayAssign != 0:
			if w.secret {
				s.assigned(i)
			}
		case i == 0 || !inWord[s.text[i-1]]:
			end = s.word(i, m, w)
		}
		if end > i {
			i = end - 1
		}
	}
}

// inWord tells the bytes that a word is made of, all bytes beyond ASCII among them: what starts behind one is told by wordBefore.
var inWord = func() (t [256]bool) {
	for c := range 128 {
		t[c] = isDigit(byte(c)) || isLetter(byte(c)) || c == '_'
	}
	return t
}()

// number tries the scanners that start at a digit and returns where the first that finds something ends, or 0.
func (s *scan) number(i int, w wanted) (end int) {
	if w.iban {
		end = s.iban(i)
	}
	if end == 0 && w.crypto && !s.wordBefore(i) {
		end = s.cryptoAddress(i)
	}
	if end == 0 && w.national {
		end = s.nationalID(i)
	}
	if end == 0 && w.card {
		end = s.card(i)
	}
	if end == 0 && w.phone {
		end = s.phone(i)
	}
	return end
}

// word tries the scanners that start at the letter at i, which may begin what m says.
func (s *scan) word(i int, m uint8, w wanted) (end int) {
	if m&maySecret != 0 && w.secret && !s.wordBefore(i) {
		end = s.secret(i)
	}
	if end == 0 && m&mayCrypto != 0 && w.crypto && i+26 <= len(s.text) && !s.wordBefore(i) {
		end = s.cryptoAddress(i)
	}
	if end == 0 && m&mayID != 0 && w.national && (isDigit(s.at(i+1)) || isDigit(s.at(i+6))) {
		end = s.nationalID(i)
	}
	return end
}

func isDigit(c byte) bool { return c-'0' < 10 }

func isLetter(c byte) bool { return c|0x20-'a' < 26 }

// wordAt reports whether a character that continues a word starts at i, or a placeholder: what stood next to a word before it was
// replaced is judged as it was then.
func (s *scan) wordAt(i int) bool {
	if i < 0 || i >= len(s.text) {
		return false
	}
	if s.text[i] == '<' && placeholder(s.text[i:min(len(s.text), i+longestPlaceholder)]) {
		return true
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
		tail := s.text[max(0, i-longestPlaceholder):i]
		if start := strings.LastIndexByte(tail, '<'); start >= 0 && placeholder(tail[start:]) {
			return true
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
