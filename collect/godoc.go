package collect

import (
	"bytes"
	"errors"
	"go/ast"
	"go/build/constraint"
	"go/doc"
	"go/format"
	"go/parser"
	"go/scanner"
	"go/token"
	"path"
	"strings"

	"temper/dataset"
)

// The bounds of what go_doc copies into meta.
const (
	maxSignatureLines = 20
	maxExampleLines   = 40
)

// goDoc reads the packages of a task.
func (r *reader) goDoc() error {
	files := r.task.Files
	for len(files) > 0 {
		dir := path.Dir(files[0].Name)
		n := 1
		for n < len(files) && path.Dir(files[n].Name) == dir {
			n++
		}
		if err := r.goPackage(dir, files[:n]); err != nil {
			return err
		}
		files = files[n:]
	}
	return nil
}

// A goFile is one parsed file.
type goFile struct {
	part Part
	src  []byte
	ast  *ast.File
}

// A goPackage is what the declarations of one folder share.
type goPackage struct {
	r        *reader
	path     string // import path below the root
	name     string
	fset     *token.FileSet
	seen     map[string]bool // symbols: a function that is there for several systems is one record
	examples map[string]*doc.Example
}

// goPackage reads one folder. Files that do not parse go to quarantine.
func (r *reader) goPackage(dir string, parts []Part) error {
	p := &goPackage{r: r, path: dir, fset: token.NewFileSet(), seen: map[string]bool{}, examples: map[string]*doc.Example{}}
	var code []goFile
	var tests []*ast.File
	for _, part := range parts {
		src, ok, err := r.whole(part)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		f, err := parser.ParseFile(p.fset, part.Name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			if err := r.rejectGo(part, src, err); err != nil {
				return err
			}
			continue
		}
		switch {
		case ignored(f):
		case strings.HasSuffix(part.Name, "_test.go"):
			tests = append(tests, f)
		default:
			code = append(code, goFile{part, src, f})
		}
	}
	for _, e := range doc.Examples(tests...) {
		name := strings.ReplaceAll(e.Name, "_", ".")
		if old := p.examples[name]; old == nil || old.Suffix != "" && e.Suffix == "" {
			p.examples[name] = e
		}
	}
	for _, f := range code {
		if err := p.file(f); err != nil {
			return err
		}
	}
	return nil
}

// rejectGo quarantines a file that does not parse, at the place the parser names.
func (r *reader) rejectGo(part Part, src []byte, err error) error {
	at := token.Position{}
	var list scanner.ErrorList
	reason := err.Error()
	if errors.As(err, &list) && len(list) > 0 {
		at, reason = list[0].Pos, list[0].Msg
	}
	offset := min(max(at.Offset, 0), len(src))
	return r.reject(part, int64(offset), int64(at.Line), "not Go: "+reason, src[offset:])
}

// ignored reports whether a build constraint keeps the file out of every build.
func ignored(f *ast.File) bool {
	for _, g := range f.Comments {
		if g.Pos() > f.Package {
			break
		}
		for _, c := range g.List {
			if !constraint.IsGoBuild(c.Text) {
				continue
			}
			if x, err := constraint.Parse(c.Text); err == nil && !x.Eval(func(tag string) bool { return tag != "ignore" }) {
				return true
			}
		}
	}
	return false
}

