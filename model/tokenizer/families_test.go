package tokenizer

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"temper/internal/gguf"
)

// answers are texts with the ids of a reference library.
type answers []struct {
	Text string  `json:"text"`
	IDs  []int32 `json:"ids"`
}

func (a answers) check(t *testing.T, tok *Tokenizer, special bool) {
	t.Helper()
	if len(a) < 40 {
		t.Fatalf("%d answers", len(a))
	}
	for _, c := range a {
		if got := tok.Encode(c.Text, special); !slices.Equal(got, c.IDs) {
			t.Errorf("%q:\n got %v\nwant %v", c.Text, got, c.IDs)
		}
	}
}

func readAnswers(t testing.TB, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// TestHuggingFace: tokenizers of every kind give the ids of Hugging Face's library, version 0.23.3 (testdata/make.py).
func TestHuggingFace(t *testing.T) {
	var families []struct {
		Name      string          `json:"name"`
		Tokenizer json.RawMessage `json:"tokenizer"`
		Plain     []int32         `json:"plain"`
		Wrapped   []int32         `json:"wrapped"`
		Cases     answers         `json:"cases"`
	}
	readAnswers(t, "families.json", &families)
	for _, f := range families {
		t.Run(f.Name, func(t *testing.T) {
			tok, err := parseJSON(f.Tokenizer)
			if err != nil {
				t.Fatal(err)
			}
			f.Cases.check(t, tok, true)
			if got := slices.Concat(tok.before, f.Plain, tok.after); !slices.Equal(got, f.Wrapped) {
				t.Errorf("%v with what goes around it is %v, want %v", f.Plain, got, f.Wrapped)
			}
		})
	}
}

// sentencePiece is a folder's tokenizer that has the tokenizer.model of testdata, and no tokenizer.json.
func sentencePiece(t *testing.T, name string) *Tokenizer {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".model"))
	dir := t.TempDir()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "tokenizer.model"), b, 0o600)
	}
	var tok *Tokenizer
	if err == nil {
		tok, err = FromHF(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestSentencePiece: tokenizer.model files give the ids of sentencepiece, version 0.2.3 (testdata/make.py).
func TestSentencePiece(t *testing.T) {
	all := map[string]answers{}
	readAnswers(t, "sentencepiece.json", &all)
	for name, cases := range all {
		t.Run(name, func(t *testing.T) {
			cases.check(t, sentencePiece(t, name), false)
		})
	}
}

// TestGGUFUnigram: a unigram model as GGUF carries it, with its character map, gives the ids of its tokenizer.model.
func TestGGUFUnigram(t *testing.T) {
	all := map[string]answers{}
	readAnswers(t, "sentencepiece.json", &all)
	b, err := os.ReadFile("testdata/unigram.model")
	if err != nil {
		t.Fatal(err)
	}
	m, err := readSentencePiece(b)
	if err != nil {
		t.Fatal(err)
	}
	kinds, scores := make([]int32, len(m.kinds)), make([]float32, len(m.scores))
	for i := range kinds {
		kinds[i], scores[i] = int32(m.kinds[i]), float32(m.scores[i])
	}
	bytes := binary.LittleEndian.AppendUint64([]byte{9, 0, 0, 0, 0, 0, 0, 0}, uint64(len(m.charsMap)))
	const ggml = "tokenizer.ggml."
	var out strings.Builder
	w, err := gguf.NewWriter(&out, []gguf.Pair{
		{Key: ggml + "model", Value: gguf.Text("t5")}, {Key: ggml + "tokens", Value: gguf.Texts(m.tokens)}, {Key: ggml + "scores", Value: gguf.Float32s(scores)},
		{Key: ggml + "token_type", Value: gguf.Int32s(kinds)}, {Key: ggml + "unknown_token_id", Value: gguf.Uint32(uint32(m.unknown))},
		{Key: ggml + "add_space_prefix", Value: gguf.Bool(m.prefix)}, {Key: ggml + "remove_extra_whitespaces", Value: gguf.Bool(m.squeeze)},
		{Key: ggml + "precompiled_charsmap", Value: append(bytes, m.charsMap...)},
	}, nil)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse([]byte(out.String()), "unigram.gguf")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := FromGGUF(f)
	if err != nil {
		t.Fatal(err)
	}
	all["unigram"].check(t, tok, false)
}

// TestQwen3: Qwen 3's tokenizer.json gives the ids of llama.cpp's vectors for the Qwen 2 vocabulary, which it extends.
func TestQwen3(t *testing.T) {
	dir := shared(t)
	tok, err := FromHF(filepath.Join(dir, "tokenizers", "qwen3"))
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := tok.EOS(); !ok || tok.Token(id) != "<|im_end|>" {
		t.Errorf("EOS is %q", tok.Token(id))
	}
	for _, name := range []string{"qwen2", "deepseek-r1-qwen"} {
		vectors(t, tok, filepath.Join(dir, "gguf-vocab", "ggml-vocab-"+name+".gguf"))
	}
}

// TestEnds: the tokens around a text are those of tokenizer_config.json, or of the template; BOS is expected where the
// template begins with it.
func TestEnds(t *testing.T) {
	const (
		model    = `"added_tokens":[{"id":2,"content":"<s>","special":true},{"id":3,"content":"</s>","special":true}],"model":{"type":"WordPiece","unk_token":"a","vocab":{"a":0,"b":1}}`
		plain    = `{` + model + `}`
		template = `{` + model + `,"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}],"special_tokens":{"<s>":{"ids":[2]}}}}`
	)
	for _, tt := range []struct {
		name, tokenizer, config string
		bos, eos                int32
		add                     bool
	}{
		{"nothing is said", plain, "", -1, -1, false},
		{"texts", plain, `{"bos_token":"<s>","eos_token":"</s>"}`, 2, 3, false},
		{"objects", plain, `{"bos_token":{"content":"<s>"},"eos_token":{"content":"</s>"},"add_bos_token":true}`, 2, 3, false},
		{"the template", template, "", 2, -1, true},
		{"the template begins otherwise", template, `{"bos_token":"</s>"}`, 3, -1, false},
		{"null", template, `{"bos_token":null,"eos_token":null}`, 2, -1, true},
	} {
		dir := t.TempDir()
		files := map[string]string{"tokenizer.json": tt.tokenizer}
		if tt.config != "" {
			files["tokenizer_config.json"] = tt.config
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		tok, err := FromHF(dir)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		bos, _ := tok.BOS()
		eos, _ := tok.EOS()
		if bos != tt.bos || eos != tt.eos || tok.AddBOS() != tt.add {
			t.Errorf("%s: BOS %d, EOS %d, added %v; want %d, %d, %v", tt.name, bos, eos, tok.AddBOS(), tt.bos, tt.eos, tt.add)
		}
	}
	if _, err := FromHF(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: %v, want fs.ErrNotExist", err)
	}
}

// TestDecode: the text of ids comes back, but for what the model does not keep.
func TestDecode(t *testing.T) {
	tok := sentencePiece(t, "bpe")
	for _, s := range []string{"a b  c", "naïve 漢字\n\x00"} {
		if got := tok.Decode(tok.Encode(s, false)); got != " "+s {
			t.Errorf("%q came back as %q", s, got)
		}
	}
	var families []struct {
		Name      string          `json:"name"`
		Tokenizer json.RawMessage `json:"tokenizer"`
	}
	readAnswers(t, "families.json", &families)
	for _, f := range families {
		want, in := "", "The data, the MODEL"
		switch {
		case f.Name == "bert":
			want = "the data , the model"
		case f.Name == "digits apart", f.Name == "llama3":
			want = in
		default:
			continue
		}
		tok, err := parseJSON(f.Tokenizer)
		if err != nil {
			t.Fatal(err)
		}
		if got := tok.Decode(tok.Encode(in, false)); got != want {
			t.Errorf("%s: %q came back as %q, want %q", f.Name, in, got, want)
		}
	}
}

// TestRefused: what is broken or not known is an error that says what, never another tokenizer.
func TestRefused(t *testing.T) {
	const vocab = `"model":{"type":"WordPiece","unk_token":"a","vocab":{"a":0,"b":1}}`
	for in, want := range map[string]string{
		`{`: "malformed",
		`{"model":{"type":"BPE","vocab":{},"merges":[]}}`:                                                    "vocabulary of 0",
		`{"model":{"type":"Words","vocab":{"a":0}}}`:                                                         `"Words"`,
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}`:                                          "merge 0",
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a","b","c"]]}}`:                                  "merge",
		`{"model":{"type":"BPE","vocab":{"a":5000000},"merges":[]}}`:                                         "id 5000000",
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}}`:                                 "dropout",
		`{"pre_tokenizer":{"type":"UnicodeScripts"},` + vocab + `}`:                                          "UnicodeScripts",
		`{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a+)+"},"behavior":"Isolated"},` + vocab + `}`: "repeats a repetition",
		`{"normalizer":{"type":"Sequence","normalizers":[` + strings.Repeat(`{"type":"Replace","pattern":{"String":"a"},"content":"aaaa"},`, 8) + `{"type":"NFC"}]},` + vocab + `}`: "times as long",
		`{"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAA"},` + vocab + `}`:                                                                                         "character map",
		`{"post_processor":{"type":"BertProcessing","cls":["a",9],"sep":["b",1]},` + vocab + `}`:                                                                                    "token 9",
	} {
		if _, err := parseJSON([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", in, err, want)
		}
	}
	deep := strings.Repeat(`{"type":"Sequence","normalizers":[`, 40) + `{"type":"NFC"}` + strings.Repeat(`]}`, 40)
	if _, err := parseJSON([]byte(`{"normalizer":` + deep + `,` + vocab + `}`)); err == nil || !strings.Contains(err.Error(), "deep") {
		t.Errorf("deep sequences: %v", err)
	}
}

// FuzzJSON: no tokenizer.json panics, and what is read encodes any text.
func FuzzJSON(f *testing.F) {
	const bpe = `"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"vocab":{"<unk>":0,"▁":1,"a":2,"b":3,"ab":4,"▁ab":5,"<0x0A>":6},"merges":["a b",["▁","ab"]]`
	for _, s := range []string{
		`{` + bpe + `,"byte_fallback":true},"normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}}`,
		`{` + bpe + `,"ignore_merges":true},"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"},"added_tokens":[{"id":7,"content":"<s>","special":true,"lstrip":true}]}`,
		`{` + bpe + `,"end_of_word_suffix":"b"},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\p{L}+(?!\\S)|b"},"behavior":"MergedWithNext","invert":true},"normalizer":{"type":"NFKD"}}`,
		`{"model":{"type":"Unigram","unk_id":0,"vocab":[["u",0],["▁a",-1.5],["a",-2],["b",-3]]},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace"}]}}`,
		`{"model":{"type":"WordPiece","unk_token":"u","vocab":{"u":0,"a":1,"##b":2}},"normalizer":{"type":"BertNormalizer"},"pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":{"type":"BertProcessing","cls":["a",1],"sep":["u",0]}}`,
		`{"model":{"type":"WordPiece","unk_token":"u","vocab":{"u":0}},"normalizer":{"type":"Precompiled","precompiled_charsmap":"CAAAAAAAAAAAAAAAYQA="}}`,
	} {
		f.Add([]byte(s), "ab <s> ab\n 漢字")
	}
	f.Fuzz(func(t *testing.T, b []byte, text string) {
		if tok, err := parseJSON(b); err == nil {
			tok.Decode(tok.Encode(text, true))
		}
	})
}

// FuzzSentencePiece: no tokenizer.model panics, and what is read encodes any text.
func FuzzSentencePiece(f *testing.F) {
	piece := func(text string, score byte, kind byte) []byte {
		b := append([]byte{0x0a, byte(len(text))}, text...)
		b = append(b, 0x15, 0, 0, score, 0xc0, 0x18, kind)
		return append([]byte{0x0a, byte(len(b))}, b...)
	}
	for _, model := range []byte{1, 2} {
		b := slices.Concat(piece("<unk>", 0, unknown), piece("<s>", 0, control), piece("▁", 1, normal), piece("a", 2, normal), piece("▁a", 3, normal),
			piece("<0x0A>", 0, byteToken), piece("x y", 0, userDefined), []byte{0x12, 2, 0x18, model})
		f.Add(b, "a aa x y\n")
		f.Add(append(b, 0x1a, 18, 0x12, 16, 8, 0, 0, 0, 0, 4, 0, 0, 'a', 0, 0, 0, 0, 0, 0, 0), "a aa x y\n")
	}
	f.Fuzz(func(t *testing.T, b []byte, text string) {
		if tok, err := parseSentencePiece(b); err == nil {
			tok.Decode(tok.Encode(text, true))
		}
	})
}
