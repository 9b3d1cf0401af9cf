package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// ReadTable reads records from any Parquet file: our own as [ReadRecords] does, others by the names of their columns, as
// [ReadObject] takes the fields of a JSON object. Of nested columns only messages and conversations are read. Of src the URI,
// SHA256 and License go into every record, with the row's number. Rows without text go to bad.
func ReadTable(r io.ReaderAt, size int64, src Source, bad Quarantine) Records {
	if bad == nil {
		bad = refuse
	}
	return func(yield func(Record, error) bool) {
		f, err := openParquet(r, size)
		if err != nil {
			yield(Record{}, fmt.Errorf("read %s: %w", src.URI, err))
			return
		}
		if _, own := f.Lookup("schema_version"); own {
			ReadRecords(r, size)(yield)
			return
		}
		t := table{file: f, src: src, bad: bad, ids: ids{}}
		if err := t.read(yield); err != nil {
			yield(Record{}, fmt.Errorf("read %s: %w", src.URI, err))
		}
	}
}

// A table is a foreign file being read.
type table struct {
	file   parquetFile
	src    Source
	bad    Quarantine
	ids    ids
	row    int64
	leaves []leaf // by column index
}

// A leaf says where the values of a column go: a field, or the key of a turn in the list that is the field.
type leaf struct{ field, key string }

// leavesOf tells what the columns are for; those that are not read have no field.
func leavesOf(schema *parquet.Schema) []leaf {
	var leaves []leaf
	for _, path := range schema.Columns() {
		var l leaf
		switch last := path[len(path)-1]; {
		case len(path) == 1:
			if c, ok := schema.Lookup(path...); ok && !c.Node.Repeated() {
				l.field = path[0]
			}
		case path[0] == "messages" || path[0] == "conversations":
			switch last {
			case "role", "content", "from", "value":
				l = leaf{path[0], last}
			}
		}
		leaves = append(leaves, l)
	}
	return leaves
}

// read yields the records of all row groups. A nil error also means that the reader has enough.
func (t *table) read(yield func(Record, error) bool) error {
	err := t.file.from.guard(func() error {
		t.leaves = leavesOf(t.file.Schema())
		return nil
	})
	if err != nil {
		return err
	}
	for _, g := range t.file.RowGroups() {
		rows := g.Rows()
		on, err := t.group(rows, yield)
		rows.Close()
		if err != nil || !on {
			return err
		}
	}
	return nil
}

// group yields the records of one row group and reports whether the reader wants more.
func (t *table) group(rows parquet.Rows, yield func(Record, error) bool) (bool, error) {
	buf := make([]parquet.Row, 64)
	for {
		n, end := 0, false
		var objects []map[string]json.RawMessage
		err := t.file.from.guard(func() (err error) {
			n, err = rows.ReadRows(buf)
			for _, row := range buf[:n] {
				objects = append(objects, t.object(row))
			}
			return err
		})
		if end = errors.Is(err, io.EOF); err != nil && !end {
			return false, err
		}
		for _, o := range objects {
			t.row++
			rec, reason := t.record(o)
			if reason != "" {
				err = t.bad(Bad{Source: rec.Source, Reason: reason})
			} else if !yield(rec, nil) {
				return false, nil
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return false, err
			}
		}
		if end {
			return true, nil
		}
		if n == 0 {
			return false, fmt.Errorf("no rows after row %d: %w", t.row, ErrMalformed)
		}
	}
}

// object gives a row's values the form of a JSON object.
func (t *table) object(row parquet.Row) map[string]json.RawMessage {
	o := map[string]json.RawMessage{}
	turns := map[string][]map[string]string{}
	count := map[leaf]int{}
	for _, v := range row {
		l := t.leaves[v.Column()]
		if l.field == "" || v.IsNull() {
			if l.key != "" && v.DefinitionLevel() > 0 {
				count[l]++ // a turn without this key
			}
			continue
		}
		if l.key == "" {
			o[l.field] = scalarJSON(v)
			continue
		}
		for len(turns[l.field]) <= count[l] {
			turns[l.field] = append(turns[l.field], map[string]string{})
		}
		turns[l.field][count[l]][l.key] = text(v)
		count[l]++
	}
	for field, list := range turns {
		if b, err := json.Marshal(list); err == nil {
			o[field] = b
		}
	}
	return o
}

// text is a column's string as valid UTF-8.
func text(v parquet.Value) string { return strings.ToValidUTF8(string(v.ByteArray()), "\ufffd") }

// scalarJSON is a value as JSON.
func scalarJSON(v parquet.Value) json.RawMessage {
	var x any
	switch v.Kind() {
	case parquet.Boolean:
		x = v.Boolean()
	case parquet.Int32:
		x = v.Int32()
	case parquet.Int64:
		x = v.Int64()
	case parquet.Float:
		x = v.Float()
	case parquet.Double:
		x = v.Double()
	case parquet.ByteArray:
		x = text(v)
	default:
		return json.RawMessage("null")
	}
	b, err := json.Marshal(x)
	if err != nil { // not a number
		return json.RawMessage("null")
	}
	return b
}

// record reads one row; the reason says why it cannot.
func (t *table) record(fields map[string]json.RawMessage) (Record, string) {
	at := Source{URI: t.src.URI, Row: t.row, SHA256: t.src.SHA256, License: t.src.License}
	numbered := at
	numbered.Offset = t.row // the ID is made of it
	rec, err := ReadObject(fields, numbered)
	if err != nil {
		return Record{Source: at}, err.Error()
	}
	rec.Source = at
	rec.ID = t.ids.unique(rec.ID, t.row)
	return rec, ""
}