// file yields the records of one file, in the order of its declarations.
func (p *goPackage) file(f goFile) error {
	p.name = f.ast.Name.Name
	if f.ast.Doc != nil && !p.seen["package"] {
		p.seen["package"] = true
		s := symbol{kind: "package", name: p.name, doc: f.ast.Doc, pos: f.ast.Doc.Pos(), end: f.ast.Name.End(), signature: "package " + p.name, example: ""}
		if err := p.give(f, s); err != nil {
			return err
		}
	}
	for _, d := range f.ast.Decls {
		var err error
		switch d := d.(type) {
		case *ast.FuncDecl:
			err = p.function(f, d)
		case *ast.GenDecl:
			err = p.group(f, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A symbol is one documented declaration.
type symbol struct {
	kind, name, receiver, signature string
	example                         string // its name among the examples
	doc                             *ast.CommentGroup
	pos, end                        token.Pos
}

func (p *goPackage) function(f goFile, d *ast.FuncDecl) error {
	if d.Doc == nil || !d.Name.IsExported() {
		return nil
	}
	s := symbol{kind: "func", name: d.Name.Name, doc: d.Doc, pos: d.Doc.Pos(), end: d.End()}
	if d.Recv != nil && len(d.Recv.List) > 0 {
		s.kind, s.receiver = "method", receiver(d.Recv.List[0].Type)
		if !ast.IsExported(s.receiver) {
			return nil
		}
		s.name = s.receiver + "." + d.Name.Name
	}
	s.example = s.name
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

func (p *goPackage) group(f goFile, d *ast.GenDecl) error {
	switch d.Tok {
	case token.TYPE:
		for _, spec := range d.Specs {
			if err := p.typ(f, d, spec.(*ast.TypeSpec)); err != nil {
				return err
			}
		}
		return nil
	case token.CONST, token.VAR:
		return p.values(f, d)
	}
	return nil
}

func (p *goPackage) typ(f goFile, d *ast.GenDecl, spec *ast.TypeSpec) error {
	s := symbol{kind: "type", name: spec.Name.Name, example: spec.Name.Name, doc: spec.Doc, end: spec.End()}
	if s.doc == nil && len(d.Specs) == 1 {
		s.doc = d.Doc
		s.end = d.End()
	}
	if s.doc == nil || !spec.Name.IsExported() {
		return nil
	}
	s.pos = s.doc.Pos()
	one := &ast.GenDecl{Tok: token.TYPE, Specs: []ast.Spec{spec}}
	ast.FilterDecl(one, ast.IsExported) // unexported fields are not documentation
	s.signature = p.print(one)
	return p.give(f, s)
}

// values yields a group of constants or variables under its first exported name.
func (p *goPackage) values(f goFile, d *ast.GenDecl) error {
	if d.Doc == nil {
		return nil
	}
	for _, spec := range d.Specs {
		for _, name := range spec.(*ast.ValueSpec).Names {
			if name.IsExported() {
				return p.give(f, symbol{kind: d.Tok.String(), name: name.Name, doc: d.Doc, pos: d.Doc.Pos(), end: d.End(),
					signature: p.print(&ast.GenDecl{Tok: d.Tok, Lparen: d.Lparen, Specs: d.Specs, Rparen: d.Rparen})})
			}
		}
	}
	return nil
}

// print formats a declaration in at most maxSignatureLines lines; "" if it is longer.
func (p *goPackage) print(node ast.Node) string {
	var b bytes.Buffer
	if format.Node(&b, p.fset, node) != nil {
		return ""
	}
	out := strings.TrimSpace(b.String())
	if strings.Count(out, "\n") >= maxSignatureLines {
		return ""
	}
	return out
}

// give yields a symbol as a record.
func (p *goPackage) give(f goFile, s symbol) error {
	if key := s.kind + " " + s.name; s.kind != "package" {
		if p.seen[key] {
			return nil
		}
		p.seen[key] = true
	}
	text := strings.TrimSpace(s.doc.Text())
	if text == "" {
		return nil
	}
	from, to := p.fset.Position(s.pos), p.fset.Position(s.end)
	src := p.r.source(f.part)
	src.Offset, src.Length, src.Row = int64(from.Offset), int64(to.Offset-from.Offset), int64(from.Line)
	meta := dataset.Meta{"package": p.path, "kind": s.kind, "name": s.name, "doc": text, "synopsis": new(doc.Package).Synopsis(text)}
	if s.signature != "" && s.kind != "package" {
		meta["signature"] = s.signature
	}
	if s.receiver != "" {
		meta["receiver"] = s.receiver
	}
	if e := p.examples[s.example]; e != nil {
		if code := p.example(e); code != "" {
			meta["example"] = code
			if e.Output != "" {
				meta["output"] = strings.TrimSpace(e.Output)
			}
		}
	}
	rec := dataset.Record{Text: goText(meta, s), Meta: meta, Source: src}
	rec.ID = dataset.RecordID(src.URI, src.Offset, rec.Text)
	return p.r.give(rec)
}

// goText is a symbol as people read it: where it is, its signature, its documentation.
func goText(m dataset.Meta, s symbol) string {
	head := "package " + m["package"]
	if m["signature"] != "" {
		head += "\n\n" + m["signature"]
	} else if s.kind != "package" {
		head += "\n\n" + s.kind + " " + s.name
	}
	return head + "\n\n" + m["doc"]
}

// example is the body of an example, without its braces and indent; "" if it is long.
func (p *goPackage) example(e *doc.Example) string {
	var b bytes.Buffer
	if format.Node(&b, p.fset, e.Code) != nil {
		return ""
	}
	body := b.String()
	if block, ok := e.Code.(*ast.BlockStmt); ok && block != nil {
		body = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(body), "{"), "}")
	}
	lines := strings.Split(strings.Trim(body, "\n"), "\n")
	if len(lines) > maxExampleLines {
		return ""
	}
	for i, l := range lines {
		lines[i] = strings.TrimRight(strings.TrimPrefix(l, "\t"), " \t")
		if strings.HasPrefix(lines[i], "// Output:") || strings.HasPrefix(lines[i], "// Unordered output:") {
			lines = lines[:i]
			break
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
