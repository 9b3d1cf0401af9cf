package query

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// askSQLite streams the rows of a statement.
func askSQLite(ctx context.Context, file, statement string, out *lines) error {
	info, err := os.Stat(file)
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%w: %s is a folder, not the file of a database", ErrQuery, file)
	}
	if err != nil {
		return err
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(abs), RawQuery: "mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(10000)"}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return refusedFor(file, err)
	}
	defer conn.Close()
	// No other file can be reached, be it to read it or, with VACUUM INTO, to write it.
	for limit, n := range map[int]int{sqlite3.SQLITE_LIMIT_ATTACHED: 0, sqlite3.SQLITE_LIMIT_LENGTH: maxRow} {
		if _, err := sqlite.Limit(conn, limit, n); err != nil {
			return err
		}
	}
	rows, err := conn.QueryContext(ctx, statement)
	if err != nil {
		return refusedFor(file, err)
	}
	defer rows.Close()
	if err := out.sqlite(rows); err != nil {
		return err
	}
	return refusedFor(file, rows.Err())
}

// sqlite writes the rows of an answer.
func (l *lines) sqlite(rows *sql.Rows) error {
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	if err := l.begin(names); err != nil {
		return err
	}
	values := make([]any, len(names))
	into := make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	key := make([][]byte, len(l.keyAt))
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		l.start()
		for i, v := range values {
			l.value(i, v)
		}
		for i, at := range l.keyAt {
			key[i] = nil
			if values[at] != nil {
				key[i] = fmt.Append([]byte{}, values[at])
			}
		}
		if err := l.end(key); err != nil {
			return err
		}
	}
	return nil
}

// value writes a value of SQLite's storage classes, or a time, which the driver makes of texts in columns declared to hold such.
func (l *lines) value(i int, v any) {
	switch v := v.(type) {
	case int64:
		l.column(i)
		l.buf = strconv.AppendInt(l.buf, v, 10)
	case float64:
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			l.column(i)
			l.buf = strconv.AppendFloat(l.buf, v, 'g', -1, 64)
		}
	case bool:
		l.column(i)
		l.buf = strconv.AppendBool(l.buf, v)
	case string:
		l.column(i)
		l.buf = appendText(l.buf, []byte(v))
	case []byte:
		l.column(i)
		l.buf = appendText(l.buf, v)
	case time.Time:
		l.column(i)
		l.buf = appendText(l.buf, v.UTC().AppendFormat(nil, time.RFC3339Nano))
	}
}

// refusedFor marks the errors of a file that it would give again: all but those of one that another has locked.
func refusedFor(file string, err error) error {
	var answer *sqlite.Error
	if !errors.As(err, &answer) {
		return err
	}
	switch answer.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_INTERRUPT:
		return fmt.Errorf("%s: %w", file, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrQuery, file, err)
}
