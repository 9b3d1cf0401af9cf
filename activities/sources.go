package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"temper/collect"
	"temper/dataset"
)

// aliveFiles are sources whose listing and reading beat. What another worker may not find as it was planned is kept on the store: the
// rows of queries, and what the web has.
type aliveFiles struct {
	collect.Files
	a *Activities
}

func (a *Activities) sources() collect.Files { return aliveFiles{a.Sources, a} }

// maxKept bounds the files of the web that are kept: larger ones are fetched by every worker that reads of them.
const maxKept = 64 << 20

// onStore is what a file is called on the store, if it is one that is kept there.
func onStore(p collect.Part) (dataset.Ref, bool) {
	web := strings.HasPrefix(p.URI, "http://") || strings.HasPrefix(p.URI, "https://")
	return dataset.Ref{SHA256: p.SHA256, Bytes: p.Size, Ext: collect.KeptExt}, web && p.Size <= maxKept || strings.HasPrefix(p.URI, collect.RowsScheme)
}

// List implements [collect.Files].
func (f aliveFiles) List(ctx context.Context, root string) iter.Seq2[collect.FileInfo, error] {
	return func(yield func(collect.FileInfo, error) bool) {
		for info, err := range f.Files.List(watching(ctx), root) {
			touch(ctx)
			if !yield(info, err) {
				return
			}
		}
	}
}

// Open implements [collect.Files].
func (f aliveFiles) Open(ctx context.Context, uri string) (dataset.Object, error) {
	obj, err := f.open(watching(ctx), uri)
	if err != nil {
		return nil, err
	}
	return moving{obj, beating{ctx, obj}}, nil
}

func (f aliveFiles) open(ctx context.Context, uri string) (dataset.Object, error) {
	if p, ok := collect.Planned(ctx); ok && p.URI == uri {
		if ref, ok := onStore(p); ok {
			obj, err := dataset.OpenBlob(ctx, f.a.Store, ref)
			if err == nil || !errors.Is(err, fs.ErrNotExist) {
				return obj, err
			}
		}
	}
	return f.Files.Open(ctx, uri)
}

// patience is how long a database may take before its first row, or between two.
const patience = time.Hour

// Ask implements [collect.Databases]. While the database works nothing comes that could beat: a clock does, as long as patience lasts.
func (f aliveFiles) Ask(ctx context.Context, q collect.SQL) (collect.FileInfo, error) {
	db, ok := f.Files.(collect.Databases)
	if !ok {
		return collect.FileInfo{}, fmt.Errorf("no databases are read here: %w", errInput)
	}
	ctx, stop := context.WithCancelCause(ctx)
	var rest atomic.Int64
	rest.Store(int64(patience / time.Second))
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for rest.Add(-1) > 0 {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				touch(ctx)
			}
		}
		stop(fmt.Errorf("the database has given no row for %v", patience))
	}()
	info, err := db.Ask(collect.Watch(ctx, func() {
		rest.Store(int64(patience / time.Second))
		touch(ctx)
	}), q)
	stop(nil)
	<-done
	return info, err
}

// Keep implements [collect.Keeper].
func (f aliveFiles) Keep(ctx context.Context, p collect.Part, obj dataset.Object) error {
	ref, ok := onStore(p)
	if !ok || f.a.look {
		return nil
	}
	if _, err := f.a.Store.Stat(ctx, ref.Key()); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	put, err := dataset.PutBlob(ctx, f.a.store(), ref.Ext, func(w io.Writer) (int64, error) {
		_, err := io.Copy(w, io.NewSectionReader(beating{ctx, obj}, 0, p.Size))
		return 0, err
	})
	if err == nil && put.SHA256 != p.SHA256 {
		err = fmt.Errorf("%s changes while it is read", p.Name)
	}
	return err
}

// watching returns a context whose fetching beats.
func watching(ctx context.Context) context.Context {
	return collect.Watch(ctx, func() { touch(ctx) })
}
