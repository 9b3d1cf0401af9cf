package jinja

import (
	"fmt"
	"strconv"
	"strings"
)

// percent is Python's % on a string.
func (r *renderer) percent(s string, v any) string {
	args, ok := v.(tuple)
	if !ok {
		args = tuple{v}
	}
	r.spend(len(s))
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		j := i + 1
		for j < len(s) && strings.IndexByte("0123456789.-+ #", s[j]) >= 0 {
			j++
		}
		if j == len(s) {
			fail("a format ends in %%")
		}
		spec, verb := s[i+1:j], s[j]
		i = j
		if verb == '%' {
			b.WriteByte('%')
			continue
		}
		if len(args) == 0 {
			fail("a format has more places than values")
		}
		out := r.formatted(spec, verb, args[0])
		r.spend(len(out))
		b.WriteString(out)
		args = args[1:]
	}
	if _, isMap := v.(*Map); len(args) > 0 && !isMap {
		fail("a format has fewer places than values")
	}
	return b.String()
}

// formatted writes one value by a format such as 05.2f.
func (r *renderer) formatted(spec string, verb byte, v any) string {
	if len(spec) > 8 {
		fail("format %s%c", spec, verb)
	}
	for _, n := range strings.FieldsFunc(spec, func(c rune) bool { return c < '0' || c > '9' }) {
		if k, _ := strconv.Atoi(n); k > 1000 {
			fail("format %s%c", spec, verb)
		}
	}
	switch verb {
	case 's':
		return fmt.Sprintf("%"+spec+"s", r.str(v))
	case 'r':
		var b strings.Builder
		r.repr(&b, v, 0)
		return fmt.Sprintf("%"+spec+"s", b.String())
	case 'd', 'i', 'x', 'X', 'o':
		i, ok := whole(v)
		if f, isFloat := v.(float64); isFloat {
			i, ok = int64(f), true
		}
		if verb == 'i' {
			verb = 'd'
		}
		if ok {
			return fmt.Sprintf("%"+spec+string(verb), i)
		}
	case 'f', 'F', 'e', 'g':
		if f, ok := real(v); ok {
			return fmt.Sprintf("%"+spec+string(verb), f)
		}
	}
	fail("format %%%c of %s", verb, kind(v))
	return ""
}

func format(r *renderer, v any, a *arguments) any {
	return r.percent(r.str(v), tuple(a.list))
}

// braces is Python's str.format with plain places: {}, {0}, {name}, and formats such as {:.2f}.
func (r *renderer) braces(s string, a *arguments) string {
	var b strings.Builder
	next := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c == '{' || c == '}') && i+1 < len(s) && s[i+1] == c {
			b.WriteByte(c)
			i++
			continue
		}
		if c != '{' {
			b.WriteByte(c)
			continue
		}
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			fail("a format with { and no }")
		}
		place, spec, _ := strings.Cut(s[i+1:i+end], ":")
		i += end
		var v any
		if n, err := strconv.Atoi(place); place == "" || err == nil {
			if place == "" {
				n = next
				next++
			}
			if n < 0 || n >= len(a.list) {
				fail("a format has more places than values")
			}
			v = a.list[n]
		} else if named, ok := a.named.Get(place); ok {
			v = named
		} else {
			fail("format {%s} has no value", place)
		}
		out := r.str(v)
		if spec != "" {
			verb := spec[len(spec)-1]
			if strings.IndexByte("sdxXofFeg", verb) < 0 {
				spec, verb = spec+"s", 's'
			}
			out = r.formatted(spec[:len(spec)-1], verb, v)
		}
		r.spend(len(out))
		b.WriteString(out)
	}
	a.named = &Map{}
	return b.String()
}
