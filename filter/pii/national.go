package pii

import "strings"

// shortestID is the fewest letters and digits of a personal number.
const shortestID = 9

// nationalID returns where the personal number of a country that starts at i, with a digit or a letter, ends, or 0, and
// adds it. Each has a check digit, or check letter, that must be right, and a date that must be one; and each is written in
// a form that hardly anything else has: letters, signs or many digits. Bare digits of a form that chance meets often
// (Poland) ask for their name before them.
//
// Sources: the countries' own rules, as python-stdnum's documentation gathers them.
func (s *scan) nationalID(i int) int {
	if s.wordBefore(i) || s.at(i-1) == '.' && s.wordBefore(i-1) || s.at(i-1) == '-' || s.at(i-1) == '+' || s.at(i-1) == '/' || s.at(i-1) == '=' {
		return 0
	}
	var d [20]byte // letters and digits
	form := [24]byte{}
	n, k, j := 0, 0, i
	for ; j < len(s.text) && n < len(d) && k < len(form); j++ {
		c := s.text[j]
		switch {
		case isDigit(c):
			form[k] = '9'
		case isUpper(c):
			form[k] = 'A'
		case (c == '.' || c == '-' || c == '/' || c == ' ' || c == '+') && j+1 < len(s.text) && (isDigit(s.text[j+1]) || isUpper(s.text[j+1])):
			form[k] = c
			k++
			continue
		default:
			c = 0
		}
		if c == 0 {
			break
		}
		d[n] = c
		n++
		k++
		if n >= shortestID && s.idEnds(i, j+1, form[:k], d[:n]) {
			return j + 1
		}
	}
	return 0
}

// idEnds reports whether text[i:end], of a form and with these letters and digits, is a personal number, and adds it.
func (s *scan) idEnds(i, end int, form, d []byte) bool {
	check := ids[string(form)]
	if check == nil || s.wordAt(end) || !check(s, i, d) {
		return false
	}
	if c := s.at(end); (c == '-' || c == '.' || c == '/') && s.wordAt(end+1) || c == ' ' && isDigit(s.at(end+1)) && len(form) > len(d) {
		return false
	}
	s.add("national", i, end)
	return true
}

// ids are the forms of personal numbers, 9 for a digit and A for a capital, and their checks.
var ids = map[string]func(s *scan, i int, d []byte) bool{
	"99999999A":             spain,           // DNI
	"A9999999A":             spain,           // NIE
	"99999999-A":            spain,           //
	"AAAAAA99A99A999A":      italy,           // codice fiscale
	"999999-999A":           finland,         // henkilötunnus
	"999999A999A":           finland,         //
	"999999-9999":           finlandOrSweden, // with a digit as check, or personnummer
	"999999+9999":           sweden,          // over 100 years
	"99999999-9999":         sweden,          //
	"99.99.99-999.99":       belgium,         //
	"999.999.999-99":        brazil,          // CPF
	"999999-9999999":        korea,           //
	"999.9999.9999.99":      switzerland,     // AHV
	"999999/9999":           czechia,         //
	"99999999999":           norwayOrPoland,  //
	"999999 99999":          norway,          //
	"99999999999999999A":    china,           // X as check
	"999999999999999999":    china,           //
	"9999 9999 9999":        india,           // Aadhaar
	"999999999999999":       france,          // NIR with its key
	"9 99 99 99 999 999 99": france,          //
}

// digit returns the value of d[i].
func digit(d []byte, i int) int { return int(d[i] - '0') }

// weighted returns the sum of digits times weights.
func weighted(d []byte, weights ...int) (sum int) {
	for i, w := range weights {
		sum += digit(d, i) * w
	}
	return sum
}

// number returns the digits of d as a number.
func number(d []byte) (n uint64) {
	for i := range d {
		n = n*10 + uint64(digit(d, i))
	}
	return n
}

// isDay reports whether month and day can be of a date.
func isDay(month, day uint64) bool { return month >= 1 && month <= 12 && day >= 1 && day <= 31 }

func spain(_ *scan, _ int, d []byte) bool {
	n := uint64(0)
	switch d[0] {
	case 'X', 'Y', 'Z':
		n = uint64(d[0]-'X')*10_000_000 + number(d[1:8])
	default:
		if !isDigit(d[0]) {
			return false
		}
		n = number(d[:8])
	}
	return "TRWAGMYFPDXBNJZSQVHLCKE"[n%23] == d[8]
}

func italy(_ *scan, _ int, d []byte) bool {
	odd := [...]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}
	sum := 0
	for i := range 15 {
		v := int(d[i] - '0')
		if isUpper(d[i]) {
			v = int(d[i] - 'A')
		}
		if i%2 == 0 {
			v = odd[v]
		}
		sum += v
	}
	return strings.IndexByte("ABCDEHLMPRST", d[8]) >= 0 && byte('A'+sum%26) == d[15]
}

