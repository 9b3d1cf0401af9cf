package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.temporal.io/sdk/activity"

	"temper/dataset"
	"temper/model"
	"temper/model/tiny"
)

// A Base is a base model on the store, by its digest.
type Base struct {
	Name string      `json:"name"` // as the recipe says it
	Ref  dataset.Ref `json:"ref"`  // the GGUF file's digest and size
}

// key is where a base lies: models/<sha256>.gguf.
func (b Base) key() string { return "models/" + b.Ref.SHA256 + b.Ref.Ext }

// FetchInput is the input of [Activities.FetchBase].
type FetchInput struct {
	Base string `json:"base"` // a name in the catalogue, "tiny", or the path of a GGUF file on the worker's machine
}

// FetchBase finds a base model and puts it on the store, where every worker finds it by digest.
func (a *Activities) FetchBase(ctx context.Context, in FetchInput) (Base, error) {
	path, err := a.findBase(ctx, in.Base)
	if err != nil {
		return Base{}, classify(fmt.Errorf("base %s: %w", in.Base, err))
	}
	f, err := os.Open(path)
	if err != nil {
		return Base{}, classify(fmt.Errorf("base %s: %w", in.Base, err))
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return Base{}, fmt.Errorf("read base %s: %w", path, err)
	}
	base := Base{Name: in.Base, Ref: dataset.Ref{SHA256: hex.EncodeToString(h.Sum(nil)), Bytes: n, Ext: filepath.Ext(path)}}
	if info, err := a.Store.Stat(ctx, base.key()); err == nil && info.Size == n {
		return base, nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Base{}, classify(err)
	}
	activity.RecordHeartbeat(ctx, Progress{Stage: "base", Total: n, Unit: "bytes", Note: "to the store"})
	_, err = a.Store.Put(ctx, base.key(), f, n)
	return base, classify(err)
}

// findBase returns the path of a verified local file.
func (a *Activities) findBase(ctx context.Context, name string) (string, error) {
	if name == tiny.Name {
		path := filepath.Join(a.Scratch, "models", tiny.SHA256+".gguf")
		return path, writeOnce(path, tiny.GGUF)
	}
	if info, err := os.Stat(name); err == nil {
		if info.IsDir() {
			return "", fmt.Errorf("a run's base is one GGUF file, %s is a folder: %w", name, errInput)
		}
		return name, nil
	}
	return a.Models.Pull(ctx, name, func(source string, done, total int64) {
		activity.RecordHeartbeat(ctx, Progress{Stage: "base", Done: done, Total: total, Unit: "bytes", Note: source})
	})
}

// writeOnce writes a file whole, unless it is there.
func writeOnce(path string, b []byte) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return place(path, func(f *os.File) error {
		_, err := f.Write(b)
		return err
	})
}

// place makes a file appear whole or not at all.
func place(path string, write func(f *os.File) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// open returns the base, from a verified local copy; it is opened once a worker.
func (a *Activities) open(ctx context.Context, b Base) (*model.Model, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if m := a.bases[b.Ref.SHA256]; m != nil {
		return m, nil
	}
	path := filepath.Join(a.Scratch, "models", b.Ref.SHA256+b.Ref.Ext)
	if info, err := os.Stat(path); err != nil || info.Size() != b.Ref.Bytes {
		if err := a.download(ctx, b, path); err != nil {
			return nil, fmt.Errorf("base %s: %w", b.Name, err)
		}
	}
	m, err := model.Open(path)
	if err != nil {
		return nil, err
	}
	if a.bases == nil {
		a.bases = map[string]*model.Model{}
	}
	a.bases[b.Ref.SHA256] = m
	return m, nil
}

// download copies the base from the store and checks its digest before the file appears.
func (a *Activities) download(ctx context.Context, b Base, path string) error {
	obj, err := a.Store.Open(ctx, b.key())
	if err != nil {
		return err
	}
	defer obj.Close()
	return place(path, func(f *os.File) error {
		h := sha256.New()
		n, err := io.Copy(io.MultiWriter(f, h), io.NewSectionReader(obj, 0, obj.Info().Size))
		if err != nil {
			return err
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != b.Ref.SHA256 {
			return fmt.Errorf("%s holds %d bytes of digest %.12s, not %.12s: %w", b.key(), n, got, b.Ref.SHA256, dataset.ErrMalformed)
		}
		return nil
	})
}
