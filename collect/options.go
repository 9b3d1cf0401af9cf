package collect

import (
	"fmt"
	"path"
	"strings"
)

// GoDoc reads a tree of Go packages, such as GOROOT/src: a record for each package, and for each exported and documented
// function, method, type, constant and variable, those of a group together. Generated files are read as others are. Left out are
// files that no build takes in without an experiment, and symbols whose documentation only says not to use them.
//
// The text of a record is the declaration and its documentation, with the line ends within paragraphs and the brackets of links
// taken away. Meta: package, kind, name, symbol (as in tar.Reader.Next), doc, synopsis, and where there are such, signature, receiver, example, output, deprecated.
type GoDoc struct {
	Root    string   `json:"root" doc:"folder of the packages; $GOROOT/src is Go's standard library"`
	Include []string `json:"include,omitempty" doc:"import paths to read, with * for a part of one and ** for any number of parts" default:"all"`
	Exclude []string `json:"exclude,omitempty" doc:"import paths to leave out" default:"internal, vendor, cmd and testdata folders"`
	License string   `json:"license,omitempty" doc:"SPDX identifier" default:"BSD-3-Clause where the LICENSE is Go's"`
}

func (g *GoDoc) common() common {
	return common{root: &g.Root, include: &g.Include, license: &g.License}
}

func (g *GoDoc) validate() error { return checkGlobs(g.Exclude) }

func (g *GoDoc) fill() {
	if len(g.Exclude) == 0 {
		g.Exclude = []string{"**/internal/**", "**/vendor/**", "cmd/**", "**/testdata/**"}
	}
}

func (g *GoDoc) wants(rel string) bool {
	if !strings.HasSuffix(rel, ".go") {
		return false
	}
	for part := range strings.SplitSeq(rel, "/") {
		if part[:1] == "_" || part[:1] == "." { // as go build has it
			return false
		}
	}
	pkg := path.Dir(rel)
	if len(g.Include) > 0 && !matchAny(g.Include, pkg) {
		return false
	}
	return !matchAny(g.Exclude, pkg)
}

// JSONL reads files of JSON objects, one a line; see dataset.ReadObject for the fields that are understood: text, and the turns of
// OpenAI's, ShareGPT's and Alpaca's chat logs.
type JSONL struct {
	Root    string   `json:"root" doc:"folder, file or address; or a file named *.urls with addresses, one a line"`
	Include []string `json:"include,omitempty" doc:"file names to read" default:"*.jsonl, also .gz, .zst, .bz2, .xz"`
	License string   `json:"license,omitempty" doc:"SPDX identifier"`
}

func (j *JSONL) common() common { return common{&j.Root, &j.Include, &j.License, packed("*.jsonl")} }

// JSON reads files that are one array of objects, as chat logs are published, or objects one after another. The fields are those of
// [JSONL]. Records name the bytes of their element.
type JSON struct {
	Root    string   `json:"root" doc:"folder, file or address; or a file named *.urls with addresses, one a line"`
	Include []string `json:"include,omitempty" doc:"file names to read" default:"*.json, also .gz, .zst, .bz2, .xz"`
	License string   `json:"license,omitempty" doc:"SPDX identifier"`
}

func (j *JSON) common() common { return common{&j.Root, &j.Include, &j.License, packed("*.json")} }

// CSV reads tables of comma-separated values (RFC 4180) or tab-separated ones, by the file's name: quoted cells may hold line ends
// and doubled quotes, a quote within a bare cell is itself. The cells of a row go by the columns' names as the fields of a JSON
// object do. A row whose quotes do not close, or with another number of cells, is bad; reading goes on at the next line.
type CSV struct {
	Root      string   `json:"root" doc:"folder, file or address; or a file named *.urls with addresses, one a line"`
	Include   []string `json:"include,omitempty" doc:"file names to read" default:"*.csv, *.tsv, also .gz, .zst, .bz2, .xz"`
	Columns   []string `json:"columns,omitempty" doc:"names of the columns of files without a header line"`
	Text      string   `json:"text,omitempty" doc:"column of the text" default:"by name, as in jsonl"`
	Separator string   `json:"separator,omitempty" doc:"what stands between cells" enum:"comma,tab,semicolon,pipe" default:"tab in .tsv, else comma"`
	Quotes    string   `json:"quotes,omitempty" doc:"double: a cell may be quoted; none: quotes are text" enum:"double,none" default:"double"`
	Charset   string   `json:"charset,omitempty" doc:"encoding of files without a byte order mark, such as windows-1252 or shift_jis" default:"utf-8"`
	License   string   `json:"license,omitempty" doc:"SPDX identifier"`
}

