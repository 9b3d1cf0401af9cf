package dataset

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"syscall"
)

// PutBlob stores what write writes under its SHA-256 and returns its name; write returns how many records it wrote. The bytes are
// staged in a temporary file, so that nothing is stored if write fails, and nothing is uploaded that the store has already.
// A full disk is ErrFull.
func PutBlob(ctx context.Context, s Store, ext string, write func(w io.Writer) (records int64, err error)) (Ref, error) {
	f, err := os.CreateTemp("", "temper-blob-*")
	if err != nil {
		return Ref{}, staging(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	h := sha256.New()
	b := bufio.NewWriterSize(io.MultiWriter(h, f), 256<<10)
	n, err := write(b)
	if err == nil {
		err = b.Flush()
	}
	if err != nil {
		return Ref{}, staging(err)
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return Ref{}, staging(err)
	}
	ref := Ref{SHA256: hex.EncodeToString(h.Sum(nil)), Bytes: size, Records: n, Ext: ext}
	return ref, putMissing(ctx, s, ref.Key(), f, size)
}

// staging is err, or ErrFull where the disk is full.
func staging(err error) error {
	if errors.Is(err, syscall.ENOSPC) && !errors.Is(err, ErrFull) {
		return fmt.Errorf("stage in %s: %w: %w; free some space, or set TMPDIR to a larger disk", os.TempDir(), ErrFull, err)
	}
	return err
}

// putMissing puts an object whose bytes are told by its key, unless it is there.
func putMissing(ctx context.Context, s Store, key string, body io.ReaderAt, size int64) error {
	info, err := s.Stat(ctx, key)
	if err == nil && info.Size == size {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err = s.Put(ctx, key, body, size)
	return err
}

// OpenBlob opens the bytes ref names and checks their number; [VerifyBlob] checks the digest too.
func OpenBlob(ctx context.Context, s Store, ref Ref) (Object, error) {
	if err := ref.check(); err != nil {
		return nil, err
	}
	obj, err := s.Open(ctx, ref.Key())
	if err != nil {
		return nil, fmt.Errorf("blob %.12s: %w", ref.SHA256, err)
	}
	if got := obj.Info().Size; got != ref.Bytes {
		obj.Close()
		return nil, fmt.Errorf("blob %.12s has %d bytes, not %d: %w", ref.SHA256, got, ref.Bytes, ErrMalformed)
	}
	return obj, nil
}

// check refuses a ref that names nothing, before its key is made.
func (r Ref) check() error {
	if b, err := hex.DecodeString(r.SHA256); err != nil || len(b) != sha256.Size {
		return fmt.Errorf("ref %q is not a SHA-256 digest: %w", r.SHA256, ErrMalformed)
	}
	return nil
}

// VerifyBlob reads the bytes ref names and checks their digest.
func VerifyBlob(ctx context.Context, s Store, ref Ref) error {
	obj, err := OpenBlob(ctx, s, ref)
	if err != nil {
		return err
	}
	defer obj.Close()
	return verify(obj, ref.SHA256)
}

// verify checks the digest of an object.
func verify(obj Object, want string) error {
	h := sha256.New()
	if _, err := io.Copy(h, bufio.NewReaderSize(io.NewSectionReader(obj, 0, obj.Info().Size), 1<<20)); err != nil {
		return fmt.Errorf("read %s: %w", obj.Info().Key, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%s has digest %.12s, not %.12s: %w", obj.Info().Key, got, want, ErrMalformed)
	}
	return nil
}

// BlobRows streams the rows of a Parquet blob.
func BlobRows(ctx context.Context, s Store, ref Ref) Rows { return blobStream(ctx, s, ref, ReadRows) }

// BlobRecords streams the records of a Parquet blob of rows.
func BlobRecords(ctx context.Context, s Store, ref Ref) Records {
	return blobStream(ctx, s, ref, ReadRecords)
}

// BlobNotes streams the notes of a Parquet blob.
func BlobNotes(ctx context.Context, s Store, ref Ref) Notes {
	return blobStream(ctx, s, ref, ReadNotes)
}

// blobStream opens a blob when the stream is ranged over and closes it at its end.
func blobStream[T any](ctx context.Context, s Store, ref Ref, read func(io.ReaderAt, int64) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		obj, err := OpenBlob(ctx, s, ref)
		if err != nil {
			yield(zero, err)
			return
		}
		defer obj.Close()
		for v, err := range read(obj, ref.Bytes) {
			if err != nil {
				yield(zero, fmt.Errorf("blob %.12s: %w", ref.SHA256, err))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}
