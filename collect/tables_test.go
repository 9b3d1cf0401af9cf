package collect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"
)

// csvFile draws a table as they come: quoted cells with line ends, quotes that do not close, rows of other lengths, no header.
func csvFile(t *rapid.T) string {
	cell := rapid.OneOf(rapid.StringMatching(`[a-zé ]{0,6}`), rapid.Just(`"a ""b"" c"`), rapid.Just("\"two\nlines\""), rapid.Just(`"open`),
		rapid.Just(`"closed" and more`), rapid.Just(`bare "quote"`), rapid.Just("\xff"), rapid.Just(`""`))
	row := rapid.Custom(func(t *rapid.T) string {
		n := rapid.SampledFrom([]int{2, 2, 2, 2, 1, 3}).Draw(t, "n")
		return strings.Join(rapid.SliceOfN(cell, n, n).Draw(t, "cells"), ",")
	})
	end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")
	return rapid.SampledFrom([]string{"", "\ufeff"}).Draw(t, "mark") + rapid.SampledFrom([]string{"text,n", "n,text", "n,\"te", ""}).Draw(t, "head") + end +
		strings.Join(rapid.SliceOfN(row, 0, 30).Draw(t, "rows"), end) + rapid.SampledFrom([]string{"", end}).Draw(t, "last")
}

// jsonFile draws arrays, and values one after another, with broken ones among them.
func jsonFile(t *rapid.T) string {
	value := rapid.OneOf(rapid.Just(`{"text":"a ] } \" b"}`), rapid.Just(`{"instruction":"do","input":"it","output":"done"}`), rapid.Just(`[{"text":"nested"}]`), rapid.Just(`12`),
		rapid.Just(`"word"`), rapid.Just("{\n  \"conversations\": [{\"from\":\"human\",\"value\":\"q\"},{\"from\":\"gpt\",\"value\":\"a\"}]\n}"), rapid.Just(`{"text":`), rapid.Just(`}`), rapid.Just(`]`), rapid.Just("\xff"))
	sep := rapid.SampledFrom([]string{",", ",\n", "\n", " "}).Draw(t, "sep")
	text := strings.Join(rapid.SliceOfN(value, 0, 20).Draw(t, "values"), sep)
	if rapid.Bool().Draw(t, "array") {
		text = "[" + text + "]"
	}
	return rapid.SampledFrom([]string{"", "\ufeff", "\n "}).Draw(t, "before") + text
}

// textFile draws paragraphs.
func textFile(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "\ufeff"}).Draw(t, "mark") + rapid.StringMatching("(a|é| |\t|\n|\r\n|\n\n){0,80}").Draw(t, "text") +
		rapid.SampledFrom([]string{"", "\n\n\xff\n\nb"}).Draw(t, "end")
}

