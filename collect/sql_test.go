package collect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// asked are files with the rows of a query, which lie in a file.
type asked struct {
	Local
	name string
	err  error
}

func (a asked) Ask(context.Context, SQL) (FileInfo, error) {
	if a.err != nil {
		return FileInfo{}, a.err
	}
	info, err := os.Stat(a.name)
	if err != nil {
		return FileInfo{}, err
	}
	return FileInfo{URI: a.name, Size: info.Size()}, nil
}

// TestSQL: rows are records with their number and place, for any size of tasks; with a key their IDs do not depend on the rows before
// them; a row without text or with bytes that are none is bad and hides no other.
func TestSQL(t *testing.T) {
	var rows strings.Builder
	for i := range 40 {
		fmt.Fprintf(&rows, `{"id":%d,"body":"row %d \" }","n":1.5}`+"\n", i, i)
	}
	text := rows.String() + `{"id":40}` + "\n{\"id\":41,\"body\":\"\xff\"}\n" + `{"id":42,"body":"last"}` + "\n"
	name := filepath.Join(t.TempDir(), "rows")
	put := func(text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(text)
	for _, key := range [][]string{nil, {"id"}} {
		q := &SQL{Connection: "DATABASE_URL", Query: "SELECT 1", Key: key, Text: "body"}
		want := readFrom(t, asked{name: name}, Source{SQL: q}, 1<<30)
		if len(want.Records) != 41 || len(want.Bad) != 2 || want.Bad[0].Source.Row != 41 || want.Bad[1].Source.Row != 42 || !strings.Contains(want.Bad[1].Reason, "UTF-8") {
			t.Fatalf("%d records, bad %+v", len(want.Records), want.Bad)
		}
		rec := want.Records[7]
		if s := rec.Source; rec.Text != "row 7 \" }" || rec.Meta["id"] != "7" || rec.Meta["n"] != "1.5" || s.URI != "sql:DATABASE_URL" || s.Row != 8 || text[s.Offset:s.Offset+s.Length] != `{"id":7,"body":"row 7 \" }","n":1.5}` {
			t.Errorf("%+v", rec)
		}
		for _, size := range []int64{1, 50, 700} {
			if d := cmp.Diff(want, readFrom(t, asked{name: name}, Source{SQL: q}, size)); d != "" {
				t.Errorf("tasks of %d bytes: whole -, tasks +:\n%s", size, d)
			}
		}
		put(`{"id":-1,"body":"before"}` + "\n" + text)
		same := readFrom(t, asked{name: name}, Source{SQL: q}, 1<<30).Records[8].ID == rec.ID
		if same != (key != nil) {
			t.Errorf("key %v: the same ID after a row before it: %v", key, same)
		}
		put(text)
	}
}

// TestSQLRefuses: what a recipe may not say is refused before a database is asked, an address without being repeated.
func TestSQLRefuses(t *testing.T) {
	for want, q := range map[string]SQL{
		"sql.connection is missing":      {Query: "SELECT 1"},
		"it must be one of them":         {Root: "a.db", Connection: "A", Query: "SELECT 1"},
		"sql: an address does not":       {Connection: "postgres://u:hunter2@h/d", Query: "SELECT 1"},
		"an address does not belong":     {Root: "postgres://u:hunter2@h/d", Query: "SELECT 1"},
		"no name of an environment":      {Connection: "host=h password=hunter2", Query: "SELECT 1"},
		"sql.query is missing":           {Connection: "A", Query: " "},
		"sql: sql:A: not to be answered": {Connection: "A", Query: "SELECT 1"},
	} {
		_, err := Plan(t.Context(), asked{err: errors.New("not to be answered")}, Source{SQL: &q}, 1)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %v; want one with %q", err, want)
		}
	}
	if _, err := Plan(t.Context(), Local{}, Source{SQL: &SQL{Root: "a.db", Query: "SELECT 1"}}, 1); err == nil || !strings.Contains(err.Error(), "no databases are read here") {
		t.Errorf("files without databases: %v", err)
	}
}
