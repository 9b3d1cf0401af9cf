package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"
)

// stream yields a slice.
func stream[T any](values []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range values {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// gather collects a stream up to its error.
func gather[T any](in iter.Seq2[T, error]) (out []T, err error) {
	for v, err := range in {
		if err != nil {
			return out, err
		}
		out = append(out, v)
	}
	return out, nil
}

// anyRow draws rows with every field empty and full.
func anyRow(t *rapid.T) Row {
	str := rapid.StringN(0, 20, 60)
	name := rapid.StringMatching(`[a-z_.]{1,8}`)
	r := Row{Record: Record{ID: rapid.StringMatching(`[0-9a-f]{1,32}`).Draw(t, "id"), Text: str.Draw(t, "text"), Cluster: str.Draw(t, "cluster"),
		Source:  Source{URI: str.Draw(t, "uri"), Offset: rapid.Int64().Draw(t, "offset"), Length: rapid.Int64().Draw(t, "length"), Row: rapid.Int64().Draw(t, "row"), SHA256: str.Draw(t, "sha"), License: str.Draw(t, "license")},
		Parents: rapid.SliceOfN(str, 0, 3).Draw(t, "parents"),
		Meta:    rapid.MapOfN(name, str, 0, 3).Draw(t, "meta")},
		Checks: rapid.SliceOfN(rapid.Custom(anyCheck), 0, 3).Draw(t, "checks")}
	for range rapid.IntRange(0, 3).Draw(t, "turns") {
		r.Messages = append(r.Messages, Message{Role: rapid.SampledFrom([]string{"system", "user", "assistant"}).Draw(t, "role"), Content: str.Draw(t, "content")})
	}
	r.Signals = anySignals(t)
	if rapid.Bool().Draw(t, "dropped") {
		c := anyCheck(t)
		r.Verdict = &c
	}
	return r
}

func anySignals(t *rapid.T) Signals {
	s := Signals{}
	for name := range rapid.MapOfN(rapid.StringMatching(`[a-z]{1,6}`), rapid.Bool(), 0, 3).Draw(t, "signals") {
		if rapid.Bool().Draw(t, "number") {
			s[name] = rapid.Float64().Draw(t, "value")
		} else {
			s[name] = rapid.StringN(0, 9, 30).Draw(t, "label")
		}
	}
	return s
}

func anyCheck(t *rapid.T) Check {
	return Check{Rule: rapid.StringMatching(`[a-z_.]{1,12}`).Draw(t, "rule"), Value: rapid.Float64().Draw(t, "value"), Op: rapid.SampledFrom([]string{">=", "<=", "=="}).Draw(t, "op"),
		Threshold: rapid.Float64().Draw(t, "threshold"), Drop: rapid.Bool().Draw(t, "drop"), Detail: rapid.StringN(0, 9, 30).Draw(t, "detail")}
}

// TestRowsRoundTrip: what is written is read, in any sizes of row groups, and the same rows give the same bytes.
func TestRowsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(anyRow), 0, 12).Draw(t, "rows")
		o := ParquetOptions{GroupRows: rapid.IntRange(3, 16).Draw(t, "group rows"), GroupBytes: rapid.Int64Range(1500, 9000).Draw(t, "group bytes")}
		var a, b bytes.Buffer
		n, err := WriteRows(&a, stream(rows), o)
		if err != nil || n != int64(len(rows)) {
			t.Fatalf("wrote %d of %d rows: %v", n, len(rows), err)
		}
		if _, err := WriteRows(&b, stream(rows), o); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Fatalf("the same rows gave other bytes (%v)", err)
		}
		got, err := gather(ReadRows(bytes.NewReader(a.Bytes()), int64(a.Len())))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(rows, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("want -, got +:\n%s", d)
		}
	})
}

// TestReadRowsFrom: reading from a row on gives what is left of reading all after so many rows, in any sizes of row groups.
func TestReadRowsFrom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(anyRow), 0, 20).Draw(t, "rows")
		o := ParquetOptions{GroupRows: rapid.IntRange(3, 16).Draw(t, "group rows")}
		var b bytes.Buffer
		if _, err := WriteRows(&b, stream(rows), o); err != nil {
			t.Fatal(err)
		}
		from := rapid.IntRange(0, 22).Draw(t, "from")
		got, err := gather(ReadRowsFrom(bytes.NewReader(b.Bytes()), int64(b.Len()), int64(from)))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(rows[min(from, len(rows)):], got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("from %d: want -, got +:\n%s", from, d)
		}
	})
}

