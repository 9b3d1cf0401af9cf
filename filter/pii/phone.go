package pii

import (
	"slices"

	"github.com/nyaruka/phonenumbers"
)

// phone returns where the telephone number whose first digit is at i ends, or 0, and adds it.
func (s *scan) phone(i int) int {
	if s.at(i-1) == '+' {
		return s.international(i)
	}
	if s.text[i] == '0' && s.at(i+1) == '0' {
		if end := s.dialled(i); end > 0 {
			return end
		}
	}
	if end := s.american(i); end > 0 || len(s.regions) == 0 {
		return end
	}
	return s.regional(i)
}

// isPhone reports whether text is a telephone number that is in use, as it is written in region; ZZ is none.
func isPhone(text, region string) bool {
	n, err := phonenumbers.Parse(text, region)
	return err == nil && (region == "ZZ" && phonenumbers.IsValidNumber(n) || region != "ZZ" && phonenumbers.IsValidNumberForRegion(n, region))
}

// IsRegion reports whether telephone numbers of the region, an ISO 3166 code in capitals, are known.
func IsRegion(code string) bool { return phonenumbers.GetSupportedRegions()[code] }

// regional finds numbers as they are written within the regions: groups of 7 to 13 digits in all, that start with 0 or are
// parted. Dates, versions and amounts are none.
func (s *scan) regional(i int) int {
	start := i
	if s.at(i-1) == '(' {
		start--
	}
	if before := s.at(start - 1); s.wordBefore(start) || before == '.' || before == '-' || before == '/' || before == '+' || before == '#' ||
		before == ' ' && isDigit(s.at(start-2)) {
		return 0
	}
	n, groups, end := 0, 1, i
	for j := i; j < len(s.text) && n <= 13; j++ {
		if isDigit(s.text[j]) {
			n++
			end = j + 1
			continue
		}
		gap := s.gap(j)
		if gap == 0 && s.text[j] == '/' && isDigit(s.at(j+1)) {
			gap = 1
		}
		if gap == 0 {
			break
		}
		groups++
		j += gap - 1
	}
	if n < 7 || n > 13 || groups > 6 || groups == 1 && s.text[i] != '0' || s.wordAt(end) || s.date(i) || s.shortDate(i) ||
		(s.at(end) == '.' || s.at(end) == ',' || s.at(end) == '-') && isDigit(s.at(end+1)) {
		return 0
	}
	if !slices.ContainsFunc(s.regions, func(r string) bool { return isPhone(s.text[start:end], r) }) {
		return 0
	}
	s.add("phone", start, end)
	return end
}

// shortDate reports whether the digits at i are a date, 31.01.2024 or 31-01-2024.
func (s *scan) shortDate(i int) bool {
	return s.digits(i, 2) && s.digits(i+3, 2) && s.digits(i+6, 4) && s.at(i+2) == s.at(i+5) && (s.at(i+2) == '.' || s.at(i+2) == '-' || s.at(i+2) == '/')
}

// dialled finds what is dialled from most countries to another: 00, then as international finds it, in groups.
func (s *scan) dialled(i int) int {
	j := i + 2
	if s.at(j) == ' ' || s.at(j) == '-' {
		j++
	}
	if before := s.at(i - 1); s.wordBefore(i) || before == '.' || before == '-' || before == '/' || before == ',' || s.at(j) == '0' {
		return 0
	}
	end, groups := s.abroad(j)
	if groups < 3 || !isPhone("+"+s.text[j:end], "ZZ") {
		return 0
	}
	s.add("phone", i, end)
	return end
}

// international finds +E.164: a plus, a country code that is in use, and up to 15 digits in all, unbroken or parted by
// single spaces, dots, dashes or one pair of parentheses; at least 9, or 7 where the country code has three.
func (s *scan) international(i int) int {
	if before := s.at(i - 2); s.wordBefore(i-1) || before == '+' || before == ')' || before == ']' {
		return 0
	}
	end, groups := s.abroad(i)
	if groups == 0 || !isPhone(s.text[i-1:end], "ZZ") {
		return 0
	}
	s.add("phone", i-1, end)
	return end
}

