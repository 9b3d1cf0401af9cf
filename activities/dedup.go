package activities

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"slices"

	"temper/dataset"
	"temper/dedup"
)

// ExactInput is the input of [Activities.Exact].
type ExactInput struct {
	Shards  []dataset.Ref `json:"shards,omitempty"`
	Options dedup.Exact   `json:"options"`
}

// Exact keeps the first of equal records over all shards, in order, and cuts what stands in them again; each shard stays one. One
// task: see [dedup.ExactNotes] for what it holds.
func (a *Activities) Exact(ctx context.Context, in ExactInput) (StageResult, error) {
	return a.stage(ctx, work{name: "exact", engine: engineDedup, options: in.Options, inputs: in.Shards, do: func(ctx context.Context, s *dataset.Stage) error {
		next, stop := iter.Pull2(dedup.ExactNotes(beat(ctx, Progress{Stage: "exact", Unit: "records compared"}, records(a.chain(ctx, in.Shards))), in.Options))
		defer stop()
		for _, shard := range in.Shards {
			notes := func(yield func(dataset.Note, error) bool) { // as many as the shard's rows ask for
				for {
					if note, err, ok := next(); !ok || !yield(note, err) {
						return
					}
				}
			}
			if err := a.pick(ctx, s, dataset.Annotate(dataset.BlobRows(ctx, a.store(), shard), notes)); err != nil {
				return err
			}
		}
		return nil
	}})
}

// NearInput is the input of [Activities.Sign], [Activities.Cluster] and [Activities.Near].
type NearInput struct {
	Shards     []dataset.Ref `json:"shards,omitempty"`
	Signatures []dataset.Ref `json:"signatures,omitempty"` // for Cluster: one a shard
	Clusters   dataset.Ref   `json:"clusters,omitzero"`    // for Near
	Known      []dataset.Ref `json:"known,omitempty"`      // for Cluster: what earlier passes kept, the oldest first
	Remember   bool          `json:"remember,omitempty"`   // for Cluster: write what is kept, for later passes
	Options    dedup.Near    `json:"options"`
}

// engine are the options that the result depends on, and that take part in a stage's key.
func (in NearInput) engine() dedup.Near {
	in.Options.Remember, in.Options.Memory = nil, 0
	return in.Options
}

// Sign computes the MinHash signatures of one shard.
func (a *Activities) Sign(ctx context.Context, in NearInput) (StageResult, error) {
	return a.stage(ctx, work{name: "sign", engine: engineDedup, options: in.engine(), inputs: in.Shards, do: func(ctx context.Context, s *dataset.Stage) error {
		sigs := dedup.Sign(in.engine().Ranked(a.chain(ctx, in.Shards)), in.engine(), 1)
		ref, err := dataset.PutBlob(ctx, a.store(), ".minhash", func(w io.Writer) (int64, error) {
			return dedup.WriteSignatures(w, beat(ctx, Progress{Stage: "near", Unit: "records"}, sigs), in.engine())
		})
		s.Outputs["signatures"] = []dataset.Ref{ref}
		s.Counts.In, s.Counts.Out = ref.Records, ref.Records
		return err
	}})
}

// Cluster finds the near-duplicate clusters over all shards from their signatures, verified on the texts, after what earlier passes
// kept; and writes what is kept now where it is to be remembered.
func (a *Activities) Cluster(ctx context.Context, in NearInput) (StageResult, error) {
	o := in.engine()
	inputs := slices.Concat(in.Shards, in.Signatures, in.Known)
	held := o
	held.Memory = in.Options.Memory
	w := work{name: "cluster", engine: engineDedup, options: o, inputs: inputs}
	if in.Remember {
		w.options = map[string]any{"near": o, "remember": true}
	}
	w.do = func(ctx context.Context, s *dataset.Stage) error {
		known, closer, err := OpenKept(ctx, a.store(), in.Known)
		if err != nil {
			return err
		}
		defer closer()
		sigs := beat(ctx, Progress{Stage: "near", Unit: "signatures"}, a.signatures(ctx, in.Signatures, o))
		var clusters []dedup.Cluster
		err = withScratch(func(scratch dedup.Scratch) (err error) {
			all := beat(ctx, Progress{Stage: "near", Unit: "records verified"}, records(a.chain(ctx, in.Shards)))
			clusters, err = dedup.NearKnown(all, sigs, known, held, scratch)
			return err
		})
		if err != nil {
			return err
		}
		ref, err := putJSONL(ctx, a.store(), clusters)
		s.Outputs["clusters"], s.Counts.Out = []dataset.Ref{ref}, ref.Records
		if err != nil || !in.Remember {
			return err
		}
		return withScratch(func(scratch dedup.Scratch) error {
			kept, err := dataset.PutBlob(ctx, a.store(), KeptExt, func(w io.Writer) (int64, error) {
				all := beat(ctx, Progress{Stage: "near", Unit: "records remembered"}, records(a.chain(ctx, in.Shards)))
				return dedup.WriteKept(w, all, sigs, clusters, held, scratch)
			})
			s.Outputs["kept"] = []dataset.Ref{kept}
			return err
		})
	}
	return a.stage(ctx, w)
}

