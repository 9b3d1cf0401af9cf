// Package jinja renders chat templates: Jinja2 as the transformers library sets it up (trim_blocks, lstrip_blocks, loop controls,
// generation blocks, an immutable sandbox), without what reaches outside a template: include, import, extends. A template sees its
// variables and nothing else and cannot change them; its steps, depth, output and the bytes it works on are bounded.
//
// Source: the template documentation of Jinja 3.1, and transformers' utils/chat_template_utils.py for the environment.
package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// ErrTemplate means a template that does not parse or cannot be rendered.
var ErrTemplate = errors.New("chat template")

// What one rendering may use.
const (
	maxSteps  = 1 << 22
	maxOutput = 16 << 20  // bytes
	maxWork   = 256 << 20 // bytes of strings and 16 times members of lists made on the way
	maxDepth  = 64        // of blocks, expressions and values
	maxCalls  = 64        // of macros within macros
)

// A failure is what parsing and rendering panic with inside the package.
type failure struct{ error }

func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// caught turns a failure into an error.
func caught(err *error) {
	switch p := recover().(type) {
	case nil:
	case failure:
		*err = fmt.Errorf("%w: %w", ErrTemplate, p.error)
	default:
		panic(p)
	}
}

// A Template is a parsed template. It is safe for concurrent use.
type Template struct{ body []node }

// Parse reads a template.
func Parse(text string) (t *Template, err error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	defer caught(&err)
	p := &parser{tokens: tokens}
	body, ending := p.body()
	if ending != "" {
		p.fail("%s without a beginning", ending)
	}
	return &Template{body}, nil
}

// A Span is a part of the output, in bytes.
type Span struct{ Start, End int }

// Render writes the template with vars: nil, strings, bools, ints, floats, lists ([]any), dictionaries (*Map, or map[string]any in the
// order of their keys) and Funcs. generated are the parts within {% generation %} blocks.
func (t *Template) Render(vars map[string]any) (text string, generated []Span, err error) {
	defer caught(&err)
	r := &renderer{out: &strings.Builder{}, scope: &scope{vars: map[string]any{}}}
	for k, v := range vars {
		r.scope.vars[k] = value(v, 0)
	}
	r.scope = &scope{vars: map[string]any{}, parent: r.scope}
	r.run(t.body)
	return r.out.String(), r.spans, nil
}

// A scope is the names of one block; those of its parents are seen through it.
type scope struct {
	vars   map[string]any
	parent *scope
}

// A renderer is the state of one rendering.
type renderer struct {
	scope               *scope
	out                 *strings.Builder
	spans               []Span
	captured            int // texts being captured instead of written
	steps, work, called int
}

func (r *renderer) step() {
	if r.steps++; r.steps > maxSteps {
		fail("more than %d steps", maxSteps)
	}
}

// spend counts n bytes of work.
func (r *renderer) spend(n int) {
	if r.work += n; n > maxWork || r.work > maxWork {
		fail("more than %d bytes of strings and lists", maxWork)
	}
}

func (r *renderer) get(name string) any {
	for s := r.scope; s != nil; s = s.parent {
		if v, ok := s.vars[name]; ok {
			return v
		}
	}
	if _, ok := functions[name]; ok {
		return function(name)
	}
	return undefined{name}
}

func (r *renderer) write(s string) {
	if r.out.Len()+len(s) > maxOutput {
		fail("more than %d bytes of output", maxOutput)
	}
	r.spend(len(s))
	r.out.WriteString(s)
}

// within runs f in a scope of its own.
func (r *renderer) within(parent *scope, f func()) {
	was := r.scope
	r.scope = &scope{vars: map[string]any{}, parent: parent}
	f()
	r.scope = was
}

// capture is what f writes.
func (r *renderer) capture(f func()) string {
	was := r.out
	r.out = &strings.Builder{}
	r.captured++
	f()
	s := r.out.String()
	r.out = was
	r.captured--
	return s
}
