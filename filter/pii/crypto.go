package pii

import (
	"crypto/sha256"
	"strings"

	"golang.org/x/crypto/sha3"
)

// base58 tells the values of the letters of base 58, as Bitcoin writes it; 255 for the others.
var base58 = values("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")

// bech32 tells the values of the letters of BIP 173.
var bech32 = values("qpzry9x8gf2tvdw0s3jn54khce6mua7l")

func values(letters string) (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i := range len(letters) {
		t[letters[i]] = byte(i)
	}
	return t
}

// cryptoAddress returns where the address of a cryptocurrency that starts at i ends, or 0, and adds it. Each has a check:
// Bitcoin, Litecoin, Dogecoin and Tron by base 58 with a double SHA-256, Bitcoin and Litecoin by BIP 173 or 350, Ethereum by
// the case of its letters (EIP-55; an address in one case has none).
func (s *scan) cryptoAddress(i int) int {
	end := i
	for end < len(s.text) && end-i <= 91 && (isDigit(s.text[end]) || isLetter(s.text[end])) {
		end++
	}
	word := s.text[i:end]
	if s.wordAt(end) || !s.alone(i, end) {
		return 0
	}
	ok := false
	switch n := len(word); {
	case n == 42 && word[0] == '0' && word[1] == 'x':
		ok = ethereum(word[2:])
	case n >= 26 && n <= 35 && strings.IndexByte("13LMDAT9", word[0]) >= 0:
		ok = base58Check(word)
	case n >= 42 && n <= 90:
		ok = segwit(word)
	}
	if !ok {
		return 0
	}
	s.add("crypto", i, end)
	return end
}

// alone reports whether text[i:end] is no part of a path, a query or a longer code.
func (s *scan) alone(i, end int) bool {
	before, after := s.at(i-1), s.at(end)
	return !(after == '=' || after == '+') && before != '+' && !(before == '.' && s.wordBefore(i-1)) && !(after == '.' && s.wordAt(end+1))
}

// base58Check reports whether word is 21 bytes, the first of a known kind of address, and their checksum.
func base58Check(word string) bool {
	var b [25]byte
	for i := range len(word) {
		v := int(base58[word[i]])
		if v == 255 {
			return false
		}
		for j := len(b) - 1; j >= 0; j-- {
			v += int(b[j]) * 58
			b[j] = byte(v)
			v >>= 8
		}
		if v != 0 {
			return false
		}
	}
	switch b[0] {
	case 0x00, 0x05, 0x30, 0x32, 0x1E, 0x16, 0x41: // Bitcoin, Litecoin, Dogecoin, Tron
	default:
		return false
	}
	sum := sha256.Sum256(b[:21])
	sum = sha256.Sum256(sum[:])
	return string(sum[:4]) == string(b[21:])
}

// segwit reports whether word is an address by BIP 173 (version 0) or BIP 350 (later versions), in one case.
func segwit(word string) bool {
	small := strings.ToLower(word)
	if word != small && word != strings.ToUpper(word) {
		return false
	}
	prefix, data, ok := strings.Cut(small, "1")
	if !ok || prefix != "bc" && prefix != "ltc" || len(data) < 39 {
		return false
	}
	sum := uint32(1)
	for i := range len(prefix) {
		sum = polymod(sum, prefix[i]>>5)
	}
	sum = polymod(sum, 0)
	for i := range len(prefix) {
		sum = polymod(sum, prefix[i]&31)
	}
	for i := range len(data) {
		if bech32[data[i]] == 255 {
			return false
		}
		sum = polymod(sum, bech32[data[i]])
	}
	if bech32[data[0]] == 0 {
		return sum == 1
	}
	return sum == 0x2bc830a3 && bech32[data[0]] <= 16
}

// polymod takes one value into the checksum of BIP 173.
func polymod(sum uint32, v byte) uint32 {
	top := sum >> 25
	sum = sum&0x1ffffff<<5 ^ uint32(v)
	for i, g := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 == 1 {
			sum ^= g
		}
	}
	return sum
}

// ethereum reports whether 40 characters are hexadecimal digits whose case is that of EIP-55, or one case; digits of one kind
// only are an example.
func ethereum(hex string) bool {
	small := strings.ToLower(hex)
	for i := range len(small) {
		if !isHex(small[i]) {
			return false
		}
	}
	if strings.Count(small, small[:1]) == len(small) {
		return false
	}
	if hex == small || hex == strings.ToUpper(hex) {
		return true
	}
	h := sha3.NewLegacyKeccak256()
	h.Write([]byte(small))
	sum := h.Sum(nil)
	for i := range len(hex) {
		high := sum[i/2]>>(4*(1-i%2))&0xF >= 8
		if isLetter(hex[i]) && isUpper(hex[i]) != high {
			return false
		}
	}
	return true
}
