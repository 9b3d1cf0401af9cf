package pii

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// marked returns text with every match in brackets, its kind before it: "[email a@b.org]".
func marked(text string, found []Match) string {
	var b strings.Builder
	at := 0
	for _, m := range found {
		b.WriteString(text[at:m.Start] + "[" + m.Kind + " " + text[m.Start:m.End] + "]")
		at = m.End
	}
	return b.String() + text[at:]
}

// redact replaces every match.
func redact(text string, found []Match) string {
	var b strings.Builder
	at := 0
	for _, m := range found {
		b.WriteString(text[at:m.Start] + Placeholder(m.Kind))
		at = m.End
	}
	return b.String() + text[at:]
}

// TestFind: each kind is found with its exact span.
func TestFind(t *testing.T) {
	tests := []struct{ name, want string }{
		{"e-mail", "write to [email anna.berg+news@mail.posteo.de], please"},
		{"e-mail in brackets", "Anna <[email anna@posteo.de]> (or [email b_c%d@x-y.org])"},
		{"e-mail at the end of a sentence", "It is [email anna@posteo.de]."},
		{"e-mail after mailto", "mailto:[email anna@posteo.de]?subject=x"},
		{"two e-mails", "[email a@b.co],[email c@d.io];[email e@f.xn--p1ai]"},
		{"between quotes beyond ASCII", "schreib an„[email anna@posteo.de]“, „[ip 8.8.8.8]“, “[phone +49 30 901820]”, «[card 4111111111111111]»"},
		{"with particles of Korean and Japanese", "[email anna@posteo.de]로, [ip 8.8.8.8]에서, [phone +82 2 2100 2114]에, 番号[card 4111111111111111]です"},
		{"IPv4", "from [ip 8.8.8.8] to [ip 163.36.107.25], port [ip 163.36.107.25]:8080"},
		{"IPv4 in a URL", "http://[ip 93.184.216.34]/index.html"},
		{"IPv4 in a log", "[ip 66.249.66.1] - - GET / 200"},
		{"IPv6", "host [ip 2a00:1450:4001:81b::200e] and [ip 2606:4700:4700:0:0:0:0:1111]."},
		{"IPv6 with a port", "[[ip 2a00:1450:4001:81b::200e]]:443"},
		{"phone, international", "call [phone +49 30 901820] or [phone +44 (0)20 7946 0958] or [phone +14155552671]"},
		{"phone, American", "[phone 415-555-2671], [phone (415) 555-2671], [phone 1-415-555-2671], [phone 415.555.2671]"},
		{"card", "Visa [card 4111 1111 1111 1111], Amex [card 3782-822463-10005], plain [card 5555555555554444]"},
		{"IBAN", "to [iban DE89 3704 0044 0532 0130 00] or [iban GB82WEST12345698765432]."},
		{"all", "[email a@b.org] [ip 8.8.4.4] [phone +41 44 668 18 00], [card 4012888888881881], [iban CH93 0076 2011 6238 5295 7]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := tt.want
			for _, k := range Kinds {
				text = strings.ReplaceAll(text, "["+k+" ", "\x00")
			}
			var b strings.Builder
			depth := 0
			for _, r := range text {
				switch {
				case r == 0:
					depth++
				case r == ']' && depth > 0:
					depth--
				default:
					b.WriteRune(r)
				}
			}
			if got := marked(b.String(), Find(b.String(), nil)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestNothing: versions, times, numbers and names of code are no personal data, nor are addresses that no one person has: private,
// loopback, link-local and documentation ranges.
func TestNothing(t *testing.T) {
	tests := []struct{ name, text string }{
		{"local addresses in code", `http.ListenAndServe("127.0.0.1:8080", nil) // or 0.0.0.0:80, 10.1.2.3, 192.168.0.1`},
		{"documentation addresses", "192.0.2.1 198.51.100.7 203.0.113.9 2001:db8::1 fe80::1 ::1 ff02::1 3fff::1"},
		{"versions", "v1.2.3.4, version 8.8.8.8, go 1.22.3.1, pkg-1.2.3.4, pkg==9.9.9.9, Chrome/120.0.6099.109, 1.2.3.4-rc1, ^8.8.4.4"},
		{"sections", "section 4.3.2.1, RFC 5322 3.4.1, 1.2.3, 1.2.3.4.5, 08.8.8.8"},
		{"times and dates", "12:34:56:78, 2024-01-31T12:34:56+01:00, 2024-01-31 10:11:12.123456789, 20:45"},
		{"numbers", "3.14159265358979, 1234567890123456, 0x4111111111111111, 1e10, 1,234,567.89"},
		{"ISBN", "ISBN 978-3-16-148410-0, 0-306-40615-2, 9783161484100"},
		{"hex and hashes", "deadbeefcafe4111111111111111, 5f3759df:cafe:babe, sha256:4012888888881881abcd, 550e8400-e29b-41d4-a716-446655440000"},
		{"MAC", "00:1a:2b:3c:4d:5e, 00-1A-2B-3C-4D-5E"},
		{"code", "a::b::c, std::vector<int>::iterator, x[1:2:3], map[string]int{1: 2}, i+1234567890, n-415-555, fec0:beef"},
		{"not e-mail", "git@github.com:owner/name https://user@host.example/x pkg@v1.2.3 icon@2x.png @decorator a@b user@localhost"},
		{"wrong check digits", "4111 1111 1111 1112, DE89 3704 0044 0532 0130 01, GB82WEST12345698765433"},
		{"grouped otherwise", "41111 11111 11111 1, 4111-1111 1111-1111, 4111  1111  1111  1111"},
		{"phone-like", "+1 2 3, +0 123 456 789, 555-2671, 123-456-7890, 911-555-0123, +1234567, 2+49301234567, 10.1016/415-555-2671"},
		{"within words", "x4111111111111111, 4111111111111111y, ADE89370400440532013000"},
		{"empty", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if found := Find(tt.text, nil); len(found) > 0 {
				t.Errorf("found %s", marked(tt.text, found))
			}
		})
	}
}

// TestKinds: only what is asked for is found; kinds that are unknown are refused by name.
func TestKinds(t *testing.T) {
	text := "anna@posteo.de 8.8.8.8, +49 30 901820, 4111111111111111 DE89370400440532013000 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa 12345678Z AKIA" +
		"2345ABCDEFGHIJKL"
	for _, k := range Kinds {
		found := Find(text, []string{k})
		if len(found) != 1 || found[0].Kind != k {
			t.Errorf("%s: found %s", k, marked(text, found))
		}
	}
	if err := CheckKinds([]string{"email", "name"}); err == nil || !strings.Contains(err.Error(), `"name"`) {
		t.Errorf("CheckKinds: %v", err)
	}
}

// TestCheckDigits: of card and account numbers with one digit changed none is found: Luhn's sum and the remainder of 97 see it.
func TestCheckDigits(t *testing.T) {
	for _, number := range []string{"4111111111111111", "378282246310005", "6011111111111117", "DE89370400440532013000", "FR1420041010050500013M02606", "NO9386011117947"} {
		if len(Find(number, []string{"card", "iban"})) != 1 {
			t.Errorf("%s is not found", number)
		}
		for i := range number {
			for c := byte('0'); c <= '9'; c++ {
				if c == number[i] || !isDigit(number[i]) {
					continue
				}
				wrong := number[:i] + string(c) + number[i+1:]
				if found := Find(wrong, []string{"card", "iban"}); len(found) > 0 {
					t.Errorf("%s, which is %s with one digit changed, is found", wrong, number)
				}
			}
		}
	}
}

// TestDatatrove: on datatrove's own cases we find the addresses it finds; where we differ the case says why.
func TestDatatrove(t *testing.T) {
	dir := os.Getenv("TEMPER_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	b, err := os.ReadFile(filepath.Join(dir, "vectors", "datatrove_pii.json"))
	if err != nil {
		t.Skip("no vectors: set TEMPER_SHARED to the folder that has vectors: ", err)
	}
	var v struct {
		Cases []struct{ Input, Output string }
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	differ := map[string]string{ // by line, what we make of it
		".3.3.3.0":                ".3.3.3.0",                // a part of a longer dotted number
		"email@123.123.123.123":   "email@123.123.123.123",   // host names end in letters
		"email@[123.123.123.123]": "email@[IP]",              // the address is found as one
		"email@111.222.333.44444": "email@111.222.333.44444", // no address
	}
	n := 0
	for _, c := range v.Cases {
		got := redact(c.Input, Find(c.Input, []string{"email", "ip"}))
		got = strings.NewReplacer("<EMAIL>", "EMAIL", "<IP>", "IP").Replace(got)
		in, have, want := strings.Split(c.Input, "\n"), strings.Split(got, "\n"), strings.Split(c.Output, "\n")
		if len(have) != len(want) {
			t.Fatalf("%d lines, want %d", len(have), len(want))
		}
		for i := range want {
			n++
			if have[i] != want[i] && differ[in[i]] != have[i] {
				t.Errorf("%q: got %q, want %q", in[i], have[i], want[i])
			}
		}
	}
	t.Logf("%d lines", n)
}

// FuzzFind: no text makes it panic; matches are sorted, lie apart within the text and begin and end at characters; what was
// replaced is not found again.
func FuzzFind(f *testing.F) {
	for _, s := range []string{
		"a@b.co", "a@b.co@c.de", "8.8.8.8.", "[2a00::1]:5", "+49 30 901820", "(415) 555-2671", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00",
		"é@é.de", "1-(415) 555-2671", "8.8.8.8+49308.8.8.8", "\xff8.8.8.8\xff", "::ffff:8.8.8.8", "2a00:1:1:1.", "+1 (415) 555-2671-DE89370400440532013000",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		found := Find(s, nil)
		end := 0
		for _, m := range found {
			if m.Start < end || m.End <= m.Start || m.End > len(s) {
				t.Fatalf("%q: match %+v after %d", s, m, end)
			}
			end = m.End
			if utf8.ValidString(s) && !utf8.ValidString(s[m.Start:m.End]) {
				t.Errorf("%q: match %q cuts a character", s, s[m.Start:m.End])
			}
			if !slices.Contains(Kinds, m.Kind) {
				t.Errorf("kind %q", m.Kind)
			}
		}
		once := redact(s, found)
		if again := Find(once, nil); len(again) > 0 {
			t.Errorf("%q became %q, of which %s", s, once, marked(once, again))
		}
	})
}

// TestNational: numbers that are published as examples are found; with another check none is.
func TestNational(t *testing.T) {
	for country, number := range map[string]string{
		"Spain": "12345678Z", "Spain, foreigners": "X1234567L", "Italy": "RSSMRA85T10A562S", "Finland": "131052-308T", "Sweden": "811218-9876",
		"Belgium": "85.07.30-033.28", "Brazil": "390.533.447-05", "Korea": "971013-9019902", "Switzerland": "756.9217.0769.85",
		"Czechia": "710319/2745", "Norway": "15108695088", "China": "11010519491231002X", "India": "2341 2341 2346", "France": "295109912611193",
	} {
		text := "No. " + number + ", as it is."
		if got := Find(text, []string{"national"}); len(got) != 1 || text[got[0].Start:got[0].End] != number {
			t.Errorf("%s: in %q found %v", country, text, got)
		}
		last := number[len(number)-1]
		wrong := number[:len(number)-1] + string(rune(last^1))
		if got := Find("No. "+wrong+", as it is.", []string{"national"}); len(got) > 0 {
			t.Errorf("%s: %s, with another check, is found", country, wrong)
		}
	}
	if len(Find("PESEL: 44051401458", []string{"national"})) != 1 || len(Find("order 44051401458", []string{"national"})) != 0 {
		t.Error("a Polish number is found by its name, and only by it")
	}
}

// TestCrypto: published addresses are found; with one letter changed none is.
func TestCrypto(t *testing.T) {
	for _, address := range []string{"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
		"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"} {
		if got := Find("pay "+address+".", []string{"crypto"}); len(got) != 1 || got[0].End-got[0].Start != len(address) {
			t.Errorf("%s: found %v", address, got)
		}
		wrong := strings.NewReplacer("5", "6", "D", "d", "q", "p").Replace(address)
		if got := Find("pay "+wrong+".", []string{"crypto"}); len(got) > 0 {
			t.Errorf("%s, which is %s changed, is found", wrong, address)
		}
	}
}

// TestSecret: a private key is one match from its first line to its last; what is assigned to a password is one without its
// quotes; GitHub's tokens have a checksum.
func TestSecret(t *testing.T) {
	pem := "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\n-----END RSA " + "PRIVATE KEY-----"
	tests := []struct{ text, want string }{
		{"key:\n" + pem + "\nend", "key:\n[secret " + pem + "]\nend"},
		{`db_password = "Tr0ub4dor&3-horse-9"`, `db_password = "[secret Tr0ub4dor&3-horse-9]"`},
		{`"apiKey": 'k3J9-x8Qw2-mZ71-pL0v'`, `"apiKey": '[secret k3J9-x8Qw2-mZ71-pL0v]'`},
		{`title = "Tr0ub4dor&3-horse-9"`, `title = "Tr0ub4dor&3-horse-9"`},
		{"gh" + "p_abcdefghijklmnopqrstuvwxyz0123456789", "gh" + "p_abcdefghijklmnopqrstuvwxyz0123456789"},
		{"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----"},
	}
	for _, tt := range tests {
		if got := marked(tt.text, Find(tt.text, []string{"secret"})); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// TestRegions: telephone numbers as they are written in a region are found if it is named; dates and amounts are none.
func TestRegions(t *testing.T) {
	tests := []struct {
		text, want string
		regions    []string
	}{
		{"Tel. 030 901820, 0171/2345678", "Tel. [phone 030 901820], [phone 0171/2345678]", []string{"DE"}},
		{"Tel. 030 901820", "Tel. 030 901820", nil},
		{"Ring 020 7946 0958 or 02-2100-2114", "Ring [phone 020 7946 0958] or [phone 02-2100-2114]", []string{"GB", "KR"}},
		{"am 31.01.2024, 2024-01-31, 1.234.567,89 und 03.14159265", "am 31.01.2024, 2024-01-31, 1.234.567,89 und 03.14159265", []string{"DE"}},
	}
	for _, tt := range tests {
		if got := marked(tt.text, Find(tt.text, []string{"phone"}, tt.regions...)); got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.regions, got, tt.want)
		}
	}
}

// TestPseudonym: one value has one pseudonym, however it is written; another value, kind or key has another; none is found again.
func TestPseudonym(t *testing.T) {
	key, other := []byte("0123456789abcdef"), []byte("0123456789abcdeg")
	a := Pseudonym("email", "Anna@Posteo.de", key)
	if a != Pseudonym("email", "anna@posteo.de", key) || Pseudonym("phone", "+49 30 901820", key) != Pseudonym("phone", "+4930901820", key) {
		t.Error("one value, two pseudonyms")
	}
	for _, b := range []string{Pseudonym("email", "anna@posteo.de", other), Pseudonym("email", "anna@posteo.com", key), Pseudonym("ip", "anna@posteo.de", key)} {
		if a == b || len(b) > longestPlaceholder {
			t.Errorf("%s and %s", a, b)
		}
	}
	for _, k := range Kinds {
		p := Pseudonym(k, "x", key)
		if found := Find("a "+p+"8.8.8.8 4111111111111111"+p, nil); len(found) > 0 || !placeholder(p) {
			t.Errorf("%s: found %v beside it", p, found)
		}
	}
	if id := KeyID(key); id != "9f9f5111" {
		t.Errorf("the key's name is %s", id)
	}
}

// find looks through text; processor time is what matters on a machine that does other things too.
func find(b *testing.B, text string) {
	b.SetBytes(int64(len(text)))
	start := cpuTime(b)
	for b.Loop() {
		Find(text, nil)
	}
	b.ReportMetric(float64(b.N)*float64(len(text))/1e6/(cpuTime(b)-start).Seconds(), "MB/cpu-s")
}

func BenchmarkFindDense(b *testing.B) {
	find(b, strings.Repeat("The harbour lay quiet at 10.0.0.1, v1.2.3.4, on 2024-01-31; write to anna@posteo.de or call +49 30 901820.\n", 1000))
}

// Prose of the web: a value every 3 KB.
func BenchmarkFindProse(b *testing.B) {
	prose := strings.Repeat("The harbour lay quiet in the morning, and the boats (some 12 of them) that had come in during the night were tied up along the wall. ", 22)
	find(b, strings.Repeat(prose+"Write to anna@posteo.de, or call +49 30 901820 before 2024-01-31.\n", 40))
}