// separators are what may stand between the cells of a row.
var separators = map[string]byte{"comma": ',', "tab": '\t', "semicolon": ';', "pipe": '|'}

func (c *CSV) common() common {
	return common{&c.Root, &c.Include, &c.License, packed("*.csv", "*.tsv")}
}

func (c *CSV) fill() {
	if c.Quotes == "" {
		c.Quotes = "double"
	}
}

func (c *CSV) validate() error {
	switch {
	case c.Quotes != "" && c.Quotes != "double" && c.Quotes != "none":
		return fmt.Errorf("csv.quotes is %q; it must be double or none", c.Quotes)
	case c.Separator != "" && separators[c.Separator] == 0:
		return fmt.Errorf("csv.separator is %q; it must be comma, tab, semicolon or pipe", c.Separator)
	case len(c.Columns) > maxColumns:
		return fmt.Errorf("csv.columns has %d names; at most %d", len(c.Columns), maxColumns)
	}
	return checkCharset("csv", c.Charset)
}

// Parquet reads tables of any writer: the columns go by their names as the fields of a JSON object do; of nested ones only messages
// and conversations are read. A large file is many tasks, by row groups. Datasets that Temper wrote keep their records as they are.
type Parquet struct {
	Root    string   `json:"root" doc:"folder, file or address; or a file named *.urls with addresses, one a line"`
	Include []string `json:"include,omitempty" doc:"file names to read" default:"*.parquet"`
	Text    string   `json:"text,omitempty" doc:"column of the text" default:"by name, as in jsonl"`
	License string   `json:"license,omitempty" doc:"SPDX identifier"`
}

func (p *Parquet) common() common {
	return common{&p.Root, &p.Include, &p.License, []string{"*.parquet"}}
}

// Text reads text files.
type Text struct {
	Root    string   `json:"root" doc:"folder, file or address; or a file named *.urls with addresses, one a line"`
	Include []string `json:"include,omitempty" doc:"file names to read" default:"*.txt"`
	Split   string   `json:"split,omitempty" doc:"a record a file, or a paragraph" enum:"file,paragraph" default:"file"`
	Charset string   `json:"charset,omitempty" doc:"encoding of files without a byte order mark, such as windows-1252 or shift_jis" default:"utf-8"`
	License string   `json:"license,omitempty" doc:"SPDX identifier"`
}

func (t *Text) common() common { return common{&t.Root, &t.Include, &t.License, []string{"*.txt"}} }

func (t *Text) fill() {
	if t.Split == "" {
		t.Split = "file"
	}
}

func (t *Text) validate() error {
	if t.Split != "" && t.Split != "file" && t.Split != "paragraph" {
		return fmt.Errorf("text.split is %q; it must be file or paragraph", t.Split)
	}
	return checkCharset("text", t.Charset)
}

// Markdown reads Markdown files, a record a section.
type Markdown struct {
	Root    string   `json:"root" doc:"folder, file or address; or a file named *.urls with addresses, one a line"`
	Include []string `json:"include,omitempty" doc:"file names to read" default:"*.md, *.markdown"`
	Charset string   `json:"charset,omitempty" doc:"encoding of files without a byte order mark, such as windows-1252 or shift_jis" default:"utf-8"`
	License string   `json:"license,omitempty" doc:"SPDX identifier"`
}

func (m *Markdown) validate() error { return checkCharset("markdown", m.Charset) }

func (m *Markdown) common() common {
	return common{&m.Root, &m.Include, &m.License, []string{"*.md", "*.markdown"}}
}
