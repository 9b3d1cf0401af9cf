package collect

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"pgregory.net/rapid"

	"temper/dataset"
)

// prose is a text long enough to be a page's.
var prose = strings.TrimSpace(strings.Repeat("These are the words of a page that somebody wrote. ", 6))

// warcRecord writes a record with a block of which it says that it has length bytes; -1 is the truth.
func warcRecord(kind, contentType, block string, length int) string {
	if length < 0 {
		length = len(block)
	}
	return fmt.Sprintf("WARC/1.0\r\nWARC-Type: %s\r\nWARC-Target-URI: <http://example.com/%s>\r\nWARC-Date: 2026-01-02T03:04:05Z\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n",
		kind, kind, contentType, length, block)
}

// response is a record of a page.
func response(header, body string) string {
	return warcRecord("response", "application/http; msgtype=response", "HTTP/1.1 200 OK\r\n"+header+"\r\n"+body, -1)
}

func gz(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

// deflated is a body with content encoding deflate: a zlib stream, or, as some servers send, a bare one.
func deflated(t *testing.T, s string, level int, whole bool) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	w, err := flate.NewWriter(&b, level)
	if whole {
		w, err = zlib.NewWriterLevel(&b, level)
	}
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

// TestWARC: pages of an archive are records with address, date and place, whatever their encodings; requests, errors and images are left
// out; texts of WET files are taken whole. Compressed or not, the texts are the same, and the place in a compressed archive is that of
// a member.
func TestWARC(t *testing.T) {
	latin, err := charmap.ISO8859_1.NewEncoder().String("<meta charset=iso-8859-1><title>Café</title><p>déjà vu: " + prose)
	if err != nil {
		t.Fatal(err)
	}
	page := "<title>t</title><p>" + prose
	recs := []string{
		warcRecord("warcinfo", "application/warc-fields", "software: x\r\n", -1),
		warcRecord("request", "application/http; msgtype=request", "GET / HTTP/1.1\r\n\r\n", -1),
		response("Content-Type: text/html\r\n", page),
		response("Content-Type: text/html; charset=ISO-8859-1\r\n", latin),
		response("Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(page), page)),
		response("Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n", page), // archives keep the header without the chunks
		response("Content-Type: text/html\r\nContent-Encoding: gzip\r\n", gz(page)),
		response("Content-Type: text/html\r\nContent-Encoding: deflate\r\n", deflated(t, page, flate.BestSpeed, true)),
		response("Content-Type: text/html\r\nContent-Encoding: deflate\r\n", deflated(t, page, flate.BestCompression, true)),
		response("Content-Type: text/html\r\nContent-Encoding: deflate\r\n", deflated(t, page, flate.BestSpeed, false)),
		response("Content-Type: image/png\r\n", "\x89PNG"),
		warcRecord("response", "application/http", "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n"+page, -1),
		response("Content-Type: text/html\r\nContent-Encoding: br\r\n", "xxx"),
		warcRecord("conversion", "text/plain", "words of a WET file\n", -1),
	}
	want := []string{prose, "déjà vu: " + prose, prose, prose, prose, prose, prose, prose, "words of a WET file"}
	for _, packed := range []bool{false, true} {
		t.Run(fmt.Sprint("compressed ", packed), func(t *testing.T) {
			name, file := "a.warc", strings.Join(recs, "")
			if packed {
				name, file = "a.warc.gz", ""
				for _, r := range recs {
					file += gz(r)
				}
			}
			s := Source{WARC: &WARC{Root: folder(t, map[string]string{name: file})}}
			got := read(t, s, 1<<20)
			var texts []string
			for _, rec := range got.Records {
				texts = append(texts, rec.Text)
				at := file[rec.Source.Offset : rec.Source.Offset+rec.Source.Length]
				if packed && !strings.HasPrefix(at, "\x1f\x8b") || !packed && !strings.HasPrefix(at, "WARC/") || rec.Meta["url"] == "" || rec.Meta["date"] != "2026-01-02T03:04:05Z" {
					t.Errorf("%+v: %.20q", rec, at)
				}
			}
			if d := cmp.Diff(want, texts); d != "" {
				t.Errorf("want -, got +:\n%s", d)
			}
			if got.Records[1].Meta["title"] != "Café" || got.Records[0].Source.Row != 3 {
				t.Errorf("%+v", got.Records[:2])
			}
			if len(got.Bad) != 1 || !strings.Contains(got.Bad[0].Reason, `"br"`) || got.Bad[0].Source.Row != 13 {
				t.Errorf("bad %+v, want the thirteenth record", got.Bad)
			}
			for _, size := range []int64{1, 100, 500, 1500} {
				if d := cmp.Diff(got, read(t, s, size)); d != "" {
					t.Errorf("tasks of %d bytes: whole -, tasks +:\n%s", size, d)
				}
			}
		})
	}
}

// warcFileOf draws archives with records that lie about their lengths, break off, or are none, compressed or not, or both.
func warcFileOf(t *rapid.T) string {
	page := response("Content-Type: text/html\r\n", "<p>"+prose)
	record := rapid.OneOf(rapid.Just(page), rapid.Just(gz(page)), rapid.Just(gz(page+page)), rapid.Just(page[:len(page)/2]), rapid.Just(gz(page)[:60]), rapid.Just("garbage\n"), rapid.Just("\r\n"),
		rapid.Just(warcRecord("response", "application/http", "HTTP/1.1 200 OK\r\n\r\n<p>"+prose, 1<<40)), rapid.Just(warcRecord("response", "application/http", "HTTP/1.1 200 OK\r\n\r\n<p>"+prose, 10)),
		rapid.Just(gz(warcRecord("response", "application/http", "HTTP/1.1 200 OK\r\n\r\n<p>"+prose, 1<<40))), rapid.Just(gz(warcRecord("response", "application/http", "HTTP/1.1 200 OK\r\n\r\n<p>"+prose, 10))),
		rapid.Just(response("Content-Type: text/html\r\n", "<p>"+prose+gz(page))), rapid.Just("WARC/1.0\r\nContent-Length: -1\r\n\r\n"))
	return strings.Join(rapid.SliceOfN(record, 0, 12).Draw(t, "records"), "")
}

// TestWARCTasks: an archive gives the same records and quarantine for any size of tasks, however its records lie; the bytes of all
// records, good or bad, lie in it in order.
func TestWARCTasks(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		file := warcFileOf(t)
		if err := os.WriteFile(filepath.Join(root, "a.warc"), []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
		s := Source{WARC: &WARC{Root: root}}
		want := read(t, s, 1<<30)
		size := rapid.SampledFrom([]int64{10, 150, 700}).Draw(t, "size")
		if d := cmp.Diff(want, read(t, s, size)); d != "" {
			t.Errorf("tasks of %d bytes: whole -, tasks +:\n%s", size, d)
		}
		for _, rec := range want.Records {
			if s := rec.Source; s.Offset < 0 || s.Length <= 0 || s.Offset+s.Length > int64(len(file)) {
				t.Errorf("%+v of %d bytes", s, len(file))
			}
		}
	})
}

// TestWARCLies: a record with a false length is bad, and hides no other.
func TestWARCLies(t *testing.T) {
	good := response("Content-Type: text/html\r\n", "<p>"+prose)
	for name, lie := range map[string]string{
		"too long": warcRecord("response", "application/http", "x", 1<<50), "too short": warcRecord("response", "application/http", "a block of more", 3),
		"long, in the file": warcRecord("response", "application/http", "x", 300), "no number": strings.Replace(good, "Content-Length: ", "Content-Length: x", 1), "no end": "WARC/1.0\r\n" + strings.Repeat("A: b\r\n", 50_000),
	} {
		for _, packed := range []bool{false, true} {
			file := good + lie + good
			if packed {
				file = gz(good) + gz(lie) + gz(good)
			}
			got := read(t, Source{WARC: &WARC{Root: folder(t, map[string]string{"a.warc": file})}}, 1<<20)
			if len(got.Records) != 2 || len(got.Bad) != 1 {
				t.Errorf("%s, compressed %v: %d records, bad %+v", name, packed, len(got.Records), got.Bad)
			}
		}
	}
}

// FuzzWARC: no bytes make the reader panic or go on for ever; whole and in small tasks they give the same.
func FuzzWARC(f *testing.F) {
	page := response("Content-Type: text/html\r\n", "<p>"+prose)
	for _, s := range []string{"", page, gz(page), gz(page)[:50] + page, "WARC/1.0\r\nContent-Length: 5\r\n\r\nab", "\x1f\x8b\x08", page[:90] + gz("WARC/") + page} {
		f.Add([]byte(s))
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > 1<<12 {
			t.Skip("more than this test reads")
		}
		if err := os.WriteFile(filepath.Join(root, "a.warc"), file, 0o644); err != nil {
			t.Fatal(err)
		}
		s := Source{WARC: &WARC{Root: root}}
		if d := cmp.Diff(read(t, s, 1<<20), read(t, s, int64(len(file)/3+1))); d != "" {
			t.Errorf("whole -, tasks +:\n%s", d)
		}
	})
}

