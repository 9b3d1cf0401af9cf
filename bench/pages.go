package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"temper/collect/page"
)

// A webPage is a page of the article extraction benchmark with its true text.
type webPage struct {
	html  []byte
	truth map[string]int // its shingles
}

// readPages measures the main text out of the pages below a folder, and how good it is.
func readPages(dir string) (got result, err error) {
	all, err := openPages(dir)
	if err != nil {
		return got, err
	}
	var size int64
	texts := make([]string, len(all))
	for i, p := range all {
		size += int64(len(p.html))
		if _, err := page.Read(p.html); i < len(all)/10 && err != nil {
			return got, err
		}
	}
	got, err = steady(size, func() (int64, error) {
		for i, p := range all {
			read, err := page.Read(p.html)
			if err != nil {
				return 0, err
			}
			texts[i] = read.Text
		}
		return int64(len(all)), nil
	})
	got.F1 = extraction(all, texts)
	return got, err
}

func openPages(dir string) (all []webPage, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "ground-truth.json"))
	if err != nil {
		return nil, err
	}
	var truth map[string]struct{ ArticleBody string }
	if err := json.Unmarshal(b, &truth); err != nil {
		return nil, err
	}
	var ids []string
	for id := range truth {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		html, err := gunzip(filepath.Join(dir, "html", id+".html.gz"))
		if err != nil {
			return nil, err
		}
		all = append(all, webPage{html, wordRuns(truth[id].ArticleBody)})
	}
	return all, nil
}

func gunzip(path string) (b []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	if b, err = io.ReadAll(io.LimitReader(z, 64<<20)); err == nil && len(b) == 64<<20 {
		err = errors.New(path + " is longer than any page")
	}
	return b, err
}

// extraction is the benchmark's measure: F1 of the mean precision and recall of the runs of four words.
func extraction(all []webPage, texts []string) float64 {
	var precision, recall, found float64
	for i, p := range all {
		got := wordRuns(texts[i])
		both, true_, have := 0, 0, 0
		for s, n := range p.truth {
			both += min(n, got[s])
			true_ += n
		}
		for _, n := range got {
			have += n
		}
		if have > 0 {
			precision += float64(both) / float64(have)
			found++
		}
		recall += float64(both) / float64(max(true_, 1))
	}
	pr, rc := precision/max(found, 1), recall/float64(len(all))
	return 2 * pr * rc / max(pr+rc, 1e-9)
}

// wordRuns counts the runs of four words of a text.
func wordRuns(text string) map[string]int {
	w := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '_' })
	m := map[string]int{}
	for i := range max(1, len(w)-3) {
		if s := strings.Join(w[i:min(i+4, len(w))], " "); s != "" {
			m[s]++
		}
	}
	return m
}