// TestAnyTasks: tables, arrays and paragraphs give the same records, IDs, places and quarantine, in the same order, whatever the size
// of the tasks, and a record's place in the file is the bytes it came from.
func TestAnyTasks(t *testing.T) {
	tests := []struct {
		name string
		file func(*rapid.T) string
		with Source
	}{
		{"a.csv", csvFile, Source{CSV: &CSV{}}},
		{"a.csv", csvFile, Source{CSV: &CSV{Columns: []string{"x", "y"}, Text: "y", Quotes: "none"}}},
		{"a.json", jsonFile, Source{JSON: &JSON{}}},
		{"a.txt", textFile, Source{Text: &Text{Split: "paragraph"}}},
	}
	for i, tt := range tests {
		t.Run(fmt.Sprint(i, tt.name), func(t *testing.T) {
			root := t.TempDir()
			rapid.Check(t, func(t *rapid.T) {
				text := tt.file(t)
				if err := os.WriteFile(filepath.Join(root, tt.name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				s := tt.with.WithRoot(root)
				want := read(t, s, 1<<30)
				size := rapid.SampledFrom([]int64{1, 3, 16, 100}).Draw(t, "size")
				if d := cmp.Diff(want, read(t, s, size)); d != "" {
					t.Errorf("tasks of %d bytes of %q: whole -, tasks +:\n%s", size, text, d)
				}
				for _, rec := range want.Records {
					if s := rec.Source; s.Length <= 0 || s.Row != int64(1+strings.Count(text[:s.Offset], "\n")) || s.Offset+s.Length > int64(len(text)) {
						t.Errorf("%q: place %+v", text, s)
					}
				}
			})
		})
	}
}

// TestCSV: header, quoted cells, a named text column, another separator, no header; what is wrong is named with its line, and the rows
// after it are read.
func TestCSV(t *testing.T) {
	const table = "id,text,note\n1,\"one, and\n\"\"two\"\"\",x\n2,\"open,y\n3,three,z\n4,four\n5,a \"b\",\n"
	tests := []struct {
		name, file, in string
		with           CSV
		texts, bad     []string
	}{
		{"quoted", "a.csv", table, CSV{}, []string{"one, and\n\"two\"", "three", "a \"b\""}, []string{"4 a quoted cell does not close", "6 2 cells, the table has 3"}},
		{"a text column", "a.csv", table, CSV{Text: "note"}, []string{"x", "z", ""}, []string{"4 a quoted", "6 2 cells"}},
		{"no such column", "a.csv", "a,b\n1,2\n", CSV{Text: "c"}, nil, []string{`2 no column or field "c"`}},
		{"tabs", "a.tsv", "text\tn\r\na, b\t1\r\n", CSV{}, []string{"a, b"}, nil},
		{"packed tabs", "a.tsv.gz", "text\tn\na, b\t1\n", CSV{}, []string{"a, b"}, nil},
		{"no quotes", "a.tsv", "text\tn\n\"a\" b\t1\n", CSV{Quotes: "none"}, []string{"\"a\" b"}, nil},
		{"semicolons", "a.csv", "text;n\na,b;1\n", CSV{Separator: "semicolon"}, []string{"a,b"}, nil},
		{"no header", "a.csv", "1,one\n2,two\n", CSV{Columns: []string{"n", "text"}}, []string{"one", "two"}, nil},
		{"question and answer", "a.csv", "question,answer\nq,a\n", CSV{}, []string{""}, nil},
		{"two of a name", "a.csv", "a,a\n1,2\n", CSV{}, nil, []string{`1 the header: two columns are named "a"`}},
		{"empty", "a.csv", "", CSV{}, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.with
			c.Root = folder(t, map[string]string{tt.file: pack(t, tt.file, tt.in)})
			got := read(t, Source{CSV: &c}, 1<<20)
			var texts, bad []string
			for _, rec := range got.Records {
				texts = append(texts, rec.Text)
			}
			for _, b := range got.Bad {
				bad = append(bad, fmt.Sprint(b.Source.Row, " ", b.Reason))
			}
			if d := cmp.Diff(tt.texts, texts); d != "" {
				t.Errorf("want -, got +:\n%s", d)
			}
			if len(bad) != len(tt.bad) {
				t.Fatalf("bad %q, want %q", bad, tt.bad)
			}
			for i := range bad {
				if !strings.HasPrefix(bad[i], tt.bad[i]) {
					t.Errorf("bad %q, want %q", bad[i], tt.bad[i])
				}
			}
		})
	}
}

// TestChats: the shapes of chat logs, in JSON arrays, give conversations; a turn nobody speaks is bad and does not hide the next.
func TestChats(t *testing.T) {
	root := folder(t, map[string]string{"sharegpt.json": `[
  {"id": "a", "conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
  {"id": "b", "conversations": [{"from": "ghost", "value": "boo"}]},
  {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "model": "m"},
  {"instruction": "i", "input": "", "output": "o"},
  {"instruction": "i", "input": "x", "output": "o"}
]`})
	got := read(t, Source{JSON: &JSON{Root: root}}, 1<<20)
	var turns []string
	for _, rec := range got.Records {
		s := ""
		for _, m := range rec.Messages {
			s += m.Role + ":" + m.Content + "|"
		}
		turns = append(turns, s)
	}
	want := []string{"system:s|user:q|assistant:a|", "user:q|assistant:a|", "user:i|assistant:o|", "user:i\n\nx|assistant:o|"}
	if d := cmp.Diff(want, turns); d != "" {
		t.Errorf("want -, got +:\n%s", d)
	}
	if len(got.Bad) != 1 || got.Bad[0].Source.Row != 3 || !strings.Contains(got.Bad[0].Reason, "ghost") {
		t.Errorf("bad %+v, want the ghost on line 3", got.Bad)
	}
}

// parquetFile writes rows in row groups of n.
func parquetFile(tb failer, rows, n int) []byte {
	type turn struct {
		From  string `parquet:"from"`
		Value string `parquet:"value"`
	}
	type row struct {
		Body          string `parquet:"body"`
		N             int64  `parquet:"n"`
		Conversations []turn `parquet:"conversations,list"`
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b, parquet.MaxRowsPerRowGroup(int64(n)))
	for i := range rows {
		r := row{Body: fmt.Sprintf("row %d of the table", i), N: int64(i)}
		if i%3 == 1 {
			r.Conversations = []turn{{"human", "q" + fmt.Sprint(i)}, {"gpt", "a"}}
		}
		if _, err := w.Write([]row{r}); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// TestParquetTasks: a table of many row groups gives the same rows with the same numbers for any size of tasks, also where some bytes
// of it are broken; conversations are read, or the column that is named.
func TestParquetTasks(t *testing.T) {
	good := parquetFile(t, 100, 10)
	broken := bytes.Clone(good)
	for i := range 40 {
		broken[len(good)/3+i] ^= 0x5a
	}
	for name, file := range map[string][]byte{"good": good, "broken": broken, "cut": good[:len(good)/2], "empty": {}} {
		for _, text := range []string{"", "body"} {
			t.Run(name+" "+text, func(t *testing.T) {
				s := Source{Parquet: &Parquet{Root: folder(t, map[string]string{"a.parquet": string(file)}), Text: text}}
				want := read(t, s, 1<<30)
				for _, size := range []int64{100, 1000, 3000} {
					if d := cmp.Diff(want, read(t, s, size)); d != "" {
						t.Errorf("tasks of %d bytes: whole -, tasks +:\n%s", size, d)
					}
				}
				switch {
				case name == "good" && text == "body":
					if len(want.Records) != 100 || want.Records[42].Text != "row 42 of the table" || want.Records[42].Source.Row != 43 || want.Records[42].Meta["n"] != "42" {
						t.Errorf("%d records, the 43rd %+v", len(want.Records), want.Records[42])
					}
				case name == "good":
					if len(want.Records) != 33 || len(want.Bad) != 67 || len(want.Records[0].Messages) != 2 {
						t.Errorf("%d conversations and %d rows without one; want 33 and 67", len(want.Records), len(want.Bad))
					}
				case len(want.Bad) == 0:
					t.Error("nothing in quarantine")
				}
			})
		}
	}
}

// marked reports whether a text is in another encoding by its mark, so that places are not in its bytes.
func marked(text []byte) bool {
	name, _ := encodingOf(text, "")
	return name != ""
}

// FuzzTables: no bytes make the readers of tables and arrays panic; whole and in small tasks they give the same.
func FuzzTables(f *testing.F) {
	for _, text := range []string{"", "text,n\na,1\n", "text\n\"a\n", "[{\"text\":\"a\"},{]", "[[1]]", "{}{}", "\ufeff[\"a", "a\n\n\n b \n\nc", "\"\"\"\n"} {
		f.Add([]byte(text))
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<12 || bytes.HasPrefix(text, []byte{0x1f, 0x8b}) || bytes.HasPrefix(text, []byte{0x28, 0xb5, 0x2f, 0xfd}) || bytes.HasPrefix(text, []byte("\xfd7zXZ")) || marked(text) {
			t.Skip("compressed, or more than this test reads")
		}
		if err := os.WriteFile(filepath.Join(root, "a"), text, 0o644); err != nil {
			t.Fatal(err)
		}
		all := []string{"a"}
		for _, s := range []Source{{CSV: &CSV{Root: root, Include: all}}, {JSON: &JSON{Root: root, Include: all}}, {Text: &Text{Root: root, Include: all, Split: "paragraph"}}} {
			whole := read(t, s, 1<<20)
			if d := cmp.Diff(whole, read(t, s, 7)); d != "" {
				t.Errorf("%s: whole -, tasks +:\n%s", s.Name(), d)
			}
			for _, rec := range whole.Records {
				var v any
				at := text[rec.Source.Offset : rec.Source.Offset+rec.Source.Length]
				if s.JSON != nil && json.Unmarshal(at, &v) != nil {
					t.Errorf("%q is no JSON value", at)
				}
			}
		}
	})
}
