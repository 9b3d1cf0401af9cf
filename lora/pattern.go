package lora

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"regexp/syntax"
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
	size  int // instructions of the expressions up to this one
}

// maxPattern bounds the instructions of a pattern's expressions, since few bytes can stand for many. A module's name has about 50.
const maxPattern = 1 << 18

// add appends an entry.
func (p *pattern) add(key string, value float64) error {
	m, size, err := compile(`^(?:.*\.)?(?:` + key + `)$`)
	if err != nil {
		return fmt.Errorf("%q is no regular expression this build reads: %w", key, err)
	}
	if n := len(*p); n > 0 {
		size += (*p)[n-1].size
	}
	if size > maxPattern {
		return fmt.Errorf("its expressions have %d instructions; at most %d are read", size, maxPattern)
	}
	*p = append(*p, patternEntry{key, value, m, size})
	return nil
}

// compile also returns how many instructions an expression has.
func compile(expr string) (*regexp.Regexp, int, error) {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, 0, err
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, 0, err
	}
	m, err := regexp.Compile(expr)
	return m, len(prog.Inst), err
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
