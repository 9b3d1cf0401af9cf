package query

import (
	"bytes"
	"context"
	enchex "encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// isPostgres reports whether an address is one of PostgreSQL's: a URL, or keywords with values.
func isPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://") || strings.Contains(address, "host=") || strings.Contains(address, "dbname=")
}

// The types of PostgreSQL that are not texts, by their numbers in pg_type.
const (
	oidBool, oidBytes, oidJSON, oidJSONB                                = 16, 17, 114, 3802
	oidInt8, oidInt2, oidInt4, oidOID, oidFloat4, oidFloat8, oidNumeric = 20, 21, 23, 26, 700, 701, 1700
)

// askPostgres streams the rows of a statement.
func askPostgres(ctx context.Context, address, statement string, out *lines) error {
	config, err := pgconn.ParseConfig(address)
	if err != nil { // its message repeats the address
		return fmt.Errorf("%w: the address is not as PostgreSQL reads it: write postgres://user:password@host:5432/database", ErrQuery)
	}
	for name, value := range map[string]string{"application_name": "temper", "client_encoding": "UTF8", "datestyle": "ISO", "timezone": "UTC"} {
		config.RuntimeParams[name] = value
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return secretless(fmt.Errorf("connect: %w", refusedBy(err)), address, config.Password)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	conn.Frontend().SetMaxBodyLen(maxRow)
	if err := conn.Exec(ctx, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").Close(); err != nil {
		return secretless(refusedBy(err), address, config.Password)
	}
	// The extended protocol takes one statement only, so that none can end the transaction and go on.
	rows := conn.ExecParams(ctx, statement, nil, nil, nil, nil)
	if err = copyRows(rows, out); err != nil {
		cancel() // the rows that are left are not waited for
	}
	if _, closed := rows.Close(); err == nil {
		err = closed
	}
	if err == nil && out.columns == nil {
		err = out.begin(nil)
	}
	return secretless(refusedBy(err), address, config.Password)
}

// copyRows writes the rows of an answer.
func copyRows(rows *pgconn.ResultReader, out *lines) error {
	var key [][]byte
	var types []uint32
	for rows.NextRow() {
		if types == nil {
			if err := beginRows(rows, out, &types); err != nil {
				return err
			}
		}
		out.start()
		values := rows.Values()
		for i, v := range values {
			if v != nil {
				out.postgres(i, types[i], v)
			}
		}
		key = key[:0]
		for _, i := range out.keyAt {
			key = append(key, values[i])
		}
		if err := out.end(key); err != nil {
			return err
		}
	}
	if fields := rows.FieldDescriptions(); types == nil && fields != nil { // no rows: the columns are looked at all the same
		return beginRows(rows, out, &types)
	}
	return nil
}

func beginRows(rows *pgconn.ResultReader, out *lines, types *[]uint32) error {
	var names []string
	for _, f := range rows.FieldDescriptions() {
		names = append(names, f.Name)
		*types = append(*types, f.DataTypeOID)
	}
	return out.begin(names)
}

// postgres writes a value, of which PostgreSQL gives the text.
func (l *lines) postgres(i int, oid uint32, v []byte) {
	switch oid {
	case oidBool:
		l.column(i)
		if string(v) == "t" {
			l.buf = append(l.buf, "true"...)
		} else {
			l.buf = append(l.buf, "false"...)
		}
		return
	case oidInt2, oidInt4, oidInt8, oidOID, oidFloat4, oidFloat8, oidNumeric:
		if json.Valid(v) { // not NaN or Infinity
			l.column(i)
			l.buf = append(l.buf, v...)
		}
		return
	case oidJSON, oidJSONB:
		var b bytes.Buffer
		if json.Compact(&b, v) == nil { // on one line
			l.column(i)
			l.buf = append(l.buf, b.Bytes()...)
			return
		}
	case oidBytes:
		if digits, ok := bytes.CutPrefix(v, []byte(`\x`)); ok {
			if b, err := enchex.AppendDecode(nil, digits); err == nil {
				v = b
			}
		}
	}
	l.column(i)
	l.buf = appendText(l.buf, v)
}

// refusedBy marks the errors of a server that it would give again. Source: PostgreSQL's documentation, appendix A.
func refusedBy(err error) error {
	var long *pgproto3.ExceededMaxBodyLenErr
	if errors.As(err, &long) {
		return fmt.Errorf("%w: a row has more than %d bytes", ErrQuery, maxRow)
	}
	var answer *pgconn.PgError
	if !errors.As(err, &answer) || len(answer.Code) < 2 {
		return err
	}
	switch answer.Code[:2] {
	case "08", "40", "53", "55", "57", "58", "XX": // connection, rollback, resources, state, operator, system, internal
		return err
	}
	return fmt.Errorf("%w: %w", ErrQuery, err)
}

// secretless is err without the address and the password, should its text have them.
func secretless(err error, address, password string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, s := range []string{address, password, url.QueryEscape(password)} {
		if len(s) > 3 {
			text = strings.ReplaceAll(text, s, "…")
		}
	}
	if text == err.Error() {
		return err
	}
	if errors.Is(err, ErrQuery) {
		return fmt.Errorf("%w: %s", ErrQuery, strings.TrimPrefix(text, ErrQuery.Error()+": "))
	}
	return errors.New(text)
}
