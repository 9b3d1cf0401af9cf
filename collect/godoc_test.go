package collect

import (
	"bytes"
	"encoding/json"
	"go/scanner"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGoDoc: the tree gives the records of the golden file, and the file that does not parse is in quarantine with its place.
func TestGoDoc(t *testing.T) {
	files := archive(t, "testdata/tree.txtar")
	got := read(t, Source{GoDoc: &GoDoc{Root: folder(t, files)}}, 1<<20)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	for _, rec := range got.Records {
		if err := enc.Encode(rec); err != nil {
			t.Fatal(err)
		}
	}
	golden := "testdata/tree.jsonl"
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("want -, got +:\n%s", d)
	}
	if len(got.Bad) != 1 {
		t.Fatalf("%d bad files, want 1: %v", len(got.Bad), got.Bad)
	}
	bad, broken := got.Bad[0], files["shape/broken.go"]
	at := strings.LastIndex(broken, "{")
	if bad.Source.URI != "shape/broken.go" || bad.Source.Offset != int64(at) || bad.Source.Row != 6 || !strings.HasPrefix(bad.Reason, "not Go: ") || bad.Raw != broken[at:] {
		t.Errorf("quarantine says %+v; the error is at offset %d, line 6", bad, at)
	}
}

// TestGoDocSource: the bytes a record names are its declaration in the file, whatever //line says, with its comment first and its
// name in it.
func TestGoDocSource(t *testing.T) {
	files := archive(t, "testdata/tree.txtar")
	for _, rec := range read(t, Source{GoDoc: &GoDoc{Root: folder(t, files)}}, 1).Records {
		src := rec.Source
		file := files[src.URI]
		at := file[src.Offset : src.Offset+src.Length]
		if line := strings.Count(file[:src.Offset], "\n") + 1; src.Row != int64(line) {
			t.Errorf("%s: row %d, its offset is in line %d", rec.Meta["name"], src.Row, line)
		}
		var s scanner.Scanner
		set := token.NewFileSet()
		s.Init(set.AddFile("", set.Base(), len(at)), []byte(at), nil, scanner.ScanComments)
		if _, tok, _ := s.Scan(); tok != token.COMMENT {
			t.Errorf("%s: its source starts with %v, not with a comment:\n%s", rec.Meta["name"], tok, at)
		}
		name := rec.Meta["name"]
		if !strings.Contains(at, name[strings.LastIndexByte(name, '.')+1:]) {
			t.Errorf("%s is not in its source:\n%s", name, at)
		}
		if src.License != "BSD-3-Clause" || len(src.SHA256) != 64 {
			t.Errorf("%s: license %q, sha256 %q", name, src.License, src.SHA256)
		}
	}
}

// TestGoDocRoots: a root that is a package, one that is a link, and a single file give the package's name where there is no path.
func TestGoDocRoots(t *testing.T) {
	root := folder(t, map[string]string{"a/p.go": "// Package p is small.\npackage p\n"})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	for root, want := range map[string]string{root: "a", link: "a", root + "/a": "p", root + "/a/p.go": "p", root + "/": "a"} {
		got := read(t, Source{GoDoc: &GoDoc{Root: root}}, 1)
		if len(got.Records) != 1 || got.Records[0].Meta["package"] != want {
			t.Errorf("%s: %v, want one record of package %s", root, got.Records, want)
		}
	}
}

// TestGoDocInclude: include and exclude choose packages by their import paths.
func TestGoDocInclude(t *testing.T) {
	root := folder(t, archive(t, "testdata/tree.txtar"))
	packages := func(g GoDoc) string {
		g.Root = root
		var out []string
		for _, rec := range read(t, Source{GoDoc: &g}, 1<<20).Records {
			if rec.Meta["kind"] == "package" {
				out = append(out, rec.Meta["package"])
			}
		}
		return strings.Join(out, " ")
	}
	tests := []struct {
		name string
		opts GoDoc
		want string
	}{
		{"all", GoDoc{}, "other/nested shape"},
		{"one", GoDoc{Include: []string{"shape"}}, "shape"},
		{"a part", GoDoc{Include: []string{"*/nested"}}, "other/nested"},
		{"any number of parts", GoDoc{Include: []string{"**"}, Exclude: []string{"shape"}}, "other/nested shape/internal/deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := packages(tt.opts); got != tt.want {
				t.Errorf("packages %q, want %q", got, tt.want)
			}
		})
	}
}

// TestGoroot: the standard library's documentation is read whole, in any tasks, with nothing in quarantine, and strings.Fields is in
// it with all that is known of it.
func TestGoroot(t *testing.T) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	root := strings.TrimSpace(string(out)) + "/src"
	if err == nil {
		_, err = os.Stat(root + "/strings/strings.go")
	}
	if err != nil {
		t.Skip("no Go sources here: ", err)
	}
	s := Source{GoDoc: &GoDoc{Root: root, Include: []string{"strings", "net/http", "os", "math/**"}}}
	got := read(t, s, 8<<20)
	if len(got.Bad) != 0 {
		t.Errorf("in quarantine: %v", got.Bad)
	}
	if d := cmp.Diff(got, read(t, s, 64<<10)); d != "" {
		t.Errorf("tasks of 64 KiB give other records:\n%s", d)
	}
	for _, rec := range got.Records {
		if rec.Meta["package"] == "strings" && rec.Meta["name"] == "Fields" {
			for _, key := range []string{"signature", "example", "output", "synopsis"} {
				if rec.Meta[key] == "" {
					t.Errorf("strings.Fields has no %s", key)
				}
			}
			return
		}
	}
	t.Error("strings.Fields is not there")
}

// FuzzGoDoc: no source makes the reader panic; one file gives records or quarantine, and every record's bytes lie in the file.
func FuzzGoDoc(f *testing.F) {
	for _, text := range []string{
		"package p\n", "// Package p is.\npackage p\n\n// F does.\nfunc F() {}\n", "//line :3\npackage p\n// T is.\ntype T struct{ a, B int }\n",
		"package p\n// X is.\nconst (\n\tX = iota\n\t// Y is.\n\tY\n)\n", "package p\n/* M.\r\n */ func (T[A]) M() {}\r\n", "\ufeffpackage p", "package",
		"// [F] # H\n//  - l\n//\n//\tcode\npackage p",
	} {
		f.Add([]byte(text))
	}
	root := f.TempDir()
	name := filepath.Join(root, "p.go")
	f.Fuzz(func(t *testing.T, src []byte) {
		if err := os.WriteFile(name, src, 0o644); err != nil {
			t.Fatal(err)
		}
		got := read(t, Source{GoDoc: &GoDoc{Root: root}}, 1<<20)
		for _, rec := range got.Records {
			if s := rec.Source; s.Offset < 0 || s.Length <= 0 || s.Offset+s.Length > int64(len(src)) || s.Row < 1 {
				t.Errorf("%s: %+v in a file of %d bytes", rec.Meta["name"], s, len(src))
			}
			if rec.Text == "" || rec.Meta["doc"] == "" {
				t.Errorf("empty record %+v", rec)
			}
		}
		for _, b := range got.Bad {
			if b.Source.Offset > int64(len(src)) {
				t.Errorf("bad at %d in a file of %d bytes", b.Source.Offset, len(src))
			}
		}
	})
}
