package synth

import (
	"slices"
	"strings"
	"unicode"

	"temper/dataset"
)

// maxQuestionWords bounds a question.
const maxQuestionWords = 40

// questionIn is the first line of an answer that has a question, without numbering, quotes and headings; "" if there is none.
func questionIn(answer string) string {
	for line := range strings.Lines(answer) {
		line = strings.Trim(line, "-*#\"'“”` \t\r\n")
		if rest := strings.TrimLeft(line, "0123456789"); rest != line && strings.HasPrefix(strings.TrimLeft(rest, ".)"), " ") {
			line = strings.TrimLeft(rest, ".) ") // a number of a list
		}
		for _, label := range []string{"Question:", "Q:"} {
			line = strings.TrimPrefix(line, label)
		}
		line = strings.Trim(line, "*\"'“”` \t")
		if i := strings.IndexByte(line, '?'); i > 0 {
			line = line[:i+1]
			if n := len(strings.Fields(line)); n >= 3 && n <= maxQuestionWords {
				return line
			}
		}
	}
	return ""
}

// pointing are words that point at a text which the reader of a question has not.
var pointing = []string{"the passage", "the text", "this text", "this passage", "the above", "this function", "this method", "this type",
	"this package", "given text", "the following"}

// selfContained reports whether a question says what it is about: it does not point at a text, and has the name of the record's
// symbol, if that has one. A name with dots must be the symbol's: small models write split.Stable for strings.SplitN.
func selfContained(question string, rec dataset.Record) bool {
	q := strings.ToLower(question)
	if slices.ContainsFunc(pointing, func(s string) bool { return strings.Contains(q, s) }) {
		return false
	}
	path := nameParts(rec.Meta["package"])
	if rec.Meta["kind"] != "package" {
		name := nameParts(rec.Meta["name"])
		if symbol := nameParts(rec.Meta["symbol"]); len(symbol) > len(name) {
			path = append(path, symbol[0]) // the package's name, where it is not in its path
		}
		path = append(path, name...)
	}
	if rec.Meta["name"] == "" || len(path) == 0 {
		return true
	}
	named := false
	for token := range strings.FieldsSeq(q) {
		parts := nameParts(possessive.Replace(token))
		if !slices.Contains(parts, path[len(path)-1]) {
			continue
		}
		if parts[len(parts)-1] != path[len(path)-1] || !within(parts, path) {
			return false
		}
		named = true
	}
	return named
}

// possessive takes the s off a name's.
var possessive = strings.NewReplacer("'s", "", "’s", "")

// nameParts are the parts of a name such as net/http.Client.Do, or of a word, in lower case.
func nameParts(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '-' })
}

// within reports whether parts are in path, in order.
func within(parts, path []string) bool {
	for _, p := range path {
		if len(parts) > 0 && parts[0] == p {
			parts = parts[1:]
		}
	}
	return len(parts) == 0
}

// asking are the words questions start with, which may follow an introduction.
var asking = []string{"What", "Which", "How", "When", "Where", "Why", "Who", "Is", "Are", "Does", "Do", "Can", "In"}

// withPackage is the question with the package that its symbol is in, if it does not name it.
func withPackage(question string, rec dataset.Record) string {
	pkg := rec.Meta["package"]
	if pkg == "" || rec.Meta["name"] == "" || slices.Contains(wordsOf(question), pkg[strings.LastIndexByte(pkg, '/')+1:]) {
		return question
	}
	first, rest, _ := strings.Cut(question, " ")
	if slices.Contains(asking, first) {
		question = strings.ToLower(first) + " " + rest
	}
	return "In Go's " + pkg + " package, " + question
}

// wordsOf are the words of a text in lower case: letters, digits and underscores.
func wordsOf(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' })
}
