package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"temper/dataset"
	"temper/dedup"
	"temper/filter"
	"temper/model"
)

// measured is how long an engine is measured at least, in whole passes over the texts.
const measured = 2 * time.Second

// runEngine measures one of our engines in this process, on one core, and prints the result.
func runEngine(name, in, base string) error {
	runtime.GOMAXPROCS(1)
	texts, err := readTexts(in)
	if err != nil {
		return err
	}
	if len(texts) == 0 {
		return fmt.Errorf("%s has no texts", in)
	}
	pass, err := engine(name, base)
	if err != nil {
		return err
	}
	if _, err := pass(texts[:max(1, len(texts)/10)]); err != nil {
		return err
	}
	var size int64
	for _, t := range texts {
		size += int64(len(t.Text))
	}
	var got result
	for start := time.Now(); got.Seconds < measured.Seconds(); got.Seconds = time.Since(start).Seconds() {
		if got.Count, err = pass(texts); err != nil {
			return err
		}
		got.Units += size
	}
	return json.NewEncoder(os.Stdout).Encode(got)
}

// engine returns a pass over texts, which counts what comes out.
func engine(name, base string) (func([]dataset.Record) (int64, error), error) {
	switch name {
	case "minhash":
		return minhash, nil
	case "filter":
		return gopher, nil
	case "tokenize":
		m, err := model.Open(base)
		if err != nil {
			return nil, err
		}
		return func(texts []dataset.Record) (n int64, err error) {
			for _, t := range texts {
				n += int64(len(m.Tokenizer.Encode(t.Text, false)))
			}
			return n, nil
		}, nil
	}
	return nil, errors.New("-run takes minhash, filter or tokenize")
}

func minhash(texts []dataset.Record) (n int64, err error) {
	for _, err := range dedup.Sign(stream(texts), dedup.Near{}, 1) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// gopher counts the rows that are kept.
func gopher(texts []dataset.Record) (n int64, err error) {
	steps, err := filter.Use([]string{"gopher"})
	if err != nil {
		return 0, err
	}
	for note, err := range filter.Notes(stream(texts), steps) {
		if err != nil {
			return n, err
		}
		if note.Verdict() == nil {
			n++
		}
	}
	return n, nil
}

func stream(texts []dataset.Record) dataset.Records {
	return func(yield func(dataset.Record, error) bool) {
		for _, t := range texts {
			if !yield(t, nil) {
				return
			}
		}
	}
}
