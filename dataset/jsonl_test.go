package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// TestForms: each known form of a row gives the record it means.
func TestForms(t *testing.T) {
	turns := func(q, a string) []Message { return []Message{{"user", q}, {"assistant", a}} }
	tests := []struct {
		name, line string
		want       Record
	}{
		{"text", `{"text":"hello"}`, Record{Text: "hello"}},
		{"content", `{"content":"hello"}`, Record{Text: "hello"}},
		{"text before content", `{"text":"hello","content":"other"}`, Record{Text: "hello", Meta: Meta{"content": "other"}}},
		{"empty text is a text", `{"text":""}`, Record{}},
		{"openai", `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}`, Record{Messages: turns("q", "a")}},
		{"sharegpt", `{"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]}`, Record{Messages: turns("q", "a")}},
		{"alpaca", `{"instruction":"do","input":"this","output":"done"}`, Record{Messages: turns("do\n\nthis", "done")}},
		{"alpaca without input", `{"instruction":"do","input":"","output":"done"}`, Record{Messages: turns("do", "done")}},
		{"question", `{"question":"q","answer":"a","level":"hard"}`, Record{Messages: turns("q", "a"), Meta: Meta{"level": "hard"}}},
		{"prompt", `{"prompt":"p","completion":"c"}`, Record{Messages: turns("p", "c")}},
		{"HumanEval", `{"prompt":"p","canonical_solution":"c","entry_point":"f"}`, Record{Messages: turns("p", "c"), Meta: Meta{"entry_point": "f"}}},
		{"scalars are meta", `{"text":"x","n":12345678901234567890,"f":1.50,"b":true,"z":null,"o":{"a":1},"l":[1]}`,
			Record{Text: "x", Meta: Meta{"n": "12345678901234567890", "f": "1.50", "b": "true"}}},
		{"id and cluster", `{"id":"r1","text":"x","cluster":"c","parents":["p"]}`, Record{ID: "r1", Text: "x", Cluster: "c", Parents: []string{"p"}}},
		{"id of a number", `{"id":7,"text":"x"}`, Record{ID: "7", Text: "x"}},
		{"own source", `{"id":"r","text":"x","source":{"uri":"u","offset":3,"length":4},"meta":{"k":"v"},"signals":{"n":1}}`,
			Record{ID: "r", Text: "x", Source: Source{URI: "u", Offset: 3, Length: 4}, Meta: Meta{"k": "v"}}},
		{"source of a string", `{"text":"x","source":"web"}`, Record{Text: "x", Meta: Meta{"source": "web"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := gather(ReadJSONL(strings.NewReader(tt.line), Source{URI: "f", SHA256: "d", License: "MIT"}, nil))
			if err != nil || len(got) != 1 {
				t.Fatalf("%d records, %v", len(got), err)
			}
			want := tt.want
			if want.Source.URI == "" {
				want.Source = Source{URI: "f", Length: int64(len(tt.line)), Row: 1, SHA256: "d", License: "MIT"}
			}
			if want.ID == "" {
				want.ID = contentID(want, want.Source)
			}
			if d := cmp.Diff(want, got[0]); d != "" {
				t.Errorf("want -, got +:\n%s", d)
			}
		})
	}
}

// TestBrokenLines: a broken line goes to quarantine with its offset and line, and those around it are read.
func TestBrokenLines(t *testing.T) {
	lines := []string{`{"text":"a"}`, `{"text":`, ``, `[1]`, `null`, "{\"text\":\"\xff\"}", `{"other":1}`, `{"messages":[{"from":"alien","value":"x"}]}`,
		`{"text":"` + strings.Repeat("x", maxLine) + `"}`, `{"text":"b"}` + "\r", `{"text":"c"}`}
	in := strings.Join(lines, "\n")
	reasons := map[int64]string{2: "unexpected end", 4: "not a JSON object", 5: "null", 6: "not valid UTF-8", 7: "no text", 8: `"alien"`, 9: "longer than"}
	var texts []string
	bad := func(b Bad) error {
		if want := reasons[b.Source.Row]; want == "" || !strings.Contains(b.Reason, want) {
			t.Errorf("line %d: %q, want %q", b.Source.Row, b.Reason, want)
		}
		delete(reasons, b.Source.Row)
		line := lines[b.Source.Row-1]
		if off := b.Source.Offset; in[off:off+b.Source.Length] != line || len(b.Raw) > 3*maxRaw {
			t.Errorf("line %d: offset %d, length %d, raw of %d bytes", b.Source.Row, off, b.Source.Length, len(b.Raw))
		}
		return nil
	}
	for rec, err := range ReadJSONL(strings.NewReader(in), Source{URI: "f"}, bad) {
		if err != nil {
			t.Fatal(err)
		}
		if off := rec.Source.Offset; !strings.Contains(in[off:off+rec.Source.Length], rec.Text) {
			t.Errorf("%s: source %+v", rec.Text, rec.Source)
		}
		texts = append(texts, rec.Text)
	}
	if got := strings.Join(texts, ""); got != "abc" || len(reasons) > 0 {
		t.Errorf("read %q, not quarantined: %v", got, reasons)
	}
	enough := errors.New("enough")
	if _, err := gather(ReadJSONL(strings.NewReader(in), Source{}, func(Bad) error { return enough })); !errors.Is(err, enough) {
		t.Errorf("got %v, want the quarantine's error", err)
	}
	if _, err := gather(ReadJSONL(strings.NewReader(in), Source{URI: "f"}, nil)); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "f, line 2, offset 13") {
		t.Errorf("got %v, want ErrMalformed at line 2", err)
	}
}