func finland(_ *scan, _ int, d []byte) bool {
	rest := d[6:]
	if len(d) == 11 { // a letter for the century
		if strings.IndexByte("ABCDEFYXWVU", d[6]) < 0 {
			return false
		}
		rest = d[7:]
	}
	n := number(d[:6])*1000 + number(rest[:3])
	return isDay(number(d[2:4]), number(d[:2])) && "0123456789ABCDEFHJKLMNPRSTUVWXY"[n%31] == rest[3]
}

func finlandOrSweden(s *scan, i int, d []byte) bool { return finland(s, i, d) || sweden(s, i, d) }

func sweden(_ *scan, _ int, d []byte) bool {
	d = d[len(d)-10:]
	day := number(d[4:6])
	if day > 60 { // a coordination number
		day -= 60
	}
	var v [10]byte
	for i := range v {
		v[i] = d[i] - '0'
	}
	return isDay(number(d[2:4]), day) && luhn(v[:])
}

func belgium(_ *scan, _ int, d []byte) bool {
	n, check := number(d[:9]), number(d[9:])
	return isDay(number(d[2:4]), number(d[4:6])) && (97-n%97 == check || 97-(2_000_000_000+n)%97 == check)
}

func brazil(_ *scan, _ int, d []byte) bool {
	if strings.Count(string(d), string(d[:1])) == len(d) {
		return false
	}
	for n := 9; n <= 10; n++ {
		sum := 0
		for i := range n {
			sum += digit(d, i) * (n + 1 - i)
		}
		if sum*10%11%10 != digit(d, n) {
			return false
		}
	}
	return true
}

func korea(_ *scan, _ int, d []byte) bool {
	sum := weighted(d, 2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
	return isDay(number(d[2:4]), number(d[4:6])) && (11-sum%11)%10 == digit(d, 12)
}

func switzerland(_ *scan, _ int, d []byte) bool {
	sum := weighted(d, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3)
	return string(d[:3]) == "756" && (10-sum%10)%10 == digit(d, 12)
}

func czechia(_ *scan, _ int, d []byte) bool {
	month := number(d[2:4])
	for _, more := range [...]uint64{70, 50, 20} {
		if month > more {
			month -= more
			break
		}
	}
	n := number(d[:9])
	return isDay(month, number(d[4:6])) && n%11%10 == number(d[9:])
}

func norway(_ *scan, _ int, d []byte) bool {
	day := number(d[:2])
	if day > 40 { // a D number
		day -= 40
	}
	first := (11 - weighted(d, 3, 7, 6, 1, 8, 9, 4, 5, 2)%11) % 11
	second := (11 - weighted(d, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)%11) % 11
	return isDay(number(d[2:4]), day) && first == digit(d, 9) && second == digit(d, 10)
}

func norwayOrPoland(s *scan, i int, d []byte) bool { return norway(s, i, d) || poland(s, i, d) }

func poland(s *scan, i int, d []byte) bool {
	sum := weighted(d, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
	return isDay(number(d[2:4])%20, number(d[4:6])) && (10-sum%10)%10 == digit(d, 10) && s.named(i, "PESEL")
}

// named reports whether a name, which is in capitals, stands in any case shortly before i.
func (s *scan) named(i int, name string) bool {
	return strings.Contains(strings.ToUpper(s.text[max(0, i-24):i]), name)
}

func china(_ *scan, _ int, d []byte) bool {
	sum := weighted(d[:17], 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
	year := number(d[6:10])
	return year >= 1900 && year <= 2099 && isDay(number(d[10:12]), number(d[12:14])) && "10X98765432"[sum%11] == d[17]
}

// verhoeff are the products of the dihedral group of ten elements, and its permutation.
var (
	verhoeff = [10]string{"0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
		"5987604321", "6598710432", "7659821043", "8765932104", "9876543210"}
	permuted = [8]string{"0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"}
)

func india(s *scan, i int, d []byte) bool {
	if d[0] < '2' || s.at(i-1) == ' ' && isDigit(s.at(i-2)) {
		return false
	}
	c := 0
	for k := range d {
		v := permuted[k%8][d[len(d)-1-k]-'0'] - '0'
		c = int(verhoeff[c][v] - '0')
	}
	return c == 0
}

func france(_ *scan, _ int, d []byte) bool {
	month := number(d[3:5])
	return (d[0] == '1' || d[0] == '2') && (month >= 1 && month <= 12 || month >= 20 && month <= 42) && 97-number(d[:13])%97 == number(d[13:])
}
