package collect

import (
	"errors"
	"fmt"

	"temper/dataset"
)

func (t *Parquet) splits(string) bool { return true }

// read reads the row groups that begin in the task's parts.
func (t *Parquet) read(r *reader) error {
	for _, p := range r.task.Files {
		obj, err := r.open(p)
		if err != nil {
			return err
		}
		err = r.parquet(t, p, obj)
		obj.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// parquet reads the row groups of one part. A file that is broken is in quarantine from the part of its first byte, or from the
// row group that is broken; the rows before that are good.
func (r *reader) parquet(t *Parquet, p Part, obj dataset.Object) error {
	if err := verify(p, obj); err != nil {
		return err
	}
	own, err := dataset.IsOwnTable(obj, p.Size)
	switch {
	case errors.Is(err, dataset.ErrMalformed) && p.Offset == 0:
		return r.reject(p, 0, 0, err.Error(), nil)
	case errors.Is(err, dataset.ErrMalformed):
		return nil // the first part says so
	case err != nil:
		return fmt.Errorf("%s: %w", p.Name, err)
	case own && p.Offset > 0:
		return nil // the first part gives all
	case own:
		return r.records(p, dataset.ReadRecords(obj, p.Size))
	}
	groups, err := dataset.RowGroups(obj, p.Size)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	for _, at := range groups {
		if at >= p.Offset && at < p.Offset+p.Length {
			if err := r.rowGroup(t, p, obj, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// rowGroup yields the rows of the row group that begins at an offset. One that is broken does not hide the next.
func (r *reader) rowGroup(t *Parquet, p Part, obj dataset.Object, at int64) error {
	last := int64(0)
	for row, err := range dataset.ReadTableRows(obj, p.Size, at, at+1) {
		if errors.Is(err, dataset.ErrMalformed) {
			return r.reject(p, at, last, err.Error(), nil)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		if last = row.Row; last > manyRows(p.Size) {
			return r.reject(p, at, last, fmt.Sprintf("more than %d rows in a file of %d bytes", last-1, p.Size), nil)
		}
		if err := r.tableRow(p, row, t.Text); err != nil {
			return err
		}
	}
	return nil
}

// records yields records as they are.
func (r *reader) records(p Part, recs dataset.Records) error {
	row := int64(0)
	for rec, err := range recs {
		if errors.Is(err, dataset.ErrMalformed) {
			return r.reject(p, 0, row+1, err.Error(), nil)
		}
		if err == nil {
			row++
			err = r.give(rec)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tableRow yields the record of one row, which has a number and no bytes of its own.
func (r *reader) tableRow(p Part, row dataset.TableRow, text string) error {
	rec, reason := r.record(p, span{from: row.Row, row: row.Row}, row.Fields, text)
	if reason != "" {
		return r.reject(p, 0, row.Row, reason, nil)
	}
	rec.Source.Offset = 0
	return r.give(rec)
}
