package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"path"

	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the memory a zstd stream may ask for.
const maxWindow = 128 << 20

var magics = map[string][]byte{".gz": {0x1f, 0x8b}, ".zst": {0x28, 0xb5, 0x2f, 0xfd}}

// Decompress returns the plain bytes of r, which may be gzip, zstd or neither: its first bytes say. The name only tells what
// is expected: a file named .gz or .zst that is neither is ErrMalformed, as is a stream that breaks off.
func Decompress(name string, r io.Reader) (io.Reader, error) {
	from := &source{r: r}
	b := bufio.NewReaderSize(from, 64<<10)
	head, err := b.Peek(4)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	switch {
	case bytes.HasPrefix(head, magics[".gz"]):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("%s: gzip: %w: %w", name, ErrMalformed, err)
		}
		return plain{name, z, from}, nil
	case bytes.HasPrefix(head, magics[".zst"]):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, fmt.Errorf("%s: zstd: %w: %w", name, ErrMalformed, err)
		}
		return plain{name, z, from}, nil
	}
	if ext := path.Ext(name); magics[ext] != nil && len(head) > 0 {
		return nil, fmt.Errorf("%s: the name says %s, the first bytes %x do not: %w", name, ext, head, ErrMalformed)
	}
	return b, nil
}

// plain marks the errors of a decoder as bad data, unless it was the source that failed.
type plain struct {
	name string
	r    io.Reader
	from *source
}

func (p plain) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err != nil && err != io.EOF {
		if p.from.err != nil {
			return n, fmt.Errorf("read %s: %w", p.name, p.from.err)
		}
		err = fmt.Errorf("%s: compressed data: %w: %w", p.name, ErrMalformed, err)
	}
	return n, err
}

// source remembers whether reading failed.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
