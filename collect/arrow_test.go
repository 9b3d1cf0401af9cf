package collect

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v16/arrow"
	"github.com/apache/arrow/go/v16/arrow/array"
	"github.com/apache/arrow/go/v16/arrow/ipc"
	"github.com/apache/arrow/go/v16/arrow/memory"
	"github.com/google/go-cmp/cmp"
)

// sink is a file in memory, of which the library asks only where it is.
type sink struct{ bytes.Buffer }

func (s *sink) Seek(int64, int) (int64, error) { return int64(s.Len()), nil }

// arrowFile writes record batches of n rows, as a file or a stream, compressed or not, with a column of a dictionary.
func arrowFile(tb failer, rows, n int, file, packed bool) []byte {
	turn := arrow.StructOf(arrow.Field{Name: "from", Type: arrow.BinaryTypes.String}, arrow.Field{Name: "value", Type: arrow.BinaryTypes.String})
	topic := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	schema := arrow.NewSchema([]arrow.Field{{Name: "body", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "conversations", Type: arrow.ListOf(turn)}, {Name: "topic", Type: topic}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	opts := []ipc.Option{ipc.WithSchema(schema)}
	if packed {
		opts = append(opts, ipc.WithZstd())
	}
	out := &sink{}
	var w interface {
		Write(arrow.Record) error
		io.Closer
	} = ipc.NewWriter(out, opts...)
	if file {
		fw, err := ipc.NewFileWriter(out, opts...)
		if err != nil {
			tb.Fatal(err)
		}
		w = fw
	}
	for i := range rows {
		b.Field(0).(*array.StringBuilder).Append(fmt.Sprintf("row %d of the table", i))
		b.Field(1).(*array.Int64Builder).Append(int64(i))
		list := b.Field(2).(*array.ListBuilder)
		list.Append(true)
		if i%3 == 1 {
			for _, v := range []string{"human", "gpt"} {
				list.ValueBuilder().(*array.StructBuilder).Append(true)
				list.ValueBuilder().(*array.StructBuilder).FieldBuilder(0).(*array.StringBuilder).Append(v)
				list.ValueBuilder().(*array.StructBuilder).FieldBuilder(1).(*array.StringBuilder).Append("says " + v)
			}
		}
		if err := b.Field(3).(*array.BinaryDictionaryBuilder).AppendString("one topic"); err != nil {
			tb.Fatal(err)
		}
		if (i+1)%n == 0 || i == rows-1 {
			rec := b.NewRecord()
			if err := w.Write(rec); err != nil {
				tb.Fatal(err)
			}
			rec.Release()
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// TestArrow: files and streams, compressed or not, give their rows with their numbers, for any size of tasks, also where bytes are broken.
func TestArrow(t *testing.T) {
	for _, file := range []bool{false, true} {
		for _, packed := range []bool{false, true} {
			good := arrowFile(t, 100, 10, file, packed)
			broken := bytes.Clone(good)
			for i := range 40 {
				broken[len(good)/2+i] ^= 0x5a
			}
			for name, b := range map[string][]byte{"good": good, "broken": broken, "cut": good[:len(good)/2], "empty": {}, "text": []byte("this is no Arrow file")} {
				for _, text := range []string{"", "body"} {
					t.Run(fmt.Sprint(name, " file ", file, " packed ", packed, " ", text), func(t *testing.T) {
						s := Source{Arrow: &Arrow{Root: folder(t, map[string]string{"a.arrow": string(b)}), Text: text}}
						want := read(t, s, 1<<30)
						for _, size := range []int64{100, 1000, 3000} {
							if d := cmp.Diff(want, read(t, s, size)); d != "" {
								t.Errorf("tasks of %d bytes: whole -, tasks +:\n%s", size, d)
							}
						}
						switch {
						case name == "good" && text == "body":
							if len(want.Records) != 100 || want.Records[42].Text != "row 42 of the table" || want.Records[42].Source.Row != 43 || want.Records[42].Meta["n"] != "42" || want.Records[42].Meta["topic"] != "one topic" {
								t.Errorf("%d records, bad %v, the 43rd %+v", len(want.Records), want.Bad, want.Records[min(42, len(want.Records)-1)])
							}
						case name == "good":
							if len(want.Records) != 33 || len(want.Bad) != 67 || len(want.Records[0].Messages) != 2 {
								t.Errorf("%d conversations and %d rows without one; want 33 and 67", len(want.Records), len(want.Bad))
							}
						case (name == "cut" || name == "text") && len(want.Bad) == 0: // changed bytes of plain text cannot be told
							t.Error("nothing in quarantine")
						}
					})
				}
			}
		}
	}
}

// TestArrowForged: metadata that asks for gigabytes, or names as many rows, is bad before room is made for it.
func TestArrowForged(t *testing.T) {
	good := arrowFile(t, 10, 10, false, false)
	before := heap()
	for at := range len(good) - 8 {
		if at%8 != 0 {
			continue
		}
		forged := bytes.Clone(good)
		binary.LittleEndian.PutUint64(forged[at:], 1<<33)
		read(t, Source{Arrow: &Arrow{Root: folder(t, map[string]string{"a.arrow": string(forged)})}}, 1<<30)
		if now := heap(); now > before+64<<20 {
			t.Fatalf("at %d: %d MiB in use, %d before", at, now>>20, before>>20)
		}
	}
}

// FuzzArrow: no bytes make the reader panic; whole and in tasks they give the same.
func FuzzArrow(f *testing.F) {
	for _, file := range []bool{false, true} {
		f.Add(arrowFile(f, 6, 2, file, false))
		f.Add(arrowFile(f, 6, 2, file, true))
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<14 {
			t.Skip("more than this test reads")
		}
		if err := os.WriteFile(filepath.Join(root, "a.arrow"), b, 0o644); err != nil {
			t.Fatal(err)
		}
		s := Source{Arrow: &Arrow{Root: root}}
		if d := cmp.Diff(read(t, s, 1<<20), read(t, s, 700)); d != "" {
			t.Errorf("whole -, tasks +:\n%s", d)
		}
	})
}
