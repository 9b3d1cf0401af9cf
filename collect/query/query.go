// Package query reads the rows of a query as lines of JSON, from PostgreSQL by jackc/pgx's protocol and from SQLite by modernc's port.
//
// Rows are streamed: what is held is one of them. PostgreSQL answers within one read-only, repeatable-read transaction; an SQLite file
// is opened read-only, with no other file beside it.
package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Query is what is asked of a database.
type Query struct {
	Address string   // postgres://user:password@host/database, PostgreSQL's keywords (host=… dbname=…), or sqlite:FILE
	SQL     string   // one statement that gives rows
	Key     []string // columns that name a row: the rows come sorted by them; none: in the statement's own order
}

// ErrQuery means that a database does not answer what it is asked, and would not if asked again.
var ErrQuery = errors.New("the query is not answered")

const (
	maxColumns = 1024
	maxRow     = 64 << 20 // bytes of a row, or of one of its values, that are held
)

// Write asks q and writes a JSON object for each row, one a line, the columns in their order; a column that is NULL is left out. It
// returns how many rows there were. Texts are written byte for byte, so that one that is no UTF-8 makes its line invalid, and only its.
//
// Numbers and truth values are JSON's, PostgreSQL's json and jsonb are nested; dates, arrays and all else are texts, as the database
// writes them at time zone UTC. Bytes (bytea, BLOB) are taken for text. No error names the address, which may hold a password.
func Write(ctx context.Context, q Query, w io.Writer) (rows int64, err error) {
	q.SQL = strings.TrimRight(q.SQL, "; \t\r\n")
	out := &lines{w: w, key: q.Key}
	switch file, sqlite := strings.CutPrefix(q.Address, "sqlite:"); {
	case sqlite:
		err = askSQLite(ctx, file, q.sorted(), out)
	case isPostgres(q.Address):
		err = askPostgres(ctx, q.Address, q.sorted(), out)
	default:
		err = fmt.Errorf("%w: the address is of no database that is read: postgres://user:password@host/database or sqlite:FILE are", ErrQuery)
	}
	return out.rows, err
}

// sorted is the statement that gives the rows in the order of their key.
func (q Query) sorted() string {
	if len(q.Key) == 0 {
		return q.SQL
	}
	return "SELECT * FROM (\n" + q.SQL + "\n) AS rows_by_key ORDER BY " + strings.Join(quoted(q.Key), ", ")
}

// quoted are names as SQL writes them whatever letters they have.
func quoted(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = `"` + strings.ReplaceAll(n, `"`, `""`) + `"`
	}
	return out
}

// lines writes rows as lines.
type lines struct {
	w       io.Writer
	key     []string
	columns []string // as JSON, with the colon
	keyAt   []int    // the columns of the key
	last    []string // the key of the row before
	buf     []byte
	rows    int64
	filled  bool // the row has a value
}

// begin takes the columns' names.
func (l *lines) begin(names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("%w: it gives no columns: one statement that gives rows, such as SELECT, is asked", ErrQuery)
	}
	if len(names) > maxColumns {
		return fmt.Errorf("%w: it gives %d columns; at most %d are read", ErrQuery, len(names), maxColumns)
	}
	for i, n := range names {
		if slices.Contains(names[:i], n) {
			return fmt.Errorf("%w: two columns are called %q: give one another name with AS", ErrQuery, n)
		}
		l.columns = append(l.columns, string(appendText(nil, []byte(n)))+":")
	}
	for _, k := range l.key {
		at := slices.Index(names, k)
		if at < 0 {
			return fmt.Errorf("%w: no column is called %q, as the key says; there are %s", ErrQuery, k, strings.Join(names, ", "))
		}
		l.keyAt = append(l.keyAt, at)
	}
	return nil
}

// start begins a row.
func (l *lines) start() {
	l.buf, l.filled = append(l.buf[:0], '{'), false
}

// column begins a value, which is written next.
func (l *lines) column(i int) {
	if l.filled {
		l.buf = append(l.buf, ',')
	}
	l.buf, l.filled = append(l.buf, l.columns[i]...), true
}

// end writes the row; key has the values of its key's columns, nil for NULL.
func (l *lines) end(key [][]byte) error {
	l.rows++
	if len(l.buf) > maxRow {
		return fmt.Errorf("%w: row %d has more than %d bytes", ErrQuery, l.rows, maxRow)
	}
	if len(key) > 0 {
		same := l.rows > 1
		for i, v := range key {
			if v == nil {
				return fmt.Errorf("%w: row %d has no %s, which is to be its key", ErrQuery, l.rows, l.key[i])
			}
			same = same && l.last[i] == string(v)
		}
		if same {
			return fmt.Errorf("%w: two rows have the key %q: name as many columns as tell all rows apart", ErrQuery, l.last)
		}
		l.last = l.last[:0]
		for _, v := range key {
			l.last = append(l.last, string(v))
		}
	}
	l.buf = append(l.buf, '}', '\n')
	_, err := l.w.Write(l.buf)
	if cap(l.buf) > 1<<20 {
		l.buf = nil // of one long row
	}
	return err
}

const hex = "0123456789abcdef"

// appendText appends a text as JSON. Bytes that are no UTF-8 stay as they are.
func appendText(dst, text []byte) []byte {
	dst = append(dst, '"')
	for _, b := range text {
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b == '\n':
			dst = append(dst, '\\', 'n')
		case b == '\t':
			dst = append(dst, '\\', 't')
		case b < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}
