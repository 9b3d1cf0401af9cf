package collect

import (
	"bytes"
	"go/ast"
	"go/doc"
	"go/format"
	"go/parser"
	"go/printer"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of what go_doc copies into meta.
const (
	maxSignatureLines = 20
	maxExampleLines   = 40
)

// A symbol is one documented declaration.
type symbol struct {
	kind, name, receiver, signature string
	doc                             *ast.CommentGroup
	end                             token.Pos
}

// example is the symbol's name among the examples.
func (s symbol) example() string {
	switch s.kind {
	case "func", "method", "type":
		return s.name
	case "package":
		return ""
	}
	return "no example" // no name of an example has a space
}

// declare notes what a file imports, and what it declares for the whole package.
func (p *goPackage) declare(f *ast.File) {
	for _, spec := range f.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err == nil {
			p.imports[path.Base(name)] = name
		}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				p.declared[d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					p.declared[spec.Name.Name] = true
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						p.declared[name.Name] = true
					}
				}
			}
		}
	}
}

// function yields an exported function, or a method of an exported type.
func (p *goPackage) function(f goFile, d *ast.FuncDecl) error {
	if d.Doc == nil || !d.Name.IsExported() {
		return nil
	}
	s := symbol{kind: "func", name: d.Name.Name, doc: d.Doc, end: d.End()}
	if d.Recv != nil && len(d.Recv.List) > 0 {
		s.kind, s.receiver = "method", receiver(d.Recv.List[0].Type)
		if !ast.IsExported(s.receiver) {
			return nil
		}
		s.name = s.receiver + "." + d.Name.Name
	}
	s.signature = p.print(&ast.FuncDecl{Recv: d.Recv, Name: d.Name, Type: d.Type})
	return p.give(f, s)
}

// receiver is the name of a receiver's type.
func receiver(t ast.Expr) string {
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// group yields the types, or the constants or variables, of a declaration.
func (p *goPackage) group(f goFile, d *ast.GenDecl) error {
	if d.Tok == token.CONST || d.Tok == token.VAR {
		return p.values(f, d)
	}
	for _, spec := range d.Specs {
		if spec, ok := spec.(*ast.TypeSpec); ok {
			if err := p.typ(f, d, spec); err != nil {
				return err
			}
		}
	}
	return nil
}

// typ yields an exported type.
func (p *goPackage) typ(f goFile, d *ast.GenDecl, spec *ast.TypeSpec) error {
	s := symbol{kind: "type", name: spec.Name.Name, doc: spec.Doc, end: spec.End()}
	if s.doc == nil && len(d.Specs) == 1 {
		s.doc, s.end = d.Doc, d.End()
	}
	if s.doc == nil || !spec.Name.IsExported() {
		return nil
	}
	spec.Doc = nil // it is not a part of the signature
	one := &ast.GenDecl{Tok: token.TYPE, Specs: []ast.Spec{spec}}
	ast.FileExports(&ast.File{Decls: []ast.Decl{one}}) // fields that are not exported are no documentation
	s.signature = p.print(one)
	return p.give(f, s)
}

// values yields a group of constants or variables under its first exported name, and those of its members whose comment is
// documentation: it starts with their name, as is the custom.
func (p *goPackage) values(f goFile, d *ast.GenDecl) error {
	if d.Doc != nil {
		if name := exported(d.Specs...); name != "" {
			s := symbol{kind: d.Tok.String(), name: name, doc: d.Doc, end: d.End()}
			s.signature = p.print(&ast.GenDecl{Tok: d.Tok, Lparen: d.Lparen, Specs: d.Specs, Rparen: d.Rparen})
			if err := p.give(f, s); err != nil {
				return err
			}
		}
	}
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		name := exported(spec)
		if !ok || name == "" || v.Doc == nil || !strings.HasPrefix(article.ReplaceAllString(v.Doc.Text(), ""), name) {
			continue
		}
		s := symbol{kind: d.Tok.String(), name: name, doc: v.Doc, end: v.End()}
		if v.Doc = nil; v.Type != nil || v.Values != nil { // else it goes on the one before
			s.signature = p.print(&ast.GenDecl{Tok: d.Tok, Specs: []ast.Spec{v}})
		}
		if err := p.give(f, s); err != nil {
			return err
		}
	}
	return nil
}

// article is one at the start of a sentence.
var article = regexp.MustCompile(`^(A|An|The) `)

// exported is the first exported name among constants or variables, or "".
func exported(specs ...ast.Spec) string {
	for _, spec := range specs {
		if v, ok := spec.(*ast.ValueSpec); ok {
			for _, name := range v.Names {
				if name.IsExported() {
					return name.Name
				}
			}
		}
	}
	return ""
}

// print formats a declaration, without its comments and blank lines if it is longer than maxSignatureLines; "" if it is longer still.
func (p *goPackage) print(node ast.Decl) string {
	var b bytes.Buffer
	if format.Node(&b, p.fset, node) != nil {
		return ""
	}
	out := strings.TrimSpace(b.String())
	if short(out) {
		return out
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", "package p\n"+out, parser.SkipObjectResolution)
	if err != nil || len(f.Decls) != 1 {
		return ""
	}
	b.Reset()
	if format.Node(&b, fset, f.Decls[0]) != nil {
		return ""
	}
	tight, err := format.Source(bytes.ReplaceAll(b.Bytes(), []byte("\n\n"), newline)) // which also aligns it
	if out = strings.TrimSpace(string(tight)); err != nil || !short(out) {
		return ""
	}
	return out
}

func short(code string) bool { return strings.Count(code, "\n") < maxSignatureLines }

// examples are the examples in test files by the symbol they show; "" is the package. Of several the one without a suffix counts, and
// else the first. Source: the naming rules of package testing.
func examples(tests []*ast.File) map[string]*doc.Example {
	out := map[string]*doc.Example{}
	suffixed := map[string]bool{}
	for _, e := range doc.Examples(tests...) {
		name, suffix := e.Name, false
		if i := strings.LastIndexByte(name, '_'); i >= 0 {
			if r, _ := utf8.DecodeRuneInString(name[i+1:]); !unicode.IsUpper(r) {
				name, suffix = name[:i], true
			}
		}
		name = strings.ReplaceAll(name, "_", ".")
		if out[name] == nil || suffixed[name] && !suffix {
			out[name], suffixed[name] = e, suffix
		}
	}
	return out
}

// code is the body of an example, or the whole program if it needs declarations of its own; "" if it is long.
func (p *goPackage) code(e *doc.Example) string {
	node, comments := e.Code, e.Comments
	if _, whole := node.(*ast.File); whole {
		if e.Play == nil {
			return ""
		}
		node, comments = e.Play, e.Play.Comments
	}
	var b bytes.Buffer
	if format.Node(&b, p.fset, &printer.CommentedNode{Node: node, Comments: comments}) != nil {
		return ""
	}
	body := strings.TrimSpace(b.String())
	if node == e.Code {
		body = strings.TrimSuffix(strings.TrimPrefix(body, "{"), "}")
	}
	var out []string
	for line := range strings.SplitSeq(strings.Trim(body, "\n"), "\n") {
		if node == e.Code {
			line = strings.TrimPrefix(line, "\t")
			if l := strings.ToLower(line); strings.HasPrefix(l, "// output:") || strings.HasPrefix(l, "// unordered output:") {
				break
			}
		}
		if out = append(out, strings.TrimRight(line, " \t")); len(out) > maxExampleLines {
			return ""
		}
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}
