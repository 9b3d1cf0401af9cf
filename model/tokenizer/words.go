package tokenizer

import "encoding/binary"

// The words kept: those of up to shortKey bytes in one cache line each, those of up to longKey in two. Both tables are
// bounded, and a word takes the place of the one that was in its slot.
const (
	shortKey, shortIDs = 15, 11
	longKey, longIDs   = 63, 15
	shortBits          = 15 // 2 MiB
	longBits           = 12 // 512 KiB
)

type (
	shortSlot struct {
		key [2]uint64 // the word, its length in the last byte; never 0
		n   int32
		ids [shortIDs]int32
	}
	longSlot struct {
		key [8]uint64
		n   int32
		ids [longIDs]int32
	}
)

// wordCache remembers the ids of words. It is for one goroutine at a time.
type wordCache struct {
	short []shortSlot
	long  []longSlot
}

func newWordCache() *wordCache {
	return &wordCache{short: make([]shortSlot, 1<<shortBits), long: make([]longSlot, 1<<longBits)}
}

// mix is two of the odd constants of xxHash.
const mixA, mixB = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F

// word appends the ids of word to out: the remembered ones, or those that spell appends.
func (c *wordCache) word(out []int32, word string, spell func(out []int32, word string) []int32) []int32 {
	if len(word) > shortKey {
		return c.longer(out, word, spell)
	}
	var b [16]byte
	copy(b[:shortKey], word)
	b[shortKey] = byte(len(word))
	k0, k1 := binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])
	h := (k0*mixA ^ k1*mixB)
	h = (h ^ h>>29) * mixA
	s := &c.short[h>>(64-shortBits)]
	if s.key[0] == k0 && s.key[1] == k1 {
		return append(out, s.ids[:s.n]...)
	}
	from := len(out)
	out = spell(out, word)
	if n := len(out) - from; n <= shortIDs {
		s.key, s.n = [2]uint64{k0, k1}, int32(n)
		copy(s.ids[:], out[from:])
	}
	return out
}

func (c *wordCache) longer(out []int32, word string, spell func(out []int32, word string) []int32) []int32 {
	if len(word) > longKey {
		return spell(out, word)
	}
	var b [64]byte
	copy(b[:longKey], word)
	b[longKey] = byte(len(word))
	var key [8]uint64
	var h uint64
	for i := range key {
		key[i] = binary.LittleEndian.Uint64(b[8*i:])
		h = (h ^ key[i]) * mixA
		h ^= h >> 31
	}
	s := &c.long[h*mixB>>(64-longBits)]
	if s.key == key {
		return append(out, s.ids[:s.n]...)
	}
	from := len(out)
	out = spell(out, word)
	if n := len(out) - from; n <= longIDs {
		s.key, s.n = key, int32(n)
		copy(s.ids[:], out[from:])
	}
	return out
}
