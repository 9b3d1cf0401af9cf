package cli

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"temper/collect"
	"temper/collect/query"
	"temper/dataset"
)

// Ask implements collect.Databases: the rows are in the cache folder, for the user alone, until the same query has others.
func (s sources) Ask(ctx context.Context, q collect.SQL) (collect.FileInfo, error) {
	address, err := databaseOf(q)
	if err != nil {
		return collect.FileInfo{}, err
	}
	dir, err := rowsFolder()
	if err != nil {
		return collect.FileInfo{}, err
	}
	f, err := os.CreateTemp(dir, ".asking-*")
	if err != nil {
		return collect.FileInfo{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	h := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(h, f, collect.Watching(ctx)), 256<<10)
	_, err = query.Write(ctx, query.Query{Address: address, SQL: q.Query, Key: q.Key}, w)
	if errors.Is(err, query.ErrQuery) || errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", collect.ErrSource, err)
	}
	if err = errors.Join(err, w.Flush()); err != nil {
		return collect.FileInfo{}, err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return collect.FileInfo{}, err
	}
	if size == 0 {
		return collect.FileInfo{}, fmt.Errorf("the query gives no rows: %w", fs.ErrNotExist)
	}
	digest := hex.EncodeToString(h.Sum(nil))
	return collect.FileInfo{URI: collect.RowsScheme + digest, Size: size}, keepRows(f.Name(), dir, q, digest)
}

// databaseOf is the address of a query's database.
func databaseOf(q collect.SQL) (string, error) {
	if q.Connection == "" {
		return "sqlite:" + q.Root, nil
	}
	address := os.Getenv(q.Connection)
	if address == "" {
		return "", fmt.Errorf("%w: the environment variable %s is not set: it is to hold the database's address, postgres://user:password@host/database or sqlite:FILE, where the run is planned (on the workers)",
			collect.ErrSource, q.Connection)
	}
	return address, nil
}

// keepRows moves a file of rows to where they are found by their digest, in place of those that the query gave before.
func keepRows(file, dir string, q collect.SQL, digest string) error {
	b, err := json.Marshal(q)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	mine := hex.EncodeToString(sum[:8])
	old, err := filepath.Glob(filepath.Join(dir, mine+".*"))
	if err != nil {
		return err
	}
	name := filepath.Join(dir, mine+"."+digest)
	for _, o := range old {
		if o != name {
			if err := os.Remove(o); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return os.Rename(file, name)
}

// openRows opens the rows of a digest.
func openRows(ctx context.Context, uri string) (dataset.Object, error) {
	dir, err := rowsFolder()
	if err != nil {
		return nil, err
	}
	digest := strings.TrimPrefix(uri, collect.RowsScheme)
	if b, err := hex.DecodeString(digest); err != nil || len(b) != sha256.Size {
		return nil, fmt.Errorf("%s: %w", uri, fs.ErrNotExist)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*."+digest))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("the rows %.12s of a query are not kept any more: start the run again: %w", digest, fs.ErrNotExist)
	}
	return collect.Local{}.Open(ctx, found[0])
}

func rowsFolder() (string, error) {
	dir, err := cacheFolder()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "rows")
	return dir, os.MkdirAll(dir, 0o700)
}