// withScratch lends f a temporary file.
func withScratch(f func(dedup.Scratch) error) error {
	scratch, err := os.CreateTemp("", "temper-shingles-*")
	if err != nil {
		return err
	}
	defer os.Remove(scratch.Name())
	defer scratch.Close()
	return f(scratch)
}

// signatures streams the signatures in several blobs, one after the other.
func (a *Activities) signatures(ctx context.Context, refs []dataset.Ref, o dedup.Near) iter.Seq2[dedup.Signature, error] {
	return func(yield func(dedup.Signature, error) bool) {
		for _, ref := range refs {
			obj, err := dataset.OpenBlob(ctx, a.store(), ref)
			if err != nil {
				yield(dedup.Signature{}, err)
				return
			}
			for sig, err := range dedup.ReadSignatures(io.NewSectionReader(obj, 0, ref.Bytes), o) {
				if !yield(sig, err) || err != nil {
					obj.Close()
					return
				}
			}
			obj.Close()
		}
	}
}

// Near keeps the keeper of every cluster in one shard.
func (a *Activities) Near(ctx context.Context, in NearInput) (StageResult, error) {
	inputs := append(append([]dataset.Ref{}, in.Shards...), in.Clusters)
	return a.stage(ctx, work{name: "near", engine: engineDedup, options: in.engine(), inputs: inputs, do: func(ctx context.Context, s *dataset.Stage) error {
		clusters, err := blobJSONL[dedup.Cluster](ctx, a.store(), in.Clusters)
		if err != nil {
			return err
		}
		notes := dedup.NearNotes(records(a.chain(ctx, in.Shards)), clusters, in.engine())
		return a.pick(ctx, s, inClusters(dataset.Annotate(a.chain(ctx, in.Shards), notes), clusters))
	}})
}

// inClusters writes the cluster of each row into it, so that a split never parts one.
func inClusters(rows dataset.Rows, clusters []dedup.Cluster) dataset.Rows {
	of := make(map[string]string, len(clusters))
	for _, c := range clusters {
		of[c.ID] = c.Cluster
	}
	return func(yield func(dataset.Row, error) bool) {
		for row, err := range rows {
			if c, ok := of[row.ID]; ok {
				row.Cluster = c
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// DecontaminateInput is the input of [Activities.Decontaminate].
type DecontaminateInput struct {
	Shard   dataset.Ref         `json:"shard"`
	Options dedup.Decontaminate `json:"options"`
}

// Decontaminate drops records that hold items of an evaluation.
func (a *Activities) Decontaminate(ctx context.Context, in DecontaminateInput) (StageResult, error) {
	ctx, release := begin(ctx, "decontaminate")
	defer release()
	evals, refs, err := a.evals(ctx, in.Options)
	if err != nil {
		return StageResult{}, finish(ctx, fmt.Errorf("decontaminate: %w", err))
	}
	return a.stage(ctx, work{name: "decontaminate", engine: engineDedup, options: in.Options, inputs: append([]dataset.Ref{in.Shard}, refs...), do: func(ctx context.Context, s *dataset.Stage) error {
		rows := func() dataset.Rows { return dataset.BlobRows(ctx, a.store(), in.Shard) }
		return a.pick(ctx, s, dataset.Annotate(rows(), evals.Notes(records(rows()), nil)))
	}})
}

// evals reads the evaluation files and names their content, which takes part in the stage's key.
func (a *Activities) evals(ctx context.Context, o dedup.Decontaminate) (*dedup.Evals, []dataset.Ref, error) {
	var items []dataset.Record
	var refs []dataset.Ref
	for _, uri := range o.Against {
		obj, err := a.sources().Open(ctx, uri)
		if err != nil {
			return nil, nil, fmt.Errorf("evaluation %s: %w", uri, err)
		}
		ref, err := dataset.PutBlob(ctx, a.store(), path.Ext(uri), func(w io.Writer) (int64, error) {
			_, err := io.Copy(w, io.NewSectionReader(obj, 0, obj.Info().Size))
			return 0, err
		})
		if err == nil {
			err = readEval(obj, uri, &items)
		}
		obj.Close()
		if err != nil {
			return nil, nil, fmt.Errorf("evaluation %s: %w", uri, err)
		}
		refs = append(refs, ref)
	}
	evals, err := dedup.NewEvals(func(yield func(dataset.Record, error) bool) {
		for _, r := range items {
			if !yield(r, nil) {
				return
			}
		}
	}, o)
	return evals, refs, err
}

// readEval appends the items of one evaluation file. A broken line is an error: an item that was missed is a leak.
func readEval(obj dataset.Object, uri string, items *[]dataset.Record) error {
	r, err := dataset.Decompress(uri, io.NewSectionReader(obj, 0, obj.Info().Size))
	if err != nil {
		return err
	}
	strict := func(b dataset.Bad) error {
		return fmt.Errorf("line %d: %s: %w", b.Source.Row, b.Reason, dataset.ErrMalformed)
	}
	for rec, err := range dataset.ReadJSONL(r, dataset.Source{URI: uri}, strict) {
		if err != nil {
			return err
		}
		*items = append(*items, rec)
	}
	return nil
}
