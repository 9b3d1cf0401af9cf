package jinja

import (
	"slices"
	"strconv"
	"strings"
)

// path follows an attribute such as "a.b.0".
func (r *renderer) path(v, attr any) any {
	if i, ok := whole(attr); ok {
		return r.member(v, i)
	}
	s, ok := attr.(string)
	if !ok {
		fail("attribute must be a name, not %s", kind(attr))
	}
	for _, part := range strings.Split(s, ".") {
		r.step()
		if i, err := strconv.ParseInt(part, 10, 64); err == nil {
			v = r.member(v, i)
		} else {
			v = r.member(v, part)
		}
	}
	return v
}

func mapItems(r *renderer, v any, _ *arguments) any {
	if isUndefined(v) {
		return []any{}
	}
	m, ok := v.(*Map)
	if !ok {
		fail("items of %s", kind(v))
	}
	return r.pairs(m)
}

func (r *renderer) pairs(m *Map) []any {
	r.spend(48 * len(m.keys))
	out := make([]any, len(m.keys))
	for i, k := range m.keys {
		out[i] = tuple{k, m.at(k)}
	}
	return out
}

// folded is what strings are compared by where case does not count.
func folded(v any, caseful bool) any {
	if s, ok := v.(string); ok && !caseful {
		return strings.ToLower(s)
	}
	return v
}

func dictsort(r *renderer, v any, a *arguments) any {
	m, ok := v.(*Map)
	if !ok {
		fail("dictsort of %s", kind(v))
	}
	caseful, by, reversed := truth(a.at(0, "case_sensitive", false)), a.text(1, "by", "key"), truth(a.at(2, "reverse", false))
	at := map[string]int{"key": 0, "value": 1}
	place, ok := at[by]
	if !ok {
		fail("dictsort by %q", by)
	}
	out := r.pairs(m)
	r.sort(out, reversed, func(x any) any { return folded(x.(tuple)[place], caseful) })
	return out
}

func (r *renderer) sort(l []any, reversed bool, key func(any) any) {
	slices.SortStableFunc(l, func(a, b any) int {
		x, y := key(a), key(b)
		switch {
		case r.equal(x, y): // so that what has no order may stand twice
			return 0
		case reversed:
			return r.compare(y, x)
		}
		return r.compare(x, y)
	})
}

func sorted(r *renderer, v any, a *arguments) any {
	reversed, caseful, attr := truth(a.at(0, "reverse", false)), truth(a.at(1, "case_sensitive", false)), a.at(2, "attribute", nil)
	out := list(r, v)
	r.sort(out, reversed, func(x any) any { return r.key(x, attr, caseful) })
	return out
}

// key is what a member is sorted by: itself or its attributes, which commas part.
func (r *renderer) key(x, attr any, caseful bool) any {
	names, ok := attr.(string)
	if !ok || !strings.Contains(names, ",") {
		if attr != nil {
			x = r.path(x, attr)
		}
		return folded(x, caseful)
	}
	var t tuple
	for _, n := range strings.Split(names, ",") {
		t = append(t, folded(r.path(x, strings.TrimSpace(n)), caseful))
	}
	return t
}

func unique(r *renderer, v any, a *arguments) any {
	caseful, attr := truth(a.at(0, "case_sensitive", false)), a.at(1, "attribute", nil)
	var seen, out []any
	for _, x := range r.each(v) {
		k := r.key(x, attr, caseful)
		if !slices.ContainsFunc(seen, func(s any) bool { return r.equal(s, k) }) {
			seen, out = append(seen, k), append(out, x)
		}
	}
	return out
}

func extreme(direction int) filterFunc {
	return func(r *renderer, v any, a *arguments) any {
		caseful, attr := truth(a.at(0, "case_sensitive", false)), a.at(1, "attribute", nil)
		var best any = undefined{}
		for i, x := range r.each(v) {
			if i == 0 || r.compare(r.key(x, attr, caseful), r.key(best, attr, caseful)) == direction {
				best = x
			}
		}
		return best
	}
}