// abroad returns where the number that starts at i with a country code ends, and its groups, or 0.
func (s *scan) abroad(i int) (end, groups int) {
	cc := countryCode(s.text[i:])
	if cc == 0 {
		return 0, 0
	}
	n, short := 0, 0
	end, groups = i, 1
	for j, run := i, 0; j < len(s.text) && n <= 15; j++ {
		c := s.text[j]
		if isDigit(c) {
			n++
			run++
			end = j + 1
			continue
		}
		if run == 1 && j > i+1 {
			short++
		}
		gap := s.gap(j)
		if gap == 0 {
			break
		}
		groups++
		run = 0
		j += gap - 1
	}
	least := 9
	if cc >= 100 || groups > 2 {
		least = 7
	}
	switch {
	case s.wordAt(end) || n > 15 || groups > 7 || short > 2:
		return 0, 0
	case cc == 1 && n != 11, cc == 7 && n != 11, n < least:
		return 0, 0
	case groups > 1 && s.date(i):
		return 0, 0
	}
	return end, groups
}

// gap returns the length of what parts two groups of digits at i, or 0: one of space, dot and dash, or a parenthesis
// with a space.
func (s *scan) gap(i int) int {
	j := i
	if c := s.at(j); c == ' ' || c == '.' || c == '-' {
		j++
	}
	if s.at(j) == '(' && i > 0 && isDigit(s.at(j+1)) {
		return j + 1 - i
	}
	if j == i && s.at(j) == ')' {
		if j++; s.at(j) == ' ' || s.at(j) == '-' {
			j++
		}
	}
	if j > i && isDigit(s.at(j)) {
		return j - i
	}
	return 0
}

// date reports whether the digits at i are a date, 2024-01-31.
func (s *scan) date(i int) bool {
	return s.digits(i, 4) && (s.at(i+4) == '-' || s.at(i+4) == '.') && s.digits(i+5, 2) && s.at(i+7) == s.at(i+4) && s.digits(i+8, 2)
}

// digits reports whether exactly n digits start at i.
func (s *scan) digits(i, n int) bool {
	for k := range n {
		if !isDigit(s.at(i + k)) {
			return false
		}
	}
	return !isDigit(s.at(i + n))
}

// american finds the North American forms 415-555-2671, 415.555.2671 and (415) 555-2671, each with or without a
// leading 1. Digits that only spaces part, or nothing, are taken for other numbers.
func (s *scan) american(i int) int {
	start := i
	if s.text[i] == '1' && (s.at(i+1) == '-' || s.at(i+1) == '.' || s.at(i+1) == ' ') {
		i += 2
		if s.at(i) == '(' {
			i++
		}
	}
	open := s.at(i-1) == '('
	if open && start == i {
		start--
	}
	before := s.at(start - 1)
	if s.wordBefore(start) || (before == '.' || before == '-' || before == '/' || before == '+') && start > 0 {
		return 0
	}
	if !s.digits(i, 3) || !area(s.text[i:]) {
		return 0
	}
	j := i + 3
	sep := s.at(j)
	switch {
	case open && sep == ')':
		if j++; s.at(j) == ' ' || s.at(j) == '-' {
			j++
		}
		sep = s.at(j + 3)
	case !open && (sep == '-' || sep == '.'):
		j++
	default:
		return 0
	}
	if !s.digits(j, 3) || !area(s.text[j:]) || sep != '-' && sep != '.' && (sep != ' ' || !open) || s.at(j+3) != sep {
		return 0
	}
	end := j + 8
	if !s.digits(j+4, 4) || s.wordAt(end) || (s.at(end) == '-' || s.at(end) == '.') && isDigit(s.at(end+1)) {
		return 0
	}
	if !isPhone(s.text[start:end], "US") && !isPhone(s.text[start:end], "CA") {
		return 0
	}
	s.add("phone", start, end)
	return end
}

// area reports whether the three digits at the start of t can be an area code or an exchange: they start with 2 to 9
// and do not end in 11.
func area(t string) bool {
	return t[0] >= '2' && (t[1] != '1' || t[2] != '1')
}

// countryCode returns the country calling code at the start of t, which starts with a digit, or 0 if it is not one in
// use. Source: ITU-T E.164, list of assigned country codes.
func countryCode(t string) int {
	v := 0
	for i := 0; i < 3 && i < len(t) && isDigit(t[i]); i++ {
		v = v*10 + int(t[i]-'0')
		if i == 0 && (v == 1 || v == 7) || i == 1 && twoDigit[v] {
			return v
		}
	}
	if v >= 210 && v <= 299 || v >= 350 && v <= 389 || v >= 420 && v <= 423 || v >= 500 && v <= 509 ||
		v >= 590 && v <= 599 || v >= 670 && v <= 692 || v >= 850 && v <= 886 || v >= 960 && v <= 998 {
		return v
	}
	return 0
}

// twoDigit are the country codes of two digits.
var twoDigit = func() (t [100]bool) {
	for _, c := range []int{
		20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61,
		62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
	} {
		t[c] = true
	}
	return t
}()
