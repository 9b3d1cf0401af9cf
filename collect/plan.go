package collect

import (
	"bytes"
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

// maxFiles bounds the files of one source.
const maxFiles = 5_000_000

// Plan lists a source's files with their digests and cuts them into tasks of about taskBytes. The same files give the same tasks;
// any taskBytes gives the same records, in the same order.
func Plan(ctx context.Context, files Files, s Source, taskBytes int64) ([]Task, error) {
	s = s.WithDefaults()
	if err := s.Validate(); err != nil {
		return nil, err
	}
	k, err := s.kind()
	if err != nil {
		return nil, err
	}
	parts, err := list(ctx, files, s, k)
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("%s: no file below %s is one to read: check root and include: %w", s.Name(), k.root(), fs.ErrNotExist)
	}
	if s.GoDoc != nil && s.GoDoc.License == "" {
		g := *s.GoDoc
		g.License = goLicense(ctx, files, g.Root)
		s.GoDoc = &g
	}
	tasks := cut(s, k, parts, max(taskBytes, 1))
	return tasks, digest(ctx, files, tasks)
}

// list finds the files that the source wants, by name.
func list(ctx context.Context, files Files, s Source, k kind) ([]Part, error) {
	root := k.root()
	var parts []Part
	for f, err := range files.List(ctx, root) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name(), err)
		}
		name, ok := below(root, f.URI)
		if !ok || name != "" && !k.wants(name) {
			continue
		}
		if name == "" { // the root is a file
			name = path.Base(f.URI)
		}
		if remote(root) {
			name = f.URI
		}
		if parts = append(parts, Part{URI: f.URI, Name: name, Size: f.Size, Length: f.Size}); len(parts) > maxFiles {
			return nil, fmt.Errorf("%s: more than %d files below %s: split the source", s.Name(), maxFiles, root)
		}
	}
	slices.SortFunc(parts, func(a, b Part) int {
		// A package's files stand together: by folder, then by name.
		if c := strings.Compare(path.Dir(a.Name), path.Dir(b.Name)); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return parts, nil
}

// remote reports whether root is an address rather than a path.
func remote(root string) bool { return strings.HasPrefix(root, "s3://") }

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
func cut(s Source, k kind, parts []Part, taskBytes int64) []Task {
	var tasks []Task
	open, size := Task{Source: s}, int64(0)
	flush := func() {
		if len(open.Files) > 0 {
			tasks = append(tasks, open)
		}
		open, size = Task{Source: s}, 0
	}
	for i, p := range parts {
		if k.splits(p.Name) && p.Size > taskBytes {
			flush()
			for at := int64(0); at < p.Size; at += taskBytes {
				q := p
				q.Offset, q.Length = at, min(taskBytes, p.Size-at)
				tasks = append(tasks, Task{Source: s, Files: []Part{q}})
			}
			continue
		}
		samePackage := s.GoDoc != nil && i > 0 && path.Dir(parts[i-1].Name) == path.Dir(p.Name)
		if size > 0 && size+p.Size > taskBytes && !samePackage {
			flush()
		}
		open.Files = append(open.Files, p)
		size += p.Size
	}
	flush()
	return tasks
}

// digest reads every file once and fills in the digests of files and ranges, and the lines before each range.
func digest(ctx context.Context, files Files, tasks []Task) error {
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
		if err := digestFile(ctx, files, parts[:n]); err != nil {
			return err
		}
		parts = parts[n:]
	}
	return nil
}

// digestFile is digest for the parts of one file, in order.
func digestFile(ctx context.Context, files Files, parts []*Part) error {
	uri, size := parts[0].URI, parts[0].Size
	obj, err := files.Open(ctx, uri)
	if err != nil {
		return err
	}
	defer obj.Close()
	if obj.Info().Size != size {
		return fmt.Errorf("%s changes while it is read: %d bytes, then %d", uri, size, obj.Info().Size)
	}
	whole, lines := sha256.New(), &lineCount{}
	for _, p := range parts {
		p.Lines = lines.n
		to := []io.Writer{whole}
		var own hash.Hash
		if len(parts) > 1 {
			own = sha256.New()
			to = append(to, own, lines)
		}
		if _, err := io.Copy(io.MultiWriter(to...), io.NewSectionReader(obj, p.Offset, p.Length)); err != nil {
			return fmt.Errorf("%s: %w", uri, err)
		}
		if own != nil {
			p.RangeSHA256 = hex.EncodeToString(own.Sum(nil))
		}
	}
	for _, p := range parts {
		p.SHA256 = hex.EncodeToString(whole.Sum(nil))
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
