package jinja

import (
	"slices"
	"strings"
	"unicode"
)

// A method is of.name before its call.
type method struct {
	of   any
	name string
}

// The methods that change a list or dictionary are known, so that calling them says why not.
var (
	dictMethods = map[string]func(r *renderer, m *Map, a *arguments) any{
		"get": func(_ *renderer, m *Map, a *arguments) any {
			d := a.at(1, "default", nil)
			if v, ok := m.values[hashed(a.at(0, "key", nil))]; ok {
				return v
			}
			return d
		},
		"items":  func(r *renderer, m *Map, _ *arguments) any { return r.pairs(m) },
		"keys":   func(r *renderer, m *Map, _ *arguments) any { return list(r, m) },
		"values": func(r *renderer, m *Map, _ *arguments) any { return values(r, m) },
		"copy":   func(r *renderer, m *Map, _ *arguments) any { return dict(r, arguments{[]any{m}, &Map{}}) },
	}
	listMethods = map[string]func(r *renderer, l []any, a *arguments) any{
		"index": func(r *renderer, l []any, a *arguments) any {
			x := a.at(0, "value", nil)
			i := slices.IndexFunc(l, func(v any) bool { return r.equal(v, x) })
			if i < 0 {
				fail("a value is not in the list")
			}
			return int64(i)
		},
		"count": func(r *renderer, l []any, a *arguments) any {
			n, x := int64(0), a.at(0, "value", nil)
			for _, v := range l {
				if r.equal(v, x) {
					n++
				}
			}
			return n
		},
		"copy": func(r *renderer, l []any, _ *arguments) any { return list(r, l) },
	}
	changing = map[string]bool{"append": true, "extend": true, "insert": true, "pop": true, "remove": true, "reverse": true, "sort": true,
		"clear": true, "update": true, "setdefault": true, "popitem": true}
)

func values(r *renderer, m *Map) []any {
	r.spend(16 * len(m.keys))
	out := make([]any, len(m.keys))
	for i, k := range m.keys {
		out[i] = m.at(k)
	}
	return out
}

func hasMethod(of any, name string) bool {
	switch of.(type) {
	case string:
		return textMethods[name] != nil
	case *Map:
		return dictMethods[name] != nil || changing[name] && !slices.Contains([]string{"append", "extend", "insert", "remove", "reverse", "sort"}, name)
	case []any:
		return listMethods[name] != nil || changing[name] && !slices.Contains([]string{"update", "setdefault", "popitem"}, name)
	case tuple:
		return name == "index" || name == "count"
	}
	return false
}

func (m method) call(r *renderer, a arguments) (out any) {
	defer func() { a.done(m.name) }()
	switch of := m.of.(type) {
	case string:
		r.spend(len(of))
		return textMethods[m.name](r, of, &a)
	case *Map:
		if f := dictMethods[m.name]; f != nil {
			return f(r, of, &a)
		}
	case []any:
		if f := listMethods[m.name]; f != nil {
			return f(r, of, &a)
		}
	case tuple:
		return listMethods[m.name](r, of, &a)
	case cycler:
		v := of.values[*of.at]
		if *of.at = (*of.at + 1) % len(of.values); m.name == "reset" {
			*of.at, v = 0, nil
		}
		return v
	case *loop:
		if m.name == "cycle" && len(a.list) > 0 {
			return a.list[of.at%len(a.list)]
		}
		now := tuple(a.list)
		if of.seen && r.equal(of.last, now) {
			return false
		}
		of.last, of.seen = now, true
		return true
	}
	fail("%s changes a %s, which templates may not", m.name, kind(m.of))
	return nil
}

type textMethod = func(r *renderer, s string, a *arguments) any

var textMethods map[string]textMethod

