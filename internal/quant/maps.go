package quant

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"temper/dataset"
)

// Maps are files of weights mapped into memory, read-only. The zero Maps is empty.
type Maps [][]byte

// Map maps the file at path, and returns its bytes, valid until Close; none of an empty file.
func (m *Maps) Map(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return nil, err
	}
	if info.Size() != int64(int(info.Size())) {
		return nil, fmt.Errorf("%s has %d bytes, more than there are addresses: %w", path, info.Size(), dataset.ErrMalformed)
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	*m = append(*m, b)
	return b, nil
}

// Close unmaps all files: their bytes must not be used afterwards.
func (m *Maps) Close() error {
	var err error
	for _, b := range *m {
		err = errors.Join(err, syscall.Munmap(b))
	}
	*m = nil
	return err
}
