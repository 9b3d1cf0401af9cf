package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/zeebo/xxh3"
)

// The texts that passes over data are measured on, in bytes: two kinds that any machine can make, the same ones from the same files.
const (
	sourceBytes = 210_000_000
	proseBytes  = 40_000_000
	sampleBytes = 3_000_000 // what peers get of either, about: rows by the hashes of their names
	maxPool     = 24_000_000
)

// A text is a corpus as files: all of it, and a sample of it.
type text struct {
	whole, sample string
	bytes         int64
	count         int
}

// A row is a line of a corpus.
type row struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// sourceNames are the files that are texts.
var sourceNames = map[string]bool{".go": true, ".s": true, ".c": true, ".h": true, ".py": true, ".pyi": true, ".md": true, ".rst": true,
	".txt": true, ".html": true}

// A root is a folder of files that are there wherever Temper is built and compared.
type root struct{ name, path string }

// roots are Go's tree, Python's library and the packages beside it, and the modules that Go has fetched; what is not there is left out.
func roots(ctx context.Context, python string) ([]root, error) {
	out, err := output(ctx, "go", "env", "GOROOT", "GOMODCACHE")
	if err != nil {
		return nil, err
	}
	goroot, modules, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	all := []root{{"go", goroot}}
	if python == "" {
		python = "python3"
	}
	if out, err = output(ctx, python, "-c", `import sysconfig; p = sysconfig.get_paths(); print(p["stdlib"]); print(p["purelib"])`); err == nil {
		library, packages, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		all = append(all, root{"python", library}, root{"packages", packages})
	}
	return append(all, root{"modules", modules}), nil
}

// errEnough ends a walk.
var errEnough = errors.New("enough")

// sources yields the text files below roots, in the order of their names, until there are so many bytes.
func sources(ctx context.Context, all []root, size int64, yield func(row) error) error {
	for _, r := range all {
		err := filepath.WalkDir(r.path, func(path string, d fs.DirEntry, err error) error {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil:
				return nil //nolint:nilerr // a folder that cannot be read has no texts
			case d.IsDir():
				if d.Name() == "site-packages" && path != r.path || d.Name() == ".git" {
					return fs.SkipDir
				}
				return nil
			case !d.Type().IsRegular() || !sourceNames[filepath.Ext(path)]:
				return nil
			}
			if info, err := d.Info(); err != nil || info.Size() < 200 || info.Size() > 1<<20 {
				return nil //nolint:nilerr // it went away
			}
			b, err := os.ReadFile(path)
			if err != nil || !utf8.Valid(b) {
				return nil //nolint:nilerr // no text
			}
			name, err := filepath.Rel(r.path, path)
			if err != nil {
				return err
			}
			if size -= int64(len(b)); size < 0 {
				return errEnough
			}
			return yield(row{r.name + "/" + filepath.ToSlash(name), string(b)})
		})
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// newTexts writes the texts of either kind into dir.
func newTexts(ctx context.Context, dir, python string) (code, prose text, err error) {
	all, err := roots(ctx, python)
	if err != nil {
		return code, prose, err
	}
	pool := newPool()
	code, err = writeText(filepath.Join(dir, "sources"), sourceBytes, func(yield func(row) error) error {
		return sources(ctx, all, sourceBytes, func(r row) error {
			pool.add(r)
			return yield(r)
		})
	})
	if err != nil {
		return code, prose, err
	}
	prose, err = writeText(filepath.Join(dir, "prose"), proseBytes, func(yield func(row) error) error { return pool.pages(proseBytes, yield) })
	return code, prose, err
}

// writeText writes a corpus of about size bytes, and a sample: each row with the chance that makes it about sampleBytes, told by its name.
func writeText(path string, size int64, rows func(yield func(row) error) error) (t text, err error) {
	t = text{whole: path + ".jsonl", sample: path + "-sample.jsonl"}
	whole, err := newLines(t.whole)
	if err != nil {
		return t, err
	}
	defer whole.file.Close()
	sample, err := newLines(t.sample)
	if err != nil {
		return t, err
	}
	defer sample.file.Close()
	err = rows(func(r row) error {
		t.bytes += int64(len(r.Text))
		t.count++
		if err := whole.enc.Encode(r); err != nil {
			return err
		}
		if xxh3.HashString(r.ID)%uint64(size) >= sampleBytes {
			return nil
		}
		return sample.enc.Encode(r)
	})
	if err == nil {
		err = errors.Join(whole.close(), sample.close())
	}
	if err == nil && t.count == 0 {
		err = fmt.Errorf("%s: no file to make it of is there", path)
	}
	return t, err
}

// lines is a file of JSON lines.
type lines struct {
	file *os.File
	out  *bufio.Writer
	enc  *json.Encoder
}

func newLines(path string) (*lines, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	l := &lines{file: f, out: bufio.NewWriterSize(f, 1<<16)}
	l.enc = json.NewEncoder(l.out)
	l.enc.SetEscapeHTML(false)
	return l, nil
}

func (l *lines) close() error { return errors.Join(l.out.Flush(), l.file.Close()) }
