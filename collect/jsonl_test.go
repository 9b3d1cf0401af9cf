package collect

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"pgregory.net/rapid"

	"temper/dataset"
)

// jsonlFile draws lines as they come: rows with and without ids, ids that repeat, our own rows, broken and empty lines, lines longer
// than a task.
func jsonlFile(t *rapid.T) string {
	line := rapid.OneOf(
		rapid.Just(""), rapid.Just("  "), rapid.Just("{broken"), rapid.Just("null"), rapid.Just(`{"n":1}`), rapid.Just("\xfd\xfe"),
		rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf(`{"text":%q}`, rapid.StringMatching(`[a-zé\n]{0,12}`).Draw(t, "text"))
		}),
		rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf(`{"id":%d,"text":"x"}`, rapid.IntRange(1, 3).Draw(t, "id"))
		}),
		rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf(`{"text":%q}`, strings.Repeat("long ", rapid.IntRange(20, 60).Draw(t, "n")))
		}),
		rapid.Just(`{"id":"same","messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"source":{"uri":"u","offset":1,"length":2}}`),
		rapid.Just(`{"question":"q","answer":"a"}`),
	)
	lines := rapid.SliceOfN(line, 0, 40).Draw(t, "lines")
	text := strings.Join(lines, rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end"))
	return rapid.SampledFrom([]string{"", "\ufeff"}).Draw(t, "mark") + text + rapid.SampledFrom([]string{"", "\n"}).Draw(t, "last")
}

// TestTaskSize: a source gives the same records, with the same IDs and places, and the same quarantine, in the same order, whatever
// the size of its tasks.
func TestTaskSize(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		for _, name := range []string{"a.jsonl", "b.jsonl"} {
			if err := os.WriteFile(filepath.Join(root, name), []byte(jsonlFile(t)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		s := Source{JSONL: &JSONL{Root: root}}
		want := read(t, s, 1<<30)
		size := rapid.SampledFrom([]int64{5, 16, 100, 1 << 10}).Draw(t, "size")
		if d := cmp.Diff(want, read(t, s, size)); d != "" {
			t.Errorf("tasks of %d bytes: whole -, tasks +:\n%s", size, d)
		}
	})
}

// TestNothingLost: every line that is not empty is a record or in quarantine, and the bytes each names are that line; no two records
// have one ID.
func TestNothingLost(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		text := jsonlFile(t)
		if err := os.WriteFile(filepath.Join(root, "a.jsonl"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		got := read(t, Source{JSONL: &JSONL{Root: root}}, rapid.Int64Range(10, 200).Draw(t, "size"))
		lines, n := strings.Split(text, "\n"), 0
		for i, l := range lines {
			if i == 0 {
				l = strings.TrimPrefix(l, "\ufeff")
			}
			if strings.TrimSpace(l) != "" {
				n++
			}
		}
		if len(got.Records)+len(got.Bad) != n {
			t.Errorf("%d records and %d bad lines of %d", len(got.Records), len(got.Bad), n)
		}
		ids := map[string]bool{}
		at := func(s dataset.Source) {
			line := strings.TrimRight(strings.TrimPrefix(lines[s.Row-1], "\ufeff"), "\r")
			if got := text[s.Offset : s.Offset+s.Length]; got != line {
				t.Errorf("row %d, offset %d: bytes %q, line %q", s.Row, s.Offset, got, line)
			}
		}
		for _, rec := range got.Records {
			if ids[rec.ID] {
				t.Errorf("ID %s twice", rec.ID)
			}
			ids[rec.ID] = true
			if rec.Source.URI != "u" { // its own
				at(rec.Source)
			}
		}
		for _, b := range got.Bad {
			at(b.Source)
			if b.Reason == "" {
				t.Errorf("no reason: %+v", b)
			}
		}
	})
}

// TestJSONLPlaces: a row's id goes to meta, the place makes the record's; a row that brings none has none in meta, be it text or a
// conversation.
func TestJSONLPlaces(t *testing.T) {
	root := folder(t, map[string]string{
		"a.jsonl": "{\"id\":\"x\",\"text\":\"one\"}\n{\"question\":\"q\",\"answer\":\"a\"}\n{\"text\":\"two\"}\n",
		"b.jsonl": "{\"id\":\"x\",\"text\":\"one\"}\n",
	})
	got := read(t, Source{JSONL: &JSONL{Root: root, License: "CC0-1.0"}}, 1<<20).Records
	if len(got) != 4 {
		t.Fatalf("%d records, want 4", len(got))
	}
	for i, want := range []string{"x", "", "", "x"} {
		if got[i].Meta["id"] != want {
			t.Errorf("record %d: meta.id %q, want %q", i, got[i].Meta["id"], want)
		}
		if got[i].Source.License != "CC0-1.0" {
			t.Errorf("record %d: license %q", i, got[i].Source.License)
		}
	}
	if got[0].ID == got[3].ID {
		t.Error("rows of two files have one ID")
	}
}

// pack compresses text.
func pack(t *testing.T, name, text string) string {
	var b bytes.Buffer
	switch filepath.Ext(name) {
	case ".gz":
		w := gzip.NewWriter(&b)
		w.Write([]byte(text))
		w.Close()
	case ".zst":
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(text))
		w.Close()
	case ".xz":
		w, err := xz.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(text))
		w.Close()
	default:
		return text
	}
	return b.String()
}

