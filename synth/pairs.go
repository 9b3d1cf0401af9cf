package synth

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"temper/dataset"
)

// goTemplates are for the records of collect's go_doc.
var goTemplates = []Template{
	{Name: "what", Kind: "func,method,type", Ask: []string{
		"What does {{.name}} in Go's {{.package}} package do?",
		"Explain {{.package}}.{{.name}} in Go.",
		"In Go, what is {{.package}}.{{.name}} for?",
		"Describe {{.name}} from the Go package {{.package}}.",
	}, Answer: "{{.doc}}"},
	{Name: "signature", Kind: "func,method", Ask: []string{
		"What is the signature of {{.name}} in Go's {{.package}} package?",
		"How is {{.package}}.{{.name}} declared in Go?",
		"Show the declaration of {{.name}} from Go's {{.package}} package.",
	}, Answer: "```go\n{{.signature}}\n```\n\n{{.synopsis}}"},
	{Name: "which", Kind: "func", Ask: []string{
		"Which function of Go's {{.package}} package does this: {{.synopsis}}",
		"I need a Go function from {{.package}}: {{.synopsis}} Which one is it?",
	}, Answer: "That is {{.package}}.{{.name}}:\n\n```go\n{{.signature}}\n```"},
	{Name: "example", Kind: "func,method,type", Ask: []string{
		"Show an example of {{.package}}.{{.name}} in Go.",
		"How do I use {{.name}} from Go's {{.package}} package?",
		"Give a short Go example that uses {{.package}}.{{.name}}.",
	}, Answer: "```go\n{{.example}}\n```", Code: true},
	{Name: "package", Kind: "package", Ask: []string{
		"What is Go's {{.package}} package for?",
		"What does the Go package {{.package}} provide?",
	}, Answer: "{{.doc}}"},
	{Name: "values", Kind: "const,var", Ask: []string{
		"What is {{.package}}.{{.name}} in Go?",
	}, Answer: "{{.doc}}\n\n```go\n{{.signature}}\n```", Code: true},
}

// FromTemplates makes pairs of records, in their order. Rows that are not fit come too, with the check that drops them:
// pairs.answer_length. A record that no template applies to makes none. The result is a function of the records and the options.
func FromTemplates(in dataset.Records, o Pairs) dataset.Rows {
	o = o.WithDefaults()
	return func(yield func(dataset.Row, error) bool) {
		recs, err := chosen(in, o.Records, o.Seed)
		if err != nil {
			yield(dataset.Row{}, err)
			return
		}
		for rec, err := range recs {
			if err != nil {
				yield(dataset.Row{}, err)
				return
			}
			for _, row := range o.pairs(rec) {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// chosen streams the records themselves where all are taken, and n of them otherwise.
func chosen(in dataset.Records, n int, seed uint64) (dataset.Records, error) {
	if n == 0 {
		return in, nil
	}
	var all []dataset.Record
	for rec, err := range in {
		if err != nil {
			return nil, err
		}
		all = append(all, rec)
	}
	all = choose(all, n, seed)
	return func(yield func(dataset.Record, error) bool) {
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}, nil
}

// pairs makes the pairs of one record, with templates in an order drawn for it.
func (o Pairs) pairs(rec dataset.Record) []dataset.Row {
	var rows []dataset.Row
	for i, t := range order(o.Templates, hashOf(o.Seed, rec.ID)) {
		if len(rows) == o.PerRecord {
			break
		}
		if t.Kind != "" && !slices.Contains(strings.Split(t.Kind, ","), rec.Meta["kind"]) {
			continue
		}
		ask := t.Ask[hashOf(o.Seed+uint64(i)+1, rec.ID)%uint64(len(t.Ask))]
		question, ok := fill(ask, rec.Meta)
		answer, ok2 := fill(t.Answer, rec.Meta)
		if !ok || !ok2 {
			continue
		}
		if !t.Code {
			answer = cutSentences(answer, o.MaxAnswer)
		}
		n := utf8.RuneCountInString(answer)
		row := made(rec, t.Name, question, answer)
		row = judge(row, dataset.Check{Rule: "pairs.answer_length", Value: float64(n), Op: ">=", Threshold: float64(o.MinAnswer), Drop: n < o.MinAnswer})
		row = judge(row, dataset.Check{Rule: "pairs.answer_length", Value: float64(n), Op: "<=", Threshold: float64(o.MaxAnswer), Drop: n > o.MaxAnswer})
		rows = append(rows, row)
	}
	return rows
}

// order returns the templates in an order told by h.
func order(templates []Template, h uint64) []Template {
	out := slices.Clone(templates)
	for i := len(out) - 1; i > 0; i-- {
		h = h*6364136223846793005 + 1442695040888963407
		j := int(h >> 33 % uint64(i+1))
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// fill executes a template over meta; false if it names what the record does not have.
func fill(text string, meta dataset.Meta) (string, bool) {
	t, err := parse(text)
	if err != nil {
		return "", false
	}
	var b bytes.Buffer
	if t.Execute(&b, map[string]string(meta)) != nil {
		return "", false
	}
	out := strings.TrimSpace(b.String())
	return out, out != ""
}

// lowerFirst is s with a lower first letter, unless the second is a capital too.
func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	next, _ := utf8.DecodeRuneInString(s[n:])
	if unicode.IsUpper(next) {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// cutSentences returns text if it has at most n characters, and else as many of its paragraphs and sentences as fit. It may be ""
// if the first sentence is longer.
func cutSentences(text string, n int) string {
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	end, count := 0, 0
	for i, r := range text {
		if count++; count > n {
			break
		}
		after := text[i+utf8.RuneLen(r):]
		switch {
		case r == '\n' && strings.HasPrefix(after, "\n"):
			end = i
		case (r == '.' || r == '!' || r == '?') && (strings.HasPrefix(after, " ") || strings.HasPrefix(after, "\n")) && !abbreviated(text[:i]):
			end = i + 1
		}
	}
	return strings.TrimSpace(text[:end])
}

// abbreviated reports whether a full stop after s ends an abbreviation rather than a sentence.
func abbreviated(s string) bool {
	word := s[strings.LastIndexAny(s, " \n(")+1:]
	return slices.Contains([]string{"e.g", "i.e", "etc", "vs", "cf", "p", "pp", "Sec", "No", "e.g.", "i.e."}, word) || utf8.RuneCountInString(word) == 1 && word != "I"
}
