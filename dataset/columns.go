package dataset

import (
	"encoding/json"
	"fmt"
)

// The columns of a Parquet file of rows. All but verdict are required, so that no reader can take an absent value for an empty
// one; meta and signals are JSON objects with sorted keys, because their names differ from dataset to dataset and a Parquet map
// opens neither in Hugging Face's libraries nor, as a table, in pandas.
type columns struct {
	ID       string       `parquet:"id"`
	Text     string       `parquet:"text"`
	Messages []turnColumn `parquet:"messages,list"`
	Meta     string       `parquet:"meta"`
	Source   sourceColumn `parquet:"source"`
	Parents  []string     `parquet:"parents,list"`
	Cluster  string       `parquet:"cluster"`
	Signals  string       `parquet:"signals"`
	Checks   []checkGroup `parquet:"checks,list"`
	Verdict  *checkGroup  `parquet:"verdict,optional"`
}

type turnColumn struct {
	Role    string `parquet:"role,dict"`
	Content string `parquet:"content"`
}

type sourceColumn struct {
	URI     string `parquet:"uri,dict"`
	Offset  int64  `parquet:"offset"`
	Length  int64  `parquet:"length"`
	Row     int64  `parquet:"row"`
	SHA256  string `parquet:"sha256,dict"`
	License string `parquet:"license,dict"`
}

type checkGroup struct {
	Rule      string  `parquet:"rule,dict"`
	Value     float64 `parquet:"value"`
	Op        string  `parquet:"op,dict"`
	Threshold float64 `parquet:"threshold"`
	Drop      bool    `parquet:"drop"`
	Detail    string  `parquet:"detail"`
}

// noteColumns are the columns of a Parquet file of notes.
type noteColumns struct {
	ID      string       `parquet:"id"`
	Signals string       `parquet:"signals"`
	Checks  []checkGroup `parquet:"checks,list"`
	Edits   []editColumn `parquet:"edits,list"`
}

type editColumn struct {
	Rule  string `parquet:"rule,dict"`
	Start int64  `parquet:"start"`
	End   int64  `parquet:"end"`
	Old   string `parquet:"old"`
	New   string `parquet:"new"`
}

// features are the columns in the words of Hugging Face's datasets.
const features = `{"info":{"features":{` +
	`"id":` + stringFeature + `,"text":` + stringFeature + `,` +
	`"messages":{"feature":{"role":` + stringFeature + `,"content":` + stringFeature + `},"_type":"List"},` +
	`"meta":` + stringFeature + `,` +
	`"source":{"uri":` + stringFeature + `,"offset":` + intFeature + `,"length":` + intFeature + `,"row":` + intFeature +
	`,"sha256":` + stringFeature + `,"license":` + stringFeature + `},` +
	`"parents":{"feature":` + stringFeature + `,"_type":"List"},"cluster":` + stringFeature + `,"signals":` + stringFeature + `,` +
	`"checks":{"feature":` + checkFeature + `,"_type":"List"},"verdict":` + checkFeature + `}}}`

const (
	stringFeature = `{"dtype":"string","_type":"Value"}`
	intFeature    = `{"dtype":"int64","_type":"Value"}`
	floatFeature  = `{"dtype":"float64","_type":"Value"}`
	checkFeature  = `{"rule":` + stringFeature + `,"value":` + floatFeature + `,"op":` + stringFeature + `,"threshold":` + floatFeature +
		`,"drop":{"dtype":"bool","_type":"Value"},"detail":` + stringFeature + `}`
)

// toColumns is the stored form of a row.
func toColumns(r Row) (c columns, err error) {
	c = columns{ID: r.ID, Text: r.Text, Source: sourceColumn(r.Source), Parents: r.Parents, Cluster: r.Cluster, Checks: toChecks(r.Checks)}
	for _, m := range r.Messages {
		c.Messages = append(c.Messages, turnColumn(m))
	}
	if c.Meta, err = encodeObject(r.Meta); err != nil {
		return c, fmt.Errorf("record %s: meta: %w", r.ID, err)
	}
	if c.Signals, err = encodeObject(r.Signals); err != nil {
		return c, fmt.Errorf("record %s: signals: %w", r.ID, err)
	}
	if r.Verdict != nil {
		v := checkGroup(*r.Verdict)
		c.Verdict = &v
	}
	return c, nil
}

// row is the row of stored columns.
func (c columns) row() (r Row, err error) {
	r.Record = Record{ID: c.ID, Text: c.Text, Source: Source(c.Source), Cluster: c.Cluster}
	if len(c.Parents) > 0 {
		r.Parents = c.Parents
	}
	for _, m := range c.Messages {
		r.Messages = append(r.Messages, Message(m))
	}
	if err := decodeObject(c.Meta, &r.Meta); err != nil {
		return r, fmt.Errorf("record %s: meta: %w", r.ID, err)
	}
	if r.Signals, err = decodeSignals(c.Signals); err != nil {
		return r, fmt.Errorf("record %s: %w", r.ID, err)
	}
	r.Checks = fromChecks(c.Checks)
	if c.Verdict != nil {
		v := Check(*c.Verdict)
		r.Verdict = &v
	}
	return r, nil
}

// toNote is the stored form of a note.
func toNote(n Note) (c noteColumns, err error) {
	c = noteColumns{ID: n.ID, Checks: toChecks(n.Checks)}
	if c.Signals, err = encodeObject(n.Signals); err != nil {
		return c, fmt.Errorf("note %s: signals: %w", n.ID, err)
	}
	for _, e := range n.Edits {
		c.Edits = append(c.Edits, editColumn{e.Rule, int64(e.Start), int64(e.End), e.Old, e.New})
	}
	return c, nil
}

// note is the note of stored columns.
func (c noteColumns) note() (n Note, err error) {
	n = Note{ID: c.ID, Checks: fromChecks(c.Checks)}
	if n.Signals, err = decodeSignals(c.Signals); err != nil {
		return n, fmt.Errorf("note %s: %w", n.ID, err)
	}
	for _, e := range c.Edits {
		n.Edits = append(n.Edits, Edit{e.Rule, int(e.Start), int(e.End), e.Old, e.New})
	}
	return n, nil
}

func toChecks(checks []Check) []checkGroup {
	var out []checkGroup
	for _, c := range checks {
		out = append(out, checkGroup(c))
	}
	return out
}

func fromChecks(checks []checkGroup) []Check {
	var out []Check
	for _, c := range checks {
		out = append(out, Check(c))
	}
	return out
}

// encodeObject writes a map as JSON with sorted keys, an empty one as {}.
func encodeObject[V any](m map[string]V) (string, error) {
	if len(m) == 0 {
		return "{}", nil
	}
	b, err := json.Marshal(m)
	return string(b), err
}

// decodeObject reads what encodeObject wrote; {} and "" leave m nil.
func decodeObject[M ~map[string]V, V any](s string, m *M) error {
	if s == "" || s == "{}" {
		return nil
	}
	if err := json.Unmarshal([]byte(s), m); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

// decodeSignals reads signals, which are numbers and strings only.
func decodeSignals(s string) (Signals, error) {
	var m Signals
	if err := decodeObject(s, &m); err != nil {
		return nil, fmt.Errorf("signals: %w", err)
	}
	for name, v := range m {
		switch v.(type) {
		case float64, string:
		default:
			return nil, fmt.Errorf("signal %s is neither a number nor a string: %w", name, ErrMalformed)
		}
	}
	return m, nil
}
