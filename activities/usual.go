package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"

	"temper/dataset"
	"temper/filter"
	"temper/filter/ngram"
)

// maxUsual is how many n-gram models a worker holds at most.
const maxUsual = 4

// A usual is an n-gram model that was read, and the name of its bytes.
type usual struct {
	model *ngram.Model
	ref   dataset.Ref
}

// withModels returns steps with their n-gram models, which stay in memory, and the names of their bytes in the store, which take
// part in a stage's key.
func (a *Activities) withModels(ctx context.Context, steps []filter.Step) ([]filter.Step, []dataset.Ref, error) {
	var refs []dataset.Ref
	steps, err := filter.WithModels(steps, func(file string) (*ngram.Model, error) {
		u, err := a.usualAt(ctx, file)
		refs = append(refs, u.ref)
		return u.model, err
	})
	return steps, refs, err
}

// usualAt reads the n-gram model of a file, unless the same bytes were read before.
func (a *Activities) usualAt(ctx context.Context, file string) (usual, error) {
	obj, err := a.sources().Open(ctx, file)
	if err != nil {
		return usual{}, err
	}
	defer obj.Close()
	info := obj.Info()
	name := fmt.Sprintf("%s\x00%d\x00%s", file, info.Size, info.ETag)
	a.mu.Lock()
	u, ok := a.usuals[name]
	a.mu.Unlock()
	if ok {
		return u, nil
	}
	if u.model, err = ngram.Read(obj, info.Size); err != nil {
		if errors.Is(err, ngram.ErrModel) {
			err = fmt.Errorf("%w: %w", errInput, err)
		}
		return usual{}, err
	}
	if u.ref, err = a.keep(ctx, path.Ext(file), io.NewSectionReader(obj, 0, info.Size)); err != nil {
		return usual{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.usuals == nil || len(a.usuals) >= maxUsual {
		a.usuals = make(map[string]usual, maxUsual)
	}
	a.usuals[name] = u
	return u, nil
}

// keep stores bytes and returns their name. What only looks stages up stores nothing, and learns the name all the same.
func (a *Activities) keep(ctx context.Context, ext string, r *io.SectionReader) (dataset.Ref, error) {
	if !a.look {
		return dataset.PutBlob(ctx, a.store(), ext, func(w io.Writer) (int64, error) {
			_, err := io.Copy(w, r)
			return 0, err
		})
	}
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return dataset.Ref{}, err
	}
	return dataset.Ref{SHA256: hex.EncodeToString(h.Sum(nil)), Bytes: r.Size(), Ext: ext}, nil
}
