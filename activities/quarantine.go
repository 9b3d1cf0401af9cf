package activities

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"temper/dataset"
)

// maxQuarantined bounds the bad rows of a task that are kept: a column of nothing can have millions.
const maxQuarantined = 100_000

// A quarantine is bad rows, one a line in a temporary file, and how many there are.
type quarantine struct {
	n     int64
	first dataset.Bad
	f     *os.File
	w     *bufio.Writer
}

func newQuarantine() (*quarantine, error) {
	f, err := os.CreateTemp("", "temper-quarantine-*")
	if err != nil {
		return nil, err
	}
	return &quarantine{f: f, w: bufio.NewWriter(f)}, nil
}

func (q *quarantine) close() {
	q.f.Close()
	os.Remove(q.f.Name())
}

// take takes a row in.
func (q *quarantine) take(b dataset.Bad) error {
	if q.n++; q.n == 1 {
		q.first = b
	}
	if q.n > maxQuarantined {
		return nil
	}
	return json.NewEncoder(q.w).Encode(b)
}

// put stores the rows. Where there are more than are kept, the last line says how many.
func (q *quarantine) put(ctx context.Context, s dataset.Store) (dataset.Ref, error) {
	kept := min(q.n, maxQuarantined)
	if more := q.n - kept; more > 0 {
		b := dataset.Bad{Source: q.first.Source, Reason: fmt.Sprintf("%d more rows of this task are bad; they are counted only", more)}
		if err := json.NewEncoder(q.w).Encode(b); err != nil {
			return dataset.Ref{}, err
		}
		kept++
	}
	if err := q.w.Flush(); err != nil {
		return dataset.Ref{}, err
	}
	return dataset.PutBlob(ctx, s, ".jsonl", func(w io.Writer) (int64, error) {
		_, err := io.Copy(w, io.NewSectionReader(q.f, 0, 1<<62))
		return kept, err
	})
}
