// Package jinja renders the subset of Jinja2 that chat templates are commonly written in: for, if, set, generation blocks, output with
// operators, tests and a few filters, whitespace control with trim_blocks and lstrip_blocks on. A template cannot reach anything
// but its variables, and its output and steps are bounded. What is outside the subset is an error naming its offset.
package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// ErrTemplate means a template that does not parse or cannot be rendered.
var ErrTemplate = errors.New("chat template")

const (
	maxSteps  = 1 << 20
	maxOutput = 16 << 20 // bytes
	maxDepth  = 64
)

// A Template is a parsed template. It is safe for concurrent use.
type Template struct{ body []node }

// Parse reads a template.
func Parse(text string) (*Template, error) {
	p := &parser{lex: lexer{s: strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n")}}
	body, end := p.nodes(0)
	if p.err == nil && end != "" {
		p.fail("%s without a beginning", end)
	}
	if p.err != nil {
		return nil, p.err
	}
	return &Template{body}, nil
}

// A Span is a part of the output, in bytes.
type Span struct{ Start, End int }

// Render writes the template with vars: strings, bools, ints, []any and map[string]any. generated are the parts within
// {% generation %} blocks.
func (t *Template) Render(vars map[string]any) (text string, generated []Span, err error) {
	r := &renderer{scope: []map[string]any{vars}}
	r.run(t.body)
	if r.err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrTemplate, r.err)
	}
	return r.out.String(), r.spans, nil
}

// A renderer is the state of one rendering.
type renderer struct {
	scope []map[string]any
	out   strings.Builder
	spans []Span
	steps int
	err   error
}

func (r *renderer) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *renderer) step() bool {
	if r.steps++; r.steps > maxSteps {
		r.fail("more than %d steps", maxSteps)
	}
	return r.err == nil
}

func (r *renderer) get(name string) any {
	for i := len(r.scope) - 1; i >= 0; i-- {
		if v, ok := r.scope[i][name]; ok {
			return v
		}
	}
	return undefined{}
}

// undefined is the value of a name that is not there.
type undefined struct{}

// A node is a part of a template.
type node interface{ run(r *renderer) }

func (r *renderer) run(body []node) {
	for _, n := range body {
		if !r.step() {
			return
		}
		n.run(r)
	}
}

type textNode string

func (n textNode) run(r *renderer) { r.write(string(n)) }

func (r *renderer) write(s string) {
	if r.out.Len()+len(s) > maxOutput {
		r.fail("more than %d bytes of output", maxOutput)
		return
	}
	r.out.WriteString(s)
}

type printNode struct{ e expr }

func (n printNode) run(r *renderer) { r.write(str(n.e.eval(r))) }

type setNode struct {
	name string
	e    expr
}

func (n setNode) run(r *renderer) { r.scope[len(r.scope)-1][n.name] = n.e.eval(r) }

type ifNode struct {
	cond      expr // nil: else
	then, not []node
}

func (n ifNode) run(r *renderer) {
	if truth(n.cond.eval(r)) {
		r.run(n.then)
	} else {
		r.run(n.not)
	}
}

type generationNode struct{ body []node }

func (n generationNode) run(r *renderer) {
	at := r.out.Len()
	r.run(n.body)
	r.spans = append(r.spans, Span{at, r.out.Len()})
}

type forNode struct {
	name string
	over expr
	body []node
}

func (n forNode) run(r *renderer) {
	list, ok := n.over.eval(r).([]any)
	if !ok {
		r.fail("for %s: what it goes over is no list", n.name)
		return
	}
	for i, v := range list {
		r.scope = append(r.scope, map[string]any{n.name: v, "loop": map[string]any{
			"index": i + 1, "index0": i, "first": i == 0, "last": i == len(list)-1, "length": len(list),
		}})
		r.run(n.body)
		r.scope = r.scope[:len(r.scope)-1]
		if r.err != nil {
			return
		}
	}
}
