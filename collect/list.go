package collect

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"temper/dataset"
)

// list finds the files that the source wants, by name.
func list(ctx context.Context, files Files, s Source, k kind) ([]Part, error) {
	if q, ok := k.(*SQL); ok {
		return q.list(ctx, files)
	}
	l := &lister{ctx: ctx, files: files, source: s, kind: k}
	root := s.Root()
	var err error
	switch {
	case strings.HasSuffix(root, listEnd):
		err = l.addresses(root)
	case s.HTML != nil && s.HTML.Depth > 0:
		err = l.crawl(root, *s.HTML)
	default:
		err = l.below(ctx, root)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name(), err)
	}
	found, err := licenses(ctx, files, l.beside)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name(), err)
	}
	if len(found) > 0 {
		for i := range l.parts {
			l.parts[i].License = above(found, l.parts[i].URI)
		}
	}
	slices.SortFunc(l.parts, func(a, b Part) int {
		// A package's files stand together: by folder, then by name.
		if c := strings.Compare(path.Dir(a.Name), path.Dir(b.Name)); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return slices.CompactFunc(l.parts, func(a, b Part) bool { return a.URI == b.URI }), nil
}

// A lister gathers the files of a source.
type lister struct {
	ctx    context.Context // of the one call that lists
	files  Files
	source Source
	kind   kind
	parts  []Part
	beside []string // license files
}

// below takes the files below a root.
func (l *lister) below(ctx context.Context, root string) error {
	for f, err := range l.files.List(ctx, root) {
		if err == nil {
			err = l.take(root, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take takes a file of a listing, if it is below the root and wanted.
func (l *lister) take(root string, f FileInfo) error {
	name, ok := below(root, f.URI)
	if c := l.source.Code; c != nil && c.License == "" && ok && isLicense(f.URI) && len(l.beside) < maxLicenses {
		l.beside = append(l.beside, f.URI)
	}
	if !ok || name != "" && !wanted(l.kind, name) {
		return nil
	}
	if name == "" { // the root is a file
		name = path.Base(f.URI)
	}
	if remote(root) {
		name = f.URI
	}
	return l.add(Part{URI: f.URI, Name: name, Size: f.Size, Length: f.Size})
}

func (l *lister) add(p Part) error {
	if l.parts = append(l.parts, p); len(l.parts) > maxFiles {
		return fmt.Errorf("more than %d files below %s: split the source", maxFiles, l.source.Root())
	}
	return nil
}

const (
	listEnd    = ".urls" // what the name of a list of addresses ends in
	maxAddress = 8 << 10 // bytes of an address
	abreast    = 8       // addresses of a list that are looked at at the same time
)

// addresses takes what the addresses of a list name, one a line; empty lines and those that begin with # are none. An address that is
// not there, or may not be read, is a bad row of the source.
func (l *lister) addresses(root string) error {
	many := context.WithValue(l.ctx, manyKey{}, true)
	look := func(address string) ([]FileInfo, error) {
		var all []FileInfo
		for f, err := range l.files.List(many, address) {
			if why := missing(err); why != "" {
				return []FileInfo{{URI: address, missing: why}}, nil
			}
			if err != nil {
				return nil, err
			}
			if all = append(all, f); len(all) > maxFiles {
				return nil, fmt.Errorf("more than %d files below %s: split the source", maxFiles, address)
			}
		}
		for i := range all {
			all[i].below = address
		}
		return all, nil
	}
	for found, err := range dataset.Map(readAddresses(l.ctx, l.files, root), abreast, look) {
		if err != nil {
			return err
		}
		for _, f := range found {
			if f.missing != "" {
				err = l.add(Part{URI: f.URI, Name: f.URI, Missing: f.missing})
			} else {
				err = l.take(f.below, f)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// missing is why a file of many is not there, or may not be read, whoever asks again; "" for other errors, and none.
func missing(err error) string {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrForbidden) {
		return err.Error()
	}
	return ""
}

// readAddresses reads a list.
func readAddresses(ctx context.Context, files Files, uri string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		obj, err := files.Open(ctx, uri)
		if err != nil {
			yield("", err)
			return
		}
		defer obj.Close()
		in := bufio.NewScanner(io.NewSectionReader(obj, 0, obj.Info().Size))
		in.Buffer(nil, maxAddress)
		for n := 1; in.Scan(); n++ {
			line := string(bytes.TrimSpace(bytes.TrimPrefix(in.Bytes(), mark)))
			if line == "" || line[0] == '#' {
				continue
			}
			if !remote(line) || strings.HasSuffix(line, listEnd) {
				yield("", fmt.Errorf("%s, line %d: %.100q is no address, such as https://host/page, s3://bucket/prefix or hf://datasets/owner/name", uri, n, line))
				return
			}
			if !yield(line, nil) {
				return
			}
		}
		if err := in.Err(); err != nil {
			yield("", fmt.Errorf("%s: %w", uri, err))
		}
	}
}
