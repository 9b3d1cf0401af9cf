package jinja

import "unicode/utf8"

// An expr is a part of an expression.
type expr interface{ eval(r *renderer) any }

type literal struct{ v any }

func (e literal) eval(*renderer) any { return e.v }

type variable string

func (e variable) eval(r *renderer) any { return r.get(string(e)) }

type listExpr []expr

func (e listExpr) eval(r *renderer) any {
	out := make([]any, len(e))
	for i, x := range e {
		out[i] = x.eval(r)
	}
	return out
}

type tupleExpr []expr

func (e tupleExpr) eval(r *renderer) any { return tuple(listExpr(e).eval(r).([]any)) }

type dictExpr [][2]expr

func (e dictExpr) eval(r *renderer) any {
	m := &Map{}
	for _, kv := range e {
		m.put(kv[0].eval(r), kv[1].eval(r))
	}
	return m
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

// A sign negates, or only demands a number.
type sign struct {
	e        expr
	negative bool
}

func (e sign) eval(r *renderer) any {
	v := e.e.eval(r)
	if i, ok := whole(v); ok {
		if e.negative {
			return -i
		}
		return i
	}
	f, ok := v.(float64)
	if !ok {
		fail("%s has no sign", kind(v))
	}
	if e.negative {
		return -f
	}
	return f
}

// An attribute is of.name: a method or attribute, else a member of a dictionary.
type attribute struct {
	of   expr
	name string
}

func (e attribute) eval(r *renderer) any {
	r.step()
	of := e.of.eval(r)
	if v := attributeOf(of, e.name); v != nil {
		return v
	}
	return r.member(of, e.name)
}

// attributeOf is a method or an object's attribute, nil if there is none.
func attributeOf(of any, name string) any {
	of = plain(of)
	switch of := of.(type) {
	case *loop:
		return of.attribute(name)
	case *macro:
		if name == "name" {
			return of.name
		}
	case cycler:
		return of.attribute(name)
	case undefined:
		fail("%s is undefined and has no %s", of.called(), name)
	}
	if hasMethod(of, name) {
		return method{of, name}
	}
	return nil
}

func (u undefined) called() string {
	if u.name == "" {
		return "a value"
	}
	return u.name
}

// An index is of[key].
type index struct{ of, key expr }

func (e index) eval(r *renderer) any {
	r.step()
	of, key := e.of.eval(r), e.key.eval(r)
	v := r.member(of, key)
	if name, ok := key.(string); ok && isUndefined(v) {
		if a := attributeOf(of, name); a != nil {
			return a
		}
	}
	return v
}

func isUndefined(v any) bool {
	_, gone := v.(undefined)
	return gone
}

// member is what of holds under key, or undefined.
func (r *renderer) member(of, key any) any {
	of, key = plain(of), plain(key)
	if u, ok := of.(undefined); ok {
		fail("%s is undefined and has no members", u.called())
	}
	switch of := of.(type) {
	case namespace:
		if name, ok := key.(string); ok {
			if v, ok := of.Get(name); ok {
				return v
			}
		}
	case *Map:
		switch key.(type) {
		case nil, bool, int64, float64, string:
			if v, ok := of.values[hashed(key)]; ok {
				return v
			}
		}
	case string:
		if i, ok := whole(key); ok {
			if c := []rune(slicedText(r, of)); i < int64(len(c)) && i >= -int64(len(c)) {
				return string(c[wrap(i, len(c))])
			}
		}
	default:
		l, ok := items(of)
		if i, isInt := whole(key); ok && isInt && i < int64(len(l)) && i >= -int64(len(l)) {
			return l[wrap(i, len(l))]
		}
	}
	name, _ := key.(string)
	return undefined{name}
}

func slicedText(r *renderer, s string) string {
	r.spend(len(s))
	return s
}

func wrap(i int64, n int) int64 {
	if i < 0 {
		return i + int64(n)
	}
	return i
}

// A slice is of[from:to:step], of which each may be missing.
type slice struct {
	of    expr
	parts [3]expr
}

func (e slice) eval(r *renderer) any {
	of := plain(e.of.eval(r))
	var at [3]*int64
	for i, p := range e.parts {
		if p == nil {
			continue
		}
		v := p.eval(r)
		if n, ok := whole(v); ok {
			at[i] = &n
		} else if v != nil {
			fail("%s in a slice", kind(v))
		}
	}
	switch of := of.(type) {
	case string:
		r.spend(len(of))
		return string(cut([]rune(of), at))
	case []any:
		r.spend(16 * len(of))
		return cut(of, at)
	case tuple:
		r.spend(16 * len(of))
		return cut(of, at)
	case undefined:
		fail("%s is undefined and has no members", of.called())
	}
	fail("%s cannot be sliced", kind(of))
	return nil
}

// cut is Python's slicing.
func cut[S ~[]T, T any](s S, at [3]*int64) S {
	n, step := int64(len(s)), int64(1)
	if at[2] != nil {
		step = *at[2]
	}
	if step == 0 {
		fail("a slice with a step of 0")
	}
	low, high := int64(0), n // where indices are held
	from, to := low, high
	if step < 0 {
		low, high = -1, n-1
		from, to = high, low
	}
	if at[0] != nil {
		from = min(max(wrap(*at[0], len(s)), low), high)
	}
	if at[1] != nil {
		to = min(max(wrap(*at[1], len(s)), low), high)
	}
	out := S{}
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		out = append(out, s[i])
		if step > n || step < -n {
			break
		}
	}
	return out
}

func runes(s string) int64 { return int64(utf8.RuneCountInString(s)) }
