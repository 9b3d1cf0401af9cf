package dataset

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// TestReadTable: files of other programs read by the names of their columns, whatever their nulls and types.
func TestReadTable(t *testing.T) {
	type turn struct {
		Role    *string `parquet:"role,optional"`
		Content *string `parquet:"content,optional"`
	}
	type chat struct {
		ID       int64    `parquet:"id"`
		Messages []turn   `parquet:"messages,list"`
		Tags     []string `parquet:"tags,list"`
		Score    *float64 `parquet:"score,optional"`
	}
	type plain struct {
		Text   *string `parquet:"text,optional"`
		Source string  `parquet:"source"`
		Good   bool    `parquet:"good"`
	}
	p := func(s string) *string { return &s }
	var chats, plains, own bytes.Buffer
	score := 0.5
	writeFile(t, &chats, []chat{
		{7, []turn{{p("user"), p("q")}, {p("assistant"), p("a")}}, []string{"x"}, &score},
		{7, []turn{{p("user"), p("")}, {p("assistant"), nil}}, nil, nil}, // a null content is an empty one
		{8, nil, nil, nil}})
	writeFile(t, &plains, []plain{{p("one"), "web", true}, {nil, "web", false}, {p("\xff"), "", false}})
	rows := []Row{{Record: Record{ID: "a", Text: "x", Source: Source{URI: "u", Offset: 9}}}}
	if _, err := WriteRows(&own, stream(rows), ParquetOptions{}); err != nil {
		t.Fatal(err)
	}
	at := func(row int64) Source { return Source{URI: "f", Row: row, License: "MIT"} }
	tests := []struct {
		name string
		file *bytes.Buffer
		want []Record
		bad  []int64
	}{
		{"chats", &chats, []Record{
			{ID: "7", Messages: []Message{{"user", "q"}, {"assistant", "a"}}, Meta: Meta{"score": "0.5"}, Source: at(1)},
			{ID: "7~2", Messages: []Message{{"user", ""}, {"assistant", ""}}, Source: at(2)}}, []int64{3}},
		{"plain", &plains, []Record{
			{ID: RecordID("f", 1, "one"), Text: "one", Meta: Meta{"source": "web", "good": "true"}, Source: at(1)},
			{ID: RecordID("f", 3, "\ufffd"), Text: "\ufffd", Meta: Meta{"good": "false"}, Source: at(3)}}, []int64{2}},
		{"our own", &own, []Record{rows[0].Record}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var bad []int64
			got, err := gather(ReadTable(bytes.NewReader(tt.file.Bytes()), int64(tt.file.Len()), Source{URI: "f", License: "MIT"}, func(b Bad) error {
				bad = append(bad, b.Source.Row)
				return nil
			}))
			if d := cmp.Diff(tt.want, got); err != nil || d != "" {
				t.Errorf("%v, want -, got +:\n%s", err, d)
			}
			if d := cmp.Diff(tt.bad, bad); d != "" {
				t.Errorf("bad rows: %s", d)
			}
		})
	}
	if _, err := gather(ReadTable(bytes.NewReader(chats.Bytes()), int64(chats.Len()), Source{}, nil)); !errors.Is(err, ErrMalformed) {
		t.Errorf("without a quarantine: got %v, want ErrMalformed", err)
	}
}

// FuzzReadTable: no bytes make the reader of foreign files panic.
func FuzzReadTable(f *testing.F) {
	type foreign struct {
		Text     *string      `parquet:"text,optional"`
		Count    int32        `parquet:"count"`
		Messages []turnColumn `parquet:"messages,list"`
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[foreign](&b)
	if _, err := w.Write([]foreign{{Count: 1, Messages: []turnColumn{{"user", "q"}}}, {}}); err != nil {
		f.Fatal(err)
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		n := 0
		for _, err := range ReadTable(bytes.NewReader(file), int64(len(file)), Source{}, func(Bad) error { return nil }) {
			if n++; err == io.EOF || n > 1<<20 {
				t.Fatalf("record %d: %v", n, err)
			}
		}
	})
}
