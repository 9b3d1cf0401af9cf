package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"temper/dataset"
)

// Quota is a store of at most so many bytes; what does not fit is ErrFull and changes nothing.
type Quota struct {
	dataset.Store
	limit int64

	mu   sync.Mutex
	used int64
}

// NewQuota limits s to limit bytes, what it holds already included. It counts its own writes, not those of other processes.
func NewQuota(ctx context.Context, s dataset.Store, limit int64) (*Quota, error) {
	q := &Quota{Store: s, limit: limit}
	for info, err := range s.List(ctx, "") {
		if err != nil {
			return nil, fmt.Errorf("quota: %w", err)
		}
		q.used += info.Size
	}
	return q, nil
}

// Used returns the bytes the store holds.
func (q *Quota) Used() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used
}

// Put implements [dataset.Store].
func (q *Quota) Put(ctx context.Context, key string, body io.ReaderAt, size int64) (string, error) {
	return q.within(ctx, key, size, func() (string, error) { return q.Store.Put(ctx, key, body, size) })
}

// PutIf implements [dataset.Store].
func (q *Quota) PutIf(ctx context.Context, key string, body []byte, etag string) (string, error) {
	body = bytes.Clone(body)
	return q.within(ctx, key, int64(len(body)), func() (string, error) { return q.Store.PutIf(ctx, key, body, etag) })
}

// within makes one write, if it fits. Writes take turns, so that the count stays right.
func (q *Quota) within(ctx context.Context, key string, size int64, write func() (string, error)) (string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	old, err := q.Stat(ctx, key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if after := q.used - old.Size + size; after > q.limit {
		return "", fmt.Errorf("put %s of %d bytes: %d of %d bytes are used: %w", key, size, q.used, q.limit, dataset.ErrFull)
	}
	etag, err := write()
	if err == nil {
		q.used += size - old.Size
	}
	return etag, err
}

// Delete implements [dataset.Store].
func (q *Quota) Delete(ctx context.Context, key string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	old, err := q.Stat(ctx, key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := q.Store.Delete(ctx, key); err != nil {
		return err
	}
	q.used -= old.Size
	return nil
}
