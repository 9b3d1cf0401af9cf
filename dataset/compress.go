package dataset

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"fmt"
	"io"
	"path"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxWindow bounds the memory a zstd stream may ask for.
const maxWindow = 128 << 20

var magics = map[string][]byte{".gz": {0x1f, 0x8b}, ".zst": {0x28, 0xb5, 0x2f, 0xfd}, ".bz2": []byte("BZh"), ".xz": []byte("\xfd7zXZ\x00")}

// Decompress returns the plain bytes of r, which may be gzip, zstd, bzip2, xz or none: its first bytes say. The name only tells what
// is expected: a file named .gz, .zst, .bz2 or .xz that is none is ErrMalformed, as is a stream that breaks off. Text may begin as
// bzip2 does, which therefore counts under its own name only.
func Decompress(name string, r io.Reader) (io.Reader, error) {
	from := &source{r: r}
	b := bufio.NewReaderSize(from, 64<<10)
	head, err := b.Peek(6)
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
	case path.Ext(name) == ".bz2" && bytes.HasPrefix(head, magics[".bz2"]):
		return plain{name, bzip2.NewReader(b), from}, nil
	case bytes.HasPrefix(head, magics[".xz"]):
		if err := checkXZ(b); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		z, err := xz.ReaderConfig{DictCap: maxWindow}.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("%s: xz: %w: %w", name, ErrMalformed, err)
		}
		return plain{name, z, from}, nil
	}
	if ext := path.Ext(name); magics[ext] != nil && len(head) > 0 {
		return nil, fmt.Errorf("%s: the name says %s, the first bytes %x do not: %w", name, ext, head, ErrMalformed)
	}
	return b, nil
}

// checkXZ refuses a stream whose first block asks for a dictionary larger than maxWindow, before the library makes room for it.
// Source: the .xz file format 1.2.1, §3.1 (block header) and §5.3.1 (LZMA2).
func checkXZ(b *bufio.Reader) error {
	head, _ := b.Peek(12 + 1024) // the stream's header and the longest of a block; a shorter stream gives what there is
	if len(head) < 14 {
		return nil
	}
	flags, at := head[13], 14
	for _, sizes := range []byte{0x40, 0x80} { // of the compressed and the plain bytes, where they are given
		if flags&sizes != 0 {
			for at < len(head) && head[at] >= 0x80 {
				at++
			}
			at++
		}
	}
	for i := 0; i <= int(flags&3) && at+2 < len(head); i++ {
		id, size := head[at], int(head[at+1])
		if id == 0x21 && size == 1 {
			if bits := head[at+2]; bits > 30 { // 30 means 128 MiB
				return fmt.Errorf("xz: a dictionary of more than %d bytes: %w", maxWindow, ErrMalformed)
			}
		}
		at += 2 + size
	}
	return nil
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