// TestPartsReadLikeTheWhole: a file cut at any line ends gives the same records as the file.
func TestPartsReadLikeTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var in []byte
		cut, cutRow := 0, 0
		n := rapid.IntRange(0, 9).Draw(t, "lines")
		at := rapid.IntRange(0, n).Draw(t, "cut")
		for i := range n {
			in = append(in, rapid.SampledFrom([]string{`{"text":"a"}`, `{"text":"b"}`, `{"n":`, ``}).Draw(t, "line")+"\n"...)
			if i+1 == at {
				cut, cutRow = len(in), at
			}
		}
		read := func(b []byte, src Source) ([]Record, []Bad) {
			var bad []Bad
			recs, err := gather(ReadJSONL(bytes.NewReader(b), src, func(b Bad) error { bad = append(bad, b); return nil }))
			if err != nil {
				t.Fatal(err)
			}
			return recs, bad
		}
		whole, wholeBad := read(in, Source{URI: "f"})
		head, headBad := read(in[:cut], Source{URI: "f"})
		tail, tailBad := read(in[cut:], Source{URI: "f", Offset: int64(cut), Row: int64(cutRow)})
		if d := cmp.Diff(whole, append(head, tail...), cmpopts.EquateEmpty()); d != "" {
			t.Fatal(d)
		}
		if d := cmp.Diff(wholeBad, append(headBad, tailBad...), cmpopts.EquateEmpty()); d != "" {
			t.Fatal(d)
		}
	})
}

// TestIDsAreUnique: an id that comes again is told apart by its line.
func TestIDsAreUnique(t *testing.T) {
	in := `{"id":"a","text":"1"}` + "\n" + `{"id":"a","text":"1"}` + "\n" + `{"id":"b","text":"2"}`
	got, err := gather(ReadJSONL(strings.NewReader(in), Source{}, nil))
	if err != nil || len(got) != 3 || got[0].ID != "a" || got[1].ID != "a~2" || got[2].ID != "b" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestJSONLRoundTrip: the records of written rows read back as they were, from plain and compressed bytes.
func TestJSONLRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfNDistinct(rapid.Custom(anyRow), 0, 6, func(r Row) string { return r.ID }).Draw(t, "rows")
		var want []Record
		for i := range rows {
			rows[i].Source.URI = "u" + rows[i].Source.URI // our rows have one
			rows[i].Text += "x"
			for k, v := range rows[i].Meta {
				if v == "" {
					delete(rows[i].Meta, k) // an empty field is none
				}
			}
			want = append(want, rows[i].Record)
		}
		var b bytes.Buffer
		if n, err := WriteJSONL(&b, stream(rows)); err != nil || n != int64(len(rows)) {
			t.Fatalf("wrote %d: %v", n, err)
		}
		got, err := gather(ReadJSONL(&b, Source{URI: "f"}, nil))
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || d != "" {
			t.Fatalf("%v, want -, got +:\n%s", err, d)
		}
	})
}