// TestBroken: broken lines are quarantined and counted with line and offset in the plain text, compressed or not; a compressed file
// that breaks off gives the rows before that, and one quarantined place.
func TestBroken(t *testing.T) {
	var b strings.Builder
	for i := range 20_000 {
		if i%100 == 99 {
			b.WriteString("{\"text\":\n")
		} else {
			fmt.Fprintf(&b, "{\"text\":\"row %d %d\"}\n", i, i*i*7919)
		}
	}
	for _, name := range []string{"a.jsonl", "a.jsonl.gz", "a.jsonl.zst"} {
		t.Run(name, func(t *testing.T) {
			packed := pack(t, name, b.String())
			s := Source{JSONL: &JSONL{Root: folder(t, map[string]string{name: packed})}}
			got := read(t, s, 1<<10)
			if len(got.Records) != 19_800 || len(got.Bad) != 200 {
				t.Fatalf("%d records, %d bad; want 19800 and 200", len(got.Records), len(got.Bad))
			}
			for i, bad := range got.Bad {
				src := bad.Source
				if src.URI != name || src.Row != int64(100*(i+1)) || b.String()[src.Offset:src.Offset+src.Length] != "{\"text\":" {
					t.Errorf("bad line %d: %+v", i, src)
				}
			}
			if name == "a.jsonl" {
				return
			}
			s = Source{JSONL: &JSONL{Root: folder(t, map[string]string{name: packed[:len(packed)*2/3], "z.jsonl": "{\"text\":\"after\"}\n"})}}
			part := read(t, s, 1<<20)
			n := len(part.Records)
			if n < 5000 || part.Records[n-1].Text != "after" {
				t.Fatalf("%d records of two thirds, the last %q", n, part.Records[n-1].Text)
			}
			for i, rec := range part.Records[:n-1] {
				if rec.Text != got.Records[i].Text || rec.Source.Offset != got.Records[i].Source.Offset {
					t.Fatalf("record %d is %q, want %q", i, rec.Text, got.Records[i].Text)
				}
			}
			last := part.Bad[len(part.Bad)-1]
			if !strings.Contains(last.Reason, "compressed data") || last.Source.Offset < part.Records[n-2].Source.Offset {
				t.Errorf("the end is not in quarantine: %+v", last)
			}
		})
	}
}

// TestNotCompressed: a file whose name promises gzip and whose bytes do not keep it is quarantined, and does not hide the next.
func TestNotCompressed(t *testing.T) {
	root := folder(t, map[string]string{"a.jsonl.gz": "{\"text\":\"plain\"}\n", "b.jsonl": "{\"text\":\"fine\"}\n"})
	got := read(t, Source{JSONL: &JSONL{Root: root}}, 1<<20)
	if len(got.Records) != 1 || len(got.Bad) != 1 || got.Bad[0].Source.URI != "a.jsonl.gz" {
		t.Errorf("%d records, bad %+v", len(got.Records), got.Bad)
	}
}

// TestQuarantineEnds: an error of the quarantine ends the reading, and is what the reader gets.
func TestQuarantineEnds(t *testing.T) {
	root := folder(t, map[string]string{"a.jsonl": "{\"text\":\"a\"}\n{\n{\"text\":\"b\"}\n"})
	tasks, err := Plan(context.Background(), Local{}, Source{JSONL: &JSONL{Root: root}}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	tooMuch := fmt.Errorf("too much is bad: %w", dataset.ErrMalformed)
	n := 0
	for _, err = range Read(context.Background(), Local{}, tasks[0], func(dataset.Bad) error { return tooMuch }) {
		n++
	}
	if n != 2 || err != tooMuch {
		t.Errorf("%d steps, then %v; want a record, then %v", n, err, tooMuch)
	}
}

// FuzzJSONL: no bytes make the reader panic, whole and in tasks of 16 bytes it gives the same, and every place lies in the file.
func FuzzJSONL(f *testing.F) {
	for _, text := range []string{"", "\n\n", "{\"text\":\"a\"}\n{", "\ufeff{\"id\":1,\"text\":\"b\"}\r\n", "{\"text\":\"\xff\"}", "[1]\n{\"messages\":[{}]}"} {
		f.Add([]byte(text))
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<12 || bytes.HasPrefix(text, []byte{0x1f, 0x8b}) || bytes.HasPrefix(text, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
			t.Skip("compressed, or more than this test reads")
		}
		if err := os.WriteFile(filepath.Join(root, "a.jsonl"), text, 0o644); err != nil {
			t.Fatal(err)
		}
		s := Source{JSONL: &JSONL{Root: root}}
		whole := read(t, s, 1<<20)
		if d := cmp.Diff(whole, read(t, s, 16)); d != "" {
			t.Errorf("whole -, tasks +:\n%s", d)
		}
		for _, b := range whole.Bad {
			if b.Source.Offset < 0 || b.Source.Offset+b.Source.Length > int64(len(text)) {
				t.Errorf("%+v in %d bytes", b.Source, len(text))
			}
		}
	})
}
