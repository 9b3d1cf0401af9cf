// Package collect reads sources into records: the documentation of Go code, JSONL, text and Markdown, from local folders and S3.
// A source is planned into tasks first; a task names every file, or byte range of one, with its digest, so that reading it again
// gives the same records or an error.
package collect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"strings"

	"temper/dataset"
)

// A Source is what to read; exactly one field is set.
type Source struct {
	GoDoc    *GoDoc    `json:"go_doc,omitempty" doc:"doc comments, signatures and examples of Go packages"`
	JSONL    *JSONL    `json:"jsonl,omitempty" doc:"JSON objects, one a line; also .gz and .zst"`
	Text     *Text     `json:"text,omitempty" doc:"plain text files"`
	Markdown *Markdown `json:"markdown,omitempty" doc:"Markdown files, a record a section"`
}

// GoDoc reads a tree of Go packages, such as GOROOT/src: a record for each package, and for each exported and documented
// function, method, type, constant and variable, those of a group together. Generated files are read as others are. Left out are
// files that no build takes in without an experiment, and symbols whose documentation only says not to use them.
//
// The text of a record is the declaration and its documentation, with the line ends within paragraphs and the brackets of links
// taken away. Meta: package, kind, name, symbol (as in tar.Reader.Next), doc, synopsis, and where there are such, signature, receiver, example, output, deprecated.
type GoDoc struct {
	Root    string   `json:"root" doc:"folder of the packages; $GOROOT/src is Go's standard library"`
	Include []string `json:"include,omitempty" doc:"import paths to read, with * for a part of one and ** for any number of parts" default:"all"`
	Exclude []string `json:"exclude,omitempty" doc:"import paths to leave out" default:"internal, vendor, cmd and testdata folders"`
	License string   `json:"license,omitempty" doc:"SPDX identifier" default:"BSD-3-Clause where the LICENSE is Go's"`
}

// JSONL reads files of JSON objects; see dataset.ReadObject for the fields that are understood.
type JSONL struct {
	Root    string   `json:"root" doc:"folder, file or s3:// address"`
	Include []string `json:"include,omitempty" doc:"file names to read" default:"*.jsonl, *.jsonl.gz, *.jsonl.zst"`
	License string   `json:"license,omitempty" doc:"SPDX identifier"`
}

// Text reads text files.
type Text struct {
	Root    string   `json:"root" doc:"folder, file or s3:// address"`
	Include []string `json:"include,omitempty" doc:"file names to read" default:"*.txt"`
	Split   string   `json:"split,omitempty" doc:"a record a file, or a paragraph" enum:"file,paragraph" default:"file"`
	License string   `json:"license,omitempty" doc:"SPDX identifier"`
}

// Markdown reads Markdown files, a record a section.
type Markdown struct {
	Root    string   `json:"root" doc:"folder, file or s3:// address"`
	Include []string `json:"include,omitempty" doc:"file names to read" default:"*.md, *.markdown"`
	License string   `json:"license,omitempty" doc:"SPDX identifier"`
}

// A kind is how one kind of source is planned and read.
type kind interface {
	root() string
	validate() error
	wants(rel string) bool
	splits(rel string) bool // a big file may be cut in byte ranges
	license() string
}

func (s Source) kind() (kind, error) {
	var set []kind
	if s.GoDoc != nil {
		set = append(set, s.GoDoc)
	}
	if s.JSONL != nil {
		set = append(set, s.JSONL)
	}
	if s.Text != nil {
		set = append(set, s.Text)
	}
	if s.Markdown != nil {
		set = append(set, s.Markdown)
	}
	if len(set) != 1 {
		return nil, fmt.Errorf("a source has exactly one of go_doc, jsonl, text, markdown; this has %d", len(set))
	}
	return set[0], nil
}

// Name is the key of the field that is set, or "".
func (s Source) Name() string {
	switch {
	case s.GoDoc != nil:
		return "go_doc"
	case s.JSONL != nil:
		return "jsonl"
	case s.Text != nil:
		return "text"
	case s.Markdown != nil:
		return "markdown"
	}
	return ""
}

// Root is where the source lies.
func (s Source) Root() string {
	k, err := s.kind()
	if err != nil {
		return ""
	}
	return k.root()
}

// Validate says what is wrong with s.
func (s Source) Validate() error {
	k, err := s.kind()
	if err != nil {
		return err
	}
	if k.root() == "" {
		return errors.New(s.Name() + ".root is missing: the folder, file or s3:// address to read")
	}
	return k.validate()
}

