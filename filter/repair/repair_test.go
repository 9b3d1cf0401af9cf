package repair

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
	"temper/dataset"
)

func TestEdits(t *testing.T) {
	tests := []struct {
		name, in, want string
		rules          []string
	}{
		{"clean", "func main() {\n\tprintln(\"hi\")\n}\n", "func main() {\n\tprintln(\"hi\")\n}\n", nil},
		{"one letter", "le cafÃ© est fermÃ©", "le café est fermé", []string{RuleMojibake}},
		{"quotes", "it â€œworksâ€\u009d, donâ€™t touch", "it “works”, don’t touch", []string{RuleMojibake}},
		{"twice", "le cafÃƒÂ©", "le café", []string{RuleMojibake}},
		{"twice quotes", "donÃ¢â‚¬â„¢t", "don’t", []string{RuleMojibake}},
		{"emoji", "nice ðŸ‘\u008d work", "nice 👍 work", []string{RuleMojibake}},
		{"Cyrillic in 1251", "РџСЂРёРІРµС‚, РјРёСЂ", "Привет, мир", []string{RuleMojibake}},
		{"Cyrillic in 1252", "ÐŸÑ€Ð¸Ð²ÐµÑ‚", "Привет", []string{RuleMojibake}},
		{"byte order mark", "ï»¿package main", "package main", []string{RuleMojibake, RuleControl}},
		{"C1", "wait\u0085", "wait…", []string{RuleMojibake}},
		{"entities", "a &amp; b &#8212; c&nbsp;d", "a & b — c\u00a0d", []string{RuleEntities}},
		{"entity escaped three times", "a &amp;amp;lt; b", "a < b", []string{RuleEntities}},
		{"entities of source stay", "write <b>&amp;lt;</b>", "write <b>&amp;lt;</b>", nil},
		{"no semicolon, no entity", "?a=1&copy=2&lt", "?a=1&copy=2&lt", nil},
		{"unknown entity", "a &nope; b &notit; c", "a &nope; b &notit; c", nil},
		{"mojibake in entities", "caf&Atilde;&copy; noir", "café noir", []string{RuleEntities, RuleMojibake}},
		{"lines", "a\r\nb\rc\u2028d", "a\nb\nc\nd", []string{RuleLineEndings}},
		{"control", "\ufeffa\x00\x1b[1mb\u200bc\x7f", "abc", []string{RuleControl}},
		{"no sequence of a terminal", "a\x1b[;b\x1b[?25l", "a[?25l", []string{RuleControl}},
		{"joiners stay", "👩\u200d💻 می\u200cخواهم", "👩\u200d💻 می\u200cخواهم", nil},
		{"composed", "cafe\u0301 A\u030a", "café Å", []string{RuleNFC}},
		{"all", "cafÃ©\r\n&amp;\x00e\u0301", "café\n&é", []string{RuleEntities, RuleMojibake, RuleLineEndings, RuleControl, RuleNFC}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			edits := Edits(tt.in, Options{})
			got, err := dataset.Apply(tt.in, edits)
			if err != nil {
				t.Fatal(err)
			}
			var rules []string
			for _, e := range edits {
				if len(rules) == 0 || rules[len(rules)-1] != e.Rule {
					rules = append(rules, e.Rule)
				}
			}
			if got != tt.want || !slices.Equal(rules, tt.rules) {
				t.Errorf("got %q by %v, want %q by %v", got, rules, tt.want, tt.rules)
			}
		})
	}
}

// TestMeant: what looks like mojibake and is not stays as it is.
func TestMeant(t *testing.T) {
	for _, s := range []string{
		"FESTIVAL DE MÚSICA – VOCÊ… É¡ SÃO PAULO", "Ångström: 10 Å—12 Å", "«Ça alors», dit-elle, «où ça?»", "L’été à l’île d’Yeu…",
		"Größe ± 3°, Straße §5, 5×£35", "ВІКІ та ЄІ: «Ґанок»", "Ελληνικά: «¨Α¨»", "日本語、中文", "한국어입니다", "עברית", "العربية",
		"Đặng Thị Ngọc Thịnh", "NESTLÉ® ZZAJÉ’s", "├┤a┼┐a", "(-1/2)! = √π ≈ 1.77", "MISUT Â", "naïve façade",
	} {
		if edits := Edits(s, Options{}); edits != nil {
			t.Errorf("%q changed: %v", s, edits)
		}
	}
}

