package lora

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A pattern gives modules whose names match a regular expression a number of their own: the first that matches counts. An expression
// matches a whole name, or what of it follows a dot, as in PEFT: (.*\.)?(KEY)$.
type pattern []patternEntry

type patternEntry struct {
	key   string
	value float64
	match *regexp.Regexp
}

// maxPattern bounds the entries of a pattern that is read.
const maxPattern = 100_000

// add appends an entry.
func (p *pattern) add(key string, value float64) error {
	if len(*p) == maxPattern {
		return fmt.Errorf("more than %d entries", maxPattern)
	}
	m, err := regexp.Compile(`^(?:.*\.)?(?:` + key + `)$`)
	if err != nil {
		return fmt.Errorf("%q is no regular expression this build reads: %w", key, err)
	}
	*p = append(*p, patternEntry{key, value, m})
	return nil
}

// of is the number of a module, or the default.
func (p pattern) of(module string, or float64) float64 {
	for _, e := range p {
		if e.match.MatchString(module) {
			return e.value
		}
	}
	return or
}

// has reports whether an entry of that number matches a module.
func (p pattern) has(module string, value float64) bool {
	for _, e := range p {
		if e.value == value && e.match.MatchString(module) {
			return true
		}
	}
	return false
}

// parsePattern reads entries as REGEX=NUMBER.
func parsePattern(entries []string, check func(float64) error) (p pattern, err error) {
	for _, e := range entries {
		at := strings.LastIndexByte(e, '=')
		if at < 1 {
			return nil, fmt.Errorf("%q is not REGEX=NUMBER", e)
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(e[at+1:]), 64)
		if err == nil {
			err = check(v)
		}
		if err == nil {
			err = p.add(strings.TrimSpace(e[:at]), v)
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %w", e, err)
		}
	}
	return p, nil
}

// MarshalJSON writes a JSON object in the pattern's order.
func (p pattern) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(e.key)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s:%s", key, strconv.FormatFloat(e.value, 'g', -1, 64))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads a JSON object of numbers, keeping its order.
func (p *pattern) UnmarshalJSON(b []byte) error {
	*p = nil
	d := json.NewDecoder(bytes.NewReader(b))
	first, err := d.Token()
	if err != nil || first == nil {
		return err
	}
	if first != json.Delim('{') {
		return fmt.Errorf("%s is no object", b[:min(len(b), 20)])
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var v float64
		if err := d.Decode(&v); err != nil {
			return err
		}
		if err := p.add(key.(string), v); err != nil {
			return err
		}
	}
	return nil
}
