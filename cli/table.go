package cli

import (
	"bufio"
	"io"
	"strings"
)

// A table is columns for people. A head that begins with > is of a column of numbers, which stand to the right.
type table struct {
	w     io.Writer
	rows  [][]string
	right []bool
}

func (a *app) table(heads ...string) *table { return newTable(a.out, heads...) }

func newTable(w io.Writer, heads ...string) *table {
	t := &table{w: w, right: make([]bool, len(heads))}
	names := make([]string, len(heads))
	for i, h := range heads {
		names[i], t.right[i] = strings.CutPrefix(h, ">")
	}
	t.row(names...)
	return t
}

// row adds a row. What is foreign in it cannot steer the terminal.
func (t *table) row(cells ...string) {
	clean := make([]string, len(cells))
	for i, c := range cells {
		clean[i] = strings.ReplaceAll(printable(c), "\n", " ")
	}
	t.rows = append(t.rows, clean)
}

// flushBelow writes the table after a blank line; nothing if it has no rows.
func (t *table) flushBelow() error {
	if len(t.rows) <= 1 {
		return nil
	}
	if _, err := io.WriteString(t.w, "\n"); err != nil {
		return err
	}
	return t.flush()
}

// flush writes the table, each column as wide as it must be, two spaces between them.
func (t *table) flush() error {
	var widths []int
	for _, row := range t.rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], cellWidth(c))
		}
	}
	b := bufio.NewWriter(t.w)
	for _, row := range t.rows {
		var line strings.Builder
		for i, c := range row {
			pad := strings.Repeat(" ", widths[i]-cellWidth(c))
			if i > 0 {
				line.WriteString("  ")
			}
			if i < len(t.right) && t.right[i] {
				line.WriteString(pad + c)
			} else {
				line.WriteString(c + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	t.rows = nil
	return b.Flush()
}
