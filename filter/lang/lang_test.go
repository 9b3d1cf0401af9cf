package lang

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// sentences returns up to 500 sentences of each of 75 languages, none of which was learned from, or skips. Many are of another
// language in truth, names, or both of two (Bosnian and Croatian), so that no classifier can have all right.
func sentences(t *testing.T) map[string][]string {
	t.Helper()
	root := os.Getenv("TEMPER_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	files, _ := filepath.Glob(filepath.Join(root, "langid", "*.txt"))
	if len(files) == 0 {
		t.Skip("no shared data (set TEMPER_SHARED)")
	}
	texts := map[string][]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimSuffix(filepath.Base(f), ".txt")] = strings.Split(strings.TrimSpace(string(b)), "\n")
	}
	return texts
}

// prefix returns the first n runes of s.
func prefix(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}

// Of sentences, and of the first 20 runes of them, so many percent are told right, over all and for each language: the least
// allowed is a little under what was measured.
func TestAccuracy(t *testing.T) {
	texts := sentences(t)
	floors := map[string]float64{"bs": 0.04, "ms": 0.08, "yo": 0.55, "st": 0.65, "nb": 0.75, "la": 0.79, "hr": 0.83, "ca": 0.84, "id": 0.83,
		"xh": 0.86, "ko": 0.94, "eu": 0.90, "zu": 0.90}
	for _, runes := range []int{1 << 20, 20} {
		right, all, sum := 0, 0, 0.0
		var worst []string
		for _, code := range slices.Sorted(maps.Keys(texts)) {
			n := 0
			for _, s := range texts[code] {
				if got, _ := Identify(prefix(s, runes)); got == code {
					n++
				}
			}
			right, all = right+n, all+len(texts[code])
			share := float64(n) / float64(len(texts[code]))
			sum += share
			worst = append(worst, fmt.Sprintf("%5.1f %s", 100*share, code))
			floor, ok := floors[code]
			if !ok {
				floor = 0.91
			}
			if runes > 20 && share < floor {
				t.Errorf("%s: %.3f of whole sentences, not %.2f", code, share, floor)
			}
		}
		slices.Sort(worst)
		t.Logf("%d runes of %d: %.2f%%, mean of languages %.2f%%: %s", runes, all, 100*float64(right)/float64(all),
			100*sum/float64(len(texts)), strings.Join(worst, ","))
		if least := map[bool]float64{true: 0.935, false: 0.815}[runes > 20]; float64(right) < least*float64(all) {
			t.Errorf("%d runes: %.3f right, not %.3f", runes, float64(right)/float64(all), least)
		}
	}
}

// A score is about how often the answer of that score is right, and grows with the length of text.
func TestCalibration(t *testing.T) {
	texts := sentences(t)
	var hits, scores, counts [10]float64
	last := 0.0
	for _, runes := range []int{15, 25, 50, 100, 1 << 20} {
		mean, n := 0.0, 0.0
		for code, list := range texts {
			if code == "bs" || code == "ms" || code == "hr" || code == "id" { // two names of what is mostly one language
				continue
			}
			for i := 0; i < len(list); i += 3 {
				s := list[i]
				got, score := Identify(prefix(s, runes))
				if score < 0 || score > 1 {
					t.Fatalf("%q: score %v", s, score)
				}
				mean, n = mean+score, n+1
				if got == und {
					continue
				}
				bin := min(9, int(10*score))
				counts[bin]++
				scores[bin] += score
				if got == code {
					hits[bin]++
				}
			}
		}
		t.Logf("%d runes: mean score %.3f", runes, mean/n)
		if mean/n < last {
			t.Errorf("mean score %.3f of %d runes is below the one of fewer, %.3f", mean/n, runes, last)
		}
		last = mean / n
	}
	gap, all := 0.0, 0.0
	for i, n := range counts {
		t.Logf("score %.2f: right %.3f of %.0f", scores[i]/n, hits[i]/n, n)
		gap, all = gap+max(scores[i]-hits[i], hits[i]-scores[i]), all+n
	}
	t.Logf("expected calibration error %.3f", gap/all)
	if gap > 0.06*all {
		t.Errorf("expected calibration error %.3f", gap/all)
	}
}

