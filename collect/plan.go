package collect

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const (
	maxFiles    = 5_000_000 // of one source
	maxLicenses = 100_000   // files of licenses that are looked at
)

// Plan lists a source's files with their digests and cuts them into tasks of about taskBytes. The same files give the same tasks;
// any taskBytes gives the same records, in the same order.
func Plan(ctx context.Context, files Files, s Source, taskBytes int64) ([]Task, error) {
	l, err := List(ctx, files, s)
	if err != nil {
		return nil, err
	}
	return l.Plan(ctx, files, taskBytes)
}

// A Listing is the files of a source, which have not been read yet.
type Listing struct {
	source Source
	kind   kind
	parts  []Part
}

// List finds the files that the source wants, by name.
func List(ctx context.Context, files Files, s Source) (*Listing, error) {
	s = s.WithDefaults()
	if err := s.Validate(); err != nil {
		return nil, err
	}
	name, k, err := s.kind()
	if err != nil {
		return nil, err
	}
	parts, err := list(ctx, files, s, k)
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("%s: no file below %s is one to read: check root and include: %w", name, s.Root(), fs.ErrNotExist)
	}
	if s.GoDoc != nil && s.GoDoc.License == "" {
		g := *s.GoDoc
		g.License = goLicense(ctx, files, g.Root)
		s.GoDoc = &g
	}
	return &Listing{s, k, parts}, nil
}

// Bytes is the size of all files.
func (l *Listing) Bytes() (n int64) {
	for _, p := range l.parts {
		n += p.Size
	}
	return n
}

// Tasks is how many tasks of about taskBytes there are at most.
func (l *Listing) Tasks(taskBytes int64) int { return len(l.cut(max(taskBytes, 1))) }

// Plan reads the files once, or twice where large ones are cut by rows, and returns the tasks of about taskBytes.
func (l *Listing) Plan(ctx context.Context, files Files, taskBytes int64) ([]Task, error) {
	tasks := l.cut(max(taskBytes, 1))
	if err := l.digest(ctx, files, tasks); err != nil {
		return nil, err
	}
	empty := func(t Task) bool { // no row starts in it
		return len(t.Files) == 1 && t.Files[0].Length == 0 && t.Files[0].Size > 0
	}
	return slices.DeleteFunc(tasks, empty), nil
}

// remote reports whether root is an address rather than a path.
func remote(root string) bool { return strings.Contains(root, "://") }

// below returns the name of a file below root, "" for root itself. It is not ok for a file that lies elsewhere, as one whose key
// only starts with the same letters.
func below(root, uri string) (name string, ok bool) {
	if remote(root) {
		root = strings.TrimSuffix(root, "/")
	} else {
		root, uri = path.Clean(root), path.Clean(uri)
	}
	switch {
	case uri == root:
		return "", true
	case root == ".":
		return uri, true
	}
	return strings.CutPrefix(uri, strings.TrimSuffix(root, "/")+"/")
}

// cut packs files into tasks. Files of one Go package stay together; a large file that can be cut becomes ranges.
func (l *Listing) cut(taskBytes int64) []Task {
	var tasks []Task
	open, size := Task{Source: l.source}, int64(0)
	flush := func() {
		if len(open.Files) > 0 {
			tasks = append(tasks, open)
		}
		open, size = Task{Source: l.source}, 0
	}
	for i, p := range l.parts {
		if p.Size > taskBytes && l.cuts(p.Name) {
			flush()
			for at := int64(0); at < p.Size; at += taskBytes {
				q := p
				q.Offset, q.Length = at, min(taskBytes, p.Size-at)
				tasks = append(tasks, Task{Source: l.source, Files: []Part{q}})
			}
			continue
		}
		samePackage := l.source.GoDoc != nil && i > 0 && path.Dir(l.parts[i-1].Name) == path.Dir(p.Name)
		if size > 0 && size+p.Size > taskBytes && !samePackage {
			flush()
		}
		open.Files = append(open.Files, p)
		size += p.Size
	}
	flush()
	return tasks
}

func (l *Listing) cuts(name string) bool {
	switch k := l.kind.(type) {
	case splitter:
		return k.splits(name)
	case cutter:
		return k.cuts(name)
	}
	return false
}

