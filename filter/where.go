package filter

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"temper/dataset"
)

// Bounds of an expression, so that one of a stranger's recipe cannot stall a worker.
const (
	maxExpression = 4096 // bytes
	maxNodes      = 500
	maxElements   = 100_000 // that one evaluation may build
)

// functions are what an expression can call: pure ones (no clock, no order of a map) whose result is no larger than
// what they are given.
var functions = []string{"len", "lower", "upper", "trim", "trimPrefix", "trimSuffix", "hasPrefix", "hasSuffix", "indexOf",
	"lastIndexOf", "split", "any", "all", "none", "one", "count", "filter", "map", "find", "first", "last", "sum", "mean",
	"min", "max", "abs", "ceil", "floor", "round", "int", "float", "string"}

// A where is one expression. What it can name: text, id, words, chars, the signals of the steps before it, meta (the
// record's free fields) and source (uri, license, and the fields of meta); fields that a record lacks are empty. True
// keeps the record.
type where struct {
	text    string
	program *vm.Program
	known   scope
}

func (w *where) name() string    { return stepWhere }
func (w *where) names() []string { return nil }
func (w *where) score(*subject)  {}

func (w *where) validate() error {
	if strings.TrimSpace(w.text) == "" {
		return errors.New("empty expression")
	}
	if len(w.text) > maxExpression {
		return fmt.Errorf("expression of %d bytes: must be at most %d", len(w.text), maxExpression)
	}
	return nil
}

// A scope is what an expression can name, each with a value of its type.
type scope map[string]any

func newScope() scope {
	return scope{"text": "", "id": "", SignalWords: 0.0, SignalChars: 0.0, "meta": map[string]string{}, "source": map[string]string{}}
}

func (s scope) add(signals []string) {
	for _, name := range signals {
		s[name] = 0.0
		if name == signalLanguage || name == signalBucket {
			s[name] = ""
		}
	}
}

// compile compiles the expression with what is known at its place.
func (w *where) compile(known scope) error {
	w.known = maps.Clone(known)
	options := []expr.Option{expr.Env(map[string]any(w.known)), expr.AsBool(), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins()}
	for _, name := range functions {
		options = append(options, expr.EnableBuiltin(name))
	}
	program, err := expr.Compile(w.text, options...)
	if err != nil {
		return w.explain(err)
	}
	root := program.Node()
	var b bounds
	ast.Walk(&root, &b)
	if b.reason != "" {
		at := &file.Error{Location: b.at, Message: b.reason}
		return w.explain(at.Bind(file.NewSource(w.text)))
	}
	w.program = program
	return nil
}

// A bounds looks for what can take time or memory out of proportion to the record.
type bounds struct {
	at     file.Location
	reason string
}

// Visit implements [ast.Visitor]; it is called for inner nodes first.
func (b *bounds) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.PredicateNode:
		var inner loops
		ast.Walk(&n.Node, &inner)
		if inner > 0 {
			b.at, b.reason = n.Location(), "a condition over a list inside another: must not be nested"
		}
	case *ast.BinaryNode:
		if t := n.Type(); n.Operator == "+" && (t == nil || t.Kind() == reflect.String || t.Kind() == reflect.Interface) {
			b.at, b.reason = n.Location(), "texts cannot be joined with +"
		}
	}
}

// A loops counts conditions over lists.
type loops int

// Visit implements [ast.Visitor].
func (l *loops) Visit(node *ast.Node) {
	if _, ok := (*node).(*ast.PredicateNode); ok {
		*l++
	}
}

// explain puts the position first, and names what there is where a name is unknown.
func (w *where) explain(err error) error {
	var at *file.Error
	if !errors.As(err, &at) {
		return err
	}
	place := fmt.Sprintf("column %d", at.Column+1)
	if at.Line > 1 {
		place = fmt.Sprintf("line %d, column %d", at.Line, at.Column+1)
	}
	if strings.HasPrefix(at.Message, "unknown name ") {
		return fmt.Errorf("%s: %s; known: %s", place, at.Message, strings.Join(slices.Sorted(maps.Keys(w.known)), ", "))
	}
	return fmt.Errorf("%s: %s", place, at.Message)
}

func (w *where) judge(row dataset.Row, checks []dataset.Check) ([]dataset.Check, error) {
	env := make(map[string]any, len(w.known))
	for name, zero := range w.known {
		env[name] = zero
		switch v := row.Signals[name].(type) {
		case float64:
			if _, ok := zero.(float64); ok {
				env[name] = v
			}
		case string:
			if _, ok := zero.(string); ok {
				env[name] = v
			}
		}
	}
	env["text"], env["id"] = Content(row.Record), row.ID
	meta := map[string]string(row.Meta)
	source := make(map[string]string, len(meta)+2)
	maps.Copy(source, meta)
	source["uri"], source["license"] = row.Source.URI, row.Source.License
	env["meta"], env["source"] = meta, source
	machine := vm.VM{MemoryBudget: maxElements}
	out, err := machine.Run(w.program, env)
	if err != nil {
		return nil, w.explain(err)
	}
	c := dataset.Check{Rule: stepWhere, Value: 1, Op: "==", Threshold: 1, Detail: w.text}
	if keep, ok := out.(bool); !ok || !keep {
		c.Value, c.Drop = 0, true
	}
	return append(checks, c), nil
}
