package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"temper/dataset"
)

// lines yields each line of r that holds text as a record.
func lines(r io.Reader, path string, yield func(dataset.Record, error) bool) {
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 16<<20)
	at := int64(0)
	for row := int64(1); sc.Scan(); row++ {
		text := sc.Text()
		src := dataset.Source{URI: path, Offset: at, Length: int64(len(text)), Row: row}
		at += int64(len(text)) + 1
		if text == "" {
			continue
		}
		if !yield(dataset.Record{ID: dataset.RecordID(path, src.Offset, text), Text: text, Source: src}, nil) {
			return
		}
	}
	if err := sc.Err(); err != nil {
		yield(dataset.Record{}, fmt.Errorf("%s: %w", path, err))
	}
}

// records reads JSONL files, and other files as one record a line.
func (a *app) records(paths []string) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for _, path := range paths {
			for rec, err := range a.file(path) {
				if !yield(rec, err) || err != nil {
					return
				}
			}
		}
	}
}

func (a *app) file(path string) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		in := a.stdin
		if path != "-" {
			f, err := os.Open(path)
			if err != nil {
				yield(dataset.Record{}, err)
				return
			}
			defer f.Close()
			in = f
		}
		r, err := dataset.Decompress(path, in)
		if err != nil {
			yield(dataset.Record{}, err)
			return
		}
		if strings.Contains(path, ".jsonl") {
			bad := func(b dataset.Bad) error {
				_, err := fmt.Fprintf(a.err, "skipped %s line %d, offset %d: %s\n", path, b.Source.Row, b.Source.Offset, b.Reason)
				return err
			}
			for rec, err := range dataset.ReadJSONL(r, dataset.Source{URI: path}, bad) {
				if !yield(rec, err) || err != nil {
					return
				}
			}
			return
		}
		lines(r, path, yield)
	}
}
