package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v16/arrow"
	"github.com/apache/arrow/go/v16/arrow/array"
	"github.com/apache/arrow/go/v16/arrow/ipc"
	"github.com/google/go-cmp/cmp"

	"temper/dataset"
)

// endless is a file of head, then one byte again and again, then tail, that takes no room.
type endless struct {
	head, fill, tail string
	size             int64
}

func (e endless) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		at := off + int64(i)
		switch end := e.size - int64(len(e.tail)); {
		case at >= e.size:
			return i, io.EOF
		case at < int64(len(e.head)):
			p[i] = e.head[at]
		case at >= end:
			p[i] = e.tail[at-end]
		default:
			n := copy(p[i:], e.fill)
			for n < len(p)-i { // doubling is faster than byte by byte
				n += copy(p[i+n:], p[i:i+n])
			}
			if rest := end - at; int64(n) > rest {
				m, err := e.ReadAt(p[i+int(rest):], end)
				return i + int(rest) + m, err
			}
			return len(p), nil
		}
	}
	return len(p), nil
}

func (e endless) Close() error       { return nil }
func (e endless) Info() dataset.Info { return dataset.Info{Key: "big", Size: e.size} }

func (e endless) List(context.Context, string) iter.Seq2[FileInfo, error] {
	return func(yield func(FileInfo, error) bool) { yield(FileInfo{URI: "big", Size: e.size}, nil) }
}

func (e endless) Open(context.Context, string) (dataset.Object, error) { return e, nil }

// watching are files that look at the memory in use whenever so many bytes have been read of them.
type watching struct {
	Files
	every int64
	most  uint64 // bytes in use
	bytes int64  // read
}

func (w *watching) Open(ctx context.Context, uri string) (dataset.Object, error) {
	obj, err := w.Files.Open(ctx, uri)
	if err != nil {
		return nil, err
	}
	return watchedObject{obj, w}, nil
}

type watchedObject struct {
	dataset.Object
	w *watching
}

func (o watchedObject) ReadAt(p []byte, off int64) (int, error) {
	if o.w.bytes/o.w.every != (o.w.bytes+int64(len(p)))/o.w.every {
		o.w.most = max(o.w.most, heap())
	}
	o.w.bytes += int64(len(p))
	return o.Object.ReadAt(p, off)
}

// heap is the bytes in use now.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// TestEndless: a row of gigabytes is bad by its length, the row after it is read, and the memory is bounded; so for a value, a cell in
// quotes and a paragraph that never end.
func TestEndless(t *testing.T) {
	if testing.Short() {
		t.Skip("reads gigabytes")
	}
	tests := []struct {
		name    string
		file    endless
		source  Source
		records int
		reason  string
	}{
		{"a line of 2 GB", endless{"{\"text\":\"", "a", "\"}\n{\"text\":\"b\"}\n", 2 << 30}, Source{JSONL: &JSONL{Root: "big"}}, 1, "longer than"},
		{"a value", endless{"[{\"text\":\"", "a", "\"},{\"text\":\"b\"}]", 64 << 20}, Source{JSON: &JSON{Root: "big"}}, 1, "longer than"},
		{"a bare cell", endless{"text,n\n", "a", ",1\nb,2\n", 64 << 20}, Source{CSV: &CSV{Root: "big"}}, 1, "longer than"},
		{"a paragraph", endless{"", "a", "\n\nb\n", 64 << 20}, Source{Text: &Text{Root: "big", Split: "paragraph"}}, 1, "longer than"},
		{"a record of a WARC", endless{"WARC/1.0\r\nContent-Length: 99999999999\r\n\r\n", "a", "\nWARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nb", 64 << 20},
			Source{WARC: &WARC{Root: "big"}}, 1, "of which the file has"},
		{"a file of text", endless{"", "a", "", maxWhole + 1}, Source{Text: &Text{Root: "big"}}, 0, "at most"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := heap()
			files := &watching{Files: tt.file, every: 16 << 20}
			tasks, err := Plan(t.Context(), files, tt.source, 1<<40)
			if err != nil {
				t.Fatal(err)
			}
			n, reasons, most := 0, "", uint64(0)
			for _, err := range Read(t.Context(), files, tasks[0], func(b dataset.Bad) error {
				if n := len(reasons); n < 1<<10 {
					reasons += b.Reason + "\n"
					most = max(most, heap())
				}
				return nil
			}) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n != tt.records || !strings.Contains(reasons, tt.reason) {
				t.Errorf("%d records, want %d; bad: %q", n, tt.records, reasons)
			}
			if most = max(most, files.most); most > before+80<<20 {
				t.Errorf("%d MiB in use, %d before", most>>20, before>>20)
			}
		})
	}
}

