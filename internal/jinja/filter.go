package jinja

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// A filter is of|name(args).
type filter struct {
	name string
	of   expr
	args []argument
}

func (e filter) eval(r *renderer) any {
	r.step()
	v := e.of.eval(r)
	a := r.arguments(e.args)
	f := filters[e.name]
	if f == nil {
		fail("filter %q is not known", e.name)
	}
	out := f(r, v, &a)
	a.done("filter " + e.name)
	return out
}

type filterFunc = func(r *renderer, v any, a *arguments) any

var filters map[string]filterFunc

func init() { // map, select and reject call others
	filters = map[string]filterFunc{
		"abs": abs, "attr": func(r *renderer, v any, a *arguments) any { return attributeOf(v, a.text(0, "name", "")) },
		"batch": batch, "count": length, "d": otherwise, "default": otherwise, "dictsort": dictsort, "escape": escaped, "e": escaped,
		"first": ends(false), "float": toFloat, "groupby": groupby, "indent": indent, "int": toInt, "items": mapItems, "join": join,
		"last": ends(true), "length": length, "list": func(r *renderer, v any, _ *arguments) any { return list(r, v) }, "map": mapped,
		"max": extreme(1), "min": extreme(-1), "reject": selected(false, false), "rejectattr": selected(false, true), "replace": replace,
		"reverse": reverse, "round": round, "safe": func(r *renderer, v any, _ *arguments) any { return markup(r.str(v)) }, "select": selected(true, false),
		"selectattr": selected(true, true), "sort": sorted, "string": stringed, "sum": sum,
		"tojson": tojson, "trim": trim, "unique": unique, "capitalize": text(capitalize), "lower": text(strings.ToLower),
		"title": text(title), "upper": text(strings.ToUpper), "wordcount": func(r *renderer, v any, _ *arguments) any { return int64(len(strings.Fields(r.str(v)))) },
		"format": format,
	}
}

func text(f func(string) string) filterFunc {
	return func(r *renderer, v any, _ *arguments) any {
		s := r.str(v)
		r.spend(len(s))
		return f(s)
	}
}

func list(r *renderer, v any) []any {
	l := r.each(v)
	r.spend(16 * len(l))
	return slices.Clone(l)
}

func abs(_ *renderer, v any, _ *arguments) any {
	if i, ok := whole(v); ok {
		return max(i, -i)
	}
	f, ok := v.(float64)
	if !ok {
		fail("abs of %s", kind(v))
	}
	return math.Abs(f)
}

func length(_ *renderer, v any, _ *arguments) any {
	if l, ok := items(v); ok {
		return int64(len(l))
	}
	switch v := plain(v).(type) {
	case string:
		return runes(v)
	case *Map:
		return int64(len(v.keys))
	case undefined:
		return int64(0)
	}
	fail("%s has no length", kind(v))
	return nil
}

func otherwise(_ *renderer, v any, a *arguments) any {
	d, falsy := a.at(0, "default_value", ""), a.at(1, "boolean", false)
	if isUndefined(v) || truth(falsy) && !truth(v) {
		return d
	}
	return v
}

func ends(last bool) filterFunc {
	return func(r *renderer, v any, _ *arguments) any {
		l := r.each(v)
		switch {
		case len(l) == 0:
			return undefined{}
		case last:
			return l[len(l)-1]
		}
		return l[0]
	}
}

func escaped(r *renderer, v any, _ *arguments) any {
	if _, safe := v.(markup); safe {
		return v
	}
	s := r.str(v)
	r.spend(5 * len(s))
	return markup(escapeHTML(s))
}

// stringed leaves what is marked safe as it is.
func stringed(r *renderer, v any, _ *arguments) any {
	if _, safe := v.(markup); safe {
		return v
	}
	return r.str(v)
}

var html = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;")

func escapeHTML(s string) string { return html.Replace(s) }

