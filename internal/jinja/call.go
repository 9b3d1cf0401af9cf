package jinja

// An argument of a call; spread 1 is *list, 2 is **dictionary.
type argument struct {
	name   string
	e      expr
	spread int
}

// arguments are evaluated ones.
type arguments struct {
	list  []any
	named *Map
}

func (r *renderer) arguments(args []argument) arguments {
	a := arguments{named: &Map{}}
	for _, x := range args {
		v := x.e.eval(r)
		switch {
		case x.spread == 1:
			a.list = append(a.list, r.each(v)...)
		case x.spread == 2:
			m, ok := v.(*Map)
			if !ok {
				fail("%s behind **", kind(v))
			}
			for _, k := range m.keys {
				a.named.put(k, m.at(k))
			}
		case x.name != "":
			a.named.Set(x.name, v)
		default:
			a.list = append(a.list, v)
		}
	}
	return a
}

// take removes a named argument.
func (a *arguments) take(name string) (any, bool) {
	v, ok := a.named.Get(name)
	if ok {
		delete(a.named.values, name)
	}
	return v, ok
}

// done fails if a named argument was not taken.
func (a *arguments) done(what string) {
	for _, k := range a.named.keys {
		if _, left := a.named.values[k]; left {
			fail("%s takes no argument %s", what, k)
		}
	}
}

// at is the argument of that place or name, or otherwise.
func (a *arguments) at(i int, name string, otherwise any) any {
	if v, ok := a.take(name); ok {
		return v
	}
	if i < len(a.list) {
		return a.list[i]
	}
	return otherwise
}

func (a *arguments) int(i int, name string, otherwise int64) int64 {
	n, ok := whole(a.at(i, name, otherwise))
	if !ok {
		fail("%s must be a number", name)
	}
	return n
}

func (a *arguments) text(i int, name, otherwise string) string {
	v := plain(a.at(i, name, otherwise))
	s, ok := v.(string)
	if !ok {
		fail("%s must be a string, not %s", name, kind(v))
	}
	return s
}

// A call is of(args).
type call struct {
	of   expr
	args []argument
}

func (e call) eval(r *renderer) any { return e.with(r, nil) }

// with calls with a caller, or nil.
func (e call) with(r *renderer, caller *macro) any {
	r.step()
	of := e.of.eval(r)
	a := r.arguments(e.args)
	if caller != nil {
		a.named.Set("caller", caller)
	}
	switch f := of.(type) {
	case *macro:
		return f.call(r, a)
	case method:
		return f.call(r, a)
	case function:
		return functions[string(f)](r, a)
	case Func:
		v, err := f(a.list, a.named)
		if err != nil {
			panic(failure{err})
		}
		return value(v, 0)
	case *loop:
		if !f.node.recursive || len(a.list) != 1 {
			fail("loop is called outside a recursive for")
		}
		if r.called++; r.called > maxCalls {
			fail("loops called more than %d deep", maxCalls)
		}
		defer func() { r.called-- }()
		var s string
		r.within(f.scope, func() { s = r.capture(func() { f.node.loop(r, a.list[0], f.depth+1) }) })
		return s
	case joiner:
		if *f.used {
			return f.separator
		}
		*f.used = true
		return ""
	case undefined:
		fail("%s is undefined and cannot be called", f.called())
	}
	fail("%s cannot be called", kind(of))
	return nil
}

// A function is one of the functions every template has, by name.
type function string

var functions map[string]func(r *renderer, a arguments) any

func init() { // the functions call what asks for them
	functions = map[string]func(r *renderer, a arguments) any{
		"raise_exception": func(r *renderer, a arguments) any {
			fail("the template refuses: %s", r.str(a.at(0, "message", "")))
			return nil
		},
		"namespace": func(r *renderer, a arguments) any { return namespace{dict(r, a)} },
		"dict":      func(r *renderer, a arguments) any { return dict(r, a) },
		"range":     numbers,
		"cycler":    func(_ *renderer, a arguments) any { return cycler{a.list, new(int)} },
		"joiner": func(_ *renderer, a arguments) any {
			return joiner{a.text(0, "sep", ", "), new(bool)}
		},
	}
}

func dict(r *renderer, a arguments) *Map {
	m := &Map{}
	for _, v := range a.list {
		if from, ok := v.(*Map); ok {
			for _, k := range from.keys {
				m.put(k, from.at(k))
			}
			continue
		}
		for _, pair := range r.each(v) {
			kv := r.each(pair)
			if len(kv) != 2 {
				fail("dict of members that are no pairs")
			}
			m.put(kv[0], kv[1])
		}
	}
	for _, k := range a.named.keys {
		m.put(k, a.named.at(k))
	}
	return m
}

// maxRange is the longest range, as the sandbox of Jinja2 has it.
const maxRange = 100000

func numbers(r *renderer, a arguments) any {
	if len(a.list) < 1 || len(a.list) > 3 {
		fail("range takes one to three numbers")
	}
	from, to, step := int64(0), a.int(0, "stop", 0), a.int(2, "step", 1)
	if len(a.list) > 1 {
		from, to = to, a.int(1, "stop", 0)
	}
	if step == 0 {
		fail("range with a step of 0")
	}
	out := []any{}
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		if len(out) == maxRange {
			fail("a range of more than %d numbers", maxRange)
		}
		out = append(out, i)
	}
	r.spend(16 * len(out))
	return out
}

// A cycler goes round its values.
type cycler struct {
	values []any
	at     *int
}

func (c cycler) attribute(name string) any {
	switch {
	case len(c.values) == 0:
	case name == "current":
		return c.values[*c.at]
	case name == "next" || name == "reset":
		return method{c, name}
	}
	return undefined{name}
}

// A joiner is empty the first time it is called, and a separator after.
type joiner struct {
	separator string
	used      *bool
}
