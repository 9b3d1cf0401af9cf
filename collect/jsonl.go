package collect

import (
	"bytes"
	"io"
	"maps"
	"strings"

	"temper/dataset"
)

func (j *JSONL) charset() string { return "" }

func (j *JSONL) splits(rel string) bool { return !compressed(rel) }

// read reads the rows of the task's files and ranges.
func (j *JSONL) read(r *reader) error {
	for _, p := range r.task.Files {
		src := r.source(p)
		err := r.plain(p, func(obj io.ReaderAt, check *hashed) (io.Reader, error) {
			r.coding = ""
			if p.Length < p.Size {
				return lineRange(obj, p, check, &src)
			}
			check.r = io.NewSectionReader(obj, 0, p.Size)
			in, err := dataset.Decompress(p.Name, check)
			if err != nil {
				return nil, err
			}
			return r.decode(in)
		}, func(in *counted) error {
			in.n = src.Offset
			return r.lines(in, src)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lines yields the rows of in.
func (r *reader) lines(in io.Reader, src dataset.Source) error {
	for line, err := range dataset.ReadLines(in, src, r.bad) {
		if err != nil {
			return err
		}
		if err := r.give(placed(line.Record, line.At)); err != nil {
			return err
		}
	}
	return nil
}

// placed gives a row that came with an ID one made of its place, that no row of another file has; the one it came with goes to
// meta, as id.
func placed(rec dataset.Record, at dataset.Source) dataset.Record {
	text := content(rec)
	if rec.ID == dataset.RecordID(at.URI, at.Offset, text) {
		return rec
	}
	meta := dataset.Meta{"id": rec.ID}
	maps.Copy(meta, rec.Meta)
	rec.Meta, rec.ID = meta, dataset.RecordID(at.URI, at.Offset, rec.ID+"\x00"+text)
	return rec
}

// content is a record's text and turns.
func content(rec dataset.Record) string {
	var b strings.Builder
	b.WriteString(rec.Text)
	for _, m := range rec.Messages {
		b.WriteString("\x00" + m.Role + "\x00" + m.Content)
	}
	return b.String()
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
