package pii

// ibanLength is the length of a country's account number with its four leading characters. Source: the IBAN registry
// of ISO 13616.
var ibanLength = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
	"BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
	"ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
	"HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
	"LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20,
	"MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
	"QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
	"SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}

// iban returns where the account number whose check digits start at i ends, or 0, and adds it. It is written in
// capitals, unbroken or in groups of four parted by a space.
func (s *scan) iban(i int) int {
	start := i - 2
	if start < 0 || !isUpper(s.text[start]) || !isUpper(s.text[start+1]) || s.wordBefore(start) || !isDigit(s.at(i+1)) {
		return 0
	}
	want := ibanLength[s.text[start:i]]
	if want == 0 {
		return 0
	}
	var sum [34]byte
	n, j := 0, start
	for ; j < len(s.text) && n < want; j++ {
		c := s.text[j]
		if c == ' ' && n%4 == 0 && n > 0 && s.text[j-1] != ' ' {
			continue
		}
		if !isDigit(c) && !isUpper(c) {
			return 0
		}
		sum[n] = c
		n++
	}
	if n < want || s.wordAt(j) || mod97(sum[:n]) != 1 {
		return 0
	}
	s.add("iban", start, j)
	return j
}

// mod97 is the remainder of the number that s stands for once its first four characters are moved to the end and its
// letters are read as 10 to 35.
func mod97(s []byte) int {
	r := 0
	for i := range s {
		c := s[(i+4)%len(s)]
		if isDigit(c) {
			r = (r*10 + int(c-'0')) % 97
		} else {
			r = (r*100 + int(c-'A') + 10) % 97
		}
	}
	return r
}

func isUpper(c byte) bool { return c-'A' < 26 }
