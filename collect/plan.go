package collect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"temper/dataset"
)

// maxFiles bounds the files of one source.
const maxFiles = 5_000_000

// Plan lists a source's files with their digests and cuts them into tasks of about taskBytes. The same files give the same tasks.
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
	taskBytes = max(taskBytes, 1)
	lines := make([][]int64, len(parts))
	for i := range parts {
		every := int64(0)
		if k.splits(parts[i].Name) && parts[i].Size > taskBytes {
			every = taskBytes
		}
		if parts[i].SHA256, lines[i], err = digest(ctx, files, parts[i], every); err != nil {
			return nil, err
		}
	}
	return cut(s, k, parts, lines, taskBytes), nil
}

// list finds the files that the source wants, by name.
func list(ctx context.Context, files Files, s Source, k kind) ([]Part, error) {
	root := strings.TrimSuffix(k.root(), "/")
	var parts []Part
	for f, err := range files.List(ctx, root) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name(), err)
		}
		name, below := strings.CutPrefix(f.URI, root+"/")
		single := f.URI == root || !below
		if single {
			name = path.Base(f.URI)
		}
		if !single && !k.wants(name) {
			continue
		}
		if strings.HasPrefix(f.URI, "s3://") {
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

// digest is the SHA-256 of a file's bytes, and, if every is not 0, the number of line ends before each multiple of it.
func digest(ctx context.Context, files Files, p Part, every int64) (sum string, lines []int64, err error) {
	if err := ctx.Err(); err != nil {
		return "", nil, err
	}
	obj, err := files.Open(ctx, p.URI)
	if err != nil {
		return "", nil, err
	}
	defer obj.Close()
	if obj.Info().Size != p.Size {
		return "", nil, fmt.Errorf("%s changes while it is read: %d bytes, then %d", p.URI, p.Size, obj.Info().Size)
	}
	h := sha256.New()
	if every == 0 {
		_, err = io.Copy(h, io.NewSectionReader(obj, 0, p.Size))
	}
	n := int64(0)
	for at := int64(0); every > 0 && at < p.Size && err == nil; at += every {
		lines = append(lines, n)
		c := &lineCount{}
		_, err = io.Copy(io.MultiWriter(h, c), io.NewSectionReader(obj, at, min(every, p.Size-at)))
		n += c.n
	}
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", p.URI, err)
	}
	return hex.EncodeToString(h.Sum(nil)), lines, nil
}

// lineCount counts line ends.
type lineCount struct{ n int64 }

func (c *lineCount) Write(p []byte) (int, error) {
	c.n += int64(bytes.Count(p, []byte{'\n'}))
	return len(p), nil
}

// cut packs files into tasks. Files of one Go package stay together; a large file that can be cut becomes ranges.
func cut(s Source, k kind, parts []Part, lines [][]int64, taskBytes int64) []Task {
	var tasks []Task
	var open Task
	size := int64(0)
	flush := func() {
		if len(open.Files) > 0 {
			tasks = append(tasks, open)
		}
		open, size = Task{Source: s}, 0
	}
	flush()
	for i, p := range parts {
		if k.splits(p.Name) && p.Size > taskBytes {
			flush()
			for at := int64(0); at < p.Size; at += taskBytes {
				q := p
				q.Offset, q.Length, q.Lines = at, min(taskBytes, p.Size-at), lines[i][at/taskBytes]
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

// goLicense is BSD-3-Clause if the LICENSE at root or above it is that of Go's authors, else "".
func goLicense(ctx context.Context, files Files, root string) string {
	for _, dir := range []string{root, path.Dir(strings.TrimSuffix(root, "/"))} {
		obj, err := files.Open(ctx, path.Join(dir, "LICENSE"))
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

// Read reads a task's records, in order. A file that is not as the plan saw it is an error; a row or file that is broken goes to
// bad, with its place.
func Read(ctx context.Context, files Files, t Task, bad dataset.Quarantine) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		k, err := t.Source.kind()
		if err != nil {
			yield(dataset.Record{}, err)
			return
		}
		r := &reader{ctx: ctx, files: files, task: t, license: k.license(), bad: bad, yield: yield}
		switch {
		case t.Source.GoDoc != nil:
			err = r.goDoc()
		case t.Source.JSONL != nil:
			err = r.jsonl()
		case t.Source.Text != nil:
			err = r.text(*t.Source.Text)
		default:
			err = r.markdown()
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(dataset.Record{}, err)
		}
	}
}

// errStop means that the consumer has had enough.
var errStop = errors.New("stop")

// A reader reads one task.
type reader struct {
	ctx     context.Context
	files   Files
	task    Task
	license string
	bad     dataset.Quarantine
	yield   func(dataset.Record, error) bool
}

// give yields one record.
func (r *reader) give(rec dataset.Record) error {
	if !r.yield(rec, nil) {
		return errStop
	}
	return nil
}

// source is what records of a part say of it.
func (r *reader) source(p Part) dataset.Source {
	return dataset.Source{URI: p.Name, SHA256: p.SHA256, License: r.license}
}

// maxWhole bounds the files that are read whole: everything but JSONL.
const maxWhole = 256 << 20

// whole reads a file and checks its digest. ok is false if the file went to quarantine.
func (r *reader) whole(p Part) (b []byte, ok bool, err error) {
	if err := r.ctx.Err(); err != nil {
		return nil, false, context.Cause(r.ctx)
	}
	if p.Size > maxWhole {
		return nil, false, r.reject(p, 0, 0, fmt.Sprintf("file of %d bytes; at most %d are read as one text", p.Size, maxWhole), nil)
	}
	obj, err := r.open(p)
	if err != nil {
		return nil, false, err
	}
	defer obj.Close()
	b = make([]byte, p.Size)
	if n, err := obj.ReadAt(b, 0); n < len(b) {
		return nil, false, fmt.Errorf("%s: %w", p.URI, err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != p.SHA256 {
		return nil, false, changed(p)
	}
	return b, true, nil
}

func (r *reader) open(p Part) (dataset.Object, error) {
	obj, err := r.files.Open(r.ctx, p.URI)
	if err != nil {
		return nil, err
	}
	if obj.Info().Size != p.Size {
		obj.Close()
		return nil, changed(p)
	}
	return obj, nil
}

func changed(p Part) error {
	return fmt.Errorf("%s has changed since the plan was made (%d bytes, sha256 %.12s): start the run again: %w", p.URI, p.Size, p.SHA256, dataset.ErrConflict)
}

// reject puts a place in a file into quarantine.
func (r *reader) reject(p Part, offset, row int64, reason string, raw []byte) error {
	src := r.source(p)
	src.Offset, src.Row = offset, row
	b := dataset.Bad{Source: src, Reason: reason, Raw: strings.ToValidUTF8(string(raw[:min(len(raw), 512)]), "\uFFFD")}
	if r.bad == nil {
		return fmt.Errorf("%s, offset %d: %s: %w", p.Name, offset, reason, dataset.ErrMalformed)
	}
	return r.bad(b)
}
