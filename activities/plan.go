package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"temper/dataset"
	"temper/finetune"
	"temper/internal/store"
	"temper/model/hub"
	"temper/model/tiny"
)

// ErrNotDone is what activities that only look up return for a stage that is not done.
var ErrNotDone = errors.New("not done")

// LookUp returns activities that find what a store has of the same work and do none of it: a stage that is not done is [ErrNotDone].
// They may be called outside a worker. Sources are read, the store is never written.
func LookUp(a *Activities) *Activities {
	return &Activities{Store: beside{a.Store, store.NewMem()}, Sources: a.Sources, Models: a.Models, Scratch: a.Scratch, look: true}
}

// beside is a store whose writes stay in memory.
type beside struct {
	dataset.Store
	written dataset.Store
}

// Open implements [dataset.Store].
func (s beside) Open(ctx context.Context, key string) (dataset.Object, error) {
	if obj, err := s.written.Open(ctx, key); err == nil {
		return obj, nil
	}
	return s.Store.Open(ctx, key)
}

// Stat implements [dataset.Store].
func (s beside) Stat(ctx context.Context, key string) (dataset.Info, error) {
	if info, err := s.written.Stat(ctx, key); err == nil {
		return info, nil
	}
	return s.Store.Stat(ctx, key)
}

// Put implements [dataset.Store].
func (s beside) Put(ctx context.Context, key string, body io.ReaderAt, size int64) (string, error) {
	return s.written.Put(ctx, key, body, size)
}

// PutIf implements [dataset.Store].
func (s beside) PutIf(ctx context.Context, key string, body []byte, _ string) (string, error) {
	return s.written.Put(ctx, key, bytes.NewReader(body), int64(len(body)))
}

// Delete implements [dataset.Store].
func (s beside) Delete(ctx context.Context, key string) error { return s.written.Delete(ctx, key) }

// List implements [dataset.Store]: what is written here is not listed.
func (s beside) List(ctx context.Context, prefix string) iter.Seq2[dataset.Info, error] {
	return s.Store.List(ctx, prefix)
}

// The states of a planned stage.
const (
	StateCached = "cached"
	StatePart   = "part cached"
	StateToRun  = "to run"
)

// The bounds of an [Expected].
const (
	Exactly = "exactly"
	AtMost  = "at most"
	About   = "about"
	Unknown = "unknown"
)

// Expected is a number known before it comes true, and how well.
type Expected struct {
	N     int64  `json:"n"`
	Bound string `json:"bound"` // exactly, at most, about, unknown
}

// plus is the sum of two, known as well as the worse of them.
func (e Expected) plus(other Expected) Expected {
	for _, b := range []string{Unknown, About, AtMost} {
		if e.Bound == b || other.Bound == b {
			return Expected{e.N + other.N, b}.tidy()
		}
	}
	return Expected{e.N + other.N, Exactly}
}

// tidy leaves no number where none is known.
func (e Expected) tidy() Expected {
	if e.Bound == Unknown {
		e.N = 0
	}
	return e
}

// atMost is what is left of e after something may have been dropped.
func (e Expected) atMost() Expected {
	if e.Bound == Exactly {
		e.Bound = AtMost
	}
	return e
}

// capped is e, or n where that is less or e is not known.
func (e Expected) capped(n int64) Expected {
	if e.Bound == Unknown || e.N > n {
		return Expected{n, AtMost}
	}
	return e
}

// times is e n times.
func (e Expected) times(n int64) Expected { return Expected{e.N * n, e.Bound} }

// A Planned is what a run would do about one stage.
type Planned struct {
	Name        string   `json:"name"`
	State       string   `json:"state"` // cached, part cached, to run
	Parts       int      `json:"parts"` // shards, or 1
	PartsCached int      `json:"parts_cached"`
	In          Expected `json:"rows_in"`
	Out         Expected `json:"rows_out"`
	Bytes       Expected `json:"bytes"`             // of text that comes out, or of the base's file
	Tokens      Expected `json:"tokens"`            // asked, or trained on
	Files       int      `json:"files,omitempty"`   // that are collected
	Read        int64    `json:"read,omitempty"`    // bytes of them
	Seconds     *float64 `json:"seconds,omitempty"` // at most; absent: unknown until a first run
	Money       string   `json:"money"`             // 0, or unknown: Temper knows no prices
	Note        string   `json:"note,omitempty"`
}

// A RunPlan is what a run would do, stage by stage.
type RunPlan struct {
	Name    string           `json:"name"`
	Store   string           `json:"store"` // where stages were looked for; "" if nowhere
	Stages  []Planned        `json:"stages"`
	Memory  *finetune.Memory `json:"memory,omitempty"`  // of training; absent: none, or the base is not here
	Refused string           `json:"refused,omitempty"` // why the run would be refused beforehand
}

// local finds a base without bringing it: what it is, and its path if it is here.
func (a *Activities) local(ctx context.Context, name string) (base Base, path string, err error) {
	if source, form := CutForm(name); form != "" {
		return a.localIn(ctx, source, form)
	}
	base.Name = name
	if name == tiny.Name {
		path, err = a.findBase(ctx, name)
		base.Ref = dataset.Ref{SHA256: tiny.SHA256, Bytes: int64(len(tiny.GGUF)), Ext: ".gguf"}
		return base, path, err
	}
	if info, err := os.Stat(name); err == nil {
		if info.IsDir() {
			return base, "", fmt.Errorf("a run's base is one GGUF file, %s is a folder: %w", name, errInput)
		}
		f, err := os.Open(name)
		if err != nil {
			return base, "", err
		}
		defer f.Close()
		base.Ref.Ext = filepath.Ext(name)
		base.Ref.SHA256, base.Ref.Bytes, err = digest(ctx, f)
		return base, name, err
	}
	entry, err := hub.Find(name)
	if err != nil {
		if filepath.Base(name) != name || filepath.Ext(name) != "" {
			err = fs.ErrNotExist
		}
		return base, "", fmt.Errorf("base %s: %w: %w", name, err, errInput)
	}
	base.Ref = dataset.Ref{SHA256: entry.SHA256, Bytes: entry.Size, Ext: filepath.Ext(entry.File)}
	if a.Models.Has(entry) {
		path = a.Models.Path(entry)
	}
	return base, path, nil
}

// localIn finds a base that is turned into another form first: what it is once that is done, and its path if it is here.
func (a *Activities) localIn(ctx context.Context, source, form string) (Base, string, error) {
	base, _, err := a.local(ctx, source)
	if err != nil {
		return base, "", err
	}
	name := BaseIn(source, form)
	s, found, err := look(ctx, func(ctx context.Context, w work) (StageResult, error) { return a.published(ctx, w) }, quantizing(base.Ref, form, nil))
	if err != nil || !found {
		return Base{Name: name}, "", err
	}
	base = base.as(s, form)
	base.Name = name
	path := strings.TrimSuffix(filepath.Join(a.Scratch, "models", base.Ref.SHA256+base.Ref.Ext), archiveExt)
	if _, err := os.Stat(path); err != nil {
		return base, "", nil
	}
	return base, path, nil
}