// TestHostileRows: rows that are wrong in other ways are bad, with the place and the reason, and hide no other.
func TestHostileRows(t *testing.T) {
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	good := "{\"text\":\"good\"}"
	for name, tt := range map[string]struct{ row, reason string }{
		"10,000 deep":   {"{\"text\":\"a\",\"x\":" + deep + "}", "depth"},
		"invalid UTF-8": {"{\"text\":\"\xff\"}", "UTF-8"},
		"NUL":           {"{\"text\":\"a\x00b\"}", "invalid character"},
		"NUL outside":   {"\x00\x00", "invalid character"},
	} {
		for file, text := range map[string]string{"a.jsonl": good + "\n" + tt.row + "\n" + good + "\n", "a.json": "[" + good + "," + tt.row + "," + good + "]", "a.sql": good + "\n" + tt.row + "\n" + good + "\n"} {
			root := folder(t, map[string]string{file: text})
			s, files := Source{JSONL: &JSONL{Root: root}}, Files(Local{})
			switch filepath.Ext(file) {
			case ".json":
				s = Source{JSON: &JSON{Root: root}}
			case ".sql":
				s, files = Source{SQL: &SQL{Root: "a.db", Query: "SELECT 1"}}, asked{name: filepath.Join(root, file)}
			}
			got := readFrom(t, files, s, 1<<20)
			if len(got.Records) != 2 || len(got.Bad) != 1 || !strings.Contains(got.Bad[0].Reason, tt.reason) || got.Bad[0].Source.Offset != int64(strings.Index(text, tt.row)) {
				t.Errorf("%s, %s: %d records, bad %+v", name, file, len(got.Records), got.Bad)
			}
		}
	}
}

// TestHostileTexts: bytes that are no text are bad at the offset of the first of them, or of their row; NUL bytes are letters like others;
// HTML that never closes ends.
func TestHostileTexts(t *testing.T) {
	nul := "a\x00b"
	for _, tt := range []struct {
		file, text string
		source     Source
		records    int
		offsets    []int64
	}{
		{"a.txt", "good\n\nbad \xff\n\ngood", Source{Text: &Text{}}, 0, []int64{10}},
		{"a.txt", "good\n\nbad \xff\n\ngood", Source{Text: &Text{Split: "paragraph"}}, 2, []int64{10}},
		{"a.txt", nul, Source{Text: &Text{}}, 1, nil},
		{"a.md", "# A\n\ngood\n\xc3\x28\n", Source{Markdown: &Markdown{}}, 0, []int64{10}},
		{"a.md", "# A\n\n" + nul, Source{Markdown: &Markdown{}}, 1, nil},
		{"a.csv", "text\ngood\n\xff\n" + nul + "\n", Source{CSV: &CSV{}}, 2, []int64{10}},
		{"a.go", "package a\n\n// \xff\n", Source{Code: &Code{}}, 0, []int64{14}},
		{"a.go", "package a // \x00\n", Source{Code: &Code{}}, 0, nil}, // binary
		{"a.html", "<p>" + prose + nul, Source{HTML: &HTML{}}, 1, nil},
		{"a.html", strings.Repeat("<div><p>", 1<<19) + prose, Source{HTML: &HTML{}}, 1, nil},
		{"a.html", strings.Repeat("<div><p>", 1<<20) + prose, Source{HTML: &HTML{}}, 0, []int64{0}}, // too many elements
		{"a.html", strings.Repeat("<a href='", 1<<18), Source{HTML: &HTML{}}, 0, nil},
		{"a.warc", strings.Repeat("\x00", 1<<20), Source{WARC: &WARC{}}, 0, []int64{0}},
		{"a.parquet", strings.Repeat("\x00", 1<<20), Source{Parquet: &Parquet{}}, 0, []int64{0}},
		{"a.arrow", strings.Repeat("\xff", 1<<20), Source{Arrow: &Arrow{}}, 0, []int64{0}},
	} {
		got := read(t, tt.source.WithRoot(folder(t, map[string]string{tt.file: tt.text})), 1<<30)
		var offsets []int64
		for _, b := range got.Bad {
			if offsets = append(offsets, b.Source.Offset); b.Reason == "" {
				t.Errorf("%s %.30q: no reason", tt.file, tt.text)
			}
		}
		if d := cmp.Diff(tt.offsets, offsets); d != "" || len(got.Records) != tt.records {
			t.Errorf("%s %.30q: %d records, want %d; bad offsets want -, got +:\n%s", tt.file, tt.text, len(got.Records), tt.records, d)
		}
	}
}

