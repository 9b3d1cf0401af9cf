package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// entry is a tensor's description in the header.
type entry struct {
	DType   string  `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// Parse reads a file held in b; its tensors alias b.
func Parse(b []byte) (*File, error) {
	header, data, err := split(b)
	if err != nil {
		return nil, err
	}
	f := &File{tensors: map[string]Tensor{}}
	entries, err := f.entries(header)
	if err != nil {
		return nil, err
	}
	type piece struct{ from, to int64 }
	var pieces []piece
	for name, e := range entries {
		if err := e.check(name, int64(len(data))); err != nil {
			return nil, err
		}
		from, to := e.Offsets[0], e.Offsets[1]
		f.tensors[name] = Tensor{Name: name, DType: e.DType, Shape: e.Shape, Data: data[from:to:to]}
		pieces = append(pieces, piece{from, to})
	}
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	at := int64(0)
	for _, p := range pieces {
		if p.from != at {
			return nil, fmt.Errorf("data offset %d: a hole or an overlap: %w", at, ErrFormat)
		}
		at = p.to
	}
	if at != int64(len(data)) {
		return nil, fmt.Errorf("%d bytes of data, and the tensors cover %d: %w", len(data), at, ErrFormat)
	}
	return f, nil
}

// split parts the header from the data.
func split(b []byte) (header, data []byte, err error) {
	if len(b) < 8 {
		return nil, nil, fmt.Errorf("%d bytes: %w", len(b), ErrFormat)
	}
	n := binary.LittleEndian.Uint64(b)
	if n > maxHeader || n > uint64(len(b)-8) {
		return nil, nil, fmt.Errorf("offset 0: a header of %d bytes in a file of %d: %w", n, len(b), ErrFormat)
	}
	header = b[8 : 8+n]
	if len(header) == 0 || header[0] != '{' || !utf8.Valid(header) {
		return nil, nil, fmt.Errorf("offset 8: the header is no JSON object: %w", ErrFormat)
	}
	return header, b[8+n:], nil
}

// entries decodes the header. A name that stands twice is an error.
func (f *File) entries(header []byte) (map[string]entry, error) {
	dec := json.NewDecoder(bytes.NewReader(header))
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("header: %w: %w", err, ErrFormat)
	}
	entries := map[string]entry{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("header: %w: %w", err, ErrFormat)
		}
		name, _ := key.(string)
		if name == "__metadata__" {
			if err := dec.Decode(&f.Metadata); err != nil {
				return nil, fmt.Errorf("header: __metadata__: %w: %w", err, ErrFormat)
			}
			continue
		}
		var e entry
		if err := dec.Decode(&e); err != nil {
			return nil, fmt.Errorf("header: tensor %q: %w: %w", name, err, ErrFormat)
		}
		if _, twice := entries[name]; twice {
			return nil, fmt.Errorf("header: tensor %q twice: %w", name, ErrFormat)
		}
		entries[name] = e
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("header: %w: %w", err, ErrFormat)
	}
	if rest, _ := io.ReadAll(dec.Buffered()); strings.TrimRight(string(rest), " ") != "" {
		return nil, fmt.Errorf("header: more than one JSON object: %w", ErrFormat)
	}
	return entries, nil
}

// check bounds an entry by the data there is.
func (e entry) check(name string, data int64) error {
	if sizes[e.DType] == 0 {
		return fmt.Errorf("tensor %q has data type %q: %w", name, e.DType, ErrFormat)
	}
	n, err := Tensor{Name: name, DType: e.DType, Shape: e.Shape}.size()
	if err != nil {
		return err
	}
	if len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] > data || e.Offsets[1]-e.Offsets[0] != n {
		return fmt.Errorf("tensor %q of %s and shape %v has offsets %v in %d bytes of data: %w", name, e.DType, e.Shape, e.Offsets, data, ErrFormat)
	}
	return nil
}
