package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf8"

	"temper/dataset"
)

// maxParameter bounds the text of a query's parameter.
const maxParameter = 500

// parameters reads an address's query; a parameter not among names, twice or too long is a bad request.
func parameters(r *http.Request, names ...string) (map[string]string, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("the query %.100q cannot be read: %w", r.URL.RawQuery, errRequest)
	}
	got := map[string]string{}
	for _, name := range names {
		all := values[name]
		delete(values, name)
		if len(all) == 0 {
			continue
		}
		if len(all) > 1 || len(all[0]) > maxParameter || !utf8.ValidString(all[0]) {
			return nil, fmt.Errorf("%s must be given once, as text of at most %d bytes: %w", name, maxParameter, errRequest)
		}
		got[name] = all[0]
	}
	for name := range values {
		return nil, fmt.Errorf("there is no parameter %.50q here: %w", name, errRequest)
	}
	return got, nil
}

// rowNumber reads a row number; an absent one is none.
func rowNumber(name, value string, none int64) (int64, error) {
	if value == "" {
		return none, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s is %.50q; it must be a row number, 0 or more: %w", name, value, errRequest)
	}
	return n, nil
}

// nameAndVersion reads both of a path.
func nameAndVersion(r *http.Request) (name, version string, err error) {
	name, version = r.PathValue("name"), r.PathValue("version")
	for _, v := range []string{name, version} {
		if err := dataset.CheckName(v); err != nil {
			return "", "", fmt.Errorf("%v: %w", err, errRequest)
		}
	}
	return name, version, nil
}
