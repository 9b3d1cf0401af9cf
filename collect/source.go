// Package collect reads sources into records: the documentation of Go code, code, JSON, CSV, Parquet, Arrow, text, Markdown, web pages
// and web archives, from local folders, S3, the web and dataset hubs, and the rows of databases.
//
// A source is planned into tasks first; a task names every file, or byte range of one, with its digest, so that reading it again
// gives the same records or an error. Ranges begin where rows do, so that any cut gives the same records in the same order.
package collect

import (
	"context"
	"fmt"
	"iter"
	"path"
	"reflect"
	"strings"

	"temper/dataset"
)

// A Source is what to read; exactly one field is set.
type Source struct {
	GoDoc    *GoDoc    `json:"go_doc,omitempty" doc:"doc comments, signatures and examples of Go packages"`
	Code     *Code     `json:"code,omitempty" doc:"source code, a record a file, with its language and license"`
	JSONL    *JSONL    `json:"jsonl,omitempty" doc:"JSON objects, one a line; also compressed"`
	JSON     *JSON     `json:"json,omitempty" doc:"files of one JSON array of objects, such as chat logs; also compressed"`
	CSV      *CSV      `json:"csv,omitempty" doc:"comma- or tab-separated tables; also compressed"`
	Parquet  *Parquet  `json:"parquet,omitempty" doc:"Parquet tables"`
	HTML     *HTML     `json:"html,omitempty" doc:"web pages: the main text of each; also compressed"`
	WARC     *WARC     `json:"warc,omitempty" doc:"web archives: the main text of each page; also compressed"`
	Arrow    *Arrow    `json:"arrow,omitempty" doc:"Arrow record batches, as files or streams"`
	SQL      *SQL      `json:"sql,omitempty" doc:"rows of a query, from PostgreSQL or SQLite"`
	Text     *Text     `json:"text,omitempty" doc:"plain text files"`
	Markdown *Markdown `json:"markdown,omitempty" doc:"Markdown files, a record a section"`
}

// A kind is how one kind of source is planned and read. A kind may have more: see checker, chooser, splitter and cutter.
type kind interface {
	common() common
	read(r *reader) error
}

// common is what all kinds of sources have: where the option struct keeps it, and the default of Include.
type common struct {
	root    *string
	include *[]string
	license *string
	globs   []string
}

// A checker has options that can be wrong.
type checker interface{ validate() error }

// A chooser tells which files, by their path below the root, it reads; others go by Include.
type chooser interface{ wants(rel string) bool }

// A filler has more defaults than Include's.
type filler interface{ fill() }

// kind returns the field that is set, with its name.
func (s Source) kind() (name string, k kind, err error) {
	v := reflect.ValueOf(s)
	var names []string
	n := 0
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		names = append(names, key)
		if !v.Field(i).IsNil() {
			name, k, n = key, v.Field(i).Interface().(kind), n+1
		}
	}
	if n != 1 {
		return "", nil, fmt.Errorf("a source has exactly one of %s; this has %d", strings.Join(names, ", "), n)
	}
	return name, k, nil
}

// copied returns s with an option struct of its own, and that struct, or nil.
func (s Source) copied() (Source, kind) {
	if _, _, err := s.kind(); err != nil {
		return s, nil
	}
	v := reflect.ValueOf(&s).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsNil() {
			own := reflect.New(f.Type().Elem())
			own.Elem().Set(f.Elem())
			f.Set(own)
			return s, own.Interface().(kind)
		}
	}
	return s, nil
}

// Name is the key of the field that is set, or "".
func (s Source) Name() string {
	name, _, _ := s.kind()
	return name
}

// Root is where the source lies.
func (s Source) Root() string {
	_, k, err := s.kind()
	if err != nil {
		return ""
	}
	return *k.common().root
}

// WithRoot is s, lying elsewhere.
func (s Source) WithRoot(root string) Source {
	s, k := s.copied()
	if k != nil {
		*k.common().root = root
	}
	return s
}

// Validate says what is wrong with s.
func (s Source) Validate() error {
	name, k, err := s.kind()
	if err != nil {
		return err
	}
	c := k.common()
	if _, asked := k.(*SQL); *c.root == "" && !asked {
		return fmt.Errorf("%s.root is missing: the folder, file or address to read", name)
	}
	if err := checkGlobs(*c.include); err != nil {
		return err
	}
	if k, ok := k.(checker); ok {
		return k.validate()
	}
	return nil
}

// WithDefaults fills in what is absent.
func (s Source) WithDefaults() Source {
	s, k := s.copied()
	if k == nil {
		return s
	}
	if c := k.common(); len(*c.include) == 0 && len(c.globs) > 0 {
		*c.include = c.globs
	}
	if k, ok := k.(filler); ok {
		k.fill()
	}
	return s
}

// wanted reports whether k reads a file, by its path below the root. Patterns with a slash are of whole paths, others of file names.
func wanted(k kind, rel string) bool {
	if k, ok := k.(chooser); ok {
		return k.wants(rel)
	}
	return named(*k.common().include, rel)
}

// packed are the names of a kind of file with the endings of compressed ones.
func packed(globs ...string) []string {
	out := globs
	for _, end := range []string{".gz", ".zst", ".bz2", ".xz"} {
		for _, g := range globs {
			out = append(out, g+end)
		}
	}
	return out
}

// compressed reports whether a file's name promises compressed bytes, which cannot be cut.
func compressed(name string) bool {
	switch path.Ext(name) {
	case ".gz", ".zst", ".bz2", ".xz":
		return true
	}
	return false
}

// FileInfo is a file of a listing.
type FileInfo struct {
	URI     string
	Size    int64  // bytes
	At      string // the address that URI led to, if it is another
	Skipped bool   // it is not of the kind that was asked for, and not there

	missing string // why it is not there
	below   string // the address that it was found by
}

// Files is where sources are read.
type Files interface {
	// List yields the files below root, sorted by URI. A root that is a file yields itself; one that is not there is fs.ErrNotExist.
	List(ctx context.Context, root string) iter.Seq2[FileInfo, error]
	Open(ctx context.Context, uri string) (dataset.Object, error)
}

// A Keeper is files that may not be there, or be others, when they are to be read: it keeps them when a run is planned.
type Keeper interface {
	// Keep is given a file as it was planned.
	Keep(ctx context.Context, p Part, obj dataset.Object) error
}

// RowsScheme is what the addresses of a query's rows begin with, before their digest; KeptExt ends the names of what is kept on a store.
const (
	RowsScheme = "rows:"
	KeptExt    = ".source"
)

// A Part is a file, or a byte range of one.
type Part struct {
	URI    string `json:"uri"`    // to open it
	Name   string `json:"name"`   // below the source's root: what records say
	SHA256 string `json:"sha256"` // of the whole file
	Size   int64  `json:"size"`   // of the whole file
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`

	License     string `json:"license,omitempty"`      // that was found beside it
	Missing     string `json:"missing,omitempty"`      // why there is no such file, where a list names it
	RangeSHA256 string `json:"range_sha256,omitempty"` // of the range, where it is not the whole file
	Lines       int64  `json:"lines,omitempty"`        // line ends, or rows, before Offset
}

// A Task is the files that are read together.
type Task struct {
	Source Source `json:"source"`
	Files  []Part `json:"files"`
}
