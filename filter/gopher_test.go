package filter

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"temper/dataset"
)

// naive computes the repetition of n-grams straight from the definitions, on the tokens' texts.
func naive(tokens []string, n int) (top, dup int) {
	count := map[string]int{}
	best := 1
	for i := 0; i+n <= len(tokens); i++ {
		count[strings.Join(tokens[i:i+n], " ")]++
	}
	for i := 0; i+n <= len(tokens); i++ {
		g := strings.Join(tokens[i:i+n], " ")
		if count[g] > best {
			best, top = count[g], count[g]*len([]rune(g))
		}
	}
	met := map[string]bool{}
	for i := 0; i+n <= len(tokens); {
		g := strings.Join(tokens[i:i+n], " ")
		if met[g] {
			dup += len([]rune(strings.Join(tokens[i:i+n], "")))
			i += n
			continue
		}
		met[g] = true
		i++
	}
	return top, dup
}

// The pruned counting of n-grams gives what the definitions give.
func TestRepeatsAreThoseOfTheDefinition(t *testing.T) {
	texts := []string{"", "a", "a a", "a a a a a a a a a a a a a", prose, strings.Repeat("to be or not to be ", 9) + prose, strings.Repeat(prose+" ", 3)}
	state := uint64(1)
	for _, letters := range []int{2, 3, 5, 20} { // words of few kinds repeat by chance
		for range 40 {
			var b strings.Builder
			for range 60 {
				state = state*6364136223846793005 + 1442695040888963407
				fmt.Fprintf(&b, "w%d ", int(state>>33)%letters)
			}
			texts = append(texts, b.String())
		}
	}
	m := new(measure)
	for _, text := range texts {
		m.read(text)
		got := m.repeats()
		var want [lastDup + 1]int
		for n := firstTop; n <= lastDup; n++ {
			if top, dup := naive(pieces(text), n); n < firstDup {
				want[n] = top
			} else {
				want[n] = dup
			}
		}
		if got != want {
			t.Fatalf("%.60q: repeated characters %v, want %v", text, got, want)
		}
	}
}

// Tokens are cut where the documentation says.
func TestTokens(t *testing.T) {
	tests := []struct{ in, want string }{
		{"I am Frank, you're Jhon.", "I|am|Frank|,|you're|Jhon|."},
		{"e.g. 3.14 or 1,000,000, not a,b", "e.g|.|3.14|or|1,000,000|,|not|a|,|b"},
		{"well-known -- so-", "well-known|--|so|-"},
		{"foo_bar(x, y[0])...", "foo_bar|(|x|,|y|[|0|])..."},
		{"naïve cafe\u0301 l’été", "naïve|cafe\u0301|l’été"},
		{"日本語です。ok", "日|本|語|で|す|。|ok"},
		{"a\u00a0b\u2003c", "a|b|c"},
		{"\xff\xfe a\x80b", "\xff\xfe|a|\x80|b"},
	}
	for _, tt := range tests {
		if got := strings.Join(pieces(tt.in), "|"); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.in, got, tt.want)
		}
	}
}

// Each quality signal is what its definition says.
func TestQualitySignals(t *testing.T) {
	text := "- The one ...\n\n\n* and that…\n--flag x\n• ### have WITH the 42 #\n   \n"
	n := take(t, Score(stream([]dataset.Record{{ID: "a", Text: text}}), []Step{{GopherQuality: &GopherQuality{}}}))[0]
	want := dataset.Signals{"words": 10.0, "mean_word_length": 31.0 / 10, "symbol_ratio": 4.0 / 10, "bullet_lines": 3.0 / 4,
		"ellipsis_lines": 2.0 / 4, "alpha_words": 9.0 / 16, "stop_words": 5.0, "chars": float64(len([]rune(text)))}
	if !reflect.DeepEqual(n.Signals, want) {
		t.Errorf("got  %v\nwant %v", n.Signals, want)
	}
}

// Blank lines are no duplicates of each other, and lines differ in more than the spaces around them.
func TestLines(t *testing.T) {
	tests := []struct {
		text        string
		lines, para float64
	}{
		{"a\n\n\n\nb\n\n\n\nc\n", 0, 0},
		{"a\n  a\t\nb\nc", 1.0 / 4, 0},
		{"a\n\nb\n\na\n\n\na", 2.0 / 4, 2.0 / 4},
		{"\n\n \n", 0, 0},
	}
	for _, tt := range tests {
		n := take(t, Score(stream([]dataset.Record{{ID: "a", Text: tt.text}}), []Step{{GopherRepetition: &GopherRepetition{}}}))[0]
		if n.Signals["dup_line_frac"] != tt.lines || n.Signals["dup_para_frac"] != tt.para {
			t.Errorf("%q: lines %v, paragraphs %v", tt.text, n.Signals["dup_line_frac"], n.Signals["dup_para_frac"])
		}
	}
}

// FuzzNotes holds the laws on any text: no panic, edits fit, fractions are fractions, and Score then Judge is Notes.
func FuzzNotes(f *testing.F) {
	for _, r := range samples() {
		f.Add(r.Text)
	}
	f.Add("日本語 \xc3\x28 e\u0301 &amp;&lt; \u2028 a.b@c.de 192.168.0.1 ......…# - x\n\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		recs, steps := []dataset.Record{{ID: "f", Text: text}}, allSteps()
		note := take(t, Notes(stream(recs), steps))[0]
		if _, err := dataset.Apply(text, note.Edits); err != nil {
			t.Fatal(err)
		}
		for name, v := range note.Signals {
			x, ok := v.(float64)
			if ok && (math.IsNaN(x) || x < 0 || strings.HasSuffix(name, "_gram") && x > 1 || strings.HasSuffix(name, "_frac") && x > 1) {
				t.Errorf("signal %s is %v", name, x)
			}
		}
		row := take(t, dataset.Join(stream(recs), Score(stream(recs), steps)))[0]
		judged := take(t, Judge(func(yield func(dataset.Row, error) bool) { yield(row, nil) }, steps))[0]
		if asJSON(t, judged.Checks) != asJSON(t, note.Checks) {
			t.Errorf("Score then Judge: %v, Notes: %v", judged.Checks, note.Checks)
		}
	})
}
