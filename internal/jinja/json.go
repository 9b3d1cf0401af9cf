package jinja

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// A jsonWriter writes what json.dumps of Python writes.
type jsonWriter struct {
	r            *renderer
	b            strings.Builder
	ascii, sort  bool
	indent       string
	pretty       bool
	comma, colon string
}

// notNumbers is how JSON spells what Python's repr calls inf and nan.
var notNumbers = strings.NewReplacer("inf", "Infinity", "nan", "NaN")

// tojson is the filter as transformers defines it: nothing is escaped for HTML, and non-ASCII stays unless asked for.
func tojson(r *renderer, v any, a *arguments) any {
	w := &jsonWriter{r: r, ascii: truth(a.at(0, "ensure_ascii", false)), comma: ", ", colon: ": "}
	switch indent := a.at(1, "indent", nil).(type) {
	case nil:
	case string:
		w.indent, w.pretty, w.comma = indent, true, ","
	default:
		n, ok := whole(indent)
		if !ok {
			fail("indent by %s", kind(indent))
		}
		w.indent, w.pretty, w.comma = strings.Repeat(" ", int(min(max(n, 0), 64))), true, ","
	}
	if s := a.at(2, "separators", nil); s != nil {
		pair := r.each(s)
		if len(pair) != 2 {
			fail("separators must be two")
		}
		w.comma, w.colon = r.str(pair[0]), r.str(pair[1])
	}
	w.sort = truth(a.at(3, "sort_keys", false))
	w.write(v, 0)
	return w.b.String()
}

func (w *jsonWriter) write(v any, depth int) {
	w.r.step()
	if depth > maxDepth {
		fail("values nested more than %d deep", maxDepth)
	}
	if l, ok := items(v); ok {
		w.members('[', ']', len(l), depth, func(i int) { w.write(l[i], depth+1) })
		return
	}
	switch v := plain(v).(type) {
	case nil:
		w.b.WriteString("null")
	case bool:
		w.b.WriteString(strconv.FormatBool(v))
	case int64:
		w.b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		w.b.WriteString(notNumbers.Replace(float(v)))
	case string:
		w.text(v)
	case *Map:
		keys := v.keys
		if w.sort {
			keys = slices.Clone(keys)
			w.r.sort(keys, false, func(k any) any { return k })
		}
		w.members('{', '}', len(keys), depth, func(i int) {
			switch k := keys[i].(type) {
			case string:
				w.text(k)
			case nil, bool, int64, float64:
				w.b.WriteByte('"')
				w.write(k, depth)
				w.b.WriteByte('"')
			default:
				fail("%s is no key of JSON", kind(k))
			}
			w.r.spend(len(w.colon))
			w.b.WriteString(w.colon)
			w.write(v.at(keys[i]), depth+1)
		})
	default:
		fail("%s is not JSON serializable", kind(v))
	}
}

func (w *jsonWriter) members(open, end byte, n, depth int, each func(i int)) {
	line := func(depth int) {
		if w.pretty {
			w.r.spend(1 + depth*len(w.indent))
			w.b.WriteString("\n" + strings.Repeat(w.indent, depth))
		}
	}
	w.b.WriteByte(open)
	for i := range n {
		if i > 0 {
			w.r.spend(len(w.comma))
			w.b.WriteString(w.comma)
		}
		line(depth + 1)
		each(i)
	}
	if n > 0 {
		line(depth)
	}
	w.b.WriteByte(end)
}

func (w *jsonWriter) text(s string) {
	w.r.spend(len(s))
	w.b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			w.b.WriteByte('\\')
			w.b.WriteRune(c)
		case c < ' ':
			if i := strings.IndexByte("\b\f\n\r\t", byte(c)); i >= 0 {
				w.b.WriteByte('\\')
				w.b.WriteByte("bfnrt"[i])
			} else {
				fmt.Fprintf(&w.b, `\u%04x`, c)
			}
		case w.ascii && c >= 0x10000:
			hi, lo := utf16.EncodeRune(c)
			fmt.Fprintf(&w.b, `\u%04x\u%04x`, hi, lo)
		case w.ascii && c >= 0x7f:
			fmt.Fprintf(&w.b, `\u%04x`, c)
		default:
			w.b.WriteRune(c)
		}
	}
	w.b.WriteByte('"')
}
