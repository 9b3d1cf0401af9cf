package collect

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"temper/dataset"
)

// TestChanged: a file that is not as the plan saw it, by length or by content only, is an error that names it, in whole files and in
// ranges; nothing is quarantined in its place.
func TestChanged(t *testing.T) {
	tests := []struct {
		name   string
		source Source
		file   string
		text   string
	}{
		{"jsonl", Source{JSONL: &JSONL{}}, "a.jsonl", strings.Repeat("{\"text\":\"a line\"}\n", 40)},
		{"text", Source{Text: &Text{}}, "a.txt", strings.Repeat("a line\n", 40)},
		{"markdown", Source{Markdown: &Markdown{}}, "a.md", strings.Repeat("a line\n", 40)},
		{"go_doc", Source{GoDoc: &GoDoc{}}, "a.go", "// Package a is a line.\npackage a\n"},
	}
	changes := map[string]func(string) string{
		"longer":    func(s string) string { return s + s },
		"shorter":   func(s string) string { return s[:len(s)/2] },
		"a byte":    func(s string) string { return strings.Replace(s, "line", "lime", 1) },
		"last byte": func(s string) string { return s[:len(s)-1] + " " },
	}
	for _, tt := range tests {
		for name, change := range changes {
			for _, size := range []int64{50, 1 << 20} {
				t.Run(tt.name+", "+name, func(t *testing.T) {
					root := folder(t, map[string]string{tt.file: tt.text})
					tasks, err := Plan(context.Background(), Local{}, at(tt.source, root), size)
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(root, tt.file), []byte(change(tt.text)), 0o644); err != nil {
						t.Fatal(err)
					}
					var failed error
					for _, task := range tasks {
						for _, err := range Read(context.Background(), Local{}, task, func(b dataset.Bad) error { t.Errorf("quarantined: %+v", b); return nil }) {
							if err != nil {
								failed = err
							}
						}
					}
					if !errors.Is(failed, dataset.ErrConflict) || !strings.Contains(failed.Error(), filepath.Join(root, tt.file)) {
						t.Errorf("error %v; want a conflict that names the file", failed)
					}
				})
			}
		}
	}
}

// at is s with another root.
func at(s Source, root string) Source {
	switch {
	case s.JSONL != nil:
		return Source{JSONL: &JSONL{Root: root}}
	case s.Text != nil:
		return Source{Text: &Text{Root: root}}
	case s.Markdown != nil:
		return Source{Markdown: &Markdown{Root: root}}
	}
	return Source{GoDoc: &GoDoc{Root: root}}
}

// TestPlanRefuses: a source that cannot be right is refused with what to do.
func TestPlanRefuses(t *testing.T) {
	empty := t.TempDir()
	tests := []struct {
		name   string
		source Source
		want   string
		is     error
	}{
		{"none", Source{}, "exactly one of", nil},
		{"two", Source{Text: &Text{Root: "a"}, GoDoc: &GoDoc{Root: "a"}}, "exactly one of", nil},
		{"no root", Source{Text: &Text{}}, "text.root is missing", nil},
		{"pattern", Source{Text: &Text{Root: empty, Include: []string{"[a"}}}, `pattern "[a"`, nil},
		{"split", Source{Text: &Text{Root: empty, Split: "word"}}, "file or paragraph", nil},
		{"not there", Source{JSONL: &JSONL{Root: empty + "/none"}}, empty + "/none", fs.ErrNotExist},
		{"nothing in it", Source{JSONL: &JSONL{Root: empty}}, "check root and include", fs.ErrNotExist},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Plan(context.Background(), Local{}, tt.source, 1)
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v; want %q, %v", err, tt.want, tt.is)
			}
		})
	}
}

// remoteFiles are some addresses.
type remoteFiles []string

func (f remoteFiles) List(context.Context, string) iter.Seq2[FileInfo, error] {
	return func(yield func(FileInfo, error) bool) {
		for _, uri := range f {
			if !yield(FileInfo{URI: uri, Size: 1}, nil) {
				return
			}
		}
	}
}

func (remoteFiles) Open(context.Context, string) (dataset.Object, error) { return nil, fs.ErrNotExist }

// TestNames: files are named by their path below the root, however the root is written, or by their address; a key that only starts
// with the same letters is not below it, and a root that is a file is read whatever its name.
func TestNames(t *testing.T) {
	root := folder(t, map[string]string{"in/a.jsonl": "", "in/b/c.jsonl": "", "in/d.txt": "", "in/.git/e.jsonl": ""})
	t.Chdir(root)
	bucket := remoteFiles{"s3://b/in/a.jsonl", "s3://b/in/b/c.jsonl", "s3://b/in/d.txt", "s3://b/inner/e.jsonl"}
	tests := []struct {
		root  string
		files Files
		want  []string
	}{
		{root + "/in", Local{}, []string{"a.jsonl", "b/c.jsonl"}},
		{root + "/in/", Local{}, []string{"a.jsonl", "b/c.jsonl"}},
		{"in", Local{}, []string{"a.jsonl", "b/c.jsonl"}},
		{"./in", Local{}, []string{"a.jsonl", "b/c.jsonl"}},
		{".", Local{}, []string{"in/a.jsonl", "in/b/c.jsonl"}},
		{"in/d.txt", Local{}, []string{"d.txt"}},
		{"s3://b/in", bucket, []string{"s3://b/in/a.jsonl", "s3://b/in/b/c.jsonl"}},
		{"s3://b/in/", bucket, []string{"s3://b/in/a.jsonl", "s3://b/in/b/c.jsonl"}},
		{"s3://b/in/d.txt", bucket, []string{"s3://b/in/d.txt"}},
	}
	for _, tt := range tests {
		t.Run(tt.root, func(t *testing.T) {
			s := Source{JSONL: &JSONL{Root: tt.root}}.WithDefaults()
			parts, err := list(context.Background(), tt.files, s, s.JSONL)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range parts {
				got = append(got, p.Name)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("want -, got +:\n%s", d)
			}
		})
	}
}

// TestCancel: a cancelled context ends plan and reading with its cause.
func TestCancel(t *testing.T) {
	root := folder(t, map[string]string{"a.txt": "a"})
	s := Source{Text: &Text{Root: root}}
	tasks, err := Plan(context.Background(), Local{}, s, 1)
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(enough)
	if _, err := Plan(ctx, Local{}, s, 1); !errors.Is(err, enough) {
		t.Errorf("plan: %v", err)
	}
	for _, err := range Read(ctx, Local{}, tasks[0], nil) {
		if !errors.Is(err, enough) {
			t.Errorf("read: %v", err)
		}
	}
}

// FuzzMatch: ** matches what it stands for, and no pattern makes the matcher panic.
func FuzzMatch(f *testing.F) {
	f.Add("**/internal/**", "a/internal/b")
	f.Add("a/*/[b", "a/b/b")
	f.Fuzz(func(t *testing.T, glob, name string) {
		if strings.Count(glob, "**") > 4 || len(name) > 64 {
			t.Skip("more than this test waits for")
		}
		if matchAny([]string{glob}, name) && !matchAny([]string{"**/" + glob}, name) {
			t.Errorf("%q matches %q, and with **/ before it does not", glob, name)
		}
	})
}