// FuzzHTTPBody: no response makes the reader panic.
func FuzzHTTPBody(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"))
	f.Add([]byte("HTTP/1.0 200\r\nContent-Length: 99999999999\r\nContent-Encoding: deflate\r\n\r\n\x78\x9c"))
	f.Fuzz(func(t *testing.T, block []byte) {
		if _, _, body, err := httpBody(block); err == nil && len(body) > maxPage+1 && len(body) > len(block) {
			t.Errorf("%d bytes of %d", len(body), len(block))
		}
	})
}

// TestHTML: pages are read in their encodings, with title and language; a page without text gives none.
func TestHTML(t *testing.T) {
	sjis := "<meta charset=shift_jis><title>\x93\xfa\x96{</title><p>\x93\xfa\x96{\x8c\xea " + prose
	root := folder(t, map[string]string{
		"a.html": "<html lang=fr><meta charset=latin1><title>Été</title><p>déjà " + prose, // it is UTF-8, whatever it says
		"b.htm":  sjis, "c.html.gz": gz("<title>c</title><p>packed " + prose), "d.html": "<nav><a>menu</a></nav>", "e.html": "\xff\xfe<\x00p\x00>\x00h\x00i\x00",
	})
	got := read(t, Source{HTML: &HTML{Root: root, License: "CC0-1.0"}}, 1<<20)
	var texts []string
	for _, rec := range got.Records {
		texts = append(texts, rec.Meta["title"]+"|"+rec.Meta["language"]+"|"+strings.TrimSuffix(rec.Text, prose)+"|"+rec.Source.License)
	}
	want := []string{"Été|fr|déjà |CC0-1.0", "日本||日本語 |CC0-1.0", "c||packed |CC0-1.0", "||hi|CC0-1.0"}
	if d := cmp.Diff(want, texts); d != "" || len(got.Bad) > 0 {
		t.Errorf("bad %v; want -, got +:\n%s", got.Bad, d)
	}
}

// TestCancelWARC: a cancelled context ends the reading of an archive.
func TestCancelWARC(t *testing.T) {
	s := Source{WARC: &WARC{Root: folder(t, map[string]string{"a.warc": response("", "<p>"+prose)})}}
	tasks, err := Plan(context.Background(), Local{}, s, 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var last error
	for _, err := range Read(ctx, Local{}, tasks[0], func(dataset.Bad) error { return nil }) {
		last = err
	}
	if last == nil {
		t.Error("it read on")
	}
}

// BenchmarkWARC measures an archive of small pages, compressed by records.
func BenchmarkWARC(b *testing.B) {
	var file strings.Builder
	for i := range 2000 {
		file.WriteString(gz(response("Content-Type: text/html\r\n", fmt.Sprint("<p>", i, prose))))
	}
	in := strings.NewReader(file.String())
	b.SetBytes(int64(file.Len()))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for a := newWARC(in, in.Size(), 0, 0); ; n++ {
			if _, ok, err := a.next(); err != nil {
				b.Fatal(err)
			} else if !ok {
				break
			}
		}
		if n != 2000 {
			b.Fatalf("%d records", n)
		}
	}
}
