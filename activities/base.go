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
	"strings"
	"time"

	"temper/dataset"
	"temper/model"
	"temper/model/tiny"
)

// A Base is a base model on the store, by its digest.
type Base struct {
	Name string      `json:"name"`           // as the recipe says it
	Ref  dataset.Ref `json:"ref"`            // the GGUF file's digest and size, or those of an archive of a folder
	Form *Form       `json:"form,omitempty"` // nil: as it was found
}

// key is where a base lies: models/<sha256>.gguf, or where the stage that made it put it.
func (b Base) key() string {
	if b.Form != nil {
		return b.Ref.Key()
	}
	return "models/" + b.Ref.SHA256 + b.Ref.Ext
}

// FetchInput is the input of [Activities.FetchBase].
type FetchInput struct {
	Base string `json:"base"` // a name in the catalogue, "tiny", or the path of a GGUF file on the worker's machine; see BaseIn for another form of it
}

// FetchBase finds a base model and puts it on the store, where every worker finds it by digest.
func (a *Activities) FetchBase(ctx context.Context, in FetchInput) (Base, error) {
	ctx, release := begin(ctx, "base")
	defer release()
	base, err := a.fetchBase(ctx, in.Base)
	if err != nil {
		return Base{}, finish(ctx, fmt.Errorf("base %s: %w", in.Base, err))
	}
	return base, nil
}

func (a *Activities) fetchBase(ctx context.Context, name string) (Base, error) {
	source, form := CutForm(name)
	path, err := a.findBase(ctx, source)
	if err != nil {
		return Base{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return Base{}, err
	}
	defer f.Close()
	sum, n, err := digest(ctx, f)
	if err != nil {
		return Base{}, fmt.Errorf("read %s: %w", path, err)
	}
	base := Base{Name: name, Ref: dataset.Ref{SHA256: sum, Bytes: n, Ext: filepath.Ext(path)}}
	if form != "" {
		return a.inForm(ctx, base, path, form)
	}
	info, err := a.Store.Stat(ctx, base.key())
	if err == nil && info.Size == n {
		return base, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Base{}, err
	}
	say(ctx, Progress{Stage: "base", Total: n, Unit: "bytes", Note: "to the store"})
	_, err = a.store().Put(ctx, base.key(), f, n)
	return base, err
}

// digest is the SHA-256 of a file, in hex, and its size.
func digest(ctx context.Context, f *os.File) (sum string, n int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	n, err = io.CopyBuffer(h, io.NewSectionReader(beating{ctx, f}, 0, info.Size()), make([]byte, 1<<20))
	return hex.EncodeToString(h.Sum(nil)), n, err
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
		say(ctx, Progress{Stage: "base", Done: done, Total: total, Unit: "bytes", Note: source})
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
	if err := errors.Join(f.Sync(), f.Close()); err != nil { // a power cut must not leave a name without its bytes
		return err
	}
	return os.Rename(f.Name(), path)
}

// open returns the base, from a verified local copy; it is opened once a worker. Who waits for another to bring it is as alive as
// that one.
func (a *Activities) open(ctx context.Context, b Base) (*model.Model, error) {
	for {
		a.mu.Lock()
		if m := a.bases[b.Ref.SHA256]; m != nil {
			a.mu.Unlock()
			return m, nil
		}
		other := a.opening
		if other == nil {
			break
		}
		a.mu.Unlock()
		if err := other.wait(ctx); err != nil {
			return nil, err
		}
	}
	mine := &opening{done: make(chan struct{}), pulse: pulseOf(ctx)}
	a.opening = mine
	a.mu.Unlock()
	m, err := a.load(ctx, b)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.opening = nil
	close(mine.done)
	if err != nil {
		return nil, fmt.Errorf("base %s: %w", b.Name, err)
	}
	if a.bases == nil {
		a.bases = map[string]*model.Model{}
	}
	a.bases[b.Ref.SHA256] = m
	return m, nil
}

// An opening is a base that is being brought.
type opening struct {
	done  chan struct{}
	pulse *pulse // of who brings it
}

// wait returns when the base is there, or could not be brought. It beats when the other does.
func (o *opening) wait(ctx context.Context) error {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	var seen time.Time
	for {
		select {
		case <-o.done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-look.C:
			if last := o.pulse.time(); last != seen {
				seen = last
				touch(ctx)
			}
		}
	}
}

// load opens the local copy, after it was made or its digest was checked.
func (a *Activities) load(ctx context.Context, b Base) (*model.Model, error) {
	path := filepath.Join(a.Scratch, "models", b.Ref.SHA256+b.Ref.Ext)
	f, err := os.Open(path)
	if err == nil {
		sum, _, err := digest(ctx, f)
		f.Close()
		if err == nil && sum == b.Ref.SHA256 {
			return openLocal(path)
		}
	}
	if err := a.download(ctx, b, path); err != nil {
		return nil, err
	}
	return openLocal(path)
}

// openLocal opens a GGUF file, or a folder from its archive.
func openLocal(path string) (*model.Model, error) {
	dir, isArchive := strings.CutSuffix(path, archiveExt)
	if !isArchive {
		return model.Open(path)
	}
	if err := unpack(path, dir); err != nil {
		return nil, err
	}
	return model.Open(dir)
}

// download copies the base from the store and checks its digest before the file appears.
func (a *Activities) download(ctx context.Context, b Base, path string) error {
	obj, err := a.store().Open(ctx, b.key())
	if err != nil {
		return err
	}
	defer obj.Close()
	return place(path, func(f *os.File) error {
		h := sha256.New()
		n, err := io.CopyBuffer(io.MultiWriter(f, h), io.NewSectionReader(obj, 0, obj.Info().Size), make([]byte, 1<<20))
		if err != nil {
			return err
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != b.Ref.SHA256 {
			return fmt.Errorf("%s holds %d bytes of digest %.12s, not %.12s: %w", b.key(), n, got, b.Ref.SHA256, dataset.ErrMalformed)
		}
		return nil
	})
}
