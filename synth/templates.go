package synth

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"unicode"
	"unicode/utf8"

	"temper/dataset"
)

// goTemplates are for the records of collect's go_doc. Each question names the symbol and its package, and its answer follows from
// the record alone.
var goTemplates = []Template{
	{Name: "what", Kind: "func,method", Ask: []string{
		"What does {{called .}} do in Go?",
		"What does {{.name}} in Go's {{.package}} package do?",
		"In Go, what is {{called .}} for?",
		"Explain what {{called .}} does in Go.",
		"What happens when a Go program calls {{called .}}?",
	}, Answer: `{{lacks . "deprecated"}}{{about .}}{{.doc}}`},
	{Name: "type", Kind: "type", Ask: []string{
		"What is {{called .}} in Go?",
		"What is the type {{.name}} in Go's {{.package}} package?",
		"Describe the Go type {{called .}}.",
		"Explain the type {{.name}} of the Go package {{.package}}.",
	}, Answer: `{{lacks . "deprecated"}}{{about .}}{{.doc}}`},
	{Name: "signature", Kind: "func,method", Ask: []string{
		"What is the signature of {{called .}} in Go?",
		"How is {{.name}} in Go's {{.package}} package declared?",
		"Show the declaration of {{called .}} in Go.",
		"Which parameters and results does {{called .}} have in Go?",
	}, Answer: `{{lacks . "deprecated"}}{{about .}}` + "```go\n{{.signature}}\n```\n\n{{.synopsis}}", Code: true},
	{Name: "which", Kind: "func", Ask: []string{
		"Which function in Go's {{.package}} package {{does .}}?",
		"What is the name of the function in Go's {{.package}} package that {{does .}}?",
		"I need a function of Go's {{.package}} package that {{does .}}. Which one is it?",
	}, Answer: `{{lacks . "deprecated"}}` + "That is {{.symbol}}:\n\n```go\n{{.signature}}\n```", Code: true},
	{Name: "which_method", Kind: "method", Ask: []string{
		"Which method of {{.receiver}} in Go's {{.package}} package {{does .}}?",
		"What is the name of the method of {{.receiver}}, of Go's {{.package}} package, that {{does .}}?",
	}, Answer: `{{lacks . "deprecated"}}` + "That is {{.symbol}}:\n\n```go\n{{.signature}}\n```", Code: true},
	{Name: "example", Kind: "func,method,type", Ask: []string{
		"Show an example of {{called .}} in Go.",
		"How do I use {{.name}} from Go's {{.package}} package?",
		"Give a short Go example that uses {{called .}}.",
	}, Answer: `{{lacks . "deprecated"}}` + "```go\n{{.example}}\n```{{with index . \"output\"}}\n\nIt prints:\n\n```\n{{.}}\n```{{end}}", Code: true},
	{Name: "package", Kind: "package", Ask: []string{
		"What is Go's {{.package}} package for?",
		"What does the Go package {{.package}} provide?",
		"Describe Go's {{.package}} package.",
	}, Answer: `{{lacks . "deprecated"}}{{about .}}{{.doc}}`},
	{Name: "value", Kind: "const,var", Ask: []string{
		"What is {{called .}} in Go?",
		"What does {{.name}} mean in Go's {{.package}} package?",
	}, Answer: `{{lacks . "deprecated"}}{{about .}}` + "{{.doc}}{{with index . \"signature\"}}\n\n```go\n{{.}}\n```{{end}}", Code: true},
	{Name: "deprecated", Kind: "func,method,type,const,var", Ask: []string{
		"Should I use {{called .}} in new Go code?",
		"Is {{called .}} still recommended in Go?",
	}, Answer: "No, {{.symbol}} is deprecated. {{advice .}}"},
}

// errSkip means that a template does not fit a record.
var errSkip = errors.New("does not fit")

// functions are what templates can call beside what package text/template has. All but lower take the record's meta, as {{called .}}.
var functions = template.FuncMap{
	"lower":  lowerFirst,
	"lacks":  lacks,
	"about":  about,
	"called": called,
	"does":   does,
	"advice": advice,
}

