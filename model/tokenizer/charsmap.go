package tokenizer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"

	"temper/dataset"
)

// A charsMap is SentencePiece's compiled normalization: a double array (Darts-clone) from texts to offsets in the texts that
// take their place, each of which ends with a zero byte.
type charsMap struct {
	units []uint32
	texts []byte
}

func parseCharsMap(b []byte) (*charsMap, error) {
	if len(b) < 4 {
		return nil, fmt.Errorf("a character map of %d bytes: %w", len(b), dataset.ErrMalformed)
	}
	size := int64(binary.LittleEndian.Uint32(b))
	if size == 0 || size%4 != 0 || size > int64(len(b)-4) {
		return nil, fmt.Errorf("a character map of %d bytes has a trie of %d: %w", len(b), size, dataset.ErrMalformed)
	}
	m := &charsMap{make([]uint32, size/4), b[4+size:]}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(b[4+4*i:])
	}
	return m, nil
}

// prefixes calls found with the length and the offset of every entry that begins s, the shortest first, until it says no.
func (m *charsMap) prefixes(s string, found func(n int, offset uint32) bool) {
	at := m.jump(0, m.units[0])
	for i := range len(s) {
		at ^= uint32(s[i])
		if int64(at) >= int64(len(m.units)) {
			return
		}
		unit := m.units[at]
		if unit&(1<<31|0xff) != uint32(s[i]) {
			return
		}
		at = m.jump(at, unit)
		if unit>>8&1 == 1 {
			if int64(at) >= int64(len(m.units)) || !found(i+1, m.units[at]&(1<<31-1)) {
				return
			}
		}
	}
}

// jump is where the children of the unit at a place begin.
func (m *charsMap) jump(at, unit uint32) uint32 { return at ^ unit>>10<<(unit&(1<<9)>>6) }

// text is the one at an offset.
func (m *charsMap) text(offset uint32) string {
	if int64(offset) >= int64(len(m.texts)) {
		return ""
	}
	b := m.texts[offset:]
	if n := bytes.IndexByte(b, 0); n >= 0 {
		b = b[:n]
	}
	return string(b)
}

// longest replaces the longest entry that begins s, and returns how much of s that was; 0 for none.
func (m *charsMap) longest(s string) (text string, n int) {
	if m == nil {
		return "", 0
	}
	var at uint32
	m.prefixes(s, func(length int, offset uint32) bool {
		n, at = length, offset
		return true
	})
	if n == 0 {
		return "", 0
	}
	return m.text(at), n
}

// shortest replaces s whole by what its shortest entry becomes, as Hugging Face's reading of these maps does.
func (m *charsMap) shortest(s string) (text string, ok bool) {
	m.prefixes(s, func(_ int, offset uint32) bool {
		text, ok = m.text(offset), true
		return false
	})
	return text, ok
}

// byGrapheme normalizes as Hugging Face does: what people see as one character, where it is short, else character by character.
func (m *charsMap) byGrapheme(s string) string {
	var b strings.Builder
	for g := graphemes.FromString(s); g.Next(); {
		seen := g.Value()
		if len(seen) < 6 {
			if text, ok := m.shortest(seen); ok {
				b.WriteString(text)
				continue
			}
		}
		for i := 0; i < len(seen); {
			_, n := utf8.DecodeRuneInString(seen[i:])
			if text, ok := m.shortest(seen[i : i+n]); ok {
				b.WriteString(text)
			} else {
				b.WriteString(seen[i : i+n])
			}
			i += n
		}
	}
	return b.String()
}
