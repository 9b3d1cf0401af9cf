package jinja

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
)

// decodeJSON reads one JSON value as templates see it: objects as *Map in the order of their keys, numbers as int64 or float64.
func decodeJSON(b []byte) (v any, err error) {
	defer caught(&err)
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v = decode(d, 0)
	if _, more := d.Token(); more != io.EOF {
		fail("JSON goes on after its value")
	}
	return v, nil
}

func decode(d *json.Decoder, depth int) any {
	if depth > maxDepth {
		fail("JSON nested more than %d deep", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		fail("JSON: %w", err)
	}
	switch t := t.(type) {
	case json.Number:
		if i, err := strconv.ParseInt(t.String(), 10, 64); err == nil {
			return i
		}
		f, err := t.Float64()
		if err != nil {
			fail("JSON: number %s", t)
		}
		return f
	case json.Delim:
		if t == '[' {
			out := []any{}
			for d.More() {
				out = append(out, decode(d, depth+1))
			}
			d.Token()
			return out
		}
		m := &Map{}
		for d.More() {
			k, err := d.Token()
			if err != nil {
				fail("JSON: %w", err)
			}
			m.put(k, decode(d, depth+1))
		}
		d.Token()
		return m
	}
	return t
}
