package collect

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"temper/dataset"
)

// plain gives fn the bytes of a part that open makes of it, and checks the part's digest. Compressed data that is broken goes to
// quarantine, after the rows before that.
func (r *reader) plain(p Part, open func(io.ReaderAt, *hashed) (io.Reader, error), fn func(*counted) error) error {
	obj, err := r.open(p)
	if err != nil {
		return err
	}
	defer obj.Close()
	check := &hashed{h: sha256.New(), left: p.Length}
	in := &counted{}
	in.r, err = open(obj, check)
	switch {
	case err == nil:
		if err := fn(in); err != nil && in.err == nil {
			return err
		}
		err = in.err
	case !errors.Is(err, dataset.ErrMalformed):
		return err
	}
	if _, err := io.Copy(io.Discard, check); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	if hex.EncodeToString(check.h.Sum(nil)) != cmp.Or(p.RangeSHA256, p.SHA256) {
		return changed(p)
	}
	if errors.Is(err, dataset.ErrMalformed) { // compressed data that is broken: the rows before that are good
		return r.reject(p, in.n, 0, err.Error(), nil)
	}
	return err
}

// verify checks the digest of a part's bytes as they are, for formats that are not read from one end to the other.
func verify(p Part, obj io.ReaderAt) error {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(obj, p.Offset, p.Length)); err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	if hex.EncodeToString(h.Sum(nil)) != cmp.Or(p.RangeSHA256, p.SHA256) {
		return changed(p)
	}
	return nil
}

// stream gives fn the plain bytes of a part that begins where a row does.
func (r *reader) stream(p Part, fn func(*window) error) error {
	return r.plain(p, func(obj io.ReaderAt, check *hashed) (io.Reader, error) {
		check.r = io.NewSectionReader(obj, p.Offset, p.Length)
		r.coding = ""
		if p.Length < p.Size {
			return check, nil
		}
		in, err := dataset.Decompress(p.Name, check)
		if err != nil {
			return nil, err
		}
		return r.decode(in)
	}, func(in *counted) error {
		in.n = p.Offset
		return fn(&window{r: in, at: p.Offset, row: p.Lines})
	})
}

// hashed computes the digest of the first bytes that are read through it.
type hashed struct {
	r    io.Reader
	h    hash.Hash
	left int64 // bytes
}

func (h *hashed) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	m := min(int64(n), h.left)
	h.h.Write(p[:m])
	h.left -= m
	return n, err
}

// counted counts what is read through it, and keeps the error that ends it.
type counted struct {
	r   io.Reader
	n   int64 // offset of the next byte
	err error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}
