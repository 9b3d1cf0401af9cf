package dataset

import (
	"fmt"
	"strings"
)

// FieldNames says which fields [Field] knows.
const FieldNames = "source, folder, license, language, meta.NAME or signals.NAME"

// Field returns the value of a row's field that is a text: source is the file it came from, folder the first part of that name,
// license its SPDX identifier, language the signal of that name, or what the collector knows of it; meta.NAME and signals.NAME are
// what stands there. A row without it has "". The name must pass [CheckField].
func Field(row Row, name string) string {
	switch name {
	case "source":
		return row.Source.URI
	case "folder":
		folder, _, below := strings.Cut(row.Source.URI, "/")
		if !below {
			return ""
		}
		return folder
	case "license":
		return row.Source.License
	case "language":
		if s, ok := row.Signals["language"].(string); ok {
			return s
		}
		return row.Meta["language"]
	}
	if key, ok := strings.CutPrefix(name, "meta."); ok {
		return row.Meta[key]
	}
	key, _ := strings.CutPrefix(name, "signals.")
	if s, ok := row.Signals[key].(string); ok {
		return s
	}
	return ""
}

// CheckField refuses the name of a field that [Field] does not know.
func CheckField(name string) error {
	for _, prefix := range []string{"meta.", "signals."} {
		if key, ok := strings.CutPrefix(name, prefix); ok && key != "" {
			return nil
		}
	}
	switch name {
	case "source", "folder", "license", "language":
		return nil
	}
	return fmt.Errorf("%q is no field; there are %s: %w", name, FieldNames, ErrMalformed)
}
