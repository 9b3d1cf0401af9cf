package pii

import (
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// A maker makes values of a kind, in the forms in which people write them, and what looks alike and is none.
type maker struct {
	r *rand.Rand
}

func (m maker) pick(list ...string) string { return list[m.r.IntN(len(list))] }

// of returns n characters of letters.
func (m maker) of(letters string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[m.r.IntN(len(letters))]
	}
	return string(b)
}

const (
	digits0 = "0123456789"
	capital = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	small0  = "abcdefghijklmnopqrstuvwxyz"
	alnum   = digits0 + capital + small0
)

func (m maker) email() string {
	name := m.pick("anna", "j.doe", "Max_Power", "li.wei", "info", "k-lee", "o'neil"[2:]) + m.pick("", m.of(digits0, 2), "+news", ".work")
	return name + "@" + m.of(small0, 4+m.r.IntN(6)) + m.pick("", "-"+m.of(small0, 3), "."+m.of(small0, 3)) + m.pick(".com", ".org", ".de", ".co.uk", ".museum")
}

func (m maker) ip() string {
	if m.r.IntN(3) == 0 {
		return fmt.Sprintf("2a0%d:%x:%x::%x", m.r.IntN(10), 0x1000+m.r.IntN(0xefff), 0x1000+m.r.IntN(0xefff), 1+m.r.IntN(0xffff))
	}
	return fmt.Sprintf("%d.%d.%d.%d", m.pickInt(8, 23, 66, 81, 93, 131, 185, 213), m.r.IntN(256), m.r.IntN(256), 1+m.r.IntN(254))
}

func (m maker) pickInt(list ...int) int { return list[m.r.IntN(len(list))] }

// phone returns a number of a region in its international form, or of the United States in its own.
func (m maker) phone() string {
	for {
		region := m.pick("DE", "GB", "FR", "US", "KR", "JP", "BR", "IN", "CH", "AU", "ES", "SE")
		n := phonenumbers.GetExampleNumberForType(region, phonenumbers.PhoneNumberType(m.r.IntN(2)))
		if n == nil {
			continue
		}
		v := n.GetNationalNumber()
		v = v - v%10000 + uint64(m.r.IntN(10000))
		n.NationalNumber = &v
		if !phonenumbers.IsValidNumber(n) {
			continue
		}
		if region == "US" && m.r.IntN(2) == 0 {
			return phonenumbers.Format(n, phonenumbers.NATIONAL)
		}
		return phonenumbers.Format(n, phonenumbers.PhoneNumberFormat(m.r.IntN(2)))
	}
}

// withLuhn appends the check digit of Luhn.
func withLuhn(digits string) string {
	for c := byte('0'); c <= '9'; c++ {
		sum := 0
		full := digits + string(c)
		for i := range len(full) {
			v := int(full[len(full)-1-i] - '0')
			if i%2 == 1 {
				v = v*2/10 + v*2%10
			}
			sum += v
		}
		if sum%10 == 0 {
			return full
		}
	}
	panic("no check digit")
}

func (m maker) card() string {
	switch m.r.IntN(3) {
	case 0:
		n := withLuhn(m.pick("34", "37") + m.of(digits0, 12))
		return m.pick(n, n[:4]+" "+n[4:10]+" "+n[10:])
	case 1:
		return withLuhn("4" + m.of(digits0, 14))
	}
	n := withLuhn(m.pick("4", "51", "55", "6011", "62") + m.of(digits0, 14))
	n = withLuhn(n[:15])
	sep := m.pick(" ", "-")
	return n[:4] + sep + n[4:8] + sep + n[8:12] + sep + n[12:]
}

func (m maker) iban() string {
	country := m.pick("DE", "GB", "FR", "NL", "CH", "ES", "PL", "NO")
	n := ibanLength[country] - 4
	body := m.of(digits0, n)
	if country == "GB" || country == "NL" {
		body = m.of(capital, 4) + body[4:]
	}
	rest := 0
	for _, c := range body + country + "00" {
		if c >= 'A' {
			rest = (rest*100 + int(c-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(c-'0')) % 97
		}
	}
	full := fmt.Sprintf("%s%02d%s", country, 98-rest, body)
	if m.r.IntN(2) == 0 {
		return full
	}
	var groups []string
	for len(full) > 4 {
		groups, full = append(groups, full[:4]), full[4:]
	}
	return strings.Join(append(groups, full), " ")
}

// crypto returns an address of Bitcoin, Litecoin, Dogecoin, Tron (base 58), or Ethereum in small letters.
func (m maker) crypto() string {
	if m.r.IntN(4) == 0 {
		return "0x" + m.of("0123456789abcdef", 40)
	}
	b := make([]byte, 21, 25)
	for i := range b {
		b[i] = byte(m.r.IntN(256))
	}
	b[0] = byte(m.pickInt(0x00, 0x05, 0x30, 0x1E, 0x41))
	sum := sha256.Sum256(b)
	sum = sha256.Sum256(sum[:])
	return toBase58(append(b, sum[:4]...))
}

func toBase58(b []byte) string {
	const letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	zeros := 0
	for zeros < len(b) && b[zeros] == 0 {
		zeros++
	}
	var out []byte
	for num := append([]byte(nil), b...); len(num) > 0; {
		rest, next := 0, num[:0:0]
		for _, c := range num {
			v := rest*256 + int(c)
			rest = v % 58
			if len(next) > 0 || v/58 > 0 {
				next = append(next, byte(v/58))
			}
		}
		out = append([]byte{letters[rest]}, out...)
		num = next
	}
	return strings.Repeat("1", zeros) + strings.TrimLeft(string(out), "1")
}

func (m maker) secret() string {
	switch m.r.IntN(8) {
	case 0:
		return "AKIA" + m.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
	case 1:
		body := m.of(alnum, 30)
		sum, check := crc32.ChecksumIEEE([]byte(body)), ""
		const letters = digits0 + capital + small0
		for range 6 {
			check = string(letters[sum%62]) + check
			sum /= 62
		}
		return m.pick("ghp_", "gho_", "ghs_") + body + check
	case 2:
		return "glpat-" + m.of(alnum, 20)
	case 3:
		return "xoxb-" + m.of(digits0, 12) + "-" + m.of(digits0, 12) + "-" + m.of(alnum, 24)
	case 4:
		return m.pick("sk_", "rk_") + "live_" + m.of(alnum, 24+m.r.IntN(20))
	case 5:
		return "AIza" + m.of(alnum+"-_", 34) + m.of(alnum, 1)
	case 6:
		return "eyJ" + m.of(alnum, 33) + ".eyJ" + m.of(alnum, 60) + "." + m.of(alnum+"-_", 42) + "a"
	}
	return "npm_" + m.of(alnum, 36)
}
