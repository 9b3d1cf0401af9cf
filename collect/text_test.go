package collect

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestMarkdown: headings outside of code cut the text; meta has title and path; the bytes of a section are those of the file.
func TestMarkdown(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string // path: first and last word of the text
	}{
		{"before the first heading", "intro\n\n# A\ntext\n", []string{": intro intro", "A: # text"}},
		{"levels", "# A\na\n## B\nb\n### C\nc\n## D\nd\n# E\ne", []string{"A: # a", "A > B: ## b", "A > B > C: ### c", "A > D: ## d", "E: # e"}},
		{"a level left out", "# A\n\n### C\nc\n# D\nd", []string{"A > C: ### c", "D: # d"}},
		{"heading alone", "# A\n\n## B\nb\n\n## C\n", []string{"A > B: ## b"}},
		{"closing marks", "## A b ##\nc\n# D#\nd", []string{"A b: ## c", "D#: # d"}},
		{"no heading", "#A\n####### B\n    # C\n\\# D", []string{": #A D"}},
		{"three blanks", "   # A\na", []string{"A: # a"}},
		{"fenced code", "# A\n```go\n# B\n```\n# C\n~~~\n# D\n```\n# E\n~~~~\n# F\nf", []string{"A: # ```", "C: # ~~~~", "F: # f"}},
		{"code that does not end", "# A\n```\n# B\n", []string{"A: # B"}},
		{"three ticks in a line", "# A\n```a``` b\n# B\nb", []string{"A: # b", "B: # b"}},
		{"line ends of Windows", "# A\r\na\r\n# B\r\nb\r\n", []string{"A: # a", "B: # b"}},
		{"byte order mark", "\ufeff# A\na", []string{"A: # a"}},
		{"empty", "", nil},
		{"only headings", "# A\n## B\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := folder(t, map[string]string{"a.md": tt.text})
			var got []string
			for _, rec := range read(t, Source{Markdown: &Markdown{Root: root}}, 1<<20).Records {
				words := strings.Fields(rec.Text)
				got = append(got, rec.Meta["path"]+": "+words[0]+" "+words[len(words)-1])
				if at := tt.text[rec.Source.Offset : rec.Source.Offset+rec.Source.Length]; at != rec.Text {
					t.Errorf("source %q, text %q", at, rec.Text)
				}
				if row := strings.Count(tt.text[:rec.Source.Offset], "\n") + 1; rec.Source.Row != int64(row) {
					t.Errorf("%q: row %d, want %d", rec.Text, rec.Source.Row, row)
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("want -, got +:\n%s", d)
			}
		})
	}
}

// TestText: whole files, or their paragraphs, without the white space around them; a file that is not UTF-8 is in quarantine at its
// first bad byte, and the others are read.
func TestText(t *testing.T) {
	root := folder(t, map[string]string{
		"a.txt":     "\ufeff\n one\ntwo \n\n \t\n\r\nthree\r\n\r\nfour",
		"b.txt":     "fine\nthen \xff not",
		"c/d.txt":   "below",
		"empty.txt": " \n",
		"no.text":   "another name",
	})
	texts := func(split string, size int64) (out []string) {
		got := read(t, Source{Text: &Text{Root: root, Split: split}}, size)
		for _, rec := range got.Records {
			out = append(out, rec.Text)
		}
		if len(got.Bad) != 1 || got.Bad[0].Source.URI != "b.txt" || got.Bad[0].Source.Offset != 10 || got.Bad[0].Source.Row != 2 {
			t.Errorf("bad: %+v; want b.txt at 10, row 2", got.Bad)
		}
		return out
	}
	if d := cmp.Diff([]string{"one\ntwo \n\n \t\n\r\nthree\r\n\r\nfour", "below"}, texts("file", 1)); d != "" {
		t.Errorf("files: want -, got +:\n%s", d)
	}
	if d := cmp.Diff([]string{"one\ntwo", "three", "four", "below"}, texts("paragraph", 1<<20)); d != "" {
		t.Errorf("paragraphs: want -, got +:\n%s", d)
	}
}

// TestSectionsCover: sections stand in the order of the text and do not overlap; but for white space, all text is in one, and for
// Markdown all but headings with nothing below them.
func TestSectionsCover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(rapid.StringMatching("(#{1,3} ?[ab]?|```|~~~|a|é|  |\r?\n){0,40}").Draw(t, "text"))
		for name, cut := range map[string]func([]byte) []section{"paragraphs": cutParagraphs, "headings": headings} {
			at, missing := 0, ""
			for _, s := range cut(b) {
				if s.from < at || s.to < s.from || s.to > len(b) {
					t.Fatalf("%s: %d to %d, after %d, of %d", name, s.from, s.to, at, len(b))
				}
				missing += string(b[at:s.from])
				at = s.to
			}
			missing += string(b[at:])
			for line := range strings.Lines(missing) {
				level, _ := heading(strings.TrimLeft(strings.TrimRight(line, "\r\n"), " "))
				if strings.TrimSpace(line) != "" && (name == "paragraphs" || level == 0) {
					t.Errorf("%s: line %q is in no section", name, line)
				}
			}
		}
	})
}

// cutParagraphs is the paragraphs of b as sections.
func cutParagraphs(b []byte) (out []section) {
	in := &paragraphs{w: &window{r: bytes.NewReader(b)}}
	for {
		s, ok, err := in.next()
		if err != nil || !ok {
			return out
		}
		out = append(out, section{from: int(s.from), to: int(s.from + s.length)})
	}
}

// FuzzText: no bytes make the readers panic; what a record says is in the file at its place, and valid UTF-8.
func FuzzText(f *testing.F) {
	for _, text := range []string{"", "\ufeff", "a\n\nb", "# A\n```\n# B", "## \n#\t#\n ####### x", "\xff", "~~~\n~~~~ \n# A #"} {
		f.Add([]byte(text))
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(filepath.Join(root, "a.txt"), text, 0o644); err != nil {
			t.Fatal(err)
		}
		all := []string{"a.txt"}
		for _, s := range []Source{{Text: &Text{Root: root}}, {Text: &Text{Root: root, Split: "paragraph"}}, {Markdown: &Markdown{Root: root, Include: all}}} {
			got := read(t, s, 1)
			for _, rec := range got.Records {
				if at := string(text[rec.Source.Offset : rec.Source.Offset+rec.Source.Length]); at != rec.Text || rec.Text == "" {
					t.Errorf("%s: source %q, text %q", s.Name(), at, rec.Text)
				}
			}
			if utf8.Valid(text) != (len(got.Bad) == 0) {
				t.Errorf("%s: bad %v", s.Name(), got.Bad)
			}
		}
	})
}