// TestNotesRoundTrip: what is written is read.
func TestNotesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		notes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Note {
			n := Note{ID: rapid.StringN(1, 9, 20).Draw(t, "id"), Signals: anySignals(t), Checks: rapid.SliceOfN(rapid.Custom(anyCheck), 0, 3).Draw(t, "checks")}
			for range rapid.IntRange(0, 3).Draw(t, "edits") {
				n.Edits = append(n.Edits, Edit{Rule: "r", Start: rapid.Int().Draw(t, "start"), End: rapid.Int().Draw(t, "end"), Old: rapid.String().Draw(t, "old"), New: rapid.String().Draw(t, "new")})
			}
			return n
		}), 0, 12).Draw(t, "notes")
		var b bytes.Buffer
		if n, err := WriteNotes(&b, stream(notes)); err != nil || n != int64(len(notes)) {
			t.Fatalf("wrote %d of %d notes: %v", n, len(notes), err)
		}
		got, err := gather(ReadNotes(bytes.NewReader(b.Bytes()), int64(b.Len())))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(notes, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("want -, got +:\n%s", d)
		}
	})
}

// TestAbsentColumnsAreZero: a file of an older form, with optional neighbours and fewer columns, reads as zero values and never
// as values of other columns or made-up ones; one that has a column in another shape is refused.
func TestAbsentColumnsAreZero(t *testing.T) {
	type optional struct {
		ID       *string       `parquet:"id,optional"`
		Messages []turnColumn  `parquet:"messages,list"`
		Source   *sourceColumn `parquet:"source,optional"`
	}
	type textOnly struct {
		Text *string `parquet:"text,optional"`
		Zzz  *string `parquet:"zzz,optional"`
	}
	id, text := "a", "words"
	turns := []turnColumn{{"user", "hi"}}
	var a, b, c, d bytes.Buffer
	writeFile(t, &a, []optional{{&id, turns, nil}, {nil, nil, nil}, {&id, nil, &sourceColumn{URI: "u"}}})
	writeFile(t, &b, []textOnly{{&text, &text}, {nil, &text}})
	writeFile(t, &c, []struct {
		ID     string `parquet:"id"`
		Source string `parquet:"source"`
	}{{"a", "web"}})
	writeFile(t, &d, []struct {
		Words int64 `parquet:"words"`
	}{{1}})
	tests := []struct {
		name string
		file *bytes.Buffer
		want []Row
		err  string
	}{
		{"optional neighbours", &a, []Row{
			{Record: Record{ID: "a", Messages: []Message{{"user", "hi"}}}}, {}, {Record: Record{ID: "a", Source: Source{URI: "u"}}}}, ""},
		{"text alone", &b, []Row{{Record: Record{Text: "words"}}, {}}, ""},
		{"another shape", &c, nil, "column source is there, but not as source.uri"},
		{"no column of ours", &d, nil, "only words"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := gather(ReadRows(bytes.NewReader(tt.file.Bytes()), int64(tt.file.Len())))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || !errors.Is(err, ErrMalformed) {
					t.Errorf("got %v, want %q", err, tt.err)
				}
				return
			}
			if d := cmp.Diff(tt.want, got); err != nil || d != "" {
				t.Errorf("%v, want -, got +:\n%s", err, d)
			}
		})
	}
}