func sum(r *renderer, v any, a *arguments) any {
	attr, total := a.at(0, "attribute", nil), a.at(1, "start", int64(0))
	for _, x := range r.each(v) {
		if attr != nil {
			x = r.path(x, attr)
		}
		total = r.binary("+", total, x)
	}
	return total
}

func reverse(r *renderer, v any, _ *arguments) any {
	if s, ok := plain(v).(string); ok {
		r.spend(len(s))
		c := []rune(s)
		slices.Reverse(c)
		return string(c)
	}
	out := list(r, v)
	slices.Reverse(out)
	return out
}

func batch(r *renderer, v any, a *arguments) any {
	n, fill := a.int(0, "linecount", 0), a.at(1, "fill_with", nil)
	l := r.each(v)
	if n < 1 || n > maxRange {
		fail("batch of %d", n)
	}
	out := []any{}
	for c := range slices.Chunk(l, int(n)) {
		line := slices.Clone(c)
		for fill != nil && int64(len(line)) < n {
			line = append(line, fill)
		}
		r.spend(16 * len(line))
		out = append(out, line)
	}
	return out
}

func groupby(r *renderer, v any, a *arguments) any {
	attr, d, caseful := a.at(0, "attribute", ""), a.at(1, "default", nil), truth(a.at(2, "case_sensitive", false))
	of := func(x any) any {
		k := r.path(x, attr)
		if isUndefined(k) && d != nil {
			return d
		}
		return k
	}
	l := list(r, v)
	r.sort(l, false, func(x any) any { return folded(of(x), caseful) })
	out := []any{}
	for i, x := range l {
		k := of(x)
		if i > 0 && r.equal(folded(k, caseful), folded(of(l[i-1]), caseful)) {
			g := out[len(out)-1].(tuple)
			g[1] = append(g[1].([]any), x)
			continue
		}
		out = append(out, tuple{k, []any{x}})
	}
	return out
}

// mapped is map: a filter or an attribute of each member.
func mapped(r *renderer, v any, a *arguments) any {
	attr, byAttr := a.take("attribute")
	d, hasDefault := a.take("default")
	var f filterFunc
	rest := arguments{named: a.named}
	if !byAttr {
		name := a.text(0, "name", "")
		if f = filters[name]; f == nil {
			fail("filter %q is not known", name)
		}
		rest.list = a.list[min(1, len(a.list)):]
	}
	out := []any{}
	if !truth(v) {
		return out
	}
	var named *Map
	for _, x := range r.each(v) {
		if byAttr {
			if x = r.path(x, attr); hasDefault && isUndefined(x) {
				x = d
			}
		} else {
			one := rest.clone()
			x = f(r, x, &one)
			named = one.named
		}
		r.spend(16)
		out = append(out, x)
	}
	if named != nil {
		a.named = named
	}
	return out
}

func (a arguments) clone() arguments {
	m := &Map{}
	for _, k := range a.named.keys {
		if v, ok := a.named.values[k]; ok {
			m.put(k, v)
		}
	}
	return arguments{slices.Clone(a.list), m}
}

// selected keeps the members, or those with an attribute, that pass a test, or that fail it.
func selected(pass, byAttr bool) filterFunc {
	return func(r *renderer, v any, a *arguments) any {
		rest := a.list
		var attr any
		if byAttr {
			if len(rest) == 0 {
				fail("selectattr and rejectattr need an attribute")
			}
			attr, rest = rest[0], rest[1:]
		}
		t := func(x any, _ []any) bool { return truth(x) }
		if len(rest) > 0 {
			name, _ := rest[0].(string)
			f := tests[name]
			if f == nil {
				fail("test %q is not known", name)
			}
			t, rest = func(x any, more []any) bool { return f(r, x, more) }, rest[1:]
		}
		out := []any{}
		if !truth(v) {
			return out
		}
		for _, x := range r.each(v) {
			of := x
			if byAttr {
				of = r.path(x, attr)
			}
			if r.step(); t(of, rest) == pass {
				r.spend(16)
				out = append(out, x)
			}
		}
		return out
	}
}