// TestReadWrong: text of many languages that was read as Windows-1252 or Latin-1, once or twice, comes back whole.
func TestReadWrong(t *testing.T) {
	for _, s := range []string{
		"Voilà le garçon naïf à l’hôtel", "Das Mädchen übt fleißig", "El niño comió jamón", "Příliš žluťoučký kůň", "Съешь ещё этих мягких французских булок",
		"Η γρήγορη αλεπού", "日本語のテキスト", "שלום עולם", "مرحبا بالعالم", "“quoted” — and ‘more’…", "Zażółć gęślą jaźń",
	} {
		once := readAs1252(s)
		for name, damaged := range map[string]string{"1252": once, "latin1": readAsLatin1(s), "twice": readAs1252(once)} {
			if got := fixed(t, damaged, Options{}); got != s {
				t.Errorf("%s: %q came back as %q, want %q", name, damaged, got, s)
			}
		}
	}
}

func readAsLatin1(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// readAs1252 reads as browsers do: bytes that Windows-1252 leaves out are control characters.
func readAs1252(s string) string {
	var b strings.Builder
	for i := range len(s) {
		r := charmap.Windows1252.DecodeByte(s[i])
		if r == utf8.RuneError {
			r = rune(s[i])
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Plain typography is made only where it is asked for.
func TestPlain(t *testing.T) {
	in, want := "“Don’t” ﬁnd Ａ１　ｶﾞ", `"Don't" find A1 ガ`
	if got := fixed(t, in, Options{Plain: true}); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if edits := Edits(in, Options{}); edits != nil {
		t.Errorf("not asked for: %v", edits)
	}
}

func TestNoNFC(t *testing.T) {
	if edits := Edits("cafe\u0301", Options{NoNFC: true}); edits != nil {
		t.Errorf("composed without leave: %v", edits)
	}
}

// The compatible form is the one of Unicode, made only where it is asked for, and the edits give the text back.
func TestNFKC(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"H₂O is ½ ﬁne\u00a0①", "H2O is 1⁄2 fine 1"}, {"ｶﾞ Ａ１\u3000㌔", "ガ A1 キロ"}, {"cafe\u0301 ﷺ", "café صلى الله عليه وسلم"}, {"plain", "plain"},
	} {
		got := fixed(t, tt.in, Options{NFKC: true})
		if got != tt.want || got != norm.NFKC.String(tt.in) {
			t.Errorf("%q became %q, want %q", tt.in, got, tt.want)
		}
		back, err := dataset.Undo(got, Edits(tt.in, Options{NFKC: true}))
		if err != nil || back != tt.in {
			t.Errorf("%q: undone to %q (%v)", tt.in, back, err)
		}
	}
	if edits := Edits("½ ﬁne", Options{}); edits != nil {
		t.Errorf("not asked for: %v", edits)
	}
}

// What is not seen is removed where that is asked for, and stays where it spells something.
func TestInvisible(t *testing.T) {
	flag := "\U0001F3F4\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F" // of Scotland
	for _, tt := range []struct{ in, want string }{
		{"syl\u00adla\u00adble", "syllable"}, {"a\u202eb\u202cc\u200e \u2066d\u2069", "abc d"}, {"safe\U000E0069\U000E0067\U000E006E text", "safe text"},
		{"co\u200dop\u200cerate", "cooperate"}, {"می\u200cخواهم", "می\u200cخواهم"}, {"क्\u200dष", "क्\u200dष"},
		{"👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥", "👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥"}, {flag + "\U000E0067", flag}, {"葛\U000E0100 a\U000E0100", "葛\U000E0100 a"},
		{"é\u00ad", "é"},
	} {
		if got := fixed(t, tt.in, Options{Invisible: true}); got != tt.want {
			t.Errorf("%q became %q, want %q", tt.in, got, tt.want)
		}
		if edits := Edits(tt.in, Options{}); edits != nil {
			t.Errorf("%q: not asked for: %v", tt.in, edits)
		}
	}
}

// TestCleanExact: the fast check of eight bytes at once says what the slow one does, for each byte at each place.
func TestCleanExact(t *testing.T) {
	for c := range 256 {
		for at := range 17 {
			b := []byte("some plain text 1")
			b[at] = byte(c)
			if got, want := clean(string(b)), cleanBytes(string(b)); got != want {
				t.Fatalf("byte %#x at %d: clean %v, want %v", c, at, got, want)
			}
		}
	}
}

// The look at each character that decides which passes run misses nothing that a pass would find.
func TestScanMissesNothing(t *testing.T) {
	var texts []string
	for r := rune(0); r < 0x30000; r++ {
		texts = append(texts, "Ae"+string(r)+"b")
	}
	for r := rune(0xE0000); r < 0xE0200; r++ {
		texts = append(texts, "Ae"+string(r)+"b")
	}
	for _, s := range []string{"a &amp; b", "Ã  b", "x\nÃ  b", "le cafÃ©", "ｶﾞ", "\u1100\u1161", "Œ\n", "√±", "â€™"} {
		texts = append(texts, s, strings.Repeat("plain text ", 9)+s)
	}
	for _, text := range texts {
		for _, o := range []Options{{}, {Plain: true, Invisible: true, NFKC: true}} {
			needed := scan(text, o)
			for _, p := range o.passes() {
				if needed&p.need == 0 && len(p.find(text)) > 0 {
					t.Fatalf("%q: %s finds %v that the scan does not see", text, p.rule, p.find(text))
				}
			}
		}
	}
}

func FuzzEdits(f *testing.F) {
	for _, s := range []string{
		"cafÃ© â€œxâ€\u009d", "&amp;amp;lt;", "a\r\n\u2028", "\ufeffa\x00", "e\u0301\u0323", "РџСЂРёРІРµС‚", "Ã\xff", "Ã &Atilde;&copy; Â", "é\u0085", "à¸ à¸²",
		"&#x1F600;&#55296;&#0;", "ÃƒÂ©ÃƒÂ©\r&#13;",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		all := Options{Plain: true, Invisible: true, NFKC: true}
		if back, err := dataset.Undo(fixed(t, s, all), Edits(s, all)); err != nil || back != s {
			t.Errorf("%q: undone to %q (%v)", s, back, err)
		}
		got := fixed(t, s, Options{})
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%q became invalid: %q", s, got)
		}
		if len(Edits(s, Options{})) == 0 && got != s {
			t.Errorf("%q changed without edits", s)
		}
		s = strings.ToValidUTF8(s, "\uFFFD")
		got = fixed(t, s, Options{})
		if strings.ContainsAny(s, "&ÃâÂÐÑ") || !norm.NFC.IsNormalString(got) {
			return // stacked damage may take more than one call; the cases above hold what matters
		}
		if again := Edits(got, Options{}); again != nil {
			t.Errorf("%q became %q, which changes again: %v", s, got, again)
		}
	})
}

