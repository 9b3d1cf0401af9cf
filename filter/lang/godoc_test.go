package lang

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// documented are packages of the standard library whose comments are read.
const documented = "archive/zip bufio bytes compress/flate container/heap context crypto crypto/ed25519 crypto/tls database/sql " +
	"encoding/json errors flag fmt go/ast hash/crc32 html/template image io io/fs iter log/slog maps math math/big math/rand/v2 net " +
	"net/http net/url os os/exec path/filepath reflect regexp runtime slices sort strconv strings sync sync/atomic syscall testing " +
	"text/template time unicode unicode/utf8 unsafe"

// docs returns, for each documented function and type, its package, its declaration and its comment, as a collector has them.
func docs(t testing.TB) (texts []string) {
	t.Helper()
	for _, pkg := range strings.Fields(documented) {
		files, err := filepath.Glob(filepath.Join(build.Default.GOROOT, "src", pkg, "*.go"))
		if err != nil || len(files) == 0 {
			t.Skipf("no sources of the standard library: %s: %v", pkg, err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			src, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			file, err := parser.ParseFile(set, f, src, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.IsExported() && fn.Doc != nil {
					texts = append(texts, "package "+pkg+"\n\n"+signature(set, src, fn)+"\n\n"+fn.Doc.Text())
				}
				if g, ok := d.(*ast.GenDecl); ok && g.Doc != nil && g.Tok == token.TYPE {
					texts = append(texts, "package "+pkg+"\n\n"+g.Doc.Text())
				}
			}
		}
	}
	return texts
}

// signature returns the source of a function's declaration.
func signature(set *token.FileSet, src []byte, fn *ast.FuncDecl) string {
	return string(src[set.Position(fn.Pos()).Offset:set.Position(fn.Type.End()).Offset])
}

// Comments of the standard library, short English amid identifiers, are English, and surely so.
func TestGoDoc(t *testing.T) {
	texts := docs(t)
	english, sure := 0, 0
	for _, text := range texts {
		code, score := Identify(text)
		if code == "en" {
			english++
		} else {
			t.Logf("%s %.2f: %q", code, score, text)
		}
		if code == "en" && score > 0.8 {
			sure++
		} else if code == "en" {
			t.Logf("only %.2f: %q", score, text)
		}
	}
	n := float64(len(texts))
	t.Logf("%d comments: %.2f%% en, %.2f%% above 0.8", len(texts), 100*float64(english)/n, 100*float64(sure)/n)
	if float64(english) < 0.99*n || float64(sure) < 0.97*n {
		t.Errorf("of %d comments %d are en, %d above 0.8", len(texts), english, sure)
	}
}
