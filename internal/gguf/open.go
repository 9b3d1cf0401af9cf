package gguf

import (
	"fmt"
	"strings"

	"temper/internal/quant"
)

// maxParts bounds the files of a split model.
const maxParts = 1024

// Open maps the file at path read-only and reads its directory. Of a model that is split into files path names the first,
// …-00001-of-00003.gguf, whose metadata counts; the others lie beside it.
func Open(path string) (*File, error) {
	f, err := openOne(path)
	if err != nil {
		return nil, err
	}
	if n, ok := f.Uint("split.count"); ok && n > 1 {
		if err := f.join(n); err != nil {
			f.Close() //nolint:errcheck // the first error tells more
			return nil, err
		}
	}
	return f, nil
}

// openOne maps one file.
func openOne(path string) (*File, error) {
	var m quant.Maps
	b, err := m.Map(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(b, path)
	if err != nil {
		m.Close() //nolint:errcheck // the first error tells more
		return nil, err
	}
	f.mapped = m
	return f, nil
}

// join adds the tensors of the other n-1 files.
func (f *File) join(n uint64) error {
	stem, ok := strings.CutSuffix(f.Path, fmt.Sprintf("-%05d-of-%05d.gguf", 1, n))
	if n > maxParts || !ok {
		return fmt.Errorf("%s is one of %d files; name the first, …-00001-of-%05d.gguf: %w", f.Path, n, n, ErrFormat)
	}
	for i := uint64(0); i < n; i++ {
		part := f
		if i > 0 {
			var err error
			if part, err = openOne(fmt.Sprintf("%s-%05d-of-%05d.gguf", stem, i+1, n)); err != nil {
				return err
			}
			f.mapped, f.Parts = append(f.mapped, part.mapped...), append(f.Parts, part.Path)
		}
		no, okNo := part.Uint("split.no")
		count, okCount := part.Uint("split.count")
		if !okNo || !okCount || no != i || count != n {
			return fmt.Errorf("%s says it is part %d of %d, not %d of %d: %w", part.Path, no+1, count, i+1, n, ErrFormat)
		}
		for _, t := range part.Tensors {
			if i == 0 {
				break
			}
			if _, twice := f.byName[t.Name]; twice {
				return fmt.Errorf("%s: tensor %s is in an earlier part too: %w", part.Path, t.Name, ErrFormat)
			}
			f.Tensors = append(f.Tensors, t)
			f.byName[t.Name], f.dims[t.Name] = t, part.dims[t.Name]
		}
	}
	if all, ok := f.Uint("split.tensors.count"); ok && all != uint64(len(f.Tensors)) {
		return fmt.Errorf("%s: %d tensors in %d files, not %d: %w", f.Path, len(f.Tensors), n, all, ErrFormat)
	}
	return nil
}
