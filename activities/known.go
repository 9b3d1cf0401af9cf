package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"temper/dataset"
	"temper/dedup"
)

// Known drops the records an earlier retrain has seen.
func (a *Activities) Known(ctx context.Context, in KnownInput) (StageResult, error) {
	return a.stage(ctx, work{name: "known", engine: engineDedup, inputs: []dataset.Ref{in.Shard, in.Known}, do: func(ctx context.Context, s *dataset.Stage) error {
		known, err := a.readKnown(ctx, in.Known)
		if err != nil {
			return err
		}
		rows := func() dataset.Rows { return dataset.BlobRows(ctx, a.store(), in.Shard) }
		return a.pick(ctx, s, dataset.Annotate(rows(), dedup.KnownNotes(records(rows()), known)))
	}})
}

func (a *Activities) readKnown(ctx context.Context, ref dataset.Ref) (*dedup.Known, error) {
	obj, err := dataset.OpenBlob(ctx, a.store(), ref)
	if err != nil {
		return nil, fmt.Errorf("index of known records: %w", err)
	}
	defer obj.Close()
	return dedup.ReadKnown(io.NewSectionReader(obj, 0, ref.Bytes))
}

// RecallInput is the input of [Activities.RecallKnown].
type RecallInput struct {
	Name string      `json:"name"`           // of the recipe
	Near *dedup.Near `json:"near,omitempty"` // absent: no records that earlier retrains kept are asked for
}

// Recalled names what retrains of a name have seen; its zero value: nothing yet.
type Recalled struct {
	Index dataset.Ref   `json:"index,omitzero"` // all their records
	Kept  []dataset.Ref `json:"kept,omitempty"` // records kept by near passes with the options asked for, the oldest first
}

// knownKey is where the pointer to a name's newest index lies.
func knownKey(name string) string { return "indexes/" + name + "/known.json" }

// RecallKnown reads the pointer to the index of known records.
func (a *Activities) RecallKnown(ctx context.Context, in RecallInput) (Recalled, error) {
	index, _, err := a.recall(ctx, in.Name)
	r := Recalled{Index: index}
	if err == nil && in.Near != nil && index.SHA256 != "" {
		r.Kept, err = a.keptIn(ctx, index, *in.Near)
	}
	return r, finish(ctx, err)
}

// keptIn reads which records an index says were kept.
func (a *Activities) keptIn(ctx context.Context, index dataset.Ref, o dedup.Near) ([]dataset.Ref, error) {
	obj, err := dataset.OpenBlob(ctx, a.store(), index)
	if err != nil {
		return nil, fmt.Errorf("index of known records: %w", err)
	}
	defer obj.Close()
	return dedup.KeptIn(io.NewSectionReader(obj, 0, index.Bytes), o.KeptKey())
}

// recall returns the newest index of a name, and the ETag of the pointer to it: both are zero while there is none.
func (a *Activities) recall(ctx context.Context, name string) (index dataset.Ref, etag string, err error) {
	if err := dataset.CheckName(name); err != nil {
		return index, "", err
	}
	b, etag, err := readSmall(ctx, a.Store, knownKey(name))
	if errors.Is(err, fs.ErrNotExist) {
		return index, "", nil
	}
	if err != nil {
		return index, "", err
	}
	if err := json.Unmarshal(b, &index); err != nil {
		return index, "", fmt.Errorf("%s: %w: %w", knownKey(name), dataset.ErrMalformed, err)
	}
	return index, etag, nil
}

// RememberInput is the input of [Activities.Remember].
type RememberInput struct {
	Name string        `json:"name"`
	Rows []dataset.Ref `json:"rows"`           // collected records
	Kept dataset.Ref   `json:"kept,omitzero"`  // what the near pass kept; zero: it is not remembered
	Near *dedup.Near   `json:"near,omitempty"` // its options
}

// swaps bounds the tries of moving a pointer: each lost one means that another retrain has moved it.
const swaps = 100

// Remember adds records to the index of known ones. Index files are immutable and their pointer moves by compare-and-swap; a
// retrain that finds it moved adds its records to the newer index, so that none forgets what another has seen.
func (a *Activities) Remember(ctx context.Context, in RememberInput) (Recalled, error) {
	ctx, release := begin(ctx, "remember")
	defer release()
	for range swaps {
		r, err := a.remember(ctx, in)
		if !errors.Is(err, dataset.ErrConflict) {
			return r, finish(ctx, err)
		}
	}
	return Recalled{}, fmt.Errorf("index of %s: %d retrains moved it meanwhile", in.Name, swaps)
}

