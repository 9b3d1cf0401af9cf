package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"temper/dataset"
)

// putRows stores rows as Parquet.
func (a *Activities) putRows(ctx context.Context, rows dataset.Rows) (dataset.Ref, error) {
	return dataset.PutBlob(ctx, a.store(), ".parquet", func(w io.Writer) (int64, error) {
		return dataset.WriteRows(w, rows, dataset.ParquetOptions{})
	})
}

// putRecords stores records as rows nothing was said about yet.
func (a *Activities) putRecords(ctx context.Context, recs dataset.Records) (dataset.Ref, error) {
	return a.putRows(ctx, dataset.Join(recs))
}

// putNotes stores notes as Parquet.
func (a *Activities) putNotes(ctx context.Context, notes dataset.Notes) (dataset.Ref, error) {
	return dataset.PutBlob(ctx, a.store(), ".parquet", func(w io.Writer) (int64, error) {
		return dataset.WriteNotes(w, notes)
	})
}

// putJSONL stores values, one a line.
func putJSONL[T any](ctx context.Context, s dataset.Store, values []T) (dataset.Ref, error) {
	return dataset.PutBlob(ctx, s, ".jsonl", func(w io.Writer) (int64, error) {
		enc := json.NewEncoder(w)
		for _, v := range values {
			if err := enc.Encode(v); err != nil {
				return 0, err
			}
		}
		return int64(len(values)), nil
	})
}

// count counts what passes through as a stage's output.
func count(c *dataset.Counts, in dataset.Records) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for rec, err := range in {
			if err == nil {
				c.Out++
				c.Bytes += size(rec)
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// size is the bytes of a record's text and turns.
func size(rec dataset.Record) int64 {
	n := len(rec.Text)
	for _, m := range rec.Messages {
		n += len(m.Content)
	}
	return int64(n)
}

// pick applies the notes of one pass to rows: what is kept and what is dropped are stored apart, the notes beside them.
// It may be called for several shards of one stage, one after the other.
func (a *Activities) pick(ctx context.Context, s *dataset.Stage, rows dataset.Rows) error {
	if s.Counts.Reasons == nil {
		s.Counts.Reasons = dataset.Reasons{}
	}
	var rejects rejected
	kept := func(yield func(dataset.Row, error) bool) {
		for row, err := range beat(ctx, Progress{Stage: s.Name, Done: s.Counts.In, Unit: "records"}, rows) {
			if err == nil {
				s.Counts.In++
				if row.Verdict != nil {
					s.Counts.Dropped++
					s.Counts.Reasons[row.Verdict.Rule]++
					if err = rejects.add(ctx, a, s, row); err == nil {
						continue
					}
					row = dataset.Row{}
				} else {
					s.Counts.Out++
					s.Counts.Bytes += size(row.Record)
				}
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
	out, err := a.putRows(ctx, kept)
	if err != nil {
		return err
	}
	s.Outputs["records"] = append(s.Outputs["records"], out)
	return rejects.flush(ctx, a, s)
}

// rejectsBytes is about how much text of dropped rows is held; what is more goes to another blob.
const rejectsBytes = 64 << 20

// rejected is dropped rows that wait to be stored.
type rejected struct {
	rows  []dataset.Row
	bytes int64
}

func (r *rejected) add(ctx context.Context, a *Activities, s *dataset.Stage, row dataset.Row) error {
	r.rows = append(r.rows, row)
	if r.bytes += size(row.Record) + rowOverhead; r.bytes < rejectsBytes {
		return nil
	}
	return r.flush(ctx, a, s)
}

// rowOverhead is about what a row holds beside its text.
const rowOverhead = 1 << 10

func (r *rejected) flush(ctx context.Context, a *Activities, s *dataset.Stage) error {
	if len(r.rows) == 0 {
		return nil
	}
	ref, err := a.putRows(ctx, all(r.rows))
	*r = rejected{}
	s.Outputs["rejects"] = append(s.Outputs["rejects"], ref)
	return err
}

// all streams a slice.
func all(rows []dataset.Row) dataset.Rows {
	return func(yield func(dataset.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// records streams the records of rows, without what was said about them.
func records(rows dataset.Rows) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for row, err := range rows {
			if !yield(row.Record, err) || err != nil {
				return
			}
		}
	}
}

// chain streams the rows of several blobs, one after the other.
func (a *Activities) chain(ctx context.Context, refs []dataset.Ref) dataset.Rows {
	return func(yield func(dataset.Row, error) bool) {
		for _, ref := range refs {
			for row, err := range dataset.BlobRows(ctx, a.store(), ref) {
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

// blobJSONL reads values stored one a line.
func blobJSONL[T any](ctx context.Context, s dataset.Store, ref dataset.Ref) ([]T, error) {
	obj, err := dataset.OpenBlob(ctx, s, ref)
	if err != nil {
		return nil, err
	}
	defer obj.Close()
	dec := json.NewDecoder(io.NewSectionReader(obj, 0, ref.Bytes))
	values := make([]T, 0, min(ref.Records, 1<<20))
	for dec.More() {
		var v T
		if err := dec.Decode(&v); err != nil {
			return nil, fmt.Errorf("blob %.12s, value %d: %w: %w", ref.SHA256, len(values), dataset.ErrMalformed, err)
		}
		values = append(values, v)
	}
	return values, nil
}
