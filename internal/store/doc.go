// Package store keeps objects in memory, in a folder or in an S3 bucket, and puts a quota on any of them. All follow
// [temper/dataset.Store]: objects appear whole or not at all, and small ones change by compare-and-swap.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"temper/dataset"
)

// maxCond bounds what PutIf takes.
const maxCond = 16 << 20

// aside begins the name of a file that is being written; no key may have it.
const aside = ".put-"

// checkKey refuses what cannot be a key in every kind of store: an empty one, one with an empty part, ".", "..", control
// characters or backslashes, or longer than 900 bytes.
func checkKey(key string) error {
	ok := fs.ValidPath(key) && key != "." && len(key) <= 900 && !strings.ContainsAny(key, "\\\x7f")
	for _, part := range strings.Split(key, "/") {
		ok = ok && !strings.HasPrefix(part, aside) && len(part) <= 255
	}
	for _, r := range key {
		ok = ok && r >= 0x20
	}
	if !ok {
		return fmt.Errorf("key %q is not one: %w", key, dataset.ErrMalformed)
	}
	return nil
}

// checkCond refuses a body that is too large for a conditional write.
func checkCond(key string, body []byte) error {
	if len(body) > maxCond {
		return fmt.Errorf("conditional write of %s: %d bytes, more than %d", key, len(body), maxCond)
	}
	return nil
}

// conflict says that key is not as the caller thinks.
func conflict(key, want, have string) error {
	if want == "" {
		return fmt.Errorf("%s exists already: %w", key, dataset.ErrConflict)
	}
	return fmt.Errorf("%s has etag %q, not %q: %w", key, have, want, dataset.ErrConflict)
}

// diskErr marks a full disk.
func diskErr(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", dataset.ErrFull, err)
	}
	return err
}
