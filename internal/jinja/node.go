package jinja

// flow is how a body ended: at its end, or by a loop's break or continue.
type flow int

const (
	onward flow = iota
	breaks
	continues
)

// A node is a part of a template.
type node interface{ run(r *renderer) flow }

func (r *renderer) run(body []node) flow {
	for _, n := range body {
		r.step()
		if f := n.run(r); f != onward {
			return f
		}
	}
	return onward
}

type textNode string

func (n textNode) run(r *renderer) flow {
	r.write(string(n))
	return onward
}

type printNode struct{ e expr }

func (n printNode) run(r *renderer) flow {
	r.write(r.str(n.e.eval(r)))
	return onward
}

type jumpNode flow

func (n jumpNode) run(*renderer) flow { return flow(n) }

// A target is what set and for assign to: a name, an attribute of a namespace, or several targets.
type target struct {
	name, attribute string
	parts           []target
}

func (r *renderer) assign(t target, v any) {
	switch {
	case t.parts != nil:
		vs := r.each(v)
		if len(vs) != len(t.parts) {
			fail("%d values for %d names", len(vs), len(t.parts))
		}
		for i, p := range t.parts {
			r.assign(p, vs[i])
		}
	case t.attribute != "":
		ns, ok := r.get(t.name).(namespace)
		if !ok {
			fail("%s is no namespace: its attribute %s cannot be set", t.name, t.attribute)
		}
		ns.Set(t.attribute, v)
	default:
		r.scope.vars[t.name] = v
	}
}

type setNode struct {
	to target
	e  expr
}

func (n setNode) run(r *renderer) flow {
	r.assign(n.to, n.e.eval(r))
	return onward
}

// A captureNode sets a name to what its body writes, or writes it, through filters.
type captureNode struct {
	to      target
	print   bool
	body    []node
	filters func(of expr) expr
}

func (n captureNode) run(r *renderer) flow {
	var v any
	r.within(r.scope, func() { v = r.capture(func() { r.run(n.body) }) })
	if n.filters != nil {
		v = n.filters(literal{v}).eval(r)
	}
	if n.print {
		r.write(r.str(v))
	} else {
		r.assign(n.to, v)
	}
	return onward
}

type ifNode struct {
	conds []expr
	then  [][]node // of each condition, and of else if there is one more
}

func (n ifNode) run(r *renderer) flow {
	for i, c := range n.conds {
		if truth(c.eval(r)) {
			return r.run(n.then[i])
		}
	}
	if len(n.then) > len(n.conds) {
		return r.run(n.then[len(n.conds)])
	}
	return onward
}

// A generationNode marks what it writes.
type generationNode struct{ body []node }

func (n generationNode) run(r *renderer) (f flow) {
	at := r.out.Len()
	r.within(r.scope, func() { f = r.run(n.body) })
	if r.captured == 0 {
		r.spans = append(r.spans, Span{at, r.out.Len()})
	}
	return f
}

type withNode struct {
	to   []target
	es   []expr
	body []node
}

func (n withNode) run(r *renderer) (f flow) {
	vs := make([]any, len(n.es))
	for i, e := range n.es {
		vs[i] = e.eval(r)
	}
	r.within(r.scope, func() {
		for i, t := range n.to {
			r.assign(t, vs[i])
		}
		f = r.run(n.body)
	})
	return f
}

type forNode struct {
	to              target
	over, cond      expr
	body, otherwise []node
	recursive       bool
}

func (n forNode) run(r *renderer) flow {
	n.loop(r, n.over.eval(r), 0)
	return onward
}

// loop runs the body for each member of over that fulfils the condition, or otherwise if there is none.
func (n forNode) loop(r *renderer, over any, depth int) {
	members := r.each(over)
	if n.cond != nil {
		var kept []any
		for _, v := range members {
			r.within(r.scope, func() {
				r.assign(n.to, v)
				if truth(n.cond.eval(r)) {
					kept = append(kept, v)
				}
			})
		}
		members = kept
	}
	l := &loop{node: n, members: members, depth: depth, scope: r.scope}
	for i, v := range members {
		r.step()
		var f flow
		l.at = i
		r.within(r.scope, func() {
			r.assign(n.to, v)
			r.scope.vars["loop"] = l
			f = r.run(n.body)
		})
		if f == breaks {
			break
		}
	}
	if len(members) == 0 {
		r.within(r.scope, func() { r.run(n.otherwise) })
	}
}

// A loop is the variable of that name within a for.
type loop struct {
	node    forNode
	members []any
	at      int
	depth   int
	scope   *scope
	last    any // what changed saw
	seen    bool
}

func (l *loop) attribute(name string) any {
	n := len(l.members)
	switch name {
	case "index":
		return int64(l.at + 1)
	case "index0":
		return int64(l.at)
	case "revindex":
		return int64(n - l.at)
	case "revindex0":
		return int64(n - l.at - 1)
	case "first":
		return l.at == 0
	case "last":
		return l.at == n-1
	case "length":
		return int64(n)
	case "depth":
		return int64(l.depth + 1)
	case "depth0":
		return int64(l.depth)
	case "previtem":
		if l.at > 0 {
			return l.members[l.at-1]
		}
	case "nextitem":
		if l.at+1 < n {
			return l.members[l.at+1]
		}
	case "cycle", "changed":
		return method{l, name}
	}
	return undefined{"loop." + name}
}

// A macro is a part of a template that can be called. It sees the names where it was defined.
type macro struct {
	name     string
	params   []string
	defaults []expr // of the last params
	body     []node
	scope    *scope
}

type macroNode struct{ macro }

func (n macroNode) run(r *renderer) flow {
	m := n.macro
	m.scope = r.scope
	r.scope.vars[m.name] = &m
	return onward
}

// call runs the macro and returns what it writes.
func (m *macro) call(r *renderer, a arguments) any {
	if r.called++; r.called > maxCalls {
		fail("macros called more than %d deep", maxCalls)
	}
	defer func() { r.called-- }()
	if len(a.list) > len(m.params) {
		fail("macro %s takes %d arguments, not %d", m.name, len(m.params), len(a.list))
	}
	var s string
	r.within(m.scope, func() {
		for i, p := range m.params {
			v, named := a.take(p)
			switch d := i - len(m.params) + len(m.defaults); {
			case i < len(a.list):
				v = a.list[i]
			case named:
			case d >= 0:
				v = m.defaults[d].eval(r)
			default:
				v = undefined{p}
			}
			r.scope.vars[p] = v
		}
		if c, ok := a.take("caller"); ok {
			r.scope.vars["caller"] = c
		}
		a.done(m.name)
		s = r.capture(func() { r.run(m.body) })
	})
	return s
}

// A callNode calls a macro with its own body as the macro's caller.
type callNode struct {
	caller macro
	call   call
}

func (n callNode) run(r *renderer) flow {
	m := n.caller
	m.scope = r.scope
	r.write(r.str(n.call.with(r, &m)))
	return onward
}