func init() { // format calls what asks for methods
	textMethods = map[string]textMethod{
		"strip": func(r *renderer, s string, a *arguments) any {
			return strip(s, r.dropped(a.at(0, "chars", nil)), true, true)
		},
		"lstrip": func(r *renderer, s string, a *arguments) any {
			return strip(s, r.dropped(a.at(0, "chars", nil)), true, false)
		},
		"rstrip": func(r *renderer, s string, a *arguments) any {
			return strip(s, r.dropped(a.at(0, "chars", nil)), false, true)
		},
		"upper":      func(_ *renderer, s string, _ *arguments) any { return strings.ToUpper(s) },
		"lower":      func(_ *renderer, s string, _ *arguments) any { return strings.ToLower(s) },
		"casefold":   func(_ *renderer, s string, _ *arguments) any { return strings.ToLower(s) },
		"capitalize": func(_ *renderer, s string, _ *arguments) any { return capitalize(s) },
		"title":      func(_ *renderer, s string, _ *arguments) any { return titled(s) },
		"split":      func(r *renderer, s string, a *arguments) any { return split(r, s, a, false) },
		"rsplit":     func(r *renderer, s string, a *arguments) any { return split(r, s, a, true) },
		"splitlines": func(r *renderer, s string, a *arguments) any { return lines(r, s, truth(a.at(0, "keepends", false))) },
		"partition":  func(_ *renderer, s string, a *arguments) any { return partition(s, a.text(0, "sep", ""), false) },
		"rpartition": func(_ *renderer, s string, a *arguments) any { return partition(s, a.text(0, "sep", ""), true) },
		"startswith": func(r *renderer, s string, a *arguments) any {
			return affix(s, a.at(0, "prefix", nil), strings.HasPrefix)
		},
		"endswith": func(r *renderer, s string, a *arguments) any {
			return affix(s, a.at(0, "suffix", nil), strings.HasSuffix)
		},
		"removeprefix": func(_ *renderer, s string, a *arguments) any {
			return strings.TrimPrefix(s, a.text(0, "prefix", ""))
		},
		"removesuffix": func(_ *renderer, s string, a *arguments) any {
			return strings.TrimSuffix(s, a.text(0, "suffix", ""))
		},
		"replace": func(r *renderer, s string, a *arguments) any {
			return r.replace(s, a.text(0, "old", ""), a.text(1, "new", ""), a.int(2, "count", -1))
		},
		"find": func(_ *renderer, s string, a *arguments) any { return place(s, strings.Index(s, a.text(0, "sub", ""))) },
		"rfind": func(_ *renderer, s string, a *arguments) any {
			return place(s, strings.LastIndex(s, a.text(0, "sub", "")))
		},
		"index": func(_ *renderer, s string, a *arguments) any {
			i := place(s, strings.Index(s, a.text(0, "sub", "")))
			if i < 0 {
				fail("a substring is not found")
			}
			return i
		},
		"count": func(_ *renderer, s string, a *arguments) any { return int64(strings.Count(s, a.text(0, "sub", ""))) },
		"join": func(r *renderer, s string, a *arguments) any {
			return join(r, a.at(0, "iterable", nil), &arguments{[]any{s}, &Map{}})
		},
		"format":  func(r *renderer, s string, a *arguments) any { return r.braces(s, a) },
		"isdigit": func(_ *renderer, s string, _ *arguments) any { return all(s, unicode.IsDigit) },
		"isalpha": func(_ *renderer, s string, _ *arguments) any { return all(s, unicode.IsLetter) },
		"isalnum": func(_ *renderer, s string, _ *arguments) any {
			return all(s, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) })
		},
		"isspace": func(_ *renderer, s string, _ *arguments) any { return all(s, isSpace) },
		"isupper": func(_ *renderer, s string, _ *arguments) any { return cased(s, unicode.IsUpper, unicode.IsLower) },
		"islower": func(_ *renderer, s string, _ *arguments) any { return cased(s, unicode.IsLower, unicode.IsUpper) },
		"ljust":   func(r *renderer, s string, a *arguments) any { return s + r.padding(s, a) },
		"rjust":   func(r *renderer, s string, a *arguments) any { return r.padding(s, a) + s },
		"zfill": func(r *renderer, s string, a *arguments) any {
			a.named.Set("fillchar", "0")
			return r.padding(s, a) + s
		},
	}
}

