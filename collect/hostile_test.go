package collect

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

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
			tasks, err := Plan(t.Context(), tt.file, tt.source, 1<<40)
			if err != nil {
				t.Fatal(err)
			}
			n, reasons, most := 0, "", uint64(0)
			for _, err := range Read(t.Context(), tt.file, tasks[0], func(b dataset.Bad) error {
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
			if most > before+160<<20 {
				t.Errorf("%d MiB in use, %d before", most>>20, before>>20)
			}
		})
	}
}

// TestHostileRows: rows that are wrong in other ways are bad, with the reason, and hide no other.
func TestHostileRows(t *testing.T) {
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	good := "{\"text\":\"good\"}"
	for name, tt := range map[string]struct{ row, reason string }{
		"10,000 deep":   {"{\"text\":\"a\",\"x\":" + deep + "}", "depth"},
		"invalid UTF-8": {"{\"text\":\"\xff\"}", "UTF-8"},
		"NUL":           {"{\"text\":\"a\x00b\"}", "invalid character"},
	} {
		for file, text := range map[string]string{"a.jsonl": good + "\n" + tt.row + "\n" + good + "\n", "a.json": "[" + good + "," + tt.row + "," + good + "]"} {
			root := folder(t, map[string]string{file: text})
			s := Source{JSONL: &JSONL{Root: root}}
			if filepath.Ext(file) == ".json" {
				s = Source{JSON: &JSON{Root: root}}
			}
			got := read(t, s, 1<<20)
			if len(got.Records) != 2 || len(got.Bad) != 1 || !strings.Contains(got.Bad[0].Reason, tt.reason) {
				t.Errorf("%s, %s: %d records, bad %+v", name, file, len(got.Records), got.Bad)
			}
		}
	}
}

// TestBombs: compressed files that are thousandfold when unpacked are read as rows are, or refused as one text, in bounded memory; an
// archive's member is given up.
func TestBombs(t *testing.T) {
	bomb := gz(strings.Repeat("\x00", 100<<20))
	warc := gz("WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\nContent-Length: 5000000000\r\n\r\n" + strings.Repeat("a", 1<<20))
	good := gz(response("Content-Type: text/html\r\n", "<p>"+prose))
	before := heap()
	for i, tt := range []struct {
		file, text string
		source     Source
		records    int
	}{
		{"a.jsonl.gz", bomb, Source{JSONL: &JSONL{}}, 0}, {"a.csv.gz", bomb, Source{CSV: &CSV{}}, 0}, {"a.json.gz", bomb, Source{JSON: &JSON{}}, 0}, {"a.html.gz", bomb, Source{HTML: &HTML{}}, 0},
		{"a.warc.gz", good + warc + good, Source{WARC: &WARC{}}, 2},
		{"a.warc.gz", gz(response("Content-Type: text/html\r\nContent-Encoding: gzip\r\n", bomb)) + good, Source{WARC: &WARC{}}, 1},
	} {
		t.Run(fmt.Sprint(i, tt.file), func(t *testing.T) {
			root := t.TempDir()
			if err := os.WriteFile(filepath.Join(root, tt.file), []byte(tt.text), 0o644); err != nil {
				t.Fatal(err)
			}
			got := read(t, tt.source.WithRoot(root), 1<<30)
			if len(got.Records) != tt.records || len(got.Bad) != 1 {
				t.Errorf("%d records, bad %+v", len(got.Records), got.Bad)
			}
			if now := heap(); now > before+64<<20 {
				t.Errorf("%d MiB in use, %d before", now>>20, before>>20)
			}
		})
	}
}
