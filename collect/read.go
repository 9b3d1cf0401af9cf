package collect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"temper/dataset"
)

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
			err = r.sections(headings)
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
	if r.bad == nil {
		return fmt.Errorf("%s, offset %d: %s: %w", p.Name, offset, reason, dataset.ErrMalformed)
	}
	return r.bad(dataset.Bad{Source: src, Reason: reason, Raw: strings.ToValidUTF8(string(raw[:min(len(raw), 512)]), "\uFFFD")})
}
