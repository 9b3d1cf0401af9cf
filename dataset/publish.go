package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
)

// fileBytes is about how large a published file gets, compressed: stored blobs are put together up to it.
const fileBytes = 512 << 20

// A Publication is what is to be published.
type Publication struct {
	Name    string      // of the dataset; see [CheckName]
	Recipe  string      // in full, as JSON
	Stages  []string    // keys of the stages the rows came from
	Splits  []SplitRefs // in order
	Rejects []Ref       // Parquet blobs of dropped rows
}

// SplitRefs names the Parquet blobs of one split's rows.
type SplitRefs struct {
	Name string
	Refs []Ref
}

// DatasetDir is where a version of a dataset lies in the store.
func DatasetDir(name, version string) string { return "datasets/" + name + "/" + version }

// Publish writes a version of a dataset: datasets/<name>/<version>/ with data, rejects, statistics and card, then the manifest, then
// the pointer to the newest version. The version is told by the files, so the same rows are the same version, and what is
// there is not written again. A reader sees a whole version or none.
func Publish(ctx context.Context, s Store, p Publication) (Manifest, error) {
	b, err := build(ctx, s, p)
	defer b.close()
	if err != nil {
		return Manifest{}, fmt.Errorf("publish %s: %w", p.Name, err)
	}
	m, err := b.upload(ctx, s, DatasetDir(p.Name, b.manifest.Version))
	if err == nil {
		err = pointLatest(ctx, s, m)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("publish %s: %w", p.Name, err)
	}
	return m, nil
}

// WriteDataset writes the same files as [Publish] below dir ("": at the top) of the store to, which may be another than from, where the blobs
// lie; no pointer is moved. A dir that holds another dataset's manifest is ErrConflict.
func WriteDataset(ctx context.Context, from, to Store, dir string, p Publication) (Manifest, error) {
	b, err := build(ctx, from, p)
	defer b.close()
	if err != nil {
		return Manifest{}, fmt.Errorf("write dataset: %w", err)
	}
	m, err := b.upload(ctx, to, dir)
	if err == nil && m.Version != b.manifest.Version {
		err = fmt.Errorf("%s holds version %s of %s: %w", dir, m.Version, m.Name, ErrConflict)
	}
	return m, err
}

// A bundle is the files of a version, staged.
type bundle struct {
	manifest Manifest
	files    []staged
}

// staged is one file: in the temporary file f, or in body.
type staged struct {
	File
	f    *os.File
	body []byte
}

// build writes the files of a publication aside and computes their manifest.
func build(ctx context.Context, s Store, p Publication) (*bundle, error) {
	b := &bundle{manifest: Manifest{SchemaVersion: SchemaVersion, Name: p.Name, Stages: p.Stages, Recipe: p.Recipe}}
	if err := CheckName(p.Name); err != nil {
		return b, err
	}
	stats := Stats{SchemaVersion: SchemaVersion, Splits: map[string]*SplitStats{}}
	for _, sp := range p.Splits {
		if err := CheckName(sp.Name); err != nil {
			return b, err
		}
		files, err := b.parquet(ctx, s, "data/"+sp.Name, sp.Refs, stats.split(sp.Name))
		if err != nil {
			return b, fmt.Errorf("split %s: %w", sp.Name, err)
		}
		split := Split{Name: sp.Name, Files: files}
		for _, f := range files {
			split.Records += f.Records
			b.manifest.Bytes += f.Bytes
		}
		b.manifest.Records += split.Records
		b.manifest.Splits = append(b.manifest.Splits, split)
	}
	var err error
	if b.manifest.Rejects, err = b.parquet(ctx, s, "rejects/rejects", p.Rejects, stats.split("rejects")); err != nil {
		return b, fmt.Errorf("rejects: %w", err)
	}
	b.manifest.Version = b.version()
	stats.seal()
	body, err := json.Marshal(stats) // on one line: histograms are long
	if err != nil {
		return b, err
	}
	b.add("stats.json", append(body, '\n'))
	b.add("README.md", []byte(Card(b.manifest, stats)))
	return b, nil
}

// version is the first 12 hex digits of the digest over paths and digests of the files.
func (b *bundle) version() string {
	h := sha256.New()
	for _, f := range b.files {
		fmt.Fprintf(h, "%s %s %d\n", f.SHA256, f.Path, f.Records)
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// add stages a small file.
func (b *bundle) add(path string, body []byte) {
	sum := sha256.Sum256(body)
	b.files = append(b.files, staged{File: File{Path: path, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(body))}, body: body})
}

// parquet stages the rows of refs as files <prefix>-00000-of-00001.parquet. There is at least one, for a split without rows
// must have columns all the same.
func (b *bundle) parquet(ctx context.Context, s Store, prefix string, refs []Ref, stats *SplitStats) ([]File, error) {
	groups := group(refs)
	files := make([]File, 0, len(groups))
	for i, g := range groups {
		f, err := os.CreateTemp("", "temper-dataset-*")
		if err != nil {
			return nil, staging(err)
		}
		b.files = append(b.files, staged{f: f})
		h := sha256.New()
		size := &counter{w: io.MultiWriter(f, h)}
		n, err := WriteRows(size, stats.watch(chainRows(ctx, s, g)), ParquetOptions{})
		if err != nil {
			return nil, staging(err)
		}
		file := File{Path: fmt.Sprintf("%s-%05d-of-%05d.parquet", prefix, i, len(groups)), SHA256: hex.EncodeToString(h.Sum(nil)), Bytes: size.n, Records: n}
		b.files[len(b.files)-1].File = file
		files = append(files, file)
	}
	return files, nil
}

// group puts refs together, in order, until each group has about fileBytes.
func group(refs []Ref) [][]Ref {
	groups, size := [][]Ref{nil}, int64(0)
	for _, r := range refs {
		if size > 0 && size+r.Bytes > fileBytes {
			groups, size = append(groups, nil), 0
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], r)
		size += r.Bytes
	}
	return groups
}

// chainRows streams the rows of several blobs.
func chainRows(ctx context.Context, s Store, refs []Ref) Rows {
	return func(yield func(Row, error) bool) {
		for _, ref := range refs {
			for row, err := range BlobRows(ctx, s, ref) {
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

// counter counts the bytes written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// upload puts the files and then the manifest, create-only, and returns the manifest that is there.
func (b *bundle) upload(ctx context.Context, s Store, dir string) (m Manifest, err error) {
	key := path.Join(dir, "manifest.json")
	if _, err := loadJSON(ctx, s, key, &m); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	for _, f := range b.files {
		var body io.ReaderAt = bytes.NewReader(f.body)
		if f.f != nil {
			body = f.f
		}
		if _, err := s.Put(ctx, path.Join(dir, f.Path), body, f.Bytes); err != nil {
			return Manifest{}, err
		}
	}
	doc, err := json.MarshalIndent(b.manifest, "", "  ")
	if err != nil {
		return Manifest{}, err
	}
	_, err = s.PutIf(ctx, key, append(doc, '\n'), "")
	if errors.Is(err, ErrConflict) {
		_, err = loadJSON(ctx, s, key, &m)
		return m, err
	}
	return b.manifest, err
}

// close removes what was staged.
func (b *bundle) close() {
	for _, f := range b.files {
		if f.f != nil {
			f.f.Close()
			os.Remove(f.f.Name())
		}
	}
}
