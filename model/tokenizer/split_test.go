package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// hostile are the characters that expressions tell apart, and some that look like them.
var hostile = []rune("abcSſtTrReEvVlLdDmMKk ''\"\n\r\t\u00a0\u0085\u3000\u200b.,!?-_$+=<>0123456789२Ⅷ²½éé́ßКлмǅʰ漢字가कि😀👍\u0301\ufffd\U000e0100\U0010ffff")

func randomText(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		switch r.IntN(40) {
		case 0:
			b.WriteByte(byte(r.IntN(256))) // mostly no UTF-8
		case 1:
			b.WriteRune(rune(r.IntN(0x3000)))
		default:
			b.WriteRune(hostile[r.IntN(len(hostile))])
		}
	}
	return b.String()
}

func wordsOf(s splitter, text string) (words []string) {
	s.split(text, true, func(w string, _ bool) { words = append(words, w) })
	return words
}

// TestScanners: each scanner makes the words its expression makes by regexp2, an engine with look-ahead, of any text.
func TestScanners(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hand  splitter
		exprs []string
	}{
		{"gpt2", scanned{gpt2Words{classes(), false}}, []string{gpt2Expr}},
		{"digits apart", scanned{gpt2Words{classes(), true}}, []string{`\p{N}`, gpt2Expr}},
		{"llama3", nil, []string{spelledAny + llama3Tail}},
		{"llama3 folded", nil, []string{foldedAny + llama3Tail}},
		{"qwen2", nil, []string{spelledAny + qwen2Tail}},
		{"qwen2 folded", nil, []string{foldedAny + qwen2Tail}},
		{"qwen3.5", nil, []string{spelledAny + qwen35Tail}},
		{"cl100k", nil, []string{cl100k}},
		{"tiktoken", nil, []string{tiktoken}},
		{"letters", nil, []string{`\s?\p{L}+`}},
		{"threes", nil, []string{`[0-9][0-9][0-9]`}},
		{"up to three", nil, []string{`\p{N}{1,3}`}},
		{"trailing", nil, []string{`\s+$`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hand := tt.hand
			if hand == nil {
				var err error
				if hand, err = expression(tt.exprs[0], isolated, false); err != nil {
					t.Fatal(err)
				}
			}
			if m, ok := hand.(matched); ok {
				if _, slow := m.matcher.(lookahead); slow {
					t.Fatal("it has no scanner")
				}
			}
			var engine chain
			for _, expr := range tt.exprs {
				m, err := newLookahead(expr)
				if err != nil {
					t.Fatal(err)
				}
				engine = append(engine, matched{matcher: m})
			}
			r := rand.New(rand.NewPCG(7, 8))
			for range 4000 {
				text := randomText(r, r.IntN(24))
				if strings.Contains(tt.exprs[0], "(?i:") {
					text = strings.ReplaceAll(text, "ſ", "s") // Unicode folds the one to the other; regexp2 does not
				}
				if got, want := wordsOf(hand, text), wordsOf(engine, text); !slices.Equal(got, want) {
					t.Fatalf("%q:\n got %q\nwant %q", text, got, want)
				}
			}
		})
	}
}

// TestBehaviors: what becomes of a delimiter is what Hugging Face's documentation of SplitDelimiterBehavior shows.
func TestBehaviors(t *testing.T) {
	dash, ok := simpleRuns(`[-]`)
	if !ok {
		t.Fatal("it is no run")
	}
	for b, want := range map[behavior][]string{
		removed:      {"the", "final", "countdown"},
		isolated:     {"the", "-", "final", "-", "-", "countdown"},
		withPrevious: {"the-", "final-", "-", "countdown"},
		withNext:     {"the", "-final", "-", "-countdown"},
		contiguous:   {"the", "-", "final", "--", "countdown"},
	} {
		if got := wordsOf(matched{dash, b, false}, "the-final--countdown"); !slices.Equal(got, want) {
			t.Errorf("behavior %d: %q, want %q", b, got, want)
		}
	}
}

// TestNested: an expression that could take exponential time is refused, those in use are not.
func TestNested(t *testing.T) {
	for _, bad := range []string{`(a+)+`, `(?:\s*x*)*y`, `((a|b+)c)*`, `(a{2,})+`, `(\w+)?{2,}`, `^(a|aa)+$`, `((a|aa)b?)*`} {
		if !nested(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
	for _, exprs := range names {
		for _, expr := range exprs {
			if nested(expr) {
				t.Errorf("%q is refused", expr)
			}
		}
	}
}
