package store

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"

	"temper/dataset"
)

// Mem is a store in memory, for tests and small runs.
type Mem struct {
	mu      sync.Mutex
	objects map[string]memObject
	writes  int // so that no two objects have one ETag
}

// NewMem returns an empty store.
func NewMem() *Mem { return &Mem{objects: map[string]memObject{}} }

// A memObject is the bytes of an object; they are never changed.
type memObject struct {
	*bytes.Reader
	info dataset.Info
}

func (o memObject) Info() dataset.Info { return o.info }
func (o memObject) Close() error       { return nil }

// Open implements [dataset.Store].
func (m *Mem) Open(ctx context.Context, key string) (dataset.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if !ok {
		return nil, fmt.Errorf("open mem:%s: %w", key, fs.ErrNotExist)
	}
	return o, nil
}

// Put implements [dataset.Store].
func (m *Mem) Put(ctx context.Context, key string, body io.ReaderAt, size int64) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.NewSectionReader(body, 0, size))
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return "", fmt.Errorf("put mem:%s: %w", key, err)
	}
	if int64(len(b)) != size {
		return "", fmt.Errorf("put mem:%s: body has %d bytes, not %d: %w", key, len(b), size, io.ErrUnexpectedEOF)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set(key, b)
}

// PutIf implements [dataset.Store].
func (m *Mem) PutIf(ctx context.Context, key string, body []byte, etag string) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	if err := checkCond(key, body); err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if have := m.objects[key].info.ETag; have != etag {
		return "", conflict(key, etag, have)
	}
	return m.set(key, bytes.Clone(body))
}

// set stores b under key. As in a folder, a key and what is below it exclude each other.
func (m *Mem) set(key string, b []byte) (string, error) {
	for at, c := range key {
		if c == '/' {
			if _, taken := m.objects[key[:at]]; taken {
				return "", fmt.Errorf("put mem:%s: %s is an object", key, key[:at])
			}
		}
	}
	for other := range m.objects {
		if strings.HasPrefix(other, key+"/") {
			return "", fmt.Errorf("put mem:%s: %s is below it", key, other)
		}
	}
	m.writes++
	info := dataset.Info{Key: key, Size: int64(len(b)), ETag: strconv.Itoa(m.writes)}
	m.objects[key] = memObject{bytes.NewReader(b), info}
	return info.ETag, nil
}

// Stat implements [dataset.Store].
func (m *Mem) Stat(ctx context.Context, key string) (dataset.Info, error) {
	o, err := m.Open(ctx, key)
	if err != nil {
		return dataset.Info{}, err
	}
	return o.Info(), nil
}

// List implements [dataset.Store].
func (m *Mem) List(ctx context.Context, prefix string) iter.Seq2[dataset.Info, error] {
	return func(yield func(dataset.Info, error) bool) {
		m.mu.Lock()
		var infos []dataset.Info
		for key, o := range m.objects {
			if strings.HasPrefix(key, prefix) {
				infos = append(infos, o.info)
			}
		}
		m.mu.Unlock()
		slices.SortFunc(infos, func(a, b dataset.Info) int { return strings.Compare(a.Key, b.Key) })
		for _, info := range infos {
			if err := ctx.Err(); err != nil {
				yield(dataset.Info{}, err)
				return
			}
			if !yield(info, nil) {
				return
			}
		}
	}
}

// Delete implements [dataset.Store].
func (m *Mem) Delete(ctx context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return ctx.Err()
}

// String implements [dataset.Store].
func (m *Mem) String() string { return "mem:" }
