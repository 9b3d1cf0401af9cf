package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// ReadTable reads records from any Parquet file: our own as [ReadRecords] does, others by the names of their columns, as
// [ReadObject] takes the fields of a JSON object. Of nested columns only messages and conversations are read. Of src the URI,
// SHA256 and License go into every record, with the row's number. Rows without text go to bad.
func ReadTable(r io.ReaderAt, size int64, src Source, bad Quarantine) Records {
	if bad == nil {
		bad = refuse
	}
	return func(yield func(Record, error) bool) {
		own, err := IsOwnTable(r, size)
		if err != nil {
			yield(Record{}, fmt.Errorf("read %s: %w", src.URI, err))
			return
		}
		if own {
			ReadRecords(r, size)(yield)
			return
		}
		seen := ids{}
		for row, err := range ReadTableRows(r, size, 0, size) {
			if err != nil {
				yield(Record{}, fmt.Errorf("read %s: %w", src.URI, err))
				return
			}
			rec, reason := row.record(src)
			if reason != "" {
				if err := bad(Bad{Source: rec.Source, Reason: reason}); err != nil {
					yield(Record{}, fmt.Errorf("read %s: %w", src.URI, err))
					return
				}
				continue
			}
			rec.ID = seen.unique(rec.ID, row.Row)
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// IsOwnTable reports whether a Parquet file is one of this package's, whose rows are records as they are.
func IsOwnTable(r io.ReaderAt, size int64) (bool, error) {
	f, err := openParquet(r, size)
	if err != nil {
		return false, err
	}
	_, own := f.Lookup("schema_version")
	return own, nil
}

// A TableRow is a row of a foreign Parquet file in the form of a JSON object: what [ReadObject] takes.
type TableRow struct {
	Row    int64 // its number, from 1
	Fields map[string]json.RawMessage
}

// RowGroups returns the offsets of the first bytes of a Parquet file's row groups, sorted, each once.
func RowGroups(r io.ReaderAt, size int64) ([]int64, error) {
	f, err := openParquet(r, size)
	if err != nil {
		return nil, err
	}
	var starts []int64
	for _, g := range f.Metadata().RowGroups {
		starts = append(starts, groupStart(g))
	}
	slices.Sort(starts)
	return slices.Compact(starts), nil
}

// ReadTableRows reads the row groups of a Parquet file whose first byte lies in [from, to): ranges that cover the file give every row
// once. Errors are ErrMalformed where the file is at fault.
func ReadTableRows(r io.ReaderAt, size, from, to int64) iter.Seq2[TableRow, error] {
	return func(yield func(TableRow, error) bool) {
		f, err := openParquet(r, size)
		if err != nil {
			yield(TableRow{}, err)
			return
		}
		t := table{file: f}
		if err := t.read(from, to, yield); err != nil {
			yield(TableRow{}, err)
		}
	}
}

// A table is a foreign file being read.
type table struct {
	file   parquetFile
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

// read yields the rows of the groups that begin in [from, to). A nil error also means that the reader has enough.
func (t *table) read(from, to int64, yield func(TableRow, error) bool) error {
	err := t.file.from.guard(func() error {
		t.leaves = leavesOf(t.file.Schema())
		return nil
	})
	if err != nil {
		return err
	}
	for i, g := range t.file.RowGroups() {
		if at := groupStart(t.file.Metadata().RowGroups[i]); at < from || at >= to {
			t.row += max(g.NumRows(), 0)
			continue
		}
		rows := g.Rows()
		on, err := t.group(rows, yield)
		rows.Close()
		if err != nil || !on {
			return err
		}
	}
	return nil
}

// groupStart is the offset of a row group's first byte; 0 for one that names none.
func groupStart(g format.RowGroup) int64 {
	start := int64(-1)
	for _, c := range g.Columns {
		at := c.MetaData.DataPageOffset
		if d := c.MetaData.DictionaryPageOffset; d > 0 && d < at {
			at = d
		}
		if at >= 0 && (start < 0 || at < start) {
			start = at
		}
	}
	return max(start, 0)
}

// group yields the rows of one row group and reports whether the reader wants more.
func (t *table) group(rows parquet.Rows, yield func(TableRow, error) bool) (bool, error) {
	buf := make([]parquet.Row, 64)
	for {
		n := 0
		var objects []map[string]json.RawMessage
		err := t.file.from.guard(func() (err error) {
			n, err = rows.ReadRows(buf)
			for _, row := range buf[:n] {
				objects = append(objects, t.object(row))
			}
			return err
		})
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return false, err
		}
		for _, o := range objects {
			t.row++
			if !yield(TableRow{t.row, o}, nil) {
				return false, nil
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
func (t TableRow) record(src Source) (Record, string) {
	at := Source{URI: src.URI, Row: t.Row, SHA256: src.SHA256, License: src.License}
	numbered := at
	numbered.Offset = t.Row // the ID is made of it
	rec, err := ReadObject(t.Fields, numbered)
	if err != nil {
		return Record{Source: at}, err.Error()
	}
	rec.Source = at
	return rec, ""
}