// TestDecompress: gzip and zstd are told by their first bytes and must hold together; a source that fails is not bad data.
func TestDecompress(t *testing.T) {
	want := strings.Repeat("line of text\n", 10_000)
	gz, zst := gzipped(t, want), zstded(t, want)
	broken := errors.New("broken")
	tests := []struct {
		name string
		in   io.Reader
		err  error
	}{
		{"a.jsonl", strings.NewReader(want), nil},
		{"a.jsonl.gz", bytes.NewReader(gz), nil},
		{"a.jsonl.zst", bytes.NewReader(zst), nil},
		{"a.jsonl", bytes.NewReader(gz), nil},
		{"a.gz", strings.NewReader(want), ErrMalformed},
		{"a.gz", bytes.NewReader(gz[:len(gz)-20]), ErrMalformed},
		{"a.zst", bytes.NewReader(zst[:len(zst)-5]), ErrMalformed},
		{"a.gz", io.MultiReader(bytes.NewReader(gz[:100]), failingReader{broken}), broken},
		{"a.zst", io.MultiReader(bytes.NewReader(zst[:20]), failingReader{broken}), broken},
	}
	for i, tt := range tests {
		t.Run(fmt.Sprint(i, tt.name), func(t *testing.T) {
			r, err := Decompress(tt.name, tt.in)
			var got []byte
			if err == nil {
				got, err = io.ReadAll(r)
			}
			if !errors.Is(err, tt.err) || tt.err == broken && errors.Is(err, ErrMalformed) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
			if tt.err == nil && string(got) != want {
				t.Errorf("got %d bytes, want %d", len(got), len(want))
			}
		})
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

// FuzzReadJSONL: no bytes make the reader panic or lose a line: every one that is not empty is a record or quarantined, and what
// was read is written and read again as it was.
func FuzzReadJSONL(f *testing.F) {
	f.Add([]byte(`{"id":"a","text":"x","meta":{"k":"v"},"source":{"uri":"u"}}` + "\n" + `{"messages":[{"role":"user","content":"q"}]}`))
	f.Add([]byte("\xef\xbb\xbf{\"text\":\"bom\"}\r\n\n{broken\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var recs []Record
		seen := 0
		for rec, err := range ReadJSONL(bytes.NewReader(in), Source{URI: "f"}, func(Bad) error { seen++; return nil }) {
			if err != nil {
				t.Fatal(err)
			}
			recs, seen = append(recs, rec), seen+1
		}
		lines := 0
		for i, l := range bytes.Split(in, []byte("\n")) {
			l = bytes.TrimSuffix(l, []byte("\r"))
			if i == 0 {
				l = bytes.TrimPrefix(l, []byte("\ufeff"))
			}
			if len(bytes.TrimSpace(l)) > 0 {
				lines++
			}
		}
		if seen != lines {
			t.Errorf("%d of %d lines were read or quarantined", seen, lines)
		}
		var b bytes.Buffer
		if _, err := WriteJSONL(&b, Join(stream(recs))); err != nil {
			t.Fatal(err)
		}
		again, err := gather(ReadJSONL(&b, Source{URI: "g"}, nil))
		if d := cmp.Diff(recs, again, cmpopts.EquateEmpty()); err != nil || d != "" {
			t.Errorf("%v, first -, again +:\n%s", err, d)
		}
	})
}

func BenchmarkReadJSONL(b *testing.B) {
	var in bytes.Buffer
	for i := range 2000 {
		fmt.Fprintf(&in, `{"text":%q,"topic":"t%d","n":%d}`+"\n", strings.Repeat("Some words of text. ", 50), i, i)
	}
	b.SetBytes(int64(in.Len()))
	for b.Loop() {
		if _, err := gather(ReadJSONL(bytes.NewReader(in.Bytes()), Source{}, nil)); err != nil {
			b.Fatal(err)
		}
	}
}
