package finetune

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"

	"temper/dataset"
)

// opened is a checkpoint's file. Its arrays are read where they are to go, once: a copy of them beside a training's own would be memory
// that preflight does not know.
type opened struct {
	r        io.ReaderAt
	at, size int64 // where the arrays begin; of the whole file
}

const (
	maxArrays = 16      // of a checkpoint
	maxState  = 1 << 20 // bytes of its JSON
)

// ReadCheckpoint reads what WriteTo wrote. Anything else is dataset.ErrMalformed.
func ReadCheckpoint(b []byte) (*Checkpoint, error) {
	return OpenCheckpoint(bytes.NewReader(b), int64(len(b)))
}

// OpenCheckpoint is [ReadCheckpoint] of a file of size bytes, without a copy of it in memory: it checks the digest, and the arrays are
// read by [Train], which closes r then if it is an io.Closer. What cannot be read is r's error.
func OpenCheckpoint(r io.ReaderAt, size int64) (*Checkpoint, error) {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("checkpoint: "+format+": %w", append(args, dataset.ErrMalformed)...)
	}
	start := int64(len(magic) + 4)
	head := make([]byte, start)
	if size < start+sha256.Size {
		return nil, bad("%d bytes do not start as one of this build", size)
	}
	if err := readAt(r, head, 0); err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(head, []byte(magic)) {
		return nil, bad("%d bytes do not start as one of this build", size)
	}
	switch whole, err := intact(r, size); {
	case err != nil:
		return nil, err
	case !whole:
		return nil, bad("its %d bytes are not those of its digest", size)
	}
	n := int64(uint32of(head[len(magic):]))
	if n > min(maxState, size-start-sha256.Size) {
		return nil, bad("state of %d bytes in a file of %d", n, size)
	}
	state := make([]byte, n)
	if err := readAt(r, state, start); err != nil {
		return nil, err
	}
	c := &Checkpoint{file: &opened{r, start + n, size}}
	if err := json.Unmarshal(state, &c.State); err != nil {
		return nil, bad("state: %v", err)
	}
	if c.Version != checkpointVersion {
		return nil, bad("version %d, this build reads %d", c.Version, checkpointVersion)
	}
	if len(c.Floats) < 2 || len(c.Floats) > maxArrays || len(c.Codes) > maxArrays {
		return nil, bad("%d and %d arrays", len(c.Floats), len(c.Codes))
	}
	if rest := size - sha256.Size - c.file.at; !fill(rest, c.Floats, c.Codes) {
		return nil, bad("arrays of %v and %v in a file of %d bytes", c.Floats, c.Codes, size)
	}
	return c, nil
}

// fill says whether arrays of float32 and of bytes are n bytes together.
func fill(n int64, floats, codes []int) bool {
	for i, part := range append(append([]int{}, floats...), codes...) {
		each := int64(4)
		if i >= len(floats) {
			each = 1
		}
		if part < 0 || int64(part) > n/each {
			return false
		}
		n -= int64(part) * each
	}
	return n == 0
}

// intact says whether a file ends in the digest of what comes before.
func intact(r io.ReaderAt, size int64) (bool, error) {
	h, sum := sha256.New(), make([]byte, sha256.Size)
	if _, err := io.CopyBuffer(h, io.NewSectionReader(r, 0, size-sha256.Size), make([]byte, 1<<20)); err != nil {
		return false, fmt.Errorf("read checkpoint: %w", err)
	}
	if err := readAt(r, sum, size-sha256.Size); err != nil {
		return false, err
	}
	return bytes.Equal(h.Sum(nil), sum), nil
}

func readAt(r io.ReaderAt, b []byte, at int64) error {
	if n, err := r.ReadAt(b, at); n < len(b) {
		return fmt.Errorf("read checkpoint: %w", err)
	}
	return nil
}

// into copies the arrays to where they go on, which are as long.
func (c *Checkpoint) into(floats [][]float32, codes [][]byte) error {
	for i := range c.floats {
		copy(floats[i], c.floats[i])
	}
	for i := range c.codes {
		copy(codes[i], c.codes[i])
	}
	if c.file == nil {
		return nil
	}
	at := c.file.at
	read := func(b []byte) error {
		at += int64(len(b))
		return readAt(c.file.r, b, at-int64(len(b)))
	}
	for _, x := range floats {
		if err := read(bytesOf(x)); err != nil {
			return err
		}
	}
	for _, x := range codes {
		if err := read(x); err != nil {
			return err
		}
	}
	return nil
}

// close lets go of the file.
func (c *Checkpoint) close() error {
	if c.file == nil {
		return nil
	}
	if f, ok := c.file.r.(io.Closer); ok {
		return f.Close()
	}
	return nil
}
