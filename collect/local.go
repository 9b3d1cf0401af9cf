package collect

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"temper/dataset"
)

// Local is the files of this machine. It is the one part of this package that touches a disk.
type Local struct{}

// List implements Files: regular files only, links below root not followed, .git left out.
func (Local) List(ctx context.Context, root string) iter.Seq2[FileInfo, error] {
	return func(yield func(FileInfo, error) bool) {
		info, err := os.Stat(root)
		if err != nil {
			yield(FileInfo{}, err)
			return
		}
		if !info.IsDir() {
			yield(FileInfo{URI: filepath.ToSlash(root), Size: info.Size()}, nil)
			return
		}
		var all []FileInfo
		err = fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case d.IsDir() && d.Name() == ".git":
				return fs.SkipDir
			case !d.Type().IsRegular():
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			all = append(all, FileInfo{URI: path.Join(filepath.ToSlash(root), name), Size: info.Size()})
			return nil
		})
		if err != nil {
			yield(FileInfo{}, fmt.Errorf("list %s: %w", root, err))
			return
		}
		slices.SortFunc(all, func(a, b FileInfo) int { return strings.Compare(a.URI, b.URI) })
		for _, f := range all {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// Open implements Files.
func (Local) Open(_ context.Context, uri string) (dataset.Object, error) {
	f, err := os.Open(filepath.FromSlash(uri))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder", uri)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return file{f, dataset.Info{Key: uri, Size: info.Size(), ETag: strconv.FormatInt(info.ModTime().UnixNano(), 36)}}, nil
}

type file struct {
	*os.File
	info dataset.Info
}

func (f file) Info() dataset.Info { return f.info }
