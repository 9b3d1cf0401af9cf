package web

import (
	"fmt"
	"io/fs"
	"net/http"
	"strconv"

	"temper/dataset"
)

func (s *Server) datasets(r *http.Request) (view, error) {
	list, err := dataset.ListDatasets(r.Context(), s.Store)
	return view{Page: "datasets", Title: "Datasets", Data: list}, err
}

// rows shows a page of one split's rows.
func (s *Server) rows(r *http.Request) (view, error) {
	m, err := dataset.LoadManifest(r.Context(), s.Store, r.PathValue("name"), r.PathValue("version"))
	if err != nil {
		return view{}, err
	}
	p := rowsPage{Name: m.Name, Version: m.Version, Split: r.FormValue("split"), From: number(r, "from"), Manifest: m}
	if p.Split == "" {
		p.Split = "train"
	}
	var files []dataset.File
	for _, sp := range m.Splits {
		p.Splits = append(p.Splits, sp.Name)
		if sp.Name == p.Split {
			files = sp.Files
		}
	}
	if files == nil {
		return view{}, fmt.Errorf("%s@%s has no split %q: %w", m.Name, m.Version, p.Split, fs.ErrNotExist)
	}
	skip := p.From
	for _, f := range files {
		if skip >= f.Records {
			skip -= f.Records
			continue
		}
		more, err := s.take(r, &p, f, skip)
		if err != nil || !more {
			return view{Page: "rows", Title: m.Name + "@" + m.Version, Data: p}, err
		}
		skip = 0
	}
	return view{Page: "rows", Title: m.Name + "@" + m.Version, Data: p}, nil
}

// take adds rows of one file after the first skip, and reports whether the page still has room.
func (s *Server) take(r *http.Request, p *rowsPage, f dataset.File, skip int64) (bool, error) {
	obj, err := s.Store.Open(r.Context(), "datasets/"+p.Name+"/"+p.Version+"/"+f.Path)
	if err != nil {
		return false, err
	}
	defer obj.Close()
	for row, err := range dataset.ReadRows(obj, obj.Info().Size) {
		if err != nil {
			return false, err
		}
		if skip > 0 {
			skip--
			continue
		}
		if len(p.Rows) == listed {
			p.Next = p.From + listed
			return false, nil
		}
		p.Rows = append(p.Rows, row)
	}
	return true, nil
}

// number reads a non-negative number of the query, or 0.
func number(r *http.Request, key string) int64 {
	n, err := strconv.ParseInt(r.FormValue(key), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
