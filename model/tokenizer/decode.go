package tokenizer

import (
	"strconv"
	"strings"
)

// decoding is how tokens spell text.
type decoding int

const (
	byBytes  decoding = iota // each letter is a byte
	bySpaces                 // ▁ is a space, <0x41> a byte
	byPieces                 // a token is a word, with a space before it, or with ## or without ▁ the rest of one
)

// letters is GPT-2's one printable character for each byte.
var letters = func() (l [256]rune) {
	n := rune(256)
	for b := range l {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			l[b] = rune(b)
		} else {
			l[b] = n
			n++
		}
	}
	return
}()

// byteOf is the inverse of letters.
var byteOf = func() map[rune]byte {
	m := make(map[rune]byte, 256)
	for b, r := range letters {
		m[r] = byte(b)
	}
	return m
}()

// Decode returns the text of ids; control tokens are left out. It is the inverse of Encode for byte-level BPE; for
// SentencePiece the space that Encode put before the text stays, and WordPiece keeps neither case nor spacing.
func (t *Tokenizer) Decode(ids []int32) string { return string(t.DecodeBytes(ids)) }

// DecodeBytes is Decode for ids that may end within a character.
func (t *Tokenizer) DecodeBytes(ids []int32) []byte {
	var out []byte
	for _, id := range ids {
		if id < 0 || int(id) >= len(t.tokens) || t.kinds[id] == control {
			continue
		}
		out = t.piece(out, id)
	}
	return out
}

// piece appends the bytes one token stands for.
func (t *Tokenizer) piece(out []byte, id int32) []byte {
	s := t.tokens[id]
	if t.kinds[id] == userDefined {
		return append(out, s...)
	}
	switch t.decode {
	case bySpaces:
		if b, ok := byteName(s); ok && t.kinds[id] == byteToken {
			return append(out, b)
		}
		return append(out, strings.ReplaceAll(s, line, " ")...)
	case byPieces:
		begins := strings.HasPrefix(s, t.begin)
		if begins && t.begin == "" {
			s, begins = strings.CutPrefix(s, t.within)
			begins = !begins
		}
		if begins && len(out) > 0 {
			out = append(out, ' ')
		}
		return append(out, strings.TrimPrefix(s, t.begin)...)
	}
	for _, r := range s {
		if b, ok := byteOf[r]; ok {
			out = append(out, b)
		} else {
			out = append(out, string(r)...)
		}
	}
	return out
}

// byteName is the byte that a token such as <0x0A> names.
func byteName(s string) (byte, bool) {
	if len(s) != 6 || s[:3] != "<0x" || s[5] != '>' {
		return 0, false
	}
	b, err := strconv.ParseUint(s[3:5], 16, 8)
	return byte(b), err == nil
}

// byteTokens sets the token of each byte, or -1.
func (t *Tokenizer) byteTokens(bytes *[256]int32, is func(id int32) bool) {
	for b := range bytes {
		bytes[b] = -1
	}
	for i, s := range t.tokens {
		if b, ok := byteName(s); ok && is(int32(i)) {
			bytes[b] = int32(i)
		}
	}
}