// WithDefaults fills in what is absent.
func (s Source) WithDefaults() Source {
	fill := func(p *[]string, globs ...string) {
		if len(*p) == 0 {
			*p = globs
		}
	}
	if s.GoDoc != nil {
		g := *s.GoDoc
		fill(&g.Exclude, "**/internal/**", "**/vendor/**", "cmd/**", "**/testdata/**")
		s.GoDoc = &g
	}
	if s.JSONL != nil {
		j := *s.JSONL
		fill(&j.Include, "*.jsonl", "*.jsonl.gz", "*.jsonl.zst")
		s.JSONL = &j
	}
	if s.Text != nil {
		t := *s.Text
		fill(&t.Include, "*.txt")
		if t.Split == "" {
			t.Split = "file"
		}
		s.Text = &t
	}
	if s.Markdown != nil {
		m := *s.Markdown
		fill(&m.Include, "*.md", "*.markdown")
		s.Markdown = &m
	}
	return s
}

func (g *GoDoc) root() string       { return g.Root }
func (g *GoDoc) license() string    { return g.License }
func (g *GoDoc) splits(string) bool { return false }
func (g *GoDoc) validate() error {
	return checkGlobs(append(append([]string{}, g.Include...), g.Exclude...))
}
func (g *GoDoc) wants(rel string) bool {
	if !strings.HasSuffix(rel, ".go") {
		return false
	}
	for part := range strings.SplitSeq(rel, "/") {
		if part[:1] == "_" || part[:1] == "." { // as go build has it
			return false
		}
	}
	pkg := path.Dir(rel)
	if len(g.Include) > 0 && !matchAny(g.Include, pkg) {
		return false
	}
	return !matchAny(g.Exclude, pkg)
}

func (j *JSONL) root() string          { return j.Root }
func (j *JSONL) license() string       { return j.License }
func (j *JSONL) validate() error       { return checkGlobs(j.Include) }
func (j *JSONL) wants(rel string) bool { return matchAny(j.Include, path.Base(rel)) }
func (j *JSONL) splits(rel string) bool {
	return !strings.HasSuffix(rel, ".gz") && !strings.HasSuffix(rel, ".zst")
}

func (t *Text) root() string          { return t.Root }
func (t *Text) license() string       { return t.License }
func (t *Text) splits(string) bool    { return false }
func (t *Text) wants(rel string) bool { return matchAny(t.Include, path.Base(rel)) }
func (t *Text) validate() error {
	if t.Split != "" && t.Split != "file" && t.Split != "paragraph" {
		return fmt.Errorf("text.split is %q; it must be file or paragraph", t.Split)
	}
	return checkGlobs(t.Include)
}

func (m *Markdown) root() string          { return m.Root }
func (m *Markdown) license() string       { return m.License }
func (m *Markdown) splits(string) bool    { return false }
func (m *Markdown) validate() error       { return checkGlobs(m.Include) }
func (m *Markdown) wants(rel string) bool { return matchAny(m.Include, path.Base(rel)) }

// checkGlobs refuses patterns that can match nothing by mistake.
func checkGlobs(globs []string) error {
	for _, g := range globs {
		if _, err := path.Match(strings.ReplaceAll(g, "**", "*"), ""); err != nil {
			return fmt.Errorf("pattern %q: %w", g, err)
		}
	}
	return nil
}

func matchAny(globs []string, name string) bool {
	for _, g := range globs {
		if match(strings.Split(g, "/"), strings.Split(name, "/")) {
			return true
		}
	}
	return false
}

// match matches a path by parts; ** stands for any number of them, none included.
func match(globs, parts []string) bool {
	for len(globs) > 0 {
		if globs[0] == "**" {
			for i := 0; i <= len(parts); i++ {
				if match(globs[1:], parts[i:]) {
					return true
				}
			}
			return false
		}
		if len(parts) == 0 {
			return false
		}
		if ok, err := path.Match(globs[0], parts[0]); err != nil || !ok {
			return false
		}
		globs, parts = globs[1:], parts[1:]
	}
	return len(parts) == 0
}

// FileInfo is a file of a listing.
type FileInfo struct {
	URI  string
	Size int64 // bytes
}

// Files is where sources are read.
type Files interface {
	// List yields the files below root, sorted by URI. A root that is a file yields itself; one that is not there is fs.ErrNotExist.
	List(ctx context.Context, root string) iter.Seq2[FileInfo, error]
	Open(ctx context.Context, uri string) (dataset.Object, error)
}

// A Part is a file, or a byte range of one.
type Part struct {
	URI    string `json:"uri"`    // to open it
	Name   string `json:"name"`   // below the source's root: what records say
	SHA256 string `json:"sha256"` // of the whole file
	Size   int64  `json:"size"`   // of the whole file
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`

	RangeSHA256 string `json:"range_sha256,omitempty"` // of the range, where it is not the whole file
	Lines       int64  `json:"lines,omitempty"`        // line ends before Offset
}

// A Task is the files that are read together.
type Task struct {
	Source Source `json:"source"`
	Files  []Part `json:"files"`
}
