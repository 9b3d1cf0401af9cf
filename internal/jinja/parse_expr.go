package jinja

import (
	"strconv"
)

// values reads an expression, or several with commas between, which are a tuple.
func (p *parser) values() expr { return p.tuple(p.ternary) }

func (p *parser) tuple(member func() expr) expr {
	e := member()
	if !p.is(",") {
		return e
	}
	t := tupleExpr{e}
	for p.take(",") {
		if k := p.peek(); k.kind == closed || p.is(")") || p.is("=") {
			break
		}
		p.link()
		t = append(t, member())
	}
	return t
}

func (p *parser) ternary() expr {
	defer p.nest()()
	e := p.binary(0)
	for p.take("if") {
		p.link()
		c := choice{cond: p.binary(0), then: e, not: literal{undefined{}}}
		if p.take("else") {
			c.not = p.ternary()
		}
		e = c
	}
	return e
}

// levels are the binary operators, the loosest first. Those of comparison, the third, chain.
var levels = [][]string{{"or"}, {"and"}, {"==", "!=", "<", ">", "<=", ">=", "in", "not in"}, {"+", "-"}, {"~"}, {"*", "//", "/", "%"}, {"**"}}

func (p *parser) binary(level int) expr {
	if level == len(levels) {
		return p.unary(true)
	}
	if level == 2 && p.is("not") {
		defer p.nest()()
		p.at++
		return not{p.binary(2)}
	}
	e := p.binary(level + 1)
	var c comparison
	for {
		op := p.operator(levels[level])
		if op == "" {
			break
		}
		p.link()
		b := p.binary(level + 1)
		if level == 2 {
			c = append(c, operation{op, e, b})
			if e = c; len(c) > 1 {
				c[len(c)-1].a = c[len(c)-2].b
			} else {
				e = c[0]
			}
			continue
		}
		e = operation{op, e, b}
	}
	return e
}

// operator consumes one of ops, and returns "" if none stands next.
func (p *parser) operator(ops []string) string {
	for _, o := range ops {
		if o == "not in" {
			if next := p.tokens[min(p.at+1, len(p.tokens)-1)]; p.is("not") && next.kind == name && next.s == "in" {
				p.at += 2
				return o
			}
		} else if p.take(o) {
			return o
		}
	}
	return ""
}

// unary reads a sign or a value, and what follows it; filters and tests only if filtered.
func (p *parser) unary(filtered bool) expr {
	defer p.nest()()
	var e expr
	switch {
	case p.take("-"):
		e = sign{p.unary(false), true}
	case p.take("+"):
		e = sign{p.unary(false), false}
	default:
		e = p.primary()
	}
	e = p.postfix(e)
	for filtered {
		p.link()
		switch {
		case p.take("|"):
			e = p.filter(e)
		case p.take("is"):
			e = p.test(e)
		case p.is("("):
			e = p.postfix(e)
		default:
			return e
		}
	}
	return e
}

// postfix reads attributes, subscripts and calls.
func (p *parser) postfix(e expr) expr {
	for {
		switch {
		case p.take("."):
			t := p.peek()
			p.at++
			switch t.kind {
			case name:
				e = attribute{e, t.s}
			case integral:
				n, err := strconv.ParseInt(t.s, 10, 64)
				if err != nil {
					p.fail("number %s", t.s)
				}
				e = index{e, literal{n}}
			default:
				p.fail("unexpected %q behind a dot", t.s)
			}
		case p.take("["):
			e = p.subscript(e)
		case p.take("("):
			e = call{e, p.args()}
		default:
			return e
		}
		p.link()
	}
}

// subscript reads an index or a slice behind its bracket.
func (p *parser) subscript(e expr) expr {
	var parts [3]expr
	colons := 0
	for !p.is("]") {
		if p.take(":") {
			if colons++; colons > 2 {
				p.fail("unexpected %q", ":")
			}
			continue
		}
		if parts[colons] != nil {
			p.fail("unexpected %q", p.peek().s)
		}
		parts[colons] = p.values()
	}
	p.at++
	if colons > 0 {
		return slice{e, parts}
	}
	if parts[0] == nil {
		p.fail("nothing between brackets")
	}
	return index{e, parts[0]}
}

func (p *parser) filter(of expr) filter {
	f := filter{name: p.word(), of: of}
	for p.take(".") {
		f.name += "." + p.word()
	}
	if p.take("(") {
		f.args = p.args()
	}
	return f
}

func (p *parser) test(of expr) (e expr) {
	negated := p.take("not")
	t := test{name: p.word(), of: of}
	next := p.peek()
	switch {
	case p.take("("):
		t.args = p.args()
	case next.kind == quote || next.kind == integral || next.kind == decimal || p.is("[") || p.is("{"),
		next.kind == name && !p.is("else") && !p.is("or") && !p.is("and") && !p.is("if") && !p.is("is") && !p.is("in") && !p.is("not"):
		t.args = []argument{{e: p.postfix(p.primary())}}
	}
	if negated {
		return not{t}
	}
	return t
}

// args reads arguments behind their parenthesis.
func (p *parser) args() (out []argument) {
	for !p.take(")") {
		p.link()
		var a argument
		if next := p.tokens[min(p.at+1, len(p.tokens)-1)]; p.peek().kind == name && next.kind == symbol && next.s == "=" {
			a.name = p.word()
			p.at++
		} else if p.take("**") {
			a.spread = 2
		} else if p.take("*") {
			a.spread = 1
		}
		a.e = p.ternary()
		out = append(out, a)
		if !p.take(",") {
			p.want(")")
			break
		}
	}
	return out
}

func (p *parser) primary() expr {
	t := p.peek()
	p.at++
	switch {
	case t.kind == quote:
		s := t.s
		for p.peek().kind == quote {
			s += p.peek().s
			p.at++
			p.link()
		}
		return literal{s}
	case t.kind == integral:
		n, err := strconv.ParseInt(t.s, 10, 64)
		if err != nil {
			p.fail("number %s", t.s)
		}
		return literal{n}
	case t.kind == decimal:
		f, err := strconv.ParseFloat(t.s, 64)
		if err != nil {
			p.fail("number %s", t.s)
		}
		return literal{f}
	case t.kind == name:
		switch t.s {
		case "true", "True":
			return literal{true}
		case "false", "False":
			return literal{false}
		case "none", "None":
			return literal{nil}
		}
		return variable(t.s)
	case t.kind == symbol && t.s == "(":
		if p.take(")") {
			return tupleExpr{}
		}
		e := p.values()
		p.want(")")
		return e
	case t.kind == symbol && t.s == "[":
		return listExpr(p.members("]"))
	case t.kind == symbol && t.s == "{":
		return p.dictionary()
	}
	p.at--
	p.fail("unexpected %q", t.s)
	return nil
}

func (p *parser) members(closing string) (out []expr) {
	for !p.take(closing) {
		p.link()
		out = append(out, p.ternary())
		if !p.take(",") {
			p.want(closing)
			break
		}
	}
	return out
}

func (p *parser) dictionary() expr {
	var d dictExpr
	for !p.take("}") {
		p.link()
		k := p.ternary()
		p.want(":")
		d = append(d, [2]expr{k, p.ternary()})
		if !p.take(",") {
			p.want("}")
			break
		}
	}
	return d
}