func (a *Activities) remember(ctx context.Context, in RememberInput) (Recalled, error) {
	index, etag, err := a.recall(ctx, in.Name)
	if err != nil {
		return Recalled{}, err
	}
	known := &dedup.Known{}
	if index.SHA256 != "" {
		if known, err = a.readKnown(ctx, index); err != nil {
			return Recalled{}, err
		}
	}
	grown, err := known.Add(beat(ctx, Progress{Stage: "remember", Unit: "records"}, records(a.chain(ctx, in.Rows))))
	if err != nil || index.SHA256 != "" && grown.Len() == known.Len() { // an earlier attempt moved the pointer, or all was known
		return Recalled{Index: index}, err
	}
	if in.Near != nil && in.Kept.Records > 0 {
		key := in.Near.KeptKey()
		files, err := AddKept(ctx, a.store(), grown.Kept(key), in.Kept)
		if err != nil {
			return Recalled{}, err
		}
		grown = grown.WithKept(key, files)
	}
	ref, err := dataset.PutBlob(ctx, a.store(), ".known", func(w io.Writer) (int64, error) { return dedup.WriteKnown(w, grown) })
	if err != nil {
		return Recalled{}, err
	}
	body, err := json.Marshal(ref)
	if err != nil {
		return Recalled{}, err
	}
	_, err = a.Store.PutIf(ctx, knownKey(in.Name), body, etag)
	return Recalled{Index: ref}, err
}

// AddKept returns the files of kept records, the oldest first, with another after them, of which those that [dedup.Merged] tells have
// become one. All lie in s.
func AddKept(ctx context.Context, s dataset.Store, files []dataset.Ref, file dataset.Ref) ([]dataset.Ref, error) {
	files = append(files, file)
	sizes := make([]int64, len(files))
	for i, f := range files {
		sizes[i] = f.Records
	}
	n := dedup.Merged(sizes)
	if n == 0 {
		return files, nil
	}
	at := len(files) - n
	kept, closer, err := OpenKept(ctx, s, files[at:])
	if err != nil {
		return nil, err
	}
	defer closer()
	one, err := dataset.PutBlob(ctx, s, KeptExt, func(w io.Writer) (int64, error) { return dedup.MergeKept(w, kept) })
	return append(files[:at], one), err
}

// KeptExt is what names of files of kept records end in.
const KeptExt = ".kept"

// OpenKept opens files of kept records; the function it returns closes them.
func OpenKept(ctx context.Context, s dataset.Store, files []dataset.Ref) (kept []*dedup.Kept, closer func(), err error) {
	var open []dataset.Object
	closer = func() {
		for _, obj := range open {
			obj.Close()
		}
	}
	for _, f := range files {
		obj, err := dataset.OpenBlob(ctx, s, f)
		if err != nil {
			closer()
			return nil, nil, fmt.Errorf("kept records: %w", err)
		}
		open = append(open, obj)
		k, err := dedup.OpenKept(obj, f.Bytes)
		if err != nil {
			closer()
			return nil, nil, fmt.Errorf("kept records %.12s: %w", f.SHA256, err)
		}
		kept = append(kept, k)
	}
	return kept, closer, nil
}

// maxSmall bounds the documents that are read whole.
const maxSmall = 16 << 20

// readSmall reads a small object whole, and its ETag; again if it is replaced meanwhile.
func readSmall(ctx context.Context, s dataset.Store, key string) (b []byte, etag string, err error) {
	for range swaps {
		if b, etag, err = readOnce(ctx, s, key); !errors.Is(err, dataset.ErrConflict) {
			break
		}
	}
	return b, etag, err
}

func readOnce(ctx context.Context, s dataset.Store, key string) (b []byte, etag string, err error) {
	obj, err := s.Open(ctx, key)
	if err != nil {
		return nil, "", err
	}
	defer obj.Close()
	info := obj.Info()
	if info.Size > maxSmall {
		return nil, "", fmt.Errorf("%s has %d bytes, more than %d: %w", key, info.Size, maxSmall, dataset.ErrMalformed)
	}
	b = make([]byte, info.Size)
	if _, err := io.ReadFull(io.NewSectionReader(obj, 0, info.Size), b); err != nil {
		return nil, "", fmt.Errorf("read %s: %w", key, err)
	}
	return b, info.ETag, nil
}
