package tokenizer

import "strings"

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
// SentencePiece the space that Encode put before the text stays.
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
	switch {
	case t.kinds[id] == userDefined:
		return append(out, s...)
	case t.spm:
		if t.kinds[id] == byteToken {
			for b, known := range t.bytes {
				if known == id {
					return append(out, byte(b))
				}
			}
		}
		return append(out, strings.ReplaceAll(s, "▁", " ")...)
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
