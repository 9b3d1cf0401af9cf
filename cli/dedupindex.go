package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"temper/activities"
	"temper/dataset"
	"temper/dedup"
	"temper/internal/store"
)

// seen is what earlier runs have seen, and what this one adds to it; without a path, nothing.
type seen struct {
	path  string
	read  fs.FileInfo // of the index; nil: there is none
	known *dedup.Known
	grown *dedup.Known
	kept  dataset.Store // files of kept rows, beside the index
}

// seen reads the index; one that is not there yet knows nothing.
func (c *dedupCommand) seen() (*seen, error) {
	s := &seen{path: c.Index, known: &dedup.Known{}}
	if s.path == "" {
		return s, nil
	}
	f, err := os.Open(s.path)
	if err == nil {
		defer f.Close()
		if s.read, err = f.Stat(); err == nil {
			s.known, err = dedup.ReadKnown(f)
		}
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		s.kept, err = store.NewDir(s.path + ".kept")
	}
	if err != nil {
		return nil, fmt.Errorf("index %s: %w", s.path, err)
	}
	return s, nil
}

// exact drops the rows the index has, and adds the others.
func (s *seen) exact(a *app, scratch dataset.Store, all *dataset.Ref) (err error) {
	if s.path == "" {
		return nil
	}
	if s.grown, err = s.known.Add(recordsOf(dataset.BlobRows(a.ctx, scratch, *all))); err != nil {
		return err
	}
	*all, err = a.passOver(scratch, *all, func(r dataset.Records) dataset.Notes { return dedup.KnownNotes(r, s.known) })
	return err
}

// near drops rows that are near to one that is kept, now or by an earlier run, and adds what is kept.
func (s *seen) near(a *app, scratch dataset.Store, tmp string, all *dataset.Ref, o dedup.Near) (clusters []dedup.Cluster, err error) {
	rows := *all
	in := dataset.Kept(dataset.BlobRows(a.ctx, scratch, rows))
	sigs, err := a.signatures(scratch, o.Ranked(dataset.BlobRows(a.ctx, scratch, rows)), o)
	if err != nil {
		return nil, err
	}
	var files []dataset.Ref
	if s.path != "" {
		files = s.known.Kept(o.KeptKey())
	}
	if len(files) == 0 && len(s.known.Keys()) > 0 {
		fmt.Fprintf(a.err, "%s: earlier runs kept rows under another --near, --unit or --method, and they are not compared with\n", s.path)
	}
	known, closer, err := activities.OpenKept(a.ctx, s.kept, files)
	if err != nil {
		return nil, fmt.Errorf("index %s: %w", s.path, err)
	}
	defer closer()
	err = lend(tmp, func(f *os.File) (err error) {
		clusters, err = dedup.NearKnown(in, sigs, known, o, f)
		return err
	})
	if err == nil {
		*all, err = a.passOver(scratch, rows, func(r dataset.Records) dataset.Notes { return dedup.NearNotes(r, clusters, o) })
	}
	if err != nil || s.path == "" {
		return clusters, err
	}
	var added dataset.Ref
	err = lend(tmp, func(f *os.File) (err error) {
		added, err = dataset.PutBlob(a.ctx, s.kept, activities.KeptExt, func(w io.Writer) (int64, error) {
			return dedup.WriteKept(w, in, sigs, clusters, o, f)
		})
		return err
	})
	if err != nil || added.Records == 0 {
		return clusters, err
	}
	files, err = activities.AddKept(a.ctx, s.kept, files, added)
	s.grown = s.grown.WithKept(o.KeptKey(), files)
	return clusters, err
}

// lend lends f a temporary file.
func lend(dir string, f func(*os.File) error) error {
	file, err := os.CreateTemp(dir, "scratch-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	return f(file)
}

// remember writes the index, unless another run has changed it, and removes the files beside it that it does not name.
func (s *seen) remember(a *app) error {
	if s.path == "" {
		return nil
	}
	if now, err := os.Stat(s.path); s.read == nil && err == nil || s.read != nil && (err != nil || !os.SameFile(s.read, now) || !s.read.ModTime().Equal(now.ModTime())) {
		return fmt.Errorf("index %s was changed by another run meanwhile, and is left as that run wrote it: the rows of this run are not in it", s.path)
	}
	err := place(s.path, func(w io.Writer) error {
		_, err := dedup.WriteKnown(w, s.grown)
		return err
	})
	if err != nil {
		return err
	}
	var named, gone []string
	for _, key := range s.grown.Keys() {
		for _, file := range s.grown.Kept(key) {
			named = append(named, file.Key())
		}
	}
	for info, err := range s.kept.List(a.ctx, "blobs/") {
		if err != nil {
			return err
		}
		if filepath.Ext(info.Key) == activities.KeptExt && !slices.Contains(named, info.Key) {
			gone = append(gone, info.Key)
		}
	}
	for _, key := range gone {
		if err := s.kept.Delete(a.ctx, key); err != nil {
			return err
		}
	}
	return nil
}