// lacks is "" for records without the field; the template is not for the others.
func lacks(meta map[string]string, field string) (string, error) {
	if meta[field] != "" {
		return "", errSkip
	}
	return "", nil
}

// lastName is the name without what it belongs to.
func lastName(meta map[string]string) string {
	return meta["name"][strings.LastIndexByte(meta["name"], '.')+1:]
}

// about is "" for records whose documentation is about them: it starts with their name, as is the custom of Go.
func about(meta map[string]string) (string, error) {
	doc := meta["doc"]
	for _, article := range []string{"A ", "An ", "The ", "Package ", "Command "} {
		if rest, ok := strings.CutPrefix(doc, article); ok {
			doc = rest
			break
		}
	}
	rest, ok := strings.CutPrefix(doc, lastName(meta))
	if r, _ := utf8.DecodeRuneInString(rest); !ok || unicode.IsLetter(r) || unicode.IsDigit(r) {
		return "", errSkip
	}
	return "", nil
}

// called is what people call a symbol: strings.Fields, or http.Get from net/http, where the package's path says more than its name.
func called(meta map[string]string) (string, error) {
	symbol, pkg := meta["symbol"], meta["package"]
	switch {
	case symbol == "" || pkg == "":
		return "", errSkip
	case strings.HasPrefix(symbol, pkg+"."):
		return symbol, nil
	}
	return symbol + " from " + pkg, nil
}

// does is what a function does, in the words of its synopsis without its name: "splits s around white space".
func does(meta map[string]string) (string, error) {
	rest, ok := strings.CutPrefix(meta["synopsis"], lastName(meta)+" ")
	rest = strings.TrimSuffix(rest, ".")
	verb, object, _ := strings.Cut(rest, " ")
	switch {
	case !ok, !strings.HasSuffix(verb, "s"), strings.ToLower(verb) != verb, len(strings.Fields(object)) < 3, // too little to tell it by
		verb == "is", verb == "implements", strings.Contains(rest, lastName(meta)), strings.ContainsAny(rest, ";:"):
		return "", errSkip
	}
	return rest, nil
}

// advice is what a deprecation says to do, as sentences.
func advice(meta map[string]string) (string, error) {
	text, ok := strings.CutPrefix(meta["deprecated"], "Deprecated: ")
	r, n := utf8.DecodeRuneInString(text)
	if !ok || n == 0 {
		return "", errSkip
	}
	return string(unicode.ToUpper(r)) + text[n:], nil
}

// lowerFirst is s with a lower first letter, unless the second is a capital too.
func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	next, _ := utf8.DecodeRuneInString(s[n:])
	if r == utf8.RuneError || unicode.IsUpper(next) {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// A form is a template that was parsed.
type form struct {
	Template
	kinds  []string // nil for any
	ask    []*template.Template
	answer *template.Template
}

// forms parses templates. The error names the template.
func forms(templates []Template) ([]form, error) {
	out := make([]form, len(templates))
	for i, t := range templates {
		f := form{Template: t}
		if t.Kind != "" {
			f.kinds = strings.Split(t.Kind, ",")
		}
		if t.Name == "" || t.Answer == "" || len(t.Ask) == 0 {
			return nil, fmt.Errorf("templates[%d] needs name, ask and answer", i)
		}
		for _, text := range append([]string{t.Answer}, t.Ask...) {
			parsed, err := template.New(t.Name).Option("missingkey=error").Funcs(functions).Parse(text)
			if err != nil {
				return nil, fmt.Errorf("templates[%d] (%s): %w", i, t.Name, err)
			}
			f.ask = append(f.ask, parsed)
		}
		f.answer, f.ask = f.ask[0], f.ask[1:]
		out[i] = f
	}
	return out, nil
}

// fill executes a template over meta; false if it does not fit.
func fill(t *template.Template, meta dataset.Meta) (string, bool) {
	var b bytes.Buffer
	if t.Execute(&b, map[string]string(meta)) != nil {
		return "", false
	}
	out := strings.TrimSpace(b.String())
	return out, out != ""
}
