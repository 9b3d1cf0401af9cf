package cli

import (
	"bufio"
	"fmt"
	"io"

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
