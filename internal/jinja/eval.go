package jinja

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// An expr is a part of an expression.
type expr interface{ eval(r *renderer) any }

type literal struct{ v any }

func (e literal) eval(*renderer) any { return e.v }

type variable string

func (e variable) eval(r *renderer) any { return r.get(string(e)) }

type list []expr

func (e list) eval(r *renderer) any {
	out := make([]any, len(e))
	for i, x := range e {
		out[i] = x.eval(r)
	}
	return out
}

type not struct{ e expr }

func (e not) eval(r *renderer) any { return !truth(e.e.eval(r)) }

type choice struct{ cond, then, not expr }

func (e choice) eval(r *renderer) any {
	if truth(e.cond.eval(r)) {
		return e.then.eval(r)
	}
	return e.not.eval(r)
}

type index struct{ of, key expr }

func (e index) eval(r *renderer) any {
	if !r.step() {
		return undefined{}
	}
	switch of := e.of.eval(r).(type) {
	case map[string]any:
		if k, ok := e.key.eval(r).(string); ok {
			if v, ok := of[k]; ok {
				return v
			}
		}
	case []any:
		i, ok := e.key.eval(r).(int)
		if i < 0 {
			i += len(of)
		}
		if ok && i >= 0 && i < len(of) {
			return of[i]
		}
	case undefined:
		r.fail("a member of something undefined is asked for")
	}
	return undefined{}
}

type call struct {
	name string
	args []expr
}

func (e call) eval(r *renderer) any {
	if e.name == "raise_exception" && len(e.args) == 1 {
		r.fail("the template refuses: %s", str(e.args[0].eval(r)))
	} else {
		r.fail("function %s is not of the subset this build renders", e.name)
	}
	return undefined{}
}

type test struct {
	name string
	of   expr
}

func (e test) eval(r *renderer) any {
	v := e.of.eval(r)
	_, gone := v.(undefined)
	switch e.name {
	case "defined":
		return !gone
	case "undefined":
		return gone
	case "none":
		return v == nil
	case "string":
		_, ok := v.(string)
		return ok
	case "mapping":
		_, ok := v.(map[string]any)
		return ok
	case "iterable", "sequence":
		switch v.(type) {
		case []any, string, map[string]any:
			return true
		}
		return false
	}
	r.fail("test %q is not of the subset this build renders", e.name)
	return false
}

type filter struct {
	name string
	of   expr
	args []expr
}

func (e filter) eval(r *renderer) any {
	v := e.of.eval(r)
	switch e.name {
	case "trim":
		return strings.TrimSpace(str(v))
	case "lstrip":
		return strings.TrimLeftFunc(str(v), unicode.IsSpace)
	case "rstrip":
		return strings.TrimRightFunc(str(v), unicode.IsSpace)
	case "upper":
		return strings.ToUpper(str(v))
	case "lower":
		return strings.ToLower(str(v))
	case "length", "count":
		if s, ok := v.(string); ok {
			return len([]rune(s))
		}
		if rv := reflect.ValueOf(v); rv.Kind() == reflect.Slice || rv.Kind() == reflect.Map {
			return rv.Len()
		}
	case "default":
		if _, gone := v.(undefined); gone && len(e.args) > 0 {
			return e.args[0].eval(r)
		}
		return v
	}
	r.fail("filter %q on a %T is not of the subset this build renders", e.name, v)
	return undefined{}
}

type operation struct {
	op   string
	a, b expr
}

func (e operation) eval(r *renderer) any {
	if !r.step() {
		return undefined{}
	}
	a := e.a.eval(r)
	switch e.op {
	case "and":
		if !truth(a) {
			return a
		}
		return e.b.eval(r)
	case "or":
		if truth(a) {
			return a
		}
		return e.b.eval(r)
	}
	b := e.b.eval(r)
	switch e.op {
	case "==":
		return reflect.DeepEqual(a, b)
	case "!=":
		return !reflect.DeepEqual(a, b)
	case "in":
		return contains(b, a)
	case "not in":
		return !contains(b, a)
	case "~":
		return str(a) + str(b)
	}
	if x, ok := a.(string); ok {
		if y, ok := b.(string); ok && e.op == "+" {
			return x + y
		}
	}
	x, okx := a.(int)
	y, oky := b.(int)
	if okx && oky {
		if v, ok := arithmetic(e.op, x, y); ok {
			return v
		}
	}
	r.fail("%T %s %T cannot be computed", a, e.op, b)
	return undefined{}
}

func arithmetic(op string, x, y int) (any, bool) {
	switch op {
	case "+":
		return x + y, true
	case "-":
		return x - y, true
	case "*":
		return x * y, true
	case "<":
		return x < y, true
	case ">":
		return x > y, true
	case "<=":
		return x <= y, true
	case ">=":
		return x >= y, true
	case "//":
		if y != 0 {
			return (x - ((x%y)+y)%y) / y, true
		}
	case "%":
		if y != 0 {
			return ((x % y) + y) % y, true
		}
	}
	return nil, false
}

func contains(in, what any) bool {
	switch in := in.(type) {
	case string:
		s, ok := what.(string)
		return ok && strings.Contains(in, s)
	case []any:
		for _, v := range in {
			if reflect.DeepEqual(v, what) {
				return true
			}
		}
	case map[string]any:
		s, ok := what.(string)
		_, has := in[s]
		return ok && has
	}
	return false
}

// truth is Python's.
func truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// str prints a value as Python does, as far as templates use it.
func str(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return "None"
	case undefined:
		return ""
	case bool:
		if v {
			return "True"
		}
		return "False"
	}
	return fmt.Sprint(v)
}
