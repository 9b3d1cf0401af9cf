package collect

import (
	"cmp"
	"errors"
	"go/ast"
	"go/build/constraint"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/scanner"
	"go/token"
	"path"
	"strings"

	"temper/dataset"
)

// read reads the packages of a task.
func (g *GoDoc) read(r *reader) error {
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
	ast  *ast.File
}

// A goPackage is what the declarations of one folder share.
type goPackage struct {
	r        *reader
	path     string // import path below the root
	fset     *token.FileSet
	imports  map[string]string // paths by the last part, which mostly is the name
	declared map[string]bool   // exported names of types, functions, constants and variables
	seen     map[string]bool   // symbols: a function that is there for several systems is one record
	examples map[string]*doc.Example
}

// goPackage reads one folder. Files that do not parse go to quarantine.
func (r *reader) goPackage(dir string, parts []Part) error {
	p := &goPackage{r: r, path: dir, fset: token.NewFileSet(), imports: map[string]string{}, declared: map[string]bool{}, seen: map[string]bool{}}
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
		case !buildable(f):
		case strings.HasSuffix(part.Name, "_test.go"):
			tests = append(tests, f)
		default:
			code = append(code, goFile{part, f})
			p.declare(f)
		}
	}
	p.examples = examples(tests)
	for _, f := range code {
		if dir == "." { // the root is a package
			p.path = f.ast.Name.Name
		}
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

// buildable reports whether some build takes the file in: one without the tag ignore, and without experiments, whose documentation
// describes what users do not have.
func buildable(f *ast.File) bool {
	for _, g := range f.Comments {
		if g.Pos() > f.Package {
			break
		}
		for _, c := range g.List {
			if !constraint.IsGoBuild(c.Text) {
				continue
			}
			if x, err := constraint.Parse(c.Text); err == nil {
				holds, _ := outcomes(x)
				return holds
			}
		}
	}
	return true
}

// outcomes reports whether x can hold and whether it can fail, each tag for itself, where every tag but ignore and the experiments
// may be set or not.
func outcomes(x constraint.Expr) (holds, fails bool) {
	switch x := x.(type) {
	case *constraint.TagExpr:
		return x.Tag != "ignore" && !strings.HasPrefix(x.Tag, "goexperiment."), true
	case *constraint.NotExpr:
		holds, fails = outcomes(x.X)
		return fails, holds
	case *constraint.AndExpr:
		a, notA := outcomes(x.X)
		b, notB := outcomes(x.Y)
		return a && b, notA || notB
	case *constraint.OrExpr:
		a, notA := outcomes(x.X)
		b, notB := outcomes(x.Y)
		return a || b, notA && notB
	}
	return true, true
}

// file yields the records of one file, in the order of its declarations.
func (p *goPackage) file(f goFile) error {
	if f.ast.Doc != nil {
		s := symbol{kind: "package", name: f.ast.Name.Name, doc: f.ast.Doc, end: f.ast.Name.End()}
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

// plain is a doc comment as plain text: without directives, the brackets of links and the line ends within paragraphs.
func (p *goPackage) plain(c *ast.CommentGroup) string {
	links := comment.Parser{
		LookupPackage: func(name string) (string, bool) {
			if path, ok := p.imports[name]; ok {
				return path, true
			}
			return comment.DefaultLookupPackage(name)
		},
		LookupSym: func(receiver, name string) bool { return p.declared[cmp.Or(receiver, name)] },
	}
	d := links.Parse(c.Text())
	d.Links = nil // what is written as a link stays, where it leads does not
	return strings.TrimSpace(string((&comment.Printer{TextWidth: -1}).Text(d)))
}

// deprecation is the paragraph of a documentation that says not to use the symbol, or "". Source: go.dev/wiki/Deprecated.
func deprecation(text string) string {
	for par := range strings.SplitSeq(text, "\n\n") {
		if strings.HasPrefix(par, "Deprecated: ") {
			return par
		}
	}
	return ""
}

// give yields a symbol as a record, the first time it comes. One whose documentation only says not to use it is none.
func (p *goPackage) give(f goFile, s symbol) error {
	key := s.kind + " " + s.name
	if s.kind == "package" {
		key = s.kind
	}
	text := p.plain(s.doc)
	deprecated := deprecation(text)
	if p.seen[key] || text == "" || text == deprecated {
		return nil
	}
	p.seen[key] = true
	from, to := p.fset.PositionFor(s.doc.Pos(), false), p.fset.PositionFor(s.end, false)
	src := p.r.source(f.part)
	src.Offset, src.Length, src.Row = int64(from.Offset), int64(to.Offset-from.Offset), int64(from.Line)
	symbol := f.ast.Name.Name // as code says it
	if s.kind != "package" {
		symbol += "." + s.name
	}
	meta := dataset.Meta{"package": p.path, "kind": s.kind, "name": s.name, "symbol": symbol, "doc": text}
	for key, v := range map[string]string{
		"synopsis": new(doc.Package).Synopsis(text), "signature": s.signature, "receiver": s.receiver, "deprecated": deprecated,
	} {
		if v != "" {
			meta[key] = v
		}
	}
	if e := p.examples[s.example()]; e != nil {
		if code := p.code(e); code != "" {
			meta["example"] = code
			if out := strings.TrimSpace(e.Output); out != "" {
				meta["output"] = out
			}
		}
	}
	rec := dataset.Record{Text: goText(meta), Meta: meta, Source: src}
	rec.ID = dataset.RecordID(src.URI, src.Offset, rec.Text)
	return p.r.give(rec)
}

// goText is a symbol as people read it: where it is, its signature, its documentation.
func goText(m dataset.Meta) string {
	head := "package " + m["package"]
	if m["signature"] != "" {
		head += "\n\n" + m["signature"]
	} else if m["kind"] != "package" {
		head += "\n\n" + m["kind"] + " " + m["name"]
	}
	return head + "\n\n" + m["doc"]
}
