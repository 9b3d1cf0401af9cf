package tokenizer

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"temper/internal/gguf"
)

func load(t testing.TB, path string) *Tokenizer {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := FromGGUF(f)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func tinyBase(t testing.TB) *Tokenizer { return load(t, "../tiny/tiny.gguf") }

func shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("TEMPER_SHARED")
	if dir == "" {
		dir = "../../../shared/data"
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the vectors of llama.cpp are not at hand: %v", err)
	}
	return dir
}

// TestLlamaCpp: every case of llama.cpp's own vectors gives its ids, for each vocabulary of a kind that is read here.
func TestLlamaCpp(t *testing.T) {
	dir := shared(t)
	for _, name := range []string{"gpt-2", "starcoder", "refact", "llama-spm", "phi-3", "falcon", "mpt", "deepseek-llm", "deepseek-coder", "bert-bge"} {
		t.Run(name, func(t *testing.T) {
			stem := filepath.Join(dir, "gguf-vocab", "ggml-vocab-"+name+".gguf")
			tok := load(t, stem)
			vectors(t, tok, stem)
		})
	}
}

// vectors checks the 46 texts of stem.inp against the ids of stem.out.
func vectors(t *testing.T, tok *Tokenizer, stem string) {
	t.Helper()
	in, err := os.ReadFile(stem + ".inp")
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(stem + ".out")
	if err != nil {
		t.Fatal(err)
	}
	cases := strings.Split(string(in), "\n__ggml_vocab_test__\n")
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != 46 || len(cases) < len(lines) {
		t.Fatalf("%d cases, %d answers", len(cases), len(lines))
	}
	for i, line := range lines {
		if got, want := join(tok.Encode(cases[i], false)), strings.Join(strings.Fields(line), " "); got != want {
			t.Errorf("%q:\n got %s\nwant %s", cases[i], got, want)
		}
	}
}

func join(ids []int32) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(itoa(id))
	}
	return b.String()
}

func itoa(n int32) string {
	if n >= 10 {
		return itoa(n/10) + string(rune('0'+n%10))
	}
	return string(rune('0' + n))
}

// TestRoundTrip: any bytes decode to themselves, and control tokens are text unless asked for.
func TestRoundTrip(t *testing.T) {
	tok := tinyBase(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		b := make([]byte, r.IntN(200))
		for i := range b {
			b[i] = " \n\tab'1é\xff\x00"[r.IntN(11)] + byte(r.IntN(2)*r.IntN(256))
		}
		if got := tok.Decode(tok.Encode(string(b), false)); got != string(b) {
			t.Fatalf("%q came back as %q", b, got)
		}
	}
	plain, special := tok.Encode("<|im_end|>", false), tok.Encode("a<|im_end|>", true)
	if len(plain) < 2 || len(special) != 2 || !tok.IsControl(special[1]) {
		t.Errorf("plain %v, special %v", plain, special)
	}
}

// TestSpaces: SentencePiece's space goes before every text between tokens, as llama.cpp's server has it for this model.
func TestSpaces(t *testing.T) {
	tok := load(t, filepath.Join(shared(t), "models", "stories260K.gguf"))
	for in, want := range map[string]string{"a b": "261 268", "<s>a</s>b": "1 261 2 268", " </s> b": "410 410 2 410 268", "x</s>": "410 444 2", "<s>": "1"} {
		if got := join(tok.Encode(in, true)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// TestHostile: a megabyte of one letter comes back; merging it in quadratic time would take hours.
func TestHostile(t *testing.T) {
	tok, text := tinyBase(t), strings.Repeat("a", 1<<20)
	if tok.Decode(tok.Encode(text, false)) != text {
		t.Error("it came back changed")
	}
}

// TestDigits: the smollm pre-tokenizer parts digits, GPT-2's does not.
func TestDigits(t *testing.T) {
	words := func(f scanner, s string) (w []string) {
		scanned{f}.split(s, true, func(x string, _ bool) { w = append(w, x) })
		return w
	}
	gpt2, digitsApart := gpt2Words{classes(), false}, gpt2Words{classes(), true}
	for _, tt := range []struct {
		in          string
		gpt, smollm []string
	}{
		{"it's 1234  ok", []string{"it", "'s", " 1234", " ", " ok"}, []string{"it", "'s", " ", "1", "2", "3", "4", " ", " ok"}},
		{"x\n\n y", []string{"x", "\n\n", " y"}, []string{"x", "\n\n", " y"}},
		{"end  ", []string{"end", "  "}, []string{"end", "  "}},
	} {
		if got := words(gpt2, tt.in); !slices.Equal(got, tt.gpt) {
			t.Errorf("gpt2(%q) = %q, want %q", tt.in, got, tt.gpt)
		}
		if got := words(digitsApart, tt.in); !slices.Equal(got, tt.smollm) {
			t.Errorf("digitsApart(%q) = %q, want %q", tt.in, got, tt.smollm)
		}
	}
}

func FuzzEncode(f *testing.F) {
	tok := tinyBase(f)
	f.Add("it's 1234  ok<|im_end|>")
	f.Fuzz(func(t *testing.T, s string) {
		if got := tok.Decode(tok.Encode(s, false)); got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	})
}
