package pii

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// longestPlaceholder is the most bytes of a placeholder or pseudonym.
const longestPlaceholder = len("<NATIONAL:bcdfghjklmnp>")

// pseudonymLetters are letters of which no word, number or code is made; sixteen, for four bits each.
const pseudonymLetters = "bcdfghjklmnpqrst"

// Pseudonym returns what stands for a match of kind wherever it occurs, under one key: <EMAIL:bcdfghjklmnp>, 48 bits of an
// HMAC-SHA256 of the kind and of the value as it is compared: in small letters, numbers without what parts their digits.
// Without the key nobody can tell which value it was, or try values.
func Pseudonym(kind, value string, key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(kind + "\x00" + canonical(kind, value)))
	sum := mac.Sum(nil)
	var b strings.Builder
	b.WriteString("<" + strings.ToUpper(kind) + ":")
	for _, v := range sum[:6] {
		b.WriteByte(pseudonymLetters[v>>4])
		b.WriteByte(pseudonymLetters[v&15])
	}
	b.WriteByte('>')
	return b.String()
}

// canonical returns a value as values are compared: secrets and addresses of cryptocurrencies as they are.
func canonical(kind, value string) string {
	switch kind {
	case "secret", "crypto":
		return value
	case "email", "ip":
		return strings.ToLower(value)
	}
	return strings.Map(func(r rune) rune {
		if isDigit(byte(r)) && r < 128 || isLetter(byte(r)) && r < 128 || r == '+' && kind == "phone" {
			return r
		}
		return -1
	}, strings.ToLower(value))
}

// MinKey is the fewest bytes of a key.
const MinKey = 16

// KeyID returns the name of a key, by which a recipe says which it means without giving it away: the first eight digits of
// its SHA-256 in hexadecimal.
func KeyID(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:4])
}

// placeholder reports whether text starts with a placeholder or a pseudonym.
func placeholder(text string) bool {
	end := strings.IndexByte(text, '>')
	if end < 0 {
		return false
	}
	name, id, has := strings.Cut(text[1:end], ":")
	if has && (len(id) != 12 || strings.Trim(id, pseudonymLetters) != "") {
		return false
	}
	return slices.Contains(Kinds, strings.ToLower(name)) && name == strings.ToUpper(name)
}