// TestNothing: a column of nothing, which takes no room, is as many bad rows as there are, one at a time, and more than a file can hold
// are refused; a file of code that is data is bad and said to be.
func TestNothing(t *testing.T) {
	for _, tt := range []struct {
		rows int64
		bad  int64
		says string
	}{{60_000, 60_000, "text"}, {64 << 20, 1, "67108864 rows in"}} {
		root := folder(t, map[string]string{"a.arrow": string(nothing(t, tt.rows))})
		before, n, most, last := heap(), int64(0), uint64(0), ""
		tasks, err := Plan(t.Context(), Local{}, Source{Arrow: &Arrow{Root: root}}, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		for rec, err := range Read(t.Context(), Local{}, tasks[0], func(b dataset.Bad) error {
			if n++; n%20_000 == 1 {
				most = max(most, heap())
			}
			last = b.Reason
			return nil
		}) {
			t.Fatalf("%+v, %v", rec, err)
		}
		if n != tt.bad || !strings.Contains(last, tt.says) || most > before+16<<20 {
			t.Errorf("%d bad rows of %d, the last %q; %d MiB in use, %d before", n, tt.rows, last, most>>20, before>>20)
		}
	}
	root := folder(t, map[string]string{"a.go": "package a\n", "b.go": strings.Repeat("// data\n", maxCode/8+1)})
	if got := read(t, Source{Code: &Code{Root: root}}, 1<<20); len(got.Records) != 1 || len(got.Bad) != 1 || got.Bad[0].Source.URI != "b.go" || !strings.Contains(got.Bad[0].Reason, "data rather than code") {
		t.Errorf("%d records, bad %+v", len(got.Records), got.Bad)
	}
}

// nothing is an Arrow stream of one column of nulls.
func nothing(t *testing.T, rows int64) []byte {
	schema := arrow.NewSchema([]arrow.Field{{Name: "nothing", Type: arrow.Null, Nullable: true}}, nil)
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema))
	col := array.NewNull(int(rows))
	defer col.Release()
	rec := array.NewRecord(schema, []arrow.Array{col}, rows)
	defer rec.Release()
	if err := errors.Join(w.Write(rec), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestBombs: compressed files that are thousandfold when unpacked are read as rows are, or refused as one text, in bounded memory; an
// archive's member is given up.
func TestBombs(t *testing.T) {
	zeros := strings.Repeat("\x00", 64<<20)
	warc := gz("WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\nContent-Length: 5000000000\r\n\r\n" + strings.Repeat("a", 1<<20))
	good := gz(response("Content-Type: text/html\r\n", "<p>"+prose))
	bz2, err := os.ReadFile("testdata/zeros.bz2") // head -c 67108864 /dev/zero | bzip2 -9
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		file, text string
		source     Source
		records    int
	}{
		{"a.jsonl.bz2", string(bz2), Source{JSONL: &JSONL{}}, 0}, {"a.html.gz", gz(zeros), Source{HTML: &HTML{}}, 0},
		{"a.csv.gz", gz(zeros), Source{CSV: &CSV{}}, 0}, {"a.json.zst", pack(t, "a.zst", zeros), Source{JSON: &JSON{}}, 0},
		{"a.warc.gz", good + warc + good, Source{WARC: &WARC{}}, 2},
		{"a.warc.gz", gz(response("Content-Type: text/html\r\nContent-Encoding: gzip\r\n", gz(zeros))) + good, Source{WARC: &WARC{}}, 1},
	}
	for _, end := range []string{".gz", ".zst", ".xz"} {
		tests = append(tests, tests[0])
		tests[len(tests)-1].file, tests[len(tests)-1].text = "a.jsonl"+end, pack(t, "a"+end, zeros)
	}
	zeros = ""
	before := heap()
	for i, tt := range tests {
		t.Run(fmt.Sprint(i, tt.file), func(t *testing.T) {
			root := t.TempDir()
			if err := os.WriteFile(filepath.Join(root, tt.file), []byte(tt.text), 0o644); err != nil {
				t.Fatal(err)
			}
			files := &watching{Files: Local{}, every: 4 << 10}
			got := readFrom(t, files, tt.source.WithRoot(root), 1<<30)
			if len(got.Records) != tt.records || len(got.Bad) != 1 || len(got.Bad[0].Raw) > 2048 {
				t.Errorf("%d records, bad %+v", len(got.Records), got.Bad)
			}
			if now := max(heap(), files.most); now > before+200<<20 {
				t.Errorf("%d MiB in use, %d before", now>>20, before>>20)
			}
		})
	}
}
