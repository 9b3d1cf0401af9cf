package jinja

import (
	"strings"
	"unicode"
)

// A test is of is name(args).
type test struct {
	name string
	of   expr
	args []argument
}

func (e test) eval(r *renderer) any {
	r.step()
	v := plain(e.of.eval(r))
	a := r.arguments(e.args)
	a.done("test " + e.name)
	f := tests[e.name]
	if f == nil {
		fail("test %q is not known", e.name)
	}
	return f(r, v, a.list)
}

type testFunc = func(r *renderer, v any, args []any) bool

var tests = map[string]testFunc{
	"boolean":   func(_ *renderer, v any, _ []any) bool { _, ok := v.(bool); return ok },
	"callable":  func(_ *renderer, v any, _ []any) bool { return kind(v) == "function" },
	"defined":   func(_ *renderer, v any, _ []any) bool { return !isUndefined(v) },
	"undefined": func(_ *renderer, v any, _ []any) bool { return isUndefined(v) },
	"none":      func(_ *renderer, v any, _ []any) bool { return v == nil },
	"true":      func(_ *renderer, v any, _ []any) bool { return v == true },
	"false":     func(_ *renderer, v any, _ []any) bool { return v == false },
	"float":     func(_ *renderer, v any, _ []any) bool { _, ok := v.(float64); return ok },
	"integer":   func(_ *renderer, v any, _ []any) bool { _, ok := v.(int64); return ok },
	"number":    func(_ *renderer, v any, _ []any) bool { _, ok := real(v); return ok },
	"string":    func(_ *renderer, v any, _ []any) bool { _, ok := v.(string); return ok },
	"mapping":   func(_ *renderer, v any, _ []any) bool { _, ok := v.(*Map); return ok },
	"iterable":  func(_ *renderer, v any, _ []any) bool { return isSequence(v) || isUndefined(v) },
	"sequence":  func(_ *renderer, v any, _ []any) bool { return isSequence(v) },
	"odd":       func(r *renderer, v any, _ []any) bool { return r.equal(r.binary("%", v, int64(2)), int64(1)) },
	"even":      func(r *renderer, v any, _ []any) bool { return r.equal(r.binary("%", v, int64(2)), int64(0)) },
	"lower":     func(r *renderer, v any, _ []any) bool { return cased(r.str(v), unicode.IsLower, unicode.IsUpper) },
	"upper":     func(r *renderer, v any, _ []any) bool { return cased(r.str(v), unicode.IsUpper, unicode.IsLower) },
	"filter":    func(_ *renderer, v any, _ []any) bool { s, _ := v.(string); return filters[s] != nil },
	"escaped":   func(*renderer, any, []any) bool { return false },
	"divisibleby": func(r *renderer, v any, a []any) bool {
		return r.equal(r.binary("%", v, one(a)), int64(0))
	},
	"sameas": func(r *renderer, v any, a []any) bool { return kind(v) == kind(one(a)) && r.equal(v, one(a)) },
	"in":     func(r *renderer, v any, a []any) bool { return r.contains(one(a), v) },
	"eq":     compares("=="), "equalto": compares("=="), "==": compares("=="), "ne": compares("!="), "!=": compares("!="),
	"lt": compares("<"), "lessthan": compares("<"), "<": compares("<"), "le": compares("<="), "<=": compares("<="),
	"gt": compares(">"), "greaterthan": compares(">"), ">": compares(">"), "ge": compares(">="), ">=": compares(">="),
}

func init() {
	tests["test"] = func(_ *renderer, v any, _ []any) bool { s, _ := v.(string); return tests[s] != nil }
}

// one is a test's only argument.
func one(a []any) any {
	if len(a) != 1 {
		fail("a test with %d arguments; it takes one", len(a))
	}
	return a[0]
}

func compares(op string) testFunc {
	return func(r *renderer, v any, a []any) bool { return truth(r.binary(op, v, one(a))) }
}

func isSequence(v any) bool {
	switch v.(type) {
	case string, []any, tuple, *Map:
		return true
	}
	return false
}

// cased reports whether s has letters of one case and none of the other.
func cased(s string, is, other func(rune) bool) bool {
	return strings.IndexFunc(s, is) >= 0 && strings.IndexFunc(s, other) < 0
}

// isSpace is Python's idea of white space.
func isSpace(c rune) bool { return unicode.IsSpace(c) || c >= 0x1c && c <= 0x1f }
