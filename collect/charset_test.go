package collect

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// TestCharset: files with a mark, and those whose encoding is named, give the texts and rows that they give in UTF-8, for any size of
// tasks and compressed too; meta says the encoding; and a byte that has no letter makes its row bad.
func TestCharset(t *testing.T) {
	files := map[string]string{
		"a.txt": "Größe und Ñandú\n\nzwei", "a.md": "# Ä\n\nerster\n\n## Ö\n\nzweiter Teil\n", "a.csv": "text,n\n\"ä, é\",1\nzwei,2\n", "a.json": "[{\"text\":\"ä\"},{\"text\":\"é ü\"}]", "a.jsonl": "{\"text\":\"ä\"}\n{\"text\":\"é ü\"}\n",
	}
	sources := map[string]func(charset string) Source{
		"a.txt": func(c string) Source { return Source{Text: &Text{Charset: c}} }, "a.md": func(c string) Source { return Source{Markdown: &Markdown{Charset: c}} },
		"a.csv": func(c string) Source { return Source{CSV: &CSV{Charset: c}} }, "a.json": func(string) Source { return Source{JSON: &JSON{}} }, "a.jsonl": func(string) Source { return Source{JSONL: &JSONL{}} },
	}
	encodings := []struct {
		name string
		enc  encoding.Encoding
		mark bool
	}{
		{"utf-16le", unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), true}, {"utf-16be", unicode.UTF16(unicode.BigEndian, unicode.UseBOM), true},
		{"utf-32le", utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), true}, {"utf-32be", utf32.UTF32(utf32.BigEndian, utf32.UseBOM), true}, {"windows-1252", charmap.Windows1252, false},
	}
	texts := func(r reading, charset string) (out []string) {
		for _, rec := range r.Records {
			out = append(out, rec.Text)
			if rec.Meta["charset"] != charset {
				t.Errorf("%q: charset %q, want %q", rec.Text, rec.Meta["charset"], charset)
			}
		}
		return out
	}
	for name, text := range files {
		want := texts(read(t, sources[name]("").WithRoot(folder(t, map[string]string{name: text})), 1<<20), "")
		for _, e := range encodings {
			if !e.mark && strings.HasPrefix(name, "a.js") {
				continue // JSON is UTF-8, or has a mark
			}
			b, err := e.enc.NewEncoder().String(text)
			if err != nil {
				t.Fatal(err)
			}
			charset := ""
			if !e.mark {
				charset = e.name
			}
			for _, end := range []string{"", ".gz"} {
				if end != "" && (name == "a.txt" || name == "a.md") {
					continue // are not read compressed
				}
				s := sources[name](charset).WithRoot(folder(t, map[string]string{name + end: pack(t, end, b)}))
				whole := read(t, s, 1<<20)
				if d := cmp.Diff(want, texts(whole, e.name)); d != "" || len(whole.Bad) > 0 {
					t.Errorf("%s%s, %s: bad %+v; want -, got +:\n%s", name, end, e.name, whole.Bad, d)
				}
				if d := cmp.Diff(whole, read(t, s, 7)); d != "" {
					t.Errorf("%s%s, %s: whole -, tasks +:\n%s", name, end, e.name, d)
				}
			}
		}
	}
	root := folder(t, map[string]string{"a.csv": "text\ngood\n\x81\n" + "caf\xe9\n"})
	got := read(t, Source{CSV: &CSV{Root: root, Charset: "shift_jis"}}, 1<<20)
	if len(got.Bad) == 0 || !strings.Contains(got.Bad[0].Reason, "no letter in shift_jis") {
		t.Errorf("bytes that are no letters: %+v", got)
	}
	if err := (Source{Text: &Text{Root: "a", Charset: "klingon"}}).Validate(); err == nil || !strings.Contains(err.Error(), "klingon") {
		t.Errorf("klingon: %v", err)
	}
}

// FuzzDecode: no bytes make the decoders fail, and what they give is UTF-8.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "\xff\xfea\x00", "\xfe\xff\xd8\x00", "\xff\xfe\x00\x00a", "\x1b$B"} {
		f.Add([]byte(s), "")
		f.Add([]byte(s), "iso-2022-jp")
	}
	b, err := japanese.ShiftJIS.NewEncoder().Bytes([]byte("日本"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, "shift_jis")
	f.Fuzz(func(t *testing.T, b []byte, named string) {
		r, name, err := Decode(bytes.NewReader(b), named)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if name != "" && !utf8.Valid(text) || name == "" && !bytes.Equal(text, b) {
			t.Errorf("%q as %q: %q", b, name, text)
		}
	})
}
