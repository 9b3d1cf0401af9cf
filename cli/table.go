package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// A table is columns for people.
type table struct{ w *tabwriter.Writer }

func (a *app) table(heads ...string) *table { return newTable(a.out, heads...) }

func newTable(w io.Writer, heads ...string) *table {
	t := &table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.row(heads...)
	return t
}

func (t *table) row(cells ...string) { fmt.Fprintln(t.w, strings.Join(cells, "\t")) }

func (t *table) flush() error { return t.w.Flush() }
