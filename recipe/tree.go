package recipe

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A node is a piece of the document, and where it stands.
type node struct {
	file         string
	line, column int

	kind   kind
	text   string   // of a scalar
	keys   []string // of a mapping, in order
	values []*node  // of a mapping or a list
	at     []*node  // where the keys of a mapping stand
}

type kind int

const (
	null kind = iota
	text
	number
	boolean
	mapping
	list
)

func (k kind) String() string {
	return [...]string{"nothing", "text", "a number", "true or false", "a mapping", "a list"}[k]
}

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	for i, k := range n.keys {
		if k == key {
			return n.values[i]
		}
	}
	return nil
}

// The bounds of a document: far beyond any recipe, near enough that a hostile one costs nothing.
const (
	maxBytes = 1 << 20
	maxDepth = 32
	maxNodes = 100_000
)

// parse reads one YAML document.
func parse(file string, b []byte) (*node, error) {
	if len(b) > maxBytes {
		return nil, Problems{{File: file, Line: 1, Column: 1, What: fmt.Sprintf("the file has %d bytes; a recipe has at most %d", len(b), maxBytes)}}
	}
	f, err := parser.ParseBytes(b, 0)
	if err != nil {
		return nil, syntax(file, err)
	}
	t := &treeMaker{file: file}
	var docs []ast.Node
	for _, d := range f.Docs {
		if d != nil && d.Body != nil {
			docs = append(docs, d.Body)
		}
	}
	if len(docs) == 0 {
		return nil, Problems{{File: file, Line: 1, Column: 1, What: "the recipe is empty; it begins with name: and collect:"}}
	}
	if len(docs) > 1 {
		n := t.place(docs[1].GetToken())
		return nil, Problems{{File: file, Line: n.line, Column: n.column, What: "a second document; a recipe is one"}}
	}
	n := t.make(docs[0], 0)
	return n, t.err()
}

// syntax places an error of the YAML parser.
func syntax(file string, err error) error {
	p := Problem{File: file, Line: 1, Column: 1, What: strings.SplitN(err.Error(), "\n", 2)[0]}
	var placed interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if errors.As(err, &placed) {
		p.What = placed.GetMessage()
		if t := placed.GetToken(); t != nil && t.Position != nil {
			p.Line, p.Column = t.Position.Line, t.Position.Column
		}
	}
	return Problems{p}
}

// treeMaker makes nodes of YAML's.
type treeMaker struct {
	problems
	file  string
	count int
}

func (t *treeMaker) place(tok *token.Token) *node {
	n := &node{file: t.file, line: 1, column: 1}
	if tok != nil && tok.Position != nil {
		n.line, n.column = tok.Position.Line, tok.Position.Column
	}
	return n
}

func (t *treeMaker) make(y ast.Node, depth int) *node {
	n := t.place(y.GetToken())
	if t.count++; depth > maxDepth || t.count > maxNodes {
		if t.count <= maxNodes+1 || depth > maxDepth {
			t.add(n, "", "the document is too deep or too large")
		}
		return n
	}
	switch y := y.(type) {
	case *ast.NullNode:
	case *ast.BoolNode:
		n.kind, n.text = boolean, y.GetToken().Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		n.kind, n.text = number, y.GetToken().Value
	case *ast.StringNode:
		n.kind, n.text = text, y.Value
	case *ast.LiteralNode:
		n.kind, n.text = text, y.Value.Value
	case *ast.MappingNode:
		n.kind = mapping
		for _, v := range y.Values {
			t.entry(n, v, depth)
		}
		if len(y.Values) > 0 && !y.IsFlowStyle {
			n.line, n.column = n.at[0].line, n.at[0].column
		}
	case *ast.MappingValueNode:
		n.kind = mapping
		t.entry(n, y, depth)
		n.line, n.column = n.at[0].line, n.at[0].column
	case *ast.SequenceNode:
		n.kind = list
		for _, v := range y.Values {
			n.values = append(n.values, t.make(v, depth+1))
		}
	default:
		t.add(n, "", "anchors, aliases and tags are not understood; write the value out")
	}
	return n
}

func (t *treeMaker) entry(n *node, v *ast.MappingValueNode, depth int) {
	key := v.Key.GetToken()
	at := t.place(key)
	name := key.Value
	if s, ok := v.Key.(*ast.StringNode); ok {
		name = s.Value
	}
	n.keys, n.at, n.values = append(n.keys, name), append(n.at, at), append(n.values, t.make(v.Value, depth+1))
}
