package jinja

import (
	"fmt"
	"slices"
)

// A parser reads tokens.
type parser struct {
	tokens []token
	at     int
	depth  int // of blocks, brackets and operators
	links  int // of the tag's chains, such as a + b + c
}

// maxLinks bounds what one tag chains, and so the depth of its evaluation.
const maxLinks = 4096

// nest goes one level deeper; what it returns comes back.
func (p *parser) nest() (leave func()) {
	if p.depth++; p.depth > maxDepth {
		p.fail("nested more than %d deep", maxDepth)
	}
	return func() { p.depth-- }
}

// link counts one more operator of a chain.
func (p *parser) link() {
	if p.links++; p.links > maxLinks {
		p.fail("more than %d operators in a tag", maxLinks)
	}
}

func (p *parser) fail(format string, args ...any) {
	fail("offset %d: %s", p.peek().at, fmt.Sprintf(format, args...))
}

func (p *parser) peek() token { return p.tokens[min(p.at, len(p.tokens)-1)] }

func (p *parser) is(s string) bool {
	t := p.peek()
	return (t.kind == symbol || t.kind == name) && t.s == s
}

// take consumes s, a symbol or a word, if it stands next.
func (p *parser) take(s string) bool {
	if p.is(s) {
		p.at++
		return true
	}
	return false
}

func (p *parser) want(s string) {
	if !p.take(s) {
		p.fail("%q should stand where %q does", s, p.peek().s)
	}
}

func (p *parser) word() string {
	t := p.peek()
	if t.kind != name {
		p.fail("a name should stand where %q does", t.s)
	}
	p.at++
	return t.s
}

// close reads the end of a tag.
func (p *parser) close() {
	if p.peek().kind != closed {
		p.fail("unexpected %q", p.peek().s)
	}
	p.at++
	p.links = 0
}

var endings = []string{"elif", "else", "endif", "endfor", "endgeneration", "endset", "endmacro", "endcall", "endfilter", "endwith"}

// body reads up to the tag that ends a block, whose word it returns; the rest of that tag is not read.
func (p *parser) body() (body []node, ending string) {
	defer p.nest()()
	for {
		t := p.peek()
		p.at++
		switch {
		case t.kind == end:
			return body, ""
		case t.kind == data:
			body = append(body, textNode(t.s))
		case t.s == "{{":
			body = append(body, printNode{p.values()})
			p.close()
		default:
			word := p.word()
			if slices.Contains(endings, word) {
				return body, word
			}
			body = append(body, p.statement(word))
		}
	}
}

// until reads a body that ends with ending.
func (p *parser) until(ending string) []node {
	p.close()
	body, got := p.body()
	if got != ending {
		p.fail("%q where %s should be", got, ending)
	}
	p.close()
	return body
}

// statement reads a tag that begins with word, and what it holds.
func (p *parser) statement(word string) (n node) {
	switch word {
	case "if":
		return p.branches()
	case "for":
		return p.loop()
	case "set":
		return p.set()
	case "generation":
		return generationNode{p.until("endgeneration")}
	case "macro":
		m := macro{name: p.word()}
		p.want("(")
		p.params(&m)
		m.body = p.until("endmacro")
		return macroNode{m}
	case "call":
		return p.call()
	case "filter":
		f := p.filters()
		return captureNode{print: true, filters: f, body: p.until("endfilter")}
	case "with":
		w := withNode{}
		for p.peek().kind != closed {
			w.to = append(w.to, p.target())
			p.want("=")
			w.es = append(w.es, p.ternary())
			if !p.take(",") {
				break
			}
		}
		w.body = p.until("endwith")
		return w
	case "break":
		n = jumpNode(breaks)
	case "continue":
		n = jumpNode(continues)
	default:
		p.fail("{%% %s %%} is not rendered here", word)
	}
	p.close()
	return n
}

// branches reads an if, its elifs and its else.
func (p *parser) branches() node {
	var n ifNode
	for ending := "elif"; ending != "endif"; {
		if ending == "elif" {
			n.conds = append(n.conds, p.values())
		} else if ending != "else" || len(n.then) > len(n.conds) {
			p.fail("%q where endif should be", ending)
		}
		p.close()
		var body []node
		last := ending == "else"
		body, ending = p.body()
		n.then = append(n.then, body)
		if last && ending != "endif" {
			p.fail("%q where endif should be", ending)
		}
	}
	p.close()
	return n
}

func (p *parser) loop() node {
	n := forNode{to: p.targets()}
	p.want("in")
	n.over = p.tuple(func() expr { return p.binary(0) })
	if p.take("if") {
		n.cond = p.ternary()
	}
	n.recursive = p.take("recursive")
	p.close()
	var ending string
	if n.body, ending = p.body(); ending == "else" {
		n.otherwise = p.until("endfor")
		return n
	}
	if ending != "endfor" {
		p.fail("%q where endfor should be", ending)
	}
	p.close()
	return n
}

func (p *parser) set() node {
	to := p.targets()
	if p.take("=") {
		n := setNode{to, p.values()}
		p.close()
		return n
	}
	n := captureNode{to: to}
	if p.take("|") {
		n.filters = p.filters()
	}
	n.body = p.until("endset")
	return n
}

// filters reads filters and returns what puts them on an expression.
func (p *parser) filters() func(of expr) expr {
	var chain []filter
	for ok := true; ok; ok = p.take("|") {
		chain = append(chain, p.filter(nil))
	}
	return func(of expr) expr {
		for _, f := range chain {
			f.of = of
			of = f
		}
		return of
	}
}

// targets reads one or several targets, with or without parentheses.
func (p *parser) targets() target {
	defer p.nest()()
	var t target
	if p.take("(") {
		t = p.targets()
		p.want(")")
	} else {
		t = p.target()
	}
	if !p.is(",") {
		return t
	}
	parts := []target{t}
	for p.take(",") {
		if p.peek().kind != name && !p.is("(") || p.is("in") {
			break
		}
		if p.take("(") {
			parts = append(parts, p.targets())
			p.want(")")
		} else {
			parts = append(parts, p.target())
		}
		if len(parts) > maxDepth {
			p.fail("more than %d names", maxDepth)
		}
	}
	return target{parts: parts}
}

func (p *parser) target() target {
	t := target{name: p.word()}
	if p.take(".") {
		t.attribute = p.word()
	}
	return t
}

// params reads a macro's parameters behind their parenthesis.
func (p *parser) params(m *macro) {
	for !p.take(")") {
		m.params = append(m.params, p.word())
		if p.take("=") {
			m.defaults = append(m.defaults, p.ternary())
		} else if m.defaults != nil {
			p.fail("a parameter without a value follows one with")
		}
		if !p.take(",") {
			p.want(")")
			return
		}
	}
}

func (p *parser) call() node {
	n := callNode{caller: macro{name: "caller"}}
	if p.take("(") {
		p.params(&n.caller)
	}
	c, ok := p.unary(true).(call)
	if !ok {
		p.fail("call needs a call")
	}
	n.call, n.caller.body = c, p.until("endcall")
	return n
}
