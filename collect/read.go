package collect

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"unicode/utf8"

	"temper/dataset"
)

// Read reads a task's records, in order. A file that is not as the plan saw it is an error; a row or file that is broken goes to
// bad, with its place.
func Read(ctx context.Context, files Files, t Task, bad dataset.Quarantine) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		_, k, err := t.Source.kind()
		if err != nil {
			yield(dataset.Record{}, err)
			return
		}
		r := &reader{ctx: ctx, files: files, task: t, license: *k.common().license, bad: bad, yield: yield}
		if err = r.absent(); err == nil {
			err = k.read(r)
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(dataset.Record{}, err)
		}
	}
}

// absent puts the files that are not there into quarantine and takes them from the task.
func (r *reader) absent() error {
	var there []Part
	for _, p := range r.task.Files {
		if p.Missing == "" {
			there = append(there, p)
		} else if err := r.reject(p, 0, 0, p.Missing, nil); err != nil {
			return err
		}
	}
	r.task.Files = there
	return nil
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
	coding  string // the encoding of the file that is read, "" if it is UTF-8
}

// give yields one record. Of a file in another encoding meta says which, as charset; bytes that it has no letter for make it a bad row.
func (r *reader) give(rec dataset.Record) error {
	if r.coding != "" {
		if strings.ContainsRune(rec.Text, utf8.RuneError) {
			return r.quarantine(rec.Source, "bytes that are no letter in "+r.coding, []byte(rec.Text))
		}
		meta := dataset.Meta{"charset": r.coding}
		maps.Copy(meta, rec.Meta)
		rec.Meta = meta
	}
	if !r.yield(rec, nil) {
		return errStop
	}
	return nil
}

// source is what records of a part say of it.
func (r *reader) source(p Part) dataset.Source {
	return dataset.Source{URI: p.Name, SHA256: p.SHA256, License: cmp.Or(r.license, p.License)}
}

// maxWhole bounds the files that are read whole: text, Markdown, pages and code.
const maxWhole = 256 << 20

// whole reads a file and checks its digest; if its name says that it is compressed, it returns the plain bytes. ok is false if the
// file went to quarantine.
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
	if !compressed(p.Name) {
		return b, true, nil
	}
	plain, err := dataset.Decompress(p.Name, bytes.NewReader(b))
	if err == nil {
		b, err = io.ReadAll(io.LimitReader(plain, maxWhole+1))
	}
	switch {
	case err != nil:
		return nil, false, r.reject(p, int64(len(b)), 0, err.Error(), nil)
	case len(b) > maxWhole:
		return nil, false, r.reject(p, maxWhole, 0, fmt.Sprintf("more than %d bytes when decompressed: too many for one text", maxWhole), nil)
	}
	return b, true, nil
}

// plannedKey marks the part that a file is opened for in a context.
type plannedKey struct{}

// Planned is the part that a file is opened for, as it was when the run was planned; not ok where a run is being planned.
func Planned(ctx context.Context) (p Part, ok bool) {
	p, ok = ctx.Value(plannedKey{}).(Part)
	return p, ok
}

// planned is the digest of the file that is to be opened, or "".
func planned(ctx context.Context) string {
	p, _ := Planned(ctx)
	return p.SHA256
}

func (r *reader) open(p Part) (dataset.Object, error) {
	if r.ctx.Err() != nil {
		return nil, context.Cause(r.ctx)
	}
	obj, err := r.files.Open(context.WithValue(r.ctx, plannedKey{}, p), p.URI)
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
	return r.quarantine(src, reason, raw)
}

// rejectSpan puts a row into quarantine.
func (r *reader) rejectSpan(p Part, s span) error {
	src := r.source(p)
	src.Offset, src.Length, src.Row = s.from, s.length, s.row
	return r.quarantine(src, s.reason, s.text)
}

func (r *reader) quarantine(src dataset.Source, reason string, raw []byte) error {
	if r.bad == nil {
		return fmt.Errorf("%s, offset %d: %s: %w", src.URI, src.Offset, reason, dataset.ErrMalformed)
	}
	return r.bad(dataset.Bad{Source: src, Reason: reason, Raw: strings.ToValidUTF8(string(raw[:min(len(raw), 512)]), "\uFFFD")})
}