// measure repairs text; processor time is what matters on a machine that does other things too.
func measure(b *testing.B, text string) {
	b.SetBytes(int64(len(text)))
	start := cpuTime(b)
	for b.Loop() {
		Edits(text, Options{})
	}
	b.ReportMetric(float64(b.N)*float64(len(text))/1e6/(cpuTime(b)-start).Seconds(), "MB/cpu-s")
}

func BenchmarkClean(b *testing.B) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog, and a line of prose is about this long.\n", 1000)
	measure(b, text)
}

// Prose of the web: typographic quotes, some accents, and a line in 50 that was misread.
func BenchmarkMostlyClean(b *testing.B) {
	lines := strings.Repeat("The quick brown fox said “don’t” — and a line of prose about café life is about this long.\n", 49)
	text := strings.Repeat(lines+readAs1252("“It’s broken”, said the naïve fox.\n"), 20)
	measure(b, text)
}

func BenchmarkFrench(b *testing.B) {
	text := strings.Repeat("Voilà le garçon naïf à l’hôtel, et là où il était déjà passé une fois l’été dernier.\n", 1000)
	measure(b, text)
}

func BenchmarkCyrillic(b *testing.B) {
	text := strings.Repeat("Съешь ещё этих мягких французских булок, да выпей же чаю.\n", 1000)
	measure(b, text)
}

func BenchmarkMojibake(b *testing.B) {
	text := readAs1252(strings.Repeat("Voilà le garçon naïf à l’hôtel, et là où il était déjà passé une fois l’été dernier.\n", 1000))
	measure(b, text)
}
