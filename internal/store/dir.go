package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"temper/dataset"
)

// Dir is a store in a folder, one file an object, for any number of processes on one machine. An ETag is a file's modification
// time and inode; a write makes the time later than that of what it replaces.
type Dir struct{ root string }

// NewDir returns the store in a folder, which is made if it is not there.
func NewDir(root string) (*Dir, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(abs, 0o755); err != nil {
		return nil, fmt.Errorf("store: %w", diskErr(err))
	}
	return &Dir{abs}, nil
}

// dirObject is an open file. A file is replaced by renaming another over it, so that this one stays as it was.
type dirObject struct {
	*os.File
	info dataset.Info
}

func (o dirObject) Info() dataset.Info { return o.info }

func (d *Dir) path(key string) string { return filepath.Join(d.root, filepath.FromSlash(key)) }

// describe is the info of a file, or ErrNotExist for a folder.
func describe(key string, fi fs.FileInfo) (dataset.Info, error) {
	if !fi.Mode().IsRegular() {
		return dataset.Info{}, fmt.Errorf("%s is a folder: %w", key, fs.ErrNotExist)
	}
	etag := strconv.FormatInt(fi.ModTime().UnixNano(), 36)
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		etag += "-" + strconv.FormatUint(st.Ino, 36)
	}
	return dataset.Info{Key: key, Size: fi.Size(), ETag: etag}, nil
}

// Open implements [dataset.Store].
func (d *Dir) Open(ctx context.Context, key string) (dataset.Object, error) {
	if err := usable(ctx, key); err != nil {
		return nil, err
	}
	f, err := os.Open(d.path(key))
	if err != nil {
		return nil, absent(err)
	}
	fi, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	info, err := describe(key, fi)
	if err != nil {
		f.Close()
		return nil, err
	}
	return dirObject{f, info}, nil
}

// Stat implements [dataset.Store].
func (d *Dir) Stat(ctx context.Context, key string) (dataset.Info, error) {
	if err := usable(ctx, key); err != nil {
		return dataset.Info{}, err
	}
	fi, err := os.Stat(d.path(key))
	if err != nil {
		return dataset.Info{}, absent(err)
	}
	return describe(key, fi)
}

// usable is the error of a call that cannot go on.
func usable(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return checkKey(key)
}

// absent makes "below a file" mean "not there".
func absent(err error) error {
	if errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return err
}

// Put implements [dataset.Store].
func (d *Dir) Put(ctx context.Context, key string, body io.ReaderAt, size int64) (string, error) {
	return d.write(ctx, key, io.NewSectionReader(body, 0, size), size, nil)
}

// PutIf implements [dataset.Store].
func (d *Dir) PutIf(ctx context.Context, key string, body []byte, etag string) (string, error) {
	if err := checkCond(key, body); err != nil {
		return "", err
	}
	return d.write(ctx, key, strings.NewReader(string(body)), int64(len(body)), &etag)
}

// write puts the body aside, syncs it and renames it into place. The folder is locked while the ETag is compared and the file
// renamed, so that writers of all processes take turns.
func (d *Dir) write(ctx context.Context, key string, body io.Reader, size int64, etag *string) (string, error) {
	if err := usable(ctx, key); err != nil {
		return "", err
	}
	folder := filepath.Dir(d.path(key))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("put %s: %w", key, diskErr(err))
	}
	f, err := os.CreateTemp(folder, aside+"*")
	if err != nil {
		return "", fmt.Errorf("put %s: %w", key, diskErr(err))
	}
	defer os.Remove(f.Name())
	defer f.Close()
	n, err := io.Copy(f, body)
	if err == nil && n != size {
		err = fmt.Errorf("body has %d bytes, not %d: %w", n, size, io.ErrUnexpectedEOF)
	}
	if err = errors.Join(err, ctx.Err()); err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync())
	}
	if err != nil {
		return "", fmt.Errorf("put %s: %w", key, diskErr(err))
	}
	return d.place(folder, key, f, etag)
}

// place renames the finished file f to its key.
func (d *Dir) place(folder, key string, f *os.File, etag *string) (string, error) {
	lock, err := os.Open(folder)
	if err != nil {
		return "", err
	}
	defer lock.Close() // unlocks
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", folder, err)
	}
	have, err := d.later(key, f)
	if err != nil {
		return "", fmt.Errorf("put %s: %w", key, diskErr(err))
	}
	if etag != nil && have != *etag {
		return "", conflict(key, *etag, have)
	}
	fi, err := f.Stat()
	if err != nil {
		return "", err
	}
	info, err := describe(key, fi)
	if err == nil {
		err = os.Rename(f.Name(), d.path(key))
	}
	if err == nil {
		err = lock.Sync()
	}
	if err != nil {
		return "", fmt.Errorf("put %s: %w", key, diskErr(err))
	}
	return info.ETag, nil
}

// later makes f newer than what is at key, whose ETag it returns, or "".
func (d *Dir) later(key string, f *os.File) (string, error) {
	old, err := os.Stat(d.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	info, err := describe(key, old)
	if err != nil {
		return "", err
	}
	fi, err := f.Stat()
	if err != nil {
		return "", err
	}
	if t := old.ModTime(); !fi.ModTime().After(t) {
		t = t.Add(1)
		err = os.Chtimes(f.Name(), t, t)
	}
	return info.ETag, err
}

// List implements [dataset.Store].
func (d *Dir) List(ctx context.Context, prefix string) iter.Seq2[dataset.Info, error] {
	return func(yield func(dataset.Info, error) bool) {
		if err := d.list(ctx, "", prefix, yield); err != nil && err != errStop {
			yield(dataset.Info{}, err)
		}
	}
}

// errStop ends a listing whose reader has enough.
var errStop = errors.New("stop")

// list yields what is below the folder (whose name ends in a slash) and has the prefix, in key order: a folder sorts by its name with the slash.
func (d *Dir) list(ctx context.Context, folder, prefix string, yield func(dataset.Info, error) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(d.root, filepath.FromSlash(folder)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	name := func(e fs.DirEntry) string {
		if e.IsDir() {
			return folder + e.Name() + "/"
		}
		return folder + e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(name(a), name(b)) })
	for _, e := range entries {
		key := name(e)
		switch {
		case strings.HasPrefix(e.Name(), aside):
		case e.IsDir() && (strings.HasPrefix(key, prefix) || strings.HasPrefix(prefix, key)):
			if err := d.list(ctx, key, prefix, yield); err != nil {
				return err
			}
		case !e.IsDir() && strings.HasPrefix(key, prefix):
			fi, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted meanwhile
			}
			if err != nil {
				return err
			}
			info, err := describe(key, fi)
			if err != nil {
				continue // neither file nor folder
			}
			if !yield(info, nil) {
				return errStop
			}
		}
	}
	return nil
}

// Delete implements [dataset.Store].
func (d *Dir) Delete(ctx context.Context, key string) error {
	if err := usable(ctx, key); err != nil {
		return err
	}
	if info, err := os.Stat(d.path(key)); err != nil || info.IsDir() {
		return nil
	}
	if err := os.Remove(d.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// String implements [dataset.Store].
func (d *Dir) String() string { return "file://" + filepath.ToSlash(d.root) }
