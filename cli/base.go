package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"temper/activities"
	"temper/lora"
	"temper/model"
	"temper/model/hub"
	"temper/model/tiny"
)

// openBase opens a base by its name in the catalogue, which is pulled if it is not here, or by its path; NAME#FORM is it in another form.
func (a *app) openBase(name string) (*model.Model, error) {
	path, err := a.findBase(name)
	if err != nil {
		return nil, err
	}
	return model.Open(path)
}

// findBase returns the path of a base on this machine.
func (a *app) findBase(name string) (string, error) {
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	if source, form := activities.CutForm(name); form != "" {
		return a.baseIn(source, form)
	}
	if name == tiny.Name {
		return tinyBase()
	}
	if _, err := hub.Find(name); errors.Is(err, hub.ErrUnknown) {
		if filepath.Base(name) != name || filepath.Ext(name) != "" {
			return "", fmt.Errorf("base %s: %w", name, fs.ErrNotExist)
		}
		return "", fmt.Errorf("base: %w: %w", errInput, err)
	}
	return a.pull(name)
}

// pull brings a model of the catalogue, with progress.
func (a *app) pull(name string) (string, error) {
	m := a.meter(name)
	defer m.end()
	path, err := hub.Default().Pull(a.ctx, name, func(source string, done, total int64) {
		m.what = name + " from " + source
		m.set(done, total, "bytes")
	})
	if errors.Is(err, hub.ErrUnknown) {
		return "", fmt.Errorf("%w: %w", errInput, err)
	}
	return path, err
}

// tinyBase writes the base in this binary to the cache folder, once.
func tinyBase() (string, error) {
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "models", tiny.SHA256+".gguf")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(tiny.GGUF)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return "", err
	}
	return path, os.Rename(tmp.Name(), path)
}

// open opens a base, and an adapter if one is named.
func (a *app) open(base, adapter string) (*model.Model, *lora.Adapter, error) {
	m, err := a.openBase(base)
	if err != nil || adapter == "" {
		return m, nil, err
	}
	ad, err := lora.Read(adapter)
	return m, ad, err
}