func TestIdentify(t *testing.T) {
	tests := []struct {
		name, in, code string
		low, high      float64 // where the score is
	}{
		{"empty", "", "und", 0, 0},
		{"nine letters", "The winds", "und", 0, 0},
		{"ten letters", "These winds", "en", 0.1, 1},
		{"no letters", "12:30, 1.5 + 2.5 = 4.0; 0x7f 99 100 101", "und", 0, 0},
		{"go doc", "package crypto/ed25519\n\nfunc (pub PublicKey) Equal(x crypto.PublicKey) bool\n\nEqual reports whether pub and x have the same value.", "en", 0.8, 1},
		{"korean", "모든 인간은 태어날 때부터 자유로우며 동등하다.", "ko", 0.99, 1},
		{"korean amid identifiers", "`http.Client`는 여러 고루틴에서 동시에 사용해도 안전합니다. `Client.Do`를 보세요.", "ko", 0.9, 1},
		{"japanese", "すべての人間は、生まれながらにして自由である。", "ja", 0.99, 1},
		{"chinese", "人人生而自由,在尊严和权利上一律平等。", "zh", 0.99, 1},
		{"letters at random", "xqj wkvz pqgh zzkt vbnq wxqj kkqz hjvq pzxw qqjk vwzx jkhq zpqv", "", 0, 0.3},
		{"base64", "TWFuIGlzIGRpc3Rpbmd1aXNoZWQsIG5vdCBvbmx5IGJ5IGhpcyByZWFzb24sIGJ1dCBieSB0aGlz", "", 0, 0.5},
		{"decomposed", "Ho\u0302m nay tro\u031b\u0300i \u0111e\u0323p, chu\u0301ng to\u0302i \u0111i bo\u0323\u0302 ra cho\u031b\u0323 mua rau", "vi", 0.9, 1},
		{"capitals", "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG WHILE THE OTHERS WATCH", "en", 0.3, 1},
		{"a script of no language here", "ᬢᬫᬦ᭄ᬅᬓ᭄ᬱᬭᬩᬮᬶᬲᬫ᭄ᬧᬸᬦ᭄ᬓᬥᬃᬫ ᬢᬫᬦ᭄ᬅᬓ᭄ᬱᬭᬩᬮᬶ", "mis", 0.9, 1},
		{"half korean", "모든 인간은 태어날 때부터 자유로우며 동등하다. Everyone has the right to life, liberty and the security of person.", "ko", 0.3, 0.8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, score := Identify(tt.in)
			if tt.code != "" && code != tt.code || score < tt.low || score > tt.high {
				t.Errorf("Identify(%q) = %s, %.3f, want %s, %v to %v", tt.in, code, score, tt.code, tt.low, tt.high)
			}
		})
	}
}

// How the lines of a text end, what space is around it and who else asks does not matter.
func TestSame(t *testing.T) {
	const text = "Alle Menschen sind frei und gleich an Würde und Rechten geboren.\nSie sind mit Vernunft begabt.\n"
	code, score := Identify(text)
	var all sync.WaitGroup
	for _, same := range []string{text, "\n\n  " + text, strings.ReplaceAll(text, "\n", "\r\n"), strings.ReplaceAll(text, " ", "   ")} {
		all.Go(func() {
			for range 50 {
				if c, s := Identify(same); c != code || s != score {
					t.Errorf("Identify(%q) = %s, %v, not %s, %v", same, c, s, code, score)
				}
			}
		})
	}
	all.Wait()
}

