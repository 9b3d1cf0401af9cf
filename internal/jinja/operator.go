package jinja

import (
	"math"
	"strings"
)

// An operation is a binary operator.
type operation struct {
	op   string
	a, b expr
}

func (e operation) eval(r *renderer) any {
	r.step()
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
	return r.binary(e.op, a, e.b.eval(r))
}

// A comparison is a chain such as 1 < x < 3.
type comparison []operation

func (e comparison) eval(r *renderer) any {
	a := e[0].a.eval(r)
	for _, o := range e {
		b := o.b.eval(r)
		if !truth(r.binary(o.op, a, b)) {
			return false
		}
		a = b
	}
	return true
}

func (r *renderer) binary(op string, a, b any) any {
	switch op {
	case "==":
		return r.equal(a, b)
	case "!=":
		return !r.equal(a, b)
	case "in":
		return r.contains(b, a)
	case "not in":
		return !r.contains(b, a)
	case "~":
		x, y := r.str(a), r.str(b)
		r.spend(len(x) + len(y))
		return x + y
	}
	for _, v := range []any{a, b} {
		if u, ok := v.(undefined); ok {
			fail("%s is undefined", u.called())
		}
	}
	switch op {
	case "<":
		return r.compare(a, b) < 0
	case ">":
		return r.compare(a, b) > 0
	case "<=":
		return r.compare(a, b) <= 0
	case ">=":
		return r.compare(a, b) >= 0
	}
	if s, ok := plain(a).(string); ok && op == "%" {
		return r.percent(s, b)
	}
	if v := r.sequences(op, a, b); v != nil {
		return v
	}
	x, okx := whole(a)
	y, oky := whole(b)
	if okx && oky && op != "/" {
		return ints(op, x, y)
	}
	f, okf := real(a)
	g, okg := real(b)
	if !okf || !okg {
		fail("%s %s %s cannot be computed", kind(a), op, kind(b))
	}
	return floats(op, f, g)
}

// join is the sum of the texts a and b. Where one is marked safe the other is escaped.
func (r *renderer) join(a, b any) any {
	_, safeA := a.(markup)
	_, safeB := b.(markup)
	x, y := r.str(a), r.str(b)
	r.spend(len(x) + len(y))
	if !safeA && !safeB {
		return x + y
	}
	if !safeA {
		x = escapeHTML(x)
	}
	if !safeB {
		y = escapeHTML(y)
	}
	return markup(x + y)
}

// sequences computes + of two strings or lists and * of one with a number; nil if a and b are not such.
func (r *renderer) sequences(op string, a, b any) any {
	if op == "*" {
		n, ok := whole(b)
		if !ok {
			n, ok = whole(a)
			a = b
		}
		if s, isText := plain(a).(string); ok && isText {
			n = min(max(0, n), maxWork)
			if len(s) > 0 {
				r.spend(int(min(n*int64(len(s)), maxWork+1)))
			}
			return strings.Repeat(s, int(n)*min(1, len(s)))
		}
		return nil
	}
	if op != "+" {
		return nil
	}
	if kind(a) == "str" && kind(b) == "str" {
		return r.join(a, b)
	}
	x, okx := items(a)
	y, oky := items(b)
	if !okx || !oky || kind(a) != kind(b) {
		return nil
	}
	r.spend(16 * (len(x) + len(y)))
	both := append(append(make([]any, 0, len(x)+len(y)), x...), y...)
	if _, ok := a.(tuple); ok {
		return tuple(both)
	}
	return both
}

func ints(op string, x, y int64) any {
	if (op == "//" || op == "%") && y == 0 {
		fail("division by zero")
	}
	const large = 1 << 31 // what stays below cannot overflow
	if op == "*" && x != 0 && (x*y/x != y || x == -1 && y == math.MinInt64) || op == "+" && (x+y > x) != (y > 0) || op == "-" && (x-y < x) != (y > 0) {
		fail("%d %s %d is too large a number", x, op, y)
	}
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "//":
		return (x - ((x%y)+y)%y) / y
	case "%":
		return ((x % y) + y) % y
	case "**":
		f := math.Pow(float64(x), float64(y))
		if y < 0 {
			return f
		}
		if math.Abs(f) >= large*large {
			fail("%d ** %d is too large a number", x, y)
		}
		out := int64(1)
		for i := y; i > 0 && out != 0 && !(x == 1); i-- {
			if out *= x; x == -1 {
				return 1 - 2*(y&1)
			}
		}
		return out
	}
	fail("int %s int cannot be computed", op)
	return nil
}

func floats(op string, x, y float64) any {
	if y == 0 && (op == "/" || op == "//" || op == "%") {
		fail("division by zero")
	}
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/":
		return x / y
	case "//":
		return math.Floor(x / y)
	case "%":
		return x - y*math.Floor(x/y)
	case "**":
		return math.Pow(x, y)
	}
	fail("float %s float cannot be computed", op)
	return nil
}

func (r *renderer) contains(in, what any) bool {
	in, what = plain(in), plain(what)
	switch in := in.(type) {
	case string:
		s, ok := what.(string)
		if !ok {
			fail("%s in a string", kind(what))
		}
		r.spend(len(in))
		return strings.Contains(in, s)
	case *Map:
		switch what.(type) {
		case nil, bool, int64, float64, string:
			_, has := in.values[hashed(what)]
			return has
		}
		return false
	}
	for _, v := range r.each(in) {
		if r.equal(v, what) {
			return true
		}
	}
	return false
}