func toInt(_ *renderer, v any, a *arguments) any {
	d := a.at(0, "default", int64(0))
	base := a.int(1, "base", 10)
	if i, ok := whole(v); ok {
		return i
	}
	switch v := plain(v).(type) {
	case float64:
		if math.Abs(v) < 1<<62 {
			return int64(v)
		}
	case string:
		s := strings.TrimSpace(v)
		if i, err := strconv.ParseInt(s, int(min(max(base, 2), 36)), 64); err == nil {
			return i
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<62 {
			return int64(f)
		}
	}
	return d
}

func toFloat(_ *renderer, v any, a *arguments) any {
	d := a.at(0, "default", 0.0)
	if f, ok := real(v); ok {
		return f
	}
	if s, ok := plain(v).(string); ok {
		if f, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil {
			return f
		}
	}
	return d
}

func round(_ *renderer, v any, a *arguments) any {
	f, ok := real(v)
	digits := min(max(a.int(0, "precision", 0), -300), 300)
	method := a.text(1, "method", "common")
	if !ok {
		fail("round of %s", kind(v))
	}
	scale := math.Pow(10, float64(digits))
	switch method {
	case "ceil":
		return math.Ceil(f*scale) / scale
	case "floor":
		return math.Floor(f*scale) / scale
	}
	if digits < 0 {
		return math.RoundToEven(f*scale) / scale
	}
	out, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(digits), 64), 64)
	if err != nil {
		return f
	}
	return out
}

func replace(r *renderer, v any, a *arguments) any {
	s, from, to, n := r.str(v), r.str(a.at(0, "old", "")), r.str(a.at(1, "new", "")), a.at(2, "count", nil)
	count := int64(-1)
	if n != nil {
		count, _ = whole(n)
	}
	return r.replace(s, from, to, count)
}

func (r *renderer) replace(s, from, to string, count int64) string {
	n := strings.Count(s, from)
	if count >= 0 {
		n = int(min(int64(n), count))
	}
	r.spend(len(s))
	r.spend(min(n, maxWork) * min(len(to), maxWork))
	return strings.Replace(s, from, to, n)
}

func trim(r *renderer, v any, a *arguments) any {
	s, chars := r.str(v), a.at(0, "chars", nil)
	r.spend(len(s))
	return strip(s, r.dropped(chars), true, true)
}

// dropped is what strip takes off: white space for nil, or the characters of a string.
func (r *renderer) dropped(chars any) func(rune) bool {
	if chars == nil {
		return isSpace
	}
	set, ok := chars.(string)
	if !ok {
		fail("strip of %s", kind(chars))
	}
	r.spend(16 * len(set))
	in := map[rune]bool{}
	for _, c := range set {
		in[c] = true
	}
	return func(c rune) bool { return in[c] }
}

// strip takes off the characters that drop tells.
func strip(s string, drop func(rune) bool, left, right bool) string {
	if left {
		s = strings.TrimLeftFunc(s, drop)
	}
	if right {
		s = strings.TrimRightFunc(s, drop)
	}
	return s
}

func indent(r *renderer, v any, a *arguments) any {
	s := r.str(v)
	width, first, blank := a.at(0, "width", int64(4)), truth(a.at(1, "first", false)), truth(a.at(2, "blank", false))
	pad, ok := width.(string)
	if n, isInt := whole(width); isInt {
		pad, ok = strings.Repeat(" ", int(min(max(n, 0), 1<<16))), true
	}
	if !ok {
		fail("indent by %s", kind(width))
	}
	r.spend(len(s))
	r.spend(min(strings.Count(s, "\n")+1, maxWork) * len(pad))
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if (i > 0 || first) && (blank || l != "" || i == 0) {
			lines[i] = pad + l
		}
	}
	return strings.Join(lines, "\n")
}

func capitalize(s string) string {
	c := []rune(s)
	if len(c) == 0 {
		return s
	}
	return strings.ToTitle(string(c[:1])) + strings.ToLower(string(c[1:]))
}

// title raises the first letter of each word, as the filter parts words: at white space, hyphens and brackets.
func title(s string) string {
	var b strings.Builder
	start := true
	for _, c := range s {
		if start {
			b.WriteString(strings.ToUpper(string(c)))
		} else {
			b.WriteString(strings.ToLower(string(c)))
		}
		start = isSpace(c) || strings.ContainsRune("-({[<", c)
	}
	return b.String()
}

func join(r *renderer, v any, a *arguments) any {
	sep, attr := r.str(a.at(0, "d", "")), a.at(1, "attribute", nil)
	var parts []string
	for _, x := range r.each(v) {
		if attr != nil {
			x = r.path(x, attr)
		}
		s := r.str(x)
		r.spend(len(s) + len(sep))
		parts = append(parts, s)
	}
	return strings.Join(parts, sep)
}
