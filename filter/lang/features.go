package lang

const (
	orders  = 4  // the longest n-gram, runes
	longest = 16 // the longest word that is a feature as a whole, runes
)

// features appends to dst the hash of each n-gram of 1 to 4 runes and of each longer word of text, which is of words of the script
// k between single spaces; letters of other scripts end a word. The space on each side of a word is part of its n-grams.
func features(dst []uint32, text []rune, k script) []uint32 {
	const basis, prime = 14695981039346656037, 1099511628211 // FNV-1a
	key, whole, length := uint64(' '), uint64(basis), 0
	for _, r := range text {
		if r != ' ' && scriptOf(r) == k {
			length++
			key = key<<16 | uint64(r)&0xFFFF
			whole = (whole ^ uint64(r)) * prime
			dst = grams(append(dst, mix(key&0xFFFF)), key, length+1)
			continue
		}
		if length == 0 {
			continue
		}
		dst = grams(dst, key<<16|' ', length+2)
		if length >= orders-1 && length <= longest {
			dst = append(dst, mix(whole))
		}
		key, whole, length = ' ', basis, 0
	}
	return dst
}

// grams appends the n-grams of 2 runes and more that end key, which is so many runes long.
func grams(dst []uint32, key uint64, runes int) []uint32 {
	dst = append(dst, mix(key&0xFFFFFFFF))
	if runes > 2 {
		dst = append(dst, mix(key&0xFFFFFFFFFFFF))
	}
	if runes > 3 {
		dst = append(dst, mix(key))
	}
	return dst
}

// mix spreads the runes of an n-gram over 32 bits.
func mix(k uint64) uint32 {
	k ^= k >> 29
	k *= 0x9E3779B97F4A7C15
	k ^= k >> 32
	k *= 0xD6E8FEB86659FD93
	return uint32(k >> 32)
}