func all(s string, is func(rune) bool) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool { return !is(c) }) < 0
}

// place is a byte offset in characters.
func place(s string, i int) int64 {
	if i < 0 {
		return -1
	}
	return runes(s[:i])
}

// titled is Python's str.title: the first letter of every run of letters is raised.
func titled(s string) string {
	inside := false
	return strings.Map(func(c rune) rune {
		was := inside
		if inside = unicode.IsLetter(c); inside && !was {
			return unicode.ToTitle(c)
		}
		return unicode.ToLower(c)
	}, s)
}

func (r *renderer) padding(s string, a *arguments) string {
	n := a.int(0, "width", 0) - runes(s)
	fill := a.text(1, "fillchar", " ")
	if runes(fill) != 1 {
		fail("fillchar must be one character")
	}
	if n <= 0 {
		return ""
	}
	r.spend(int(min(n, maxWork+1)) * len(fill))
	return strings.Repeat(fill, int(n))
}

// affix tests for one affix or for any of a tuple.
func affix(s string, v any, has func(s, affix string) bool) bool {
	if t, ok := v.(tuple); ok {
		return slices.ContainsFunc(t, func(x any) bool { return affix(s, x, has) })
	}
	x, ok := v.(string)
	if !ok {
		fail("an affix must be a string, not %s", kind(v))
	}
	return has(s, x)
}

func partition(s, sep string, last bool) tuple {
	i := strings.Index(s, sep)
	if last {
		i = strings.LastIndex(s, sep)
	}
	switch {
	case sep == "":
		fail("an empty separator")
	case i >= 0:
		return tuple{s[:i], sep, s[i+len(sep):]}
	case last:
		return tuple{"", "", s}
	}
	return tuple{s, "", ""}
}

func lines(r *renderer, s string, keep bool) []any {
	out := []any{}
	for _, l := range strings.SplitAfter(s, "\n") {
		if l == "" {
			continue
		}
		if !keep {
			l = strings.TrimSuffix(strings.TrimSuffix(l, "\n"), "\r")
		}
		r.spend(16)
		out = append(out, l)
	}
	return out
}

// split is Python's, from the left or right, at a separator or at runs of white space.
func split(r *renderer, s string, a *arguments, right bool) []any {
	sep, n := a.at(0, "sep", nil), a.int(1, "maxsplit", -1)
	if n < 0 {
		n = int64(len(s)) + 1
	}
	by, ok := sep.(string)
	if !ok && sep != nil || ok && by == "" {
		fail("split at %s", kind(sep))
	}
	out := []any{}
	if !right && ok {
		for _, p := range strings.SplitN(s, by, int(n)+1) {
			out = append(out, p)
		}
	} else {
		out = splitSlow(s, by, ok, n, right)
	}
	r.spend(16 * len(out))
	return out
}

func splitSlow(s, by string, separated bool, n int64, right bool) []any {
	out := []any{}
	cut := func() (piece, rest string, found bool) {
		i, w := strings.Index(s, by), len(by)
		if right {
			i = strings.LastIndex(s, by)
		}
		if !separated {
			if i = strings.IndexFunc(s, isSpace); right {
				i = strings.LastIndexFunc(s, isSpace)
			}
			if i >= 0 {
				w = len(string([]rune(s[i:min(len(s), i+4)])[0]))
			}
		}
		switch {
		case i < 0:
			return s, "", false
		case right:
			return s[i+w:], s[:i], true
		}
		return s[:i], s[i+w:], true
	}
	trimmed := func() {
		if !separated {
			s = strip(s, isSpace, !right, right)
		}
	}
	for trimmed(); int64(len(out)) < n; trimmed() {
		piece, rest, found := cut()
		if !found {
			break
		}
		out = append(out, piece)
		s = rest
	}
	if separated || s != "" {
		if !separated && int64(len(out)) < n {
			s = strip(s, isSpace, true, true)
		}
		out = append(out, s)
	}
	if right {
		slices.Reverse(out)
	}
	return out
}
