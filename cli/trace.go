package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"temper/collect"
	"temper/dataset"
)

// maxTraced bounds the bytes of a source that are shown.
const maxTraced = 4 << 10

// A trace is the bytes a record was read from, as the source has them now.
type trace struct {
	Path  string `json:"path,omitempty"`  // of the file they were found in
	Bytes string `json:"bytes,omitempty"` // the first of them, as valid UTF-8
	Left  int64  `json:"left,omitempty"`  // how many more there are
	Note  string `json:"note,omitempty"`  // why there are none
}

// traced finds the bytes of a source. Roots are the folders and files it may be below; the file must be the one that was read, by its
// digest, and is in the encoding that is named, "" for UTF-8.
func traced(ctx context.Context, files collect.Files, s dataset.Source, charset string, roots []string) (trace, error) {
	if obj, err := files.Open(ctx, collect.RowsScheme+s.SHA256); err == nil { // kept when the run was planned
		defer obj.Close()
		if t, same, err := readTrace(ctx, obj, s.URI, s, charset); err != nil || same {
			return t, err
		}
	}
	var changed string
	for _, at := range candidates(s.URI, roots) {
		obj, err := files.Open(ctx, at)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return trace{Note: err.Error()}, nil
		}
		t, same, err := readTrace(ctx, obj, at, s, charset)
		obj.Close()
		if err != nil || same {
			return t, err
		}
		changed = at
	}
	if changed != "" {
		return trace{Path: changed, Note: changed + " has changed since it was read"}, nil
	}
	return trace{Note: "the file is not here: give the folder it is in now with --sources"}, nil
}

// candidates are the paths a source may be found at, the roots of the recipe first.
func candidates(uri string, roots []string) []string {
	if strings.Contains(uri, "://") {
		return []string{uri}
	}
	var out []string
	for _, root := range roots {
		if path.Base(root) == uri {
			out = append(out, root) // the root was the file itself
		}
		out = append(out, strings.TrimSuffix(root, "/")+"/"+uri)
	}
	return append(out, uri)
}

// rootsOf are the roots of a recipe's sources.
func rootsOf(recipe string) []string {
	var r struct {
		Collect []collect.Source `json:"collect"`
	}
	if json.Unmarshal([]byte(recipe), &r) != nil {
		return nil
	}
	var roots []string
	for _, s := range r.Collect {
		if root := s.Root(); root != "" {
			roots = append(roots, root)
		}
	}
	return roots
}

// readTrace reads the bytes of s, and reports whether the file is the one that was read.
func readTrace(ctx context.Context, obj dataset.Object, at string, s dataset.Source, charset string) (t trace, same bool, err error) {
	size := obj.Info().Size
	if s.SHA256 != "" {
		h := sha256.New()
		if _, err := io.Copy(h, until{ctx, io.NewSectionReader(obj, 0, size)}); err != nil {
			return t, false, fmt.Errorf("%s: %w", at, err)
		}
		if hex.EncodeToString(h.Sum(nil)) != s.SHA256 {
			return t, false, nil
		}
	}
	t.Path = at
	switch {
	case strings.HasSuffix(at, ".parquet"):
		return t.row(ctx, obj, s)
	case strings.HasSuffix(at, ".arrow"):
		t.Note = "rows of Arrow files are not stretches of bytes"
		return t, true, nil
	}
	if strings.HasSuffix(at, ".warc.gz") || strings.HasSuffix(at, ".wet.gz") {
		return t.archived(ctx, obj, s)
	}
	r, err := dataset.Decompress(at, io.NewSectionReader(obj, 0, size))
	if err == nil && charset != "" {
		r, _, err = collect.Decode(r, charset)
	}
	if err == nil {
		_, err = io.CopyN(io.Discard, until{ctx, r}, s.Offset)
	}
	if err != nil {
		return t, true, fmt.Errorf("%s, byte %d: %w", at, s.Offset, err)
	}
	b, err := io.ReadAll(io.LimitReader(r, min(s.Length, maxTraced)))
	if err != nil {
		return t, true, fmt.Errorf("%s, byte %d: %w", at, s.Offset, err)
	}
	t.Bytes, t.Left = strings.ToValidUTF8(string(b), "\uFFFD"), s.Length-int64(len(b))
	return t, true, nil
}

// row is t with the row of a Parquet file as JSON: rows are not stretches of bytes.
func (t trace) row(ctx context.Context, obj dataset.Object, s dataset.Source) (trace, bool, error) {
	size := obj.Info().Size
	groups, err := dataset.RowGroups(obj, size)
	if err != nil {
		return t, true, fmt.Errorf("%s: %w", t.Path, err)
	}
	for i := len(groups) - 1; i >= 0; i-- { // only the first row is read of a group that begins after it
		for row, err := range dataset.ReadTableRows(obj, size, groups[i], groups[i]+1) {
			if err := cmp.Or(err, context.Cause(ctx)); err != nil {
				return t, true, fmt.Errorf("%s, row %d: %w", t.Path, s.Row, err)
			}
			if row.Row > s.Row {
				break
			}
			if row.Row == s.Row {
				b, err := json.Marshal(row.Fields)
				n := min(len(b), maxTraced)
				t.Bytes, t.Left = strings.ToValidUTF8(string(b[:n]), "\uFFFD"), int64(len(b)-n)
				return t, true, err
			}
		}
	}
	t.Note = fmt.Sprintf("the file has no row %d", s.Row)
	return t, true, nil
}

// archived is t with the bytes of a compressed archive's record, whose place is that of its member.
func (t trace) archived(ctx context.Context, obj dataset.Object, s dataset.Source) (trace, bool, error) {
	r, err := dataset.Decompress(t.Path, io.NewSectionReader(obj, s.Offset, s.Length))
	var b []byte
	if err == nil {
		b, err = io.ReadAll(io.LimitReader(until{ctx, r}, maxTraced))
	}
	if err == nil {
		t.Left, err = io.Copy(io.Discard, io.LimitReader(until{ctx, r}, 1<<30))
	}
	if err != nil {
		return t, true, fmt.Errorf("%s, byte %d: %w", t.Path, s.Offset, err)
	}
	t.Bytes = strings.ToValidUTF8(string(b), "\uFFFD")
	return t, true, nil
}

// until reads until ctx ends.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u until) Read(b []byte) (int, error) {
	if err := context.Cause(u.ctx); err != nil {
		return 0, err
	}
	return u.r.Read(b)
}