// A long text costs what 4 KB of it cost, whatever it is made of, and is told by all its parts.
func TestLong(t *testing.T) {
	const english = "Everyone has the right to freedom of thought, conscience and religion. "
	for _, text := range []string{
		strings.Repeat("a", 10<<20), strings.Repeat("\xff\xfe", 5<<20), strings.Repeat("한", 3<<20), strings.Repeat("\n", 10<<20),
		strings.Repeat("a\u0301\u0301\u0301", 1<<20),
	} {
		if n := testing.AllocsPerRun(1, func() { Identify(text) }); n > 200 {
			t.Errorf("%.10q...: %.0f allocations", text, n)
		}
		total := 0
		for _, p := range sample(text) {
			total += len(p)
		}
		if total > windows*window+windows*utf8Slack {
			t.Errorf("%.10q...: %d bytes are looked at", text, total)
		}
	}
	if code, score := Identify(strings.Repeat(english, 100_000)); code != "en" || score < 0.99 {
		t.Errorf("7 MB of English are %s, %v", code, score)
	}
	if code, _ := Identify("// Code generated. DO NOT EDIT.\n" + strings.Repeat(english, 500) + strings.Repeat("Ein Satz auf Deutsch. ", 50)); code != "en" {
		t.Errorf("mostly English is %s", code)
	}
}

// utf8Slack is what a window may grow by when what is cut at its ends becomes spaces.
const utf8Slack = 8

// There are at least 70 languages, and every class of the table is of a script that has several.
func TestLanguages(t *testing.T) {
	m, codes := trained(), map[string]bool{"ja": true, "zh": true}
	for _, c := range m.classes {
		codes[c.code] = true
		if only[c.script] != "" || c.script == han {
			t.Errorf("%s is learned in script %d, which tells it", c.code, c.script)
		}
	}
	for k := latin; k < scripts; k++ {
		if only[k] != "" {
			codes[only[k]] = true
		} else if len(m.of[k]) < 2 && k != han && k != kana {
			t.Errorf("script %d has %d languages", k, len(m.of[k]))
		}
	}
	t.Logf("%d languages: %s", len(codes), strings.Join(slices.Sorted(maps.Keys(codes)), " "))
	if len(codes) < 100 || len(table) > 1_500_000 {
		t.Errorf("%d languages in %d bytes", len(codes), len(table))
	}
}

// What encode writes decode reads, and a table cut short is an error.
func TestDecode(t *testing.T) {
	if got := trained().encode(); !bytes.Equal(got, table) {
		t.Errorf("the table of %d bytes is encoded as %d others", len(table), len(got))
	}
	for _, cut := range []int{0, 1, 100, len(table) / 2, len(table) - 1} {
		if _, err := decode(table[:cut]); err == nil {
			t.Errorf("%d bytes of the table are a table", cut)
		}
	}
}

// Whatever bytes a table is of, they are an error or a table that is written as one that reads the same.
func FuzzDecode(f *testing.F) {
	m := assemble([]trait{{class{"en", latin}, 9}, {class{"de", latin}, 8}}, map[uint32][]entry{7: {{0, 3}}, 1 << 31: {{0, 1}, {1, 200}}})
	raw, err := io.ReadAll(flate.NewReader(bytes.NewReader(m.encode())))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var packed bytes.Buffer
		w, _ := flate.NewWriter(&packed, flate.BestSpeed)
		w.Write(raw)
		w.Close()
		m, err := decode(packed.Bytes())
		if err != nil {
			return
		}
		once := m.encode()
		again, err := decode(once)
		if err != nil || !bytes.Equal(again.encode(), once) {
			t.Errorf("a table of %d bytes reads differently: %v", len(once), err)
		}
	})
}

func FuzzIdentify(f *testing.F) {
	for _, s := range []string{"", "a\xff", "한국어 텍스트입니다", "package x\nfunc f() int", "e\u0301e\u0301 \u0301", "\u200d\u202e\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		code, score := Identify(s)
		if !(score >= 0 && score <= 1) || code == und && score > 0 || len(code) < 2 || len(code) > 3 {
			t.Errorf("Identify(%q) = %q, %v", s, code, score)
		}
		if again, same := Identify(s); again != code || same != score {
			t.Errorf("Identify(%q) = %q, %v, then %q, %v", s, code, score, again, same)
		}
	})
}
