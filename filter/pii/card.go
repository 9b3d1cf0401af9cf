package pii

// maxCard is the most digits of a card number, ISO/IEC 7812-1.
const maxCard = 19

// card returns where the payment card number that starts at i ends, or 0, and adds it: 13 to 19 digits with the prefix of a known
// scheme and a right Luhn sum, unbroken or in groups as they are printed, all parted by a space or all by a dash.
func (s *scan) card(i int) int {
	before := s.at(i - 1)
	if s.wordBefore(i) || (before == '.' || before == '-' || before == '/') && s.wordBefore(i-1) ||
		before == ' ' && isDigit(s.at(i-2)) {
		return 0
	}
	var digits [maxCard]byte
	var groups [6]int // digits of each group
	n, g, sep := 0, 0, byte(0)
	j := i
	for ; j < len(s.text); j++ {
		c := s.text[j]
		if isDigit(c) {
			if n == maxCard {
				return 0
			}
			digits[n] = c - '0'
			n++
			groups[g]++
			continue
		}
		if (c == ' ' || c == '-') && (sep == 0 || c == sep) && isDigit(s.at(j+1)) && g+1 < len(groups) {
			sep = c
			g++
			continue
		}
		break
	}
	if n < 13 || s.wordAt(j) || (s.at(j) == '.' || s.at(j) == '-' || s.at(j) == '/') && s.wordAt(j+1) {
		return 0
	}
	if !printed(groups[:g+1], n) || !scheme(digits[:n]) || !luhn(digits[:n]) {
		return 0
	}
	s.add("card", i, j)
	return j
}

// printed reports whether groups of n digits are how cards show their number: unbroken, by fours, or 4-6-4 and 4-6-5.
func printed(groups []int, n int) bool {
	if len(groups) == 1 {
		return true
	}
	if len(groups) == 3 && groups[0] == 4 && groups[1] == 6 {
		return n == 14 || n == 15
	}
	for _, g := range groups[:len(groups)-1] {
		if g != 4 {
			return false
		}
	}
	return groups[len(groups)-1] <= 4
}

// scheme reports whether a number of this length and prefix belongs to a card scheme.
func scheme(d []byte) bool {
	n := len(d)
	p4 := int(d[0])*1000 + int(d[1])*100 + int(d[2])*10 + int(d[3])
	p2, p3 := p4/100, p4/10
	switch {
	case d[0] == 4: // Visa
		return n == 13 || n == 16 || n == 19
	case p2 >= 51 && p2 <= 55, p4 >= 2221 && p4 <= 2720: // Mastercard
		return n == 16
	case p2 == 34, p2 == 37: // American Express
		return n == 15
	case p3 >= 300 && p3 <= 305, p2 == 36, p2 == 38, p2 == 39: // Diners Club
		return n == 14 || n == 16
	case p4 == 6011, p3 >= 644 && p3 <= 649, p2 == 65, p2 == 62, p4 >= 3528 && p4 <= 3589: // Discover, UnionPay, JCB
		return n >= 16
	case p4 == 5018, p4 == 5020, p4 == 5038, p4 == 5893, p4 == 6304, p4 == 6759, p4 >= 6761 && p4 <= 6763: // Maestro
		return n >= 16
	}
	return false
}

// luhn reports whether the last digit of d is its check digit.
func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i])
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}
