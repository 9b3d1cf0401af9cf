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
		rows := func() dataset.Rows { return dataset.BlobRows(ctx, a.Store, in.Shard) }
		return a.pick(ctx, s, dataset.Annotate(rows(), dedup.KnownNotes(records(rows()), known)))
	}})
}

func (a *Activities) readKnown(ctx context.Context, ref dataset.Ref) (*dedup.Known, error) {
	obj, err := dataset.OpenBlob(ctx, a.Store, ref)
	if err != nil {
		return nil, fmt.Errorf("index of known records: %w", err)
	}
	defer obj.Close()
	return dedup.ReadKnown(io.NewSectionReader(obj, 0, ref.Bytes))
}

// RecallInput is the input of [Activities.RecallKnown].
type RecallInput struct {
	Name string `json:"name"` // of the recipe
}

// Recalled is the index of records that retrains of a name have seen; its zero value: none yet.
type Recalled struct {
	Index dataset.Ref `json:"index,omitzero"`
	ETag  string      `json:"etag,omitempty"` // of the pointer to it
}

// knownKey is where the pointer to a name's newest index lies.
func knownKey(name string) string { return "indexes/" + name + "/known.json" }

// RecallKnown reads the pointer to the index of known records.
func (a *Activities) RecallKnown(ctx context.Context, in RecallInput) (Recalled, error) {
	obj, err := a.Store.Open(ctx, knownKey(in.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return Recalled{}, nil
	}
	if err != nil {
		return Recalled{}, classify(err)
	}
	defer obj.Close()
	r := Recalled{ETag: obj.Info().ETag}
	if err := json.NewDecoder(io.NewSectionReader(obj, 0, obj.Info().Size)).Decode(&r.Index); err != nil {
		return Recalled{}, classify(fmt.Errorf("%s: %w: %w", knownKey(in.Name), dataset.ErrMalformed, err))
	}
	return r, nil
}

// RememberInput is the input of [Activities.Remember].
type RememberInput struct {
	Name     string        `json:"name"`
	Previous Recalled      `json:"previous"`
	Rows     []dataset.Ref `json:"rows"` // collected records
}

// Remember adds records to the index of known ones. Index files are immutable; the pointer moves by compare-and-swap, so of
// two retrains that end at once the second is told to start over.
func (a *Activities) Remember(ctx context.Context, in RememberInput) (Recalled, error) {
	known := &dedup.Known{}
	if in.Previous.Index.SHA256 != "" {
		var err error
		if known, err = a.readKnown(ctx, in.Previous.Index); err != nil {
			return Recalled{}, classify(err)
		}
	}
	grown, err := known.Add(beat(ctx, Progress{Stage: "remember", Unit: "records"}, records(a.chain(ctx, in.Rows))))
	if err != nil {
		return Recalled{}, classify(err)
	}
	ref, err := dataset.PutBlob(ctx, a.Store, ".known", func(w io.Writer) (int64, error) { return dedup.WriteKnown(w, grown) })
	if err != nil {
		return Recalled{}, classify(err)
	}
	now, err := a.RecallKnown(ctx, RecallInput{Name: in.Name})
	if err != nil || now.Index == ref { // an earlier attempt of this activity moved the pointer
		return now, err
	}
	body, err := json.Marshal(ref)
	if err != nil {
		return Recalled{}, err
	}
	etag, err := a.Store.PutIf(ctx, knownKey(in.Name), body, in.Previous.ETag)
	return Recalled{Index: ref, ETag: etag}, classify(err)
}
