package collect

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"strings"

	"temper/dataset"
)

// jsonl reads the rows of the task's files and ranges.
func (r *reader) jsonl() error {
	for _, p := range r.task.Files {
		if err := r.jsonlPart(p); err != nil {
			return err
		}
	}
	return nil
}

// jsonlPart reads the lines that start in a part.
func (r *reader) jsonlPart(p Part) error {
	obj, err := r.open(p)
	if err != nil {
		return err
	}
	defer obj.Close()
	src := r.source(p)
	check := &hashed{h: sha256.New(), left: p.Length}
	in := &counted{}
	if p.Length == p.Size {
		check.r = io.NewSectionReader(obj, 0, p.Size)
		in.r, err = dataset.Decompress(p.Name, check)
	} else {
		in.r, err = lineRange(obj, p, check, &src)
	}
	switch {
	case err == nil:
		in.n = src.Offset
		if err := r.lines(in, src); err != nil && in.err == nil {
			return err
		}
		err = in.err
	case !errors.Is(err, dataset.ErrMalformed):
		return err
	}
	if _, err := io.Copy(io.Discard, check); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	if hex.EncodeToString(check.h.Sum(nil)) != cmp.Or(p.RangeSHA256, p.SHA256) {
		return changed(p)
	}
	if errors.Is(err, dataset.ErrMalformed) { // compressed data that is broken: the rows before that are good
		return r.reject(p, in.n, 0, err.Error(), nil)
	}
	return err
}

// lines yields the rows of in.
func (r *reader) lines(in io.Reader, src dataset.Source) error {
	for line, err := range dataset.ReadLines(in, src, r.bad) {
		if err != nil {
			return err
		}
		if err := r.give(placed(line)); err != nil {
			return err
		}
	}
	return nil
}

// placed gives a row an ID made of its place, that no row of another file has; the one it came with goes to meta, as id.
func placed(line dataset.Line) dataset.Record {
	rec := line.Record
	if !line.Named {
		return rec
	}
	var b strings.Builder
	b.WriteString(rec.ID + "\x00" + rec.Text)
	for _, m := range rec.Messages {
		b.WriteString("\x00" + m.Role + "\x00" + m.Content)
	}
	meta := dataset.Meta{"id": rec.ID}
	maps.Copy(meta, rec.Meta)
	rec.Meta, rec.ID = meta, dataset.RecordID(line.At.URI, line.At.Offset, b.String())
	return rec
}

// lineRange returns the lines that start in a range, read through check, and puts the place of the first one into src.
func lineRange(obj io.ReaderAt, p Part, check *hashed, src *dataset.Source) (io.Reader, error) {
	from, err := lineStart(obj, p.Offset, p.Size)
	if err != nil {
		return nil, err
	}
	to, err := lineStart(obj, p.Offset+p.Length, p.Size)
	if err != nil {
		return nil, err
	}
	src.Offset, src.Row = from, p.Lines
	if from > p.Offset {
		src.Row++ // the line that began before the range
	}
	check.r = io.NewSectionReader(obj, p.Offset, to-p.Offset)
	_, err = io.CopyN(io.Discard, check, from-p.Offset)
	return check, err
}

// hashed computes the digest of the first bytes that are read through it.
type hashed struct {
	r    io.Reader
	h    hash.Hash
	left int64 // bytes
}

func (h *hashed) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	m := min(int64(n), h.left)
	h.h.Write(p[:m])
	h.left -= m
	return n, err
}

// counted counts what is read through it, and keeps the error that ends it.
type counted struct {
	r   io.Reader
	n   int64 // offset of the next byte
	err error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// lineStart is the first offset at or after from where a line starts: from itself if the byte before it ends a line.
func lineStart(obj io.ReaderAt, from, size int64) (int64, error) {
	if from <= 0 {
		return 0, nil
	}
	buf := make([]byte, 64<<10)
	for at := from - 1; at < size; at += int64(len(buf)) {
		n, err := obj.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			return at + int64(i) + 1, nil
		}
		if err != nil && err != io.EOF {
			return 0, err
		}
	}
	return size, nil
}