func writeFile[T any](t *testing.T, b *bytes.Buffer, rows []T) {
	t.Helper()
	w := parquet.NewGenericWriter[T](b)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRowGroups: groups end at the rows and bytes asked for, whichever comes first, and carry what readers prune by.
func TestRowGroups(t *testing.T) {
	var rows []Row
	for i := range 100 {
		rows = append(rows, Row{Record: Record{ID: fmt.Sprintf("%03d", i), Text: strings.Repeat("x", 1000)}})
	}
	for _, tt := range []struct {
		o    ParquetOptions
		want int
	}{{ParquetOptions{}, 1}, {ParquetOptions{GroupRows: 30}, 4}, {ParquetOptions{GroupBytes: 20_000}, 7}} {
		var b bytes.Buffer
		if _, err := WriteRows(&b, stream(rows), tt.o); err != nil {
			t.Fatal(err)
		}
		f, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if got := len(f.RowGroups()); got < tt.want-1 || got > tt.want+1 {
			t.Errorf("%+v: %d row groups, want about %d", tt.o, got, tt.want)
		}
		for _, g := range f.RowGroups() {
			id := g.ColumnChunks()[0]
			if ix, err := id.ColumnIndex(); err != nil || ix.NumPages() == 0 {
				t.Errorf("no page index: %v", err)
			}
			if bf := id.BloomFilter(); bf == nil {
				t.Error("no bloom filter on id")
			}
		}
		if v, ok := f.Lookup("huggingface"); !ok || !json.Valid([]byte(v)) {
			t.Errorf("features: %q", v)
		}
	}
}

// TestStreamErrorsEndAFile: an error of the input is the writer's, an error of the source the reader's.
func TestStreamErrorsEndAFile(t *testing.T) {
	broken := errors.New("broken")
	failing := func(yield func(Row, error) bool) {
		_ = yield(Row{Record: Record{ID: "a"}}, nil) && yield(Row{}, broken)
	}
	if _, err := WriteRows(&bytes.Buffer{}, failing, ParquetOptions{}); !errors.Is(err, broken) {
		t.Errorf("write: got %v, want broken", err)
	}
	if _, err := gather(ReadRows(brokenAt{broken}, 1000)); !errors.Is(err, broken) || errors.Is(err, ErrMalformed) {
		t.Errorf("read: got %v, want broken, and not malformed", err)
	}
	if _, err := gather(ReadRows(strings.NewReader("PAR1 not at all PAR1"), 20)); !errors.Is(err, ErrMalformed) {
		t.Errorf("read of something else: got %v, want ErrMalformed", err)
	}
}

type brokenAt struct{ err error }

func (b brokenAt) ReadAt([]byte, int64) (int, error) { return 0, b.err }

// FuzzReadRows: no bytes make the reader panic or go on for ever.
func FuzzReadRows(f *testing.F) {
	var b bytes.Buffer
	rows := []Row{{Record: Record{ID: "a", Text: "text", Messages: []Message{{"user", "q"}}, Meta: Meta{"k": "v"}}, Signals: Signals{"n": 1.0}, Verdict: &Check{Rule: "r"}}}
	if _, err := WriteRows(&b, stream(rows), ParquetOptions{}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()/2])
	f.Fuzz(func(t *testing.T, file []byte) {
		n := 0
		for range ReadRows(bytes.NewReader(file), int64(len(file))) {
			if n++; n > 1<<20 {
				return
			}
		}
	})
}

func BenchmarkWriteRows(b *testing.B) { benchRows(b, func(rows []Row, _ []byte) { writeAll(b, rows) }) }

func BenchmarkReadRows(b *testing.B) {
	benchRows(b, func(_ []Row, file []byte) {
		for _, err := range ReadRows(bytes.NewReader(file), int64(len(file))) {
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func writeAll(b *testing.B, rows []Row) []byte {
	var w bytes.Buffer
	if _, err := WriteRows(&w, stream(rows), ParquetOptions{}); err != nil {
		b.Fatal(err)
	}
	return w.Bytes()
}

// benchRows reports the text bytes of 5,000 rows of 1 KB.
func benchRows(b *testing.B, f func([]Row, []byte)) {
	var rows []Row
	for i := range 5000 {
		rows = append(rows, Row{Record: Record{ID: RecordID("u", int64(i), ""), Text: fmt.Sprintf("%0500d %[1]x %0500[1]d", i*7919), Source: Source{URI: "file", Offset: int64(i)}},
			Signals: Signals{"words": float64(i), "language": "en"}, Checks: []Check{{Rule: "words", Value: float64(i), Op: ">="}}})
	}
	file := writeAll(b, rows)
	b.SetBytes(int64(len(rows)) * 1000)
	for b.Loop() {
		f(rows, file)
	}
}
