package jinja

import (
	"math"
	"slices"
	"strings"
)

// A Map is a dictionary that keeps its keys in the order they came, as Python's does. The zero Map is empty.
type Map struct {
	keys   []any
	values map[any]any
}

// NewMap returns a map of alternating string keys and values.
func NewMap(pairs ...any) *Map {
	m := &Map{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m.Set(pairs[i].(string), pairs[i+1])
	}
	return m
}

// Set adds a pair or replaces a key's value.
func (m *Map) Set(key string, value any) { m.put(key, value) }

// Get returns a key's value.
func (m *Map) Get(key string) (any, bool) {
	v, ok := m.values[key]
	return v, ok
}

func (m *Map) put(key, value any) {
	if m.values == nil {
		m.values = map[any]any{}
	}
	h := hashed(key)
	if _, ok := m.values[h]; !ok {
		m.keys = append(m.keys, key)
	}
	m.values[h] = value
}

func (m *Map) at(key any) any { return m.values[hashed(key)] }

// hashed makes keys that are equal in Python equal in Go: 1, 1.0 and True.
func hashed(key any) any {
	key = plain(key)
	switch k := key.(type) {
	case bool:
		return integer(k)
	case float64:
		if k == math.Trunc(k) && math.Abs(k) < 1<<62 {
			return int64(k)
		}
	case nil, string, int64:
	default:
		fail("%s cannot be a key", kind(key))
	}
	return key
}

// A tuple is a list that prints in parentheses and equals no list.
type tuple []any

// markup is a string marked safe: what is put beside it is escaped for HTML. In all else it is a string.
type markup string

// plain is v as what it is in all but concatenation.
func plain(v any) any {
	if m, ok := v.(markup); ok {
		return string(m)
	}
	return v
}

// undefined is the value of a name that is not there.
type undefined struct{ name string }

// A namespace is an object whose attributes a template may set.
type namespace struct{ *Map }

// A Func is a function that templates may call.
type Func func(args []any, named *Map) (any, error)

// value makes what callers hand in one of the types the renderer knows.
func value(v any, depth int) any {
	if depth > maxDepth {
		fail("values nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case nil, bool, int64, float64, string, Func, undefined, tuple, namespace:
		return v
	case int:
		return int64(v)
	case *Map:
		out := &Map{}
		for _, k := range v.keys {
			out.put(value(k, depth+1), value(v.at(k), depth+1))
		}
		return out
	case map[string]any:
		out := &Map{}
		for _, k := range sortedKeys(v) {
			out.put(k, value(v[k], depth+1))
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = value(x, depth+1)
		}
		return out
	}
	fail("a %T is no value of templates", v)
	return nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// kind names a value's type as Python does.
func kind(v any) string {
	switch plain(v).(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []any:
		return "list"
	case tuple:
		return "tuple"
	case *Map:
		return "dict"
	case undefined:
		return "something undefined"
	case namespace:
		return "namespace"
	}
	return "function"
}

// items are the members of a list or tuple.
func items(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case tuple:
		return v, true
	}
	return nil, false
}

// each is what a loop over v goes over.
func (r *renderer) each(v any) []any {
	if l, ok := items(v); ok {
		return l
	}
	switch v := plain(v).(type) {
	case string:
		r.spend(16 * len(v))
		out := make([]any, 0, len(v))
		for _, c := range v {
			out = append(out, string(c))
		}
		return out
	case *Map:
		return v.keys
	case undefined:
		return nil
	}
	fail("%s cannot be gone over", kind(v))
	return nil
}

// truth is Python's.
func truth(v any) bool {
	switch v := plain(v).(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case tuple:
		return len(v) > 0
	case *Map:
		return len(v.keys) > 0
	}
	return true
}

func integer(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// whole is v as an int, where Python would take it for one.
func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		return integer(v), true
	}
	return 0, false
}

// real is v as a float.
func real(v any) (float64, bool) {
	if f, ok := v.(float64); ok {
		return f, true
	}
	i, ok := whole(v)
	return float64(i), ok
}

// equal is Python's ==.
func (r *renderer) equal(a, b any) bool {
	r.step()
	a, b = plain(a), plain(b)
	if x, ok := real(a); ok {
		y, ok := real(b)
		if i, oki := whole(a); oki {
			if j, okj := whole(b); okj {
				return i == j
			}
		}
		return ok && x == y
	}
	switch x := a.(type) {
	case nil:
		return b == nil
	case string:
		y, ok := b.(string)
		return ok && x == y
	case undefined:
		_, ok := b.(undefined)
		return ok
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, r.equal)
	case tuple:
		y, ok := b.(tuple)
		return ok && slices.EqualFunc(x, y, r.equal)
	case *Map:
		y, ok := b.(*Map)
		if !ok || len(x.keys) != len(y.keys) {
			return false
		}
		for _, k := range x.keys {
			v, has := y.values[hashed(k)]
			if !has || !r.equal(x.at(k), v) {
				return false
			}
		}
		return true
	case namespace:
		y, ok := b.(namespace)
		return ok && x.Map == y.Map
	}
	return false
}

// compare orders numbers, strings and sequences of them; other pairs fail.
func (r *renderer) compare(a, b any) int {
	r.step()
	a, b = plain(a), plain(b)
	if x, ok := real(a); ok {
		if y, ok := real(b); ok {
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		}
	}
	if x, ok := a.(string); ok {
		if y, ok := b.(string); ok {
			return strings.Compare(x, y)
		}
	}
	x, okx := items(a)
	y, oky := items(b)
	if !okx || !oky || kind(a) != kind(b) {
		fail("%s and %s have no order", kind(a), kind(b))
	}
	return slices.CompareFunc(x, y, r.compare)
}
