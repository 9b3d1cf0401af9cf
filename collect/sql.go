package collect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"temper/dataset"
)

// SQL reads the rows that a query gives: of an SQLite file, or of the database whose address an environment variable holds where the
// run is planned and nowhere else. The columns go by their names as the fields of a JSON object do ([JSONL]); SELECT … AS renames them.
// Numbers, truth values and PostgreSQL's JSON are such, all else is a text; NULL is a field that is not there.
//
// The query is asked once, when a run is planned, in a read-only transaction. Its rows are kept as a file of JSON objects, one a line,
// which the tasks read: the digest of the source is that file's, so that the same rows are the same source. Without a key the order is
// the query's own and needs an ORDER BY to be the same each time; with one the rows come sorted by it.
//
// Records name the row's number and its bytes in that file. Meta has the other columns, the key's among them; a record's ID is made of
// its key, if there is one, and its text, so that it stays when rows come before it.
type SQL struct {
	Root       string   `json:"root,omitempty" doc:"file of an SQLite database"`
	Connection string   `json:"connection,omitempty" doc:"in place of root: the name of the environment variable with the database's address, postgres://user:password@host/database or sqlite:FILE"`
	Query      string   `json:"query" doc:"one statement that gives rows, such as SELECT body AS text, title FROM posts"`
	Key        []string `json:"key,omitempty" doc:"columns that tell all rows apart: the rows come sorted by them" default:"the query's own order"`
	Text       string   `json:"text,omitempty" doc:"column of the text" default:"by name, as in jsonl"`
	License    string   `json:"license,omitempty" doc:"SPDX identifier"`
}

// Databases are files that answer queries too.
type Databases interface {
	// Ask asks a query and keeps its rows as a file of JSON objects, one a line.
	Ask(ctx context.Context, q SQL) (FileInfo, error)
}

// ErrSource means that a source cannot be read as the recipe says, now or later.
var ErrSource = errors.New("cannot be read as the recipe says")

func (q *SQL) common() common {
	return common{root: &q.Root, include: new([]string), license: &q.License}
}

// variable is the name of an environment variable.
var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (q *SQL) validate() error {
	switch {
	case q.Root == "" && q.Connection == "":
		return errors.New("sql.connection is missing: the name of the environment variable that holds the database's address; or root: an SQLite file")
	case q.Root != "" && q.Connection != "":
		return errors.New("sql has root and connection; it must be one of them")
	case strings.Contains(q.Root, "://") || strings.Contains(q.Connection, "://"): // not repeated: it may hold a password
		return errors.New("sql: an address does not belong into a recipe, as it may hold a password: put it into an environment variable and write connection: and the variable's name")
	case q.Connection != "" && !variable.MatchString(q.Connection):
		return errors.New("sql.connection is no name of an environment variable, such as DATABASE_URL")
	case strings.TrimSpace(q.Query) == "":
		return errors.New("sql.query is missing: a statement that gives rows, such as SELECT body AS text FROM posts")
	}
	return nil
}

// name is what records call the source.
func (q *SQL) name() string {
	if q.Connection != "" {
		return "sql:" + q.Connection
	}
	return path.Base(q.Root)
}

// list asks the query.
func (q *SQL) list(ctx context.Context, files Files) ([]Part, error) {
	db, ok := files.(Databases)
	if !ok {
		return nil, errors.New("sql: no databases are read here")
	}
	f, err := db.Ask(ctx, *q)
	if err != nil {
		return nil, fmt.Errorf("sql: %s: %w", q.name(), err)
	}
	return []Part{{URI: f.URI, Name: q.name(), Size: f.Size, Length: f.Size}}, nil
}

func (q *SQL) cuts(string) bool { return true }

func (q *SQL) rows(in io.ReaderAt, size int64, _ string) rows {
	return &jsonRows{w: windowOf(in, size)}
}

// read reads the rows that were kept.
func (q *SQL) read(r *reader) error {
	for _, p := range r.task.Files {
		err := r.stream(p, func(w *window) error { return r.asked(q, p, &jsonRows{w: w}) })
		if err != nil {
			return err
		}
	}
	return nil
}

// asked yields the records of rows.
func (r *reader) asked(q *SQL, p Part, in *jsonRows) error {
	for {
		s, ok, err := in.next()
		if err != nil || !ok {
			return err
		}
		var o fields
		var rec dataset.Record
		key := ""
		if s.reason == "" && !utf8.Valid(s.text) {
			s.reason = "not valid UTF-8"
		}
		if s.reason == "" {
			if err := json.Unmarshal(s.text, &o); err != nil {
				s.reason = "not a JSON object: " + err.Error()
			}
		}
		if s.reason == "" {
			for _, k := range q.Key {
				key += "\x00" + string(o[k])
			}
			rec, s.reason = r.record(p, s, o, q.Text)
		}
		if s.reason != "" {
			err = r.rejectSpan(p, s)
		} else {
			if key != "" {
				rec.ID = dataset.RecordID(p.Name+key, 0, content(rec))
			}
			err = r.give(rec)
		}
		if err != nil {
			return err
		}
	}
}
