package jinja

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A parser reads tags and expressions; it remembers the first failure.
type parser struct {
	lex lexer
	t   []token
	at  int
	err error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("offset %d: %s: %w", p.lex.at, fmt.Sprintf(format, args...), ErrTemplate)
	}
}

// nodes reads up to the tag that ends a block, whose first word it returns; p.t holds the rest of that tag.
func (p *parser) nodes(depth int) (body []node, ending string) {
	if depth > maxDepth {
		p.fail("blocks nested more than %d deep", maxDepth)
	}
	for p.err == nil {
		text, kind, inside, err := p.lex.next()
		if err != nil {
			p.err = err
			return
		}
		if text != "" {
			body = append(body, textNode(text))
		}
		if kind == 0 {
			return body, ""
		}
		if kind == '#' {
			continue
		}
		if p.t, err = tokens(inside); err != nil {
			p.fail("%v", err)
			return
		}
		p.at = 0
		if kind == '{' {
			body = append(body, printNode{p.whole()})
			continue
		}
		word := p.word()
		if slices.Contains([]string{"elif", "else", "endif", "endfor", "endgeneration"}, word) {
			return body, word
		}
		body = append(body, p.block(word, depth))
	}
	return body, ""
}

// block reads a tag that begins with word, and what it holds.
func (p *parser) block(word string, depth int) node {
	switch word {
	case "if":
		return p.branches(depth)
	case "for":
		n := forNode{name: p.word()}
		p.want("in")
		n.over = p.whole()
		n.body = p.until(depth, "endfor")
		return n
	case "set":
		n := setNode{name: p.word()}
		p.want("=")
		n.e = p.whole()
		return n
	case "generation":
		return generationNode{p.until(depth, "endgeneration")}
	}
	p.fail("{%% %s %%} is not of the subset this build renders", word)
	return textNode("")
}

func (p *parser) until(depth int, ending string) []node {
	body, got := p.nodes(depth + 1)
	if p.err == nil && got != ending {
		p.fail("%q where %s should be", got, ending)
	}
	return body
}

// branches reads an if, its elifs and its else.
func (p *parser) branches(depth int) node {
	n := ifNode{cond: p.whole()}
	var ending string
	n.then, ending = p.nodes(depth + 1)
	switch {
	case ending == "elif":
		n.not = []node{p.branches(depth + 1)}
	case ending == "else":
		n.not = p.until(depth, "endif")
	case ending != "endif" && p.err == nil:
		p.fail("an if without endif")
	}
	return n
}

func (p *parser) peek() token { return p.t[min(p.at, len(p.t)-1)] }

func (p *parser) word() string {
	t := p.peek()
	if t.kind != name {
		p.fail("a name should stand where %q does", t.s)
	}
	p.at++
	return t.s
}

// take consumes s, a symbol or a word, if it stands next.
func (p *parser) take(s string) bool {
	if t := p.peek(); (t.kind == symbol || t.kind == name) && t.s == s {
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

// whole reads an expression that ends with its tag.
func (p *parser) whole() expr {
	e := p.ternary(0)
	if p.err == nil && p.peek().kind != end {
		p.fail("unexpected %q", p.peek().s)
	}
	return e
}

func (p *parser) ternary(depth int) expr {
	if depth > maxDepth {
		p.fail("an expression nested more than %d deep", maxDepth)
	}
	e := p.binary(0, depth)
	if p.err == nil && p.take("if") {
		c := p.binary(0, depth+1)
		var not expr = literal{undefined{}}
		if p.take("else") {
			not = p.ternary(depth + 1)
		}
		return choice{c, e, not}
	}
	return e
}

// levels are the binary operators, the loosest first.
var levels = [][]string{{"or"}, {"and"}, {"==", "!=", "<", ">", "<=", ">=", "in", "not in"}, {"~"}, {"+", "-"}, {"*", "//", "/", "%"}}

func (p *parser) binary(level, depth int) expr {
	if level == 2 && p.take("not") {
		return not{p.binary(2, depth+1)}
	}
	if level == len(levels) {
		return p.unary(depth)
	}
	e := p.binary(level+1, depth)
	for p.err == nil {
		op := ""
		for _, o := range levels[level] {
			if o == "not in" {
				if p.peek().s == "not" && p.t[min(p.at+1, len(p.t)-1)].s == "in" {
					p.at += 2
					op = o
				}
			} else if p.take(o) {
				op = o
			}
			if op != "" {
				break
			}
		}
		if op == "" {
			return e
		}
		e = operation{op, e, p.binary(level+1, depth)}
	}
	return e
}

func (p *parser) unary(depth int) expr {
	if p.take("-") {
		return operation{"-", literal{0}, p.unary(depth + 1)}
	}
	e := p.primary(depth)
	for p.err == nil {
		switch {
		case p.take("."):
			e = index{e, literal{p.word()}}
			if p.take("(") {
				e = p.method(e.(index), depth)
			}
		case p.take("["):
			e = index{e, p.ternary(depth + 1)}
			p.want("]")
		case p.take("|"):
			f := filter{name: p.word(), of: e}
			if p.take("(") {
				f.args = p.args(depth)
			}
			e = f
		case p.take("is"):
			n := p.take("not")
			e = test{p.word(), e}
			if n {
				e = not{e}
			}
		default:
			return e
		}
	}
	return e
}

// method reads a call such as content.strip(): the few that equal a filter.
func (p *parser) method(of index, depth int) expr {
	key, _ := of.key.(literal).v.(string)
	names := map[string]string{"strip": "trim", "upper": "upper", "lower": "lower", "rstrip": "rstrip", "lstrip": "lstrip"}
	if names[key] == "" {
		p.fail("method %q is not of the subset this build renders", key)
	}
	return filter{name: names[key], of: of.of, args: p.args(depth)}
}

func (p *parser) args(depth int) []expr {
	var args []expr
	for p.err == nil && !p.take(")") {
		args = append(args, p.ternary(depth+1))
		if !p.take(",") {
			p.want(")")
			break
		}
	}
	return args
}

func (p *parser) primary(depth int) expr {
	t := p.peek()
	p.at++
	switch {
	case t.kind == text:
		return literal{t.s}
	case t.kind == number:
		n, err := strconv.Atoi(t.s)
		if err != nil {
			p.fail("number %s", t.s)
		}
		return literal{n}
	case t.kind == symbol && t.s == "(":
		e := p.ternary(depth + 1)
		p.want(")")
		return e
	case t.kind == symbol && t.s == "[":
		var l list
		for p.err == nil && !p.take("]") {
			l = append(l, p.ternary(depth+1))
			if !p.take(",") {
				p.want("]")
				break
			}
		}
		return l
	case t.kind == name:
		switch strings.ToLower(t.s) {
		case "true":
			return literal{true}
		case "false":
			return literal{false}
		case "none":
			return literal{nil}
		}
		if p.take("(") {
			return call{t.s, p.args(depth)}
		}
		return variable(t.s)
	}
	p.fail("unexpected %q", t.s)
	return literal{nil}
}