// digest reads every file and fills in the digests of files and ranges, and the lines before each range.
func (l *Listing) digest(ctx context.Context, files Files, tasks []Task) error {
	var parts []*Part
	for i := range tasks {
		for j := range tasks[i].Files {
			parts = append(parts, &tasks[i].Files[j])
		}
	}
	for len(parts) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := 1 // parts of one file stand together
		for n < len(parts) && parts[n].URI == parts[0].URI {
			n++
		}
		if parts[0].Missing == "" {
			if err := l.digestFile(ctx, files, parts[:n]); err != nil {
				return err
			}
		}
		parts = parts[n:]
	}
	return nil
}

// digestFile is digest for the parts of one file, in order.
func (l *Listing) digestFile(ctx context.Context, files Files, parts []*Part) error {
	uri, size := parts[0].URI, parts[0].Size
	obj, err := files.Open(ctx, uri)
	if err != nil {
		return err
	}
	defer obj.Close()
	if obj.Info().Size != size {
		return fmt.Errorf("%s changes while it is read: %d bytes, then %d", uri, size, obj.Info().Size)
	}
	if err := uncut(l.kind, obj, parts); err != nil {
		return fmt.Errorf("%s: %w", uri, err)
	}
	cutter, byRows := l.kind.(cutter)
	if byRows && len(parts) > 1 && parts[0].Length < size {
		if err := snap(obj, parts, cutter); err != nil {
			return fmt.Errorf("%s: %w", uri, err)
		}
	}
	whole, lines := sha256.New(), &lineCount{}
	for _, p := range parts {
		to := []io.Writer{whole}
		var own hash.Hash
		if !byRows {
			p.Lines = lines.n
		}
		if len(parts) > 1 {
			own = sha256.New()
			to = append(to, own, lines)
		}
		if n, err := io.Copy(io.MultiWriter(to...), io.NewSectionReader(obj, p.Offset, p.Length)); err != nil || n < p.Length {
			return fmt.Errorf("%s: %w", uri, cmp.Or(err, io.ErrUnexpectedEOF))
		}
		if own != nil {
			p.RangeSHA256 = hex.EncodeToString(own.Sum(nil))
		}
	}
	for _, p := range parts {
		p.SHA256 = hex.EncodeToString(whole.Sum(nil))
	}
	if k, ok := files.(Keeper); ok {
		return k.Keep(ctx, *parts[0], obj)
	}
	return nil
}

// snap moves the parts of a file to where rows start. A part in which none does is empty.
func snap(obj io.ReaderAt, parts []*Part, k cutter) error {
	size := parts[0].Size
	in := k.rows(obj, size, parts[0].Name)
	n := 1
	for n < len(parts) {
		s, ok, err := in.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		for ; n < len(parts) && s.from >= parts[n].Offset; n++ {
			parts[n].Offset, parts[n].Lines = s.from, s.row-1
		}
	}
	for ; n < len(parts); n++ {
		parts[n].Offset = size
	}
	for i, p := range parts {
		p.Length = size - p.Offset
		if i+1 < len(parts) {
			p.Length = parts[i+1].Offset - p.Offset
		}
	}
	return nil
}

// lineCount counts line ends.
type lineCount struct{ n int64 }

func (c *lineCount) Write(p []byte) (int, error) {
	c.n += int64(bytes.Count(p, []byte{'\n'}))
	return len(p), nil
}

// goLicense is BSD-3-Clause if the LICENSE at root or above it is that of Go's authors, else "".
func goLicense(ctx context.Context, files Files, root string) string {
	places := []string{path.Join(root, "LICENSE"), path.Join(root, "../LICENSE")}
	if remote(root) {
		root = strings.TrimSuffix(root, "/")
		places = []string{root + "/LICENSE", root[:strings.LastIndexByte(root, '/')] + "/LICENSE"}
	}
	for _, uri := range places {
		obj, err := files.Open(ctx, uri)
		if err != nil {
			continue
		}
		b, err := io.ReadAll(io.NewSectionReader(obj, 0, min(obj.Info().Size, 1<<16)))
		obj.Close()
		if err == nil && strings.Contains(string(b), "The Go Authors") && strings.Contains(string(b), "Redistribution and use in source and binary forms") {
			return "BSD-3-Clause"
		}
	}
	return ""
}
