package dataset

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// latest is the document that names the newest version of a dataset: datasets/<name>/latest.json.
type latest struct {
	Version string `json:"version"`
}

func latestKey(name string) string { return "datasets/" + name + "/latest.json" }

// pointLatest makes m the newest version of its dataset.
func pointLatest(ctx context.Context, s Store, m Manifest) error {
	b, err := json.Marshal(latest{m.Version})
	if err != nil {
		return err
	}
	for range swaps {
		var now latest
		etag, err := loadJSON(ctx, s, latestKey(m.Name), &now)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err != nil || now.Version == m.Version {
			return err
		}
		if _, err = s.PutIf(ctx, latestKey(m.Name), b, etag); err == nil || !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("newest version of %s: %d lost swaps: %w", m.Name, swaps, ErrConflict)
}

// LoadManifest returns the manifest of a version; "" or "latest" means the newest.
func LoadManifest(ctx context.Context, s Store, name, version string) (m Manifest, err error) {
	if err := CheckName(name); err != nil {
		return m, err
	}
	if version == "" || version == "latest" {
		var l latest
		if _, err := loadJSON(ctx, s, latestKey(name), &l); err != nil {
			return m, fmt.Errorf("dataset %s: %w", name, err)
		}
		version = l.Version
	}
	if err := CheckName(version); err != nil {
		return m, err
	}
	return ReadManifest(ctx, s, DatasetDir(name, version))
}

// ReadManifest returns the manifest of the dataset below dir; its paths stay below dir.
func ReadManifest(ctx context.Context, s Store, dir string) (m Manifest, err error) {
	key := strings.TrimPrefix(dir+"/manifest.json", "/")
	if _, err := loadJSON(ctx, s, key, &m); err != nil {
		return Manifest{}, err
	}
	if m.SchemaVersion > SchemaVersion {
		return Manifest{}, fmt.Errorf("%s has schema version %d, this program reads up to %d: %w", key, m.SchemaVersion, SchemaVersion, ErrMalformed)
	}
	for _, f := range m.files() {
		if !fs.ValidPath(f.Path) {
			return Manifest{}, fmt.Errorf("%s names the file %q: %w", key, f.Path, ErrMalformed)
		}
	}
	return m, nil
}

// LoadStats returns the statistics of the dataset below dir.
func LoadStats(ctx context.Context, s Store, dir string) (stats Stats, err error) {
	key := strings.TrimPrefix(dir+"/stats.json", "/")
	if _, err := loadJSON(ctx, s, key, &stats); err != nil {
		return Stats{}, err
	}
	if stats.SchemaVersion > SchemaVersion {
		return Stats{}, fmt.Errorf("%s has schema version %d, this program reads up to %d: %w", key, stats.SchemaVersion, SchemaVersion, ErrMalformed)
	}
	return stats, nil
}

// files are the data and reject files.
func (m Manifest) files() []File {
	var files []File
	for _, sp := range m.Splits {
		files = append(files, sp.Files...)
	}
	return append(files, m.Rejects...)
}

// ListDatasets returns the manifests of all published versions, by name and then version.
func ListDatasets(ctx context.Context, s Store) ([]Manifest, error) {
	var keys []string
	for info, err := range s.List(ctx, "datasets/") {
		if err != nil {
			return nil, err
		}
		if strings.Count(info.Key, "/") == 3 && strings.HasSuffix(info.Key, "/manifest.json") {
			keys = append(keys, info.Key)
		}
	}
	list := make([]Manifest, 0, len(keys))
	for _, key := range keys {
		m, err := ReadManifest(ctx, s, strings.TrimSuffix(key, "/manifest.json"))
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b Manifest) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version)) })
	return list, nil
}

// VerifyDataset reads every file of the dataset below dir and checks its size, digest and number of rows. The error joins all
// that is wrong.
func VerifyDataset(ctx context.Context, s Store, dir string, m Manifest) error {
	var wrong []error
	for _, f := range m.files() {
		if err := verifyFile(ctx, s, strings.TrimPrefix(dir+"/"+f.Path, "/"), f); err != nil {
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}

func verifyFile(ctx context.Context, s Store, key string, f File) error {
	obj, err := s.Open(ctx, key)
	if err != nil {
		return err
	}
	defer obj.Close()
	if got := obj.Info().Size; got != f.Bytes {
		return fmt.Errorf("%s has %d bytes, not %d: %w", key, got, f.Bytes, ErrMalformed)
	}
	if err := verify(obj, f.SHA256); err != nil {
		return err
	}
	pf, err := openParquet(obj, f.Bytes)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if n := pf.NumRows(); n != f.Records {
		return fmt.Errorf("%s has %d rows, not %d: %w", key, n, f.Records, ErrMalformed)
	}
	return nil
}

// DatasetRows streams the rows of files of the dataset below dir.
func DatasetRows(ctx context.Context, s Store, dir string, files []File) Rows {
	return func(yield func(Row, error) bool) {
		for _, f := range files {
			obj, err := s.Open(ctx, strings.TrimPrefix(dir+"/"+f.Path, "/"))
			if err != nil {
				yield(Row{}, err)
				return
			}
			for row, err := range ReadRows(obj, obj.Info().Size) {
				if !yield(row, err) || err != nil {
					obj.Close()
					return
				}
			}
			obj.Close()
		}
	}
}
