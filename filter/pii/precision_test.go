package pii

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// national returns a number in one of the countries' forms: the digits are drawn, the check is the one that the rule takes
// (TestNational holds the rules to published numbers).
func (m maker) national() string {
	for {
		day := fmt.Sprintf("%02d%02d%02d", m.r.IntN(100), 1+m.r.IntN(12), 1+m.r.IntN(28))
		forms := []string{m.of(digits0, 8) + "?", m.pick("X", "Y", "Z") + m.of(digits0, 7) + "?", m.of(capital, 6) + m.of(digits0, 2) + m.pick("A", "B", "T") + m.of(digits0, 2) + m.of(capital, 1) + m.of(digits0, 3) + "?",
			day[4:] + day[2:4] + day[:2] + "-" + m.of(digits0, 3) + "?", day + "-" + m.of(digits0, 3) + "?", day + "-" + m.of(digits0, 6) + "?",
			day[:2] + "." + day[2:4] + "." + day[4:] + "-" + m.of(digits0, 3) + ".??", m.of(digits0, 3) + "." + m.of(digits0, 3) + "." + m.of(digits0, 3) + "-??",
			"756." + m.of(digits0, 4) + "." + m.of(digits0, 4) + "." + m.of(digits0, 1) + "?", day + "/" + m.of(digits0, 3) + "?",
			day[4:] + day[2:4] + day[:2] + m.of(digits0, 3) + "??", "PESEL " + day + m.of(digits0, 4) + "?",
			m.of("123456", 6) + "19" + day + m.of(digits0, 3) + "?", "1" + day[:4] + m.of(digits0, 8) + "??", "2" + m.of(digits0, 3) + " " + m.of(digits0, 4) + " " + m.of(digits0, 3) + "?"}
		form := forms[m.r.IntN(len(forms))]
		prefix := ""
		if strings.HasPrefix(form, "PESEL ") {
			prefix = "PESEL "
		}
		for _, check := range strings.Split(digits0+capital, "") {
			for _, second := range strings.Split(digits0, "") {
				full := strings.Replace(form, "?", check, 1)
				full = strings.Replace(full, "?", second, 1)
				s := scan{text: full}
				if end := s.nationalID(len(prefix)); end == len(full) {
					return full[len(prefix):]
				}
			}
		}
	}
}

// lookalikes are what texts are full of and is no personal data.
func (m maker) lookalike() string {
	switch m.r.IntN(16) {
	case 0:
		return fmt.Sprintf("version %d.%d.%d.%d", m.r.IntN(20), m.r.IntN(20), m.r.IntN(20), m.r.IntN(20))
	case 1:
		return "commit " + m.of("0123456789abcdef", 40)
	case 2:
		return fmt.Sprintf("20%02d-%02d-%02d %02d:%02d", m.r.IntN(30), 1+m.r.IntN(12), 1+m.r.IntN(28), m.r.IntN(24), m.r.IntN(60))
	case 3:
		return "order " + m.of("123456789", 1) + m.of(digits0, 9+m.r.IntN(3))
	case 4:
		return fmt.Sprintf("$%d,%03d,%03d.%02d", 1+m.r.IntN(99), m.r.IntN(1000), m.r.IntN(1000), m.r.IntN(100))
	case 5:
		return fmt.Sprintf("%s-%s-%s-%s-%s", m.of("0123456789abcdef", 8), m.of("0123456789abcdef", 4), m.of("0123456789abcdef", 4), m.of("0123456789abcdef", 4), m.of("0123456789abcdef", 12))
	case 6:
		return m.pick("git@github.com:owner/repo", "pkg@v1.2.3", "@decorator", "icon@2x.png", "user@localhost")
	case 7:
		return m.pick("127.0.0.1:8080", "10.1.2.3", "192.168.0.7", "::1", "fe80::1")
	case 8:
		return "ISBN 978-" + m.of(digits0, 1) + "-" + m.of(digits0, 2) + "-" + m.of(digits0, 6) + "-" + m.of(digits0, 1)
	case 9:
		return "sha256:" + m.of("0123456789abcdef", 64)
	case 10:
		return m.of(digits0, 3) + "." + m.of(digits0, 9)
	case 11:
		return m.pick("api_key = \"YOUR_API_KEY_HERE\"", "password: \"********************\"", "token = \"${GITHUB_TOKEN}\"", "sk-xxxxxxxxxxxxxxxxxxxxxxxx", "AKIAIOSFODNN7EXAMPLE")
	case 12:
		return fmt.Sprintf("%d-%d-%d", 100+m.r.IntN(90), m.r.IntN(1000), m.r.IntN(10000))
	case 13:
		return "id=" + m.of(alnum, 32)
	case 14:
		return fmt.Sprintf("%.10f", m.r.Float64()*1e4)
	}
	return "base64," + m.of(alnum+"+/", 60) + "="
}

// A labelled text says which spans are personal data.
type labelled struct {
	text   string
	labels []Match
}

// labelledSet returns texts of sentences with so many values of each kind, as many lookalikes, and the labels.
func labelledSet(seed uint64, each int) (set []labelled) {
	m := maker{rand.New(rand.NewPCG(seed, 7))}
	makers := map[string]func() string{"email": m.email, "ip": m.ip, "phone": m.phone, "card": m.card, "iban": m.iban, "crypto": m.crypto,
		"secret": m.secret, "national": m.national}
	before := []string{"Write to ", "It was ", "see (", "contact: ", "the value is ", "\n- ", "„", "is \"", "use "}
	after := []string{" today.", ", please", ") at once", ".\n", " and wait", "“ war es", "\" or not", "; then stop", "!"}
	for range each {
		for _, kind := range Kinds {
			k := m.r.IntN(len(before))
			v := makers[kind]()
			lead := "The harbour lay quiet in the morning; " + m.lookalike() + " was on the wall. " + before[k]
			if kind == "national" && len(v) == 11 && strings.Trim(v, digits0) == "" {
				lead += "PESEL "
			}
			set = append(set, labelled{lead + v + after[k] + " Then " + m.lookalike() + " came.", []Match{{kind, len(lead), len(lead) + len(v)}}})
		}
	}
	return set
}

// On a labelled set of every kind amid lookalikes nearly all is found with its exact span, and nearly nothing else: see
// the floors. The set is made by a seeded generator, so that it can be made larger.
func TestPrecisionAndRecall(t *testing.T) {
	type count struct{ right, found, labelled int }
	counts := make(map[string]*count)
	for _, k := range Kinds {
		counts[k] = &count{}
	}
	for _, l := range labelledSet(1, 400) {
		found := Find(l.text, nil)
		for _, f := range found {
			counts[f.Kind].found++
			if f == l.labels[0] {
				counts[f.Kind].right++
			} else if testing.Verbose() {
				t.Logf("%s, want %s", marked(l.text, []Match{f}), marked(l.text, l.labels))
			}
		}
		if len(found) == 0 && testing.Verbose() {
			t.Logf("missed in %s", marked(l.text, l.labels))
		}
		counts[l.labels[0].Kind].labelled++
	}
	for _, k := range Kinds {
		c := counts[k]
		precision, recall := float64(c.right)/float64(max(1, c.found)), float64(c.right)/float64(c.labelled)
		t.Logf("%-8s precision %.4f, recall %.4f (%d right of %d found, %d labelled)", k, precision, recall, c.right, c.found, c.labelled)
		if precision < 0.97 || recall < 0.95 {
			t.Errorf("%s: precision %.4f, recall %.4f: want at least 0.97 and 0.95", k, precision, recall)
		}
	}
}
