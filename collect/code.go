package collect

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/go-enry/go-enry/v2"

	"temper/dataset"
)

// Code reads trees of source code: a record is a file of a programming language, told by name, first line and content. Binary,
// generated and vendored files are left out; one of over 8 MiB is bad, as it is data. The license is what the file says (SPDX-License-Identifier), or that of the LICENSE or
// COPYING nearest above it. Meta: language, lines.
type Code struct {
	Root      string   `json:"root" doc:"folder, file or address; or a file named *.urls with addresses, one a line"`
	Include   []string `json:"include,omitempty" doc:"files to read: names, or paths with * for a part and ** for any number of parts" default:"all"`
	Exclude   []string `json:"exclude,omitempty" doc:"paths to leave out" default:"vendor, node_modules, third_party and hidden folders"`
	Languages []string `json:"languages,omitempty" doc:"languages to read, such as go, python, c++" default:"all programming languages"`
	License   string   `json:"license,omitempty" doc:"SPDX identifier" default:"found beside the code"`
}

func (c *Code) common() common {
	return common{root: &c.Root, include: &c.Include, license: &c.License}
}

func (c *Code) fill() {
	if len(c.Exclude) == 0 {
		c.Exclude = []string{"**/vendor/**", "**/node_modules/**", "**/third_party/**", "**/.*/**"}
	}
}

func (c *Code) validate() error {
	for _, name := range c.Languages {
		if _, ok := enry.GetLanguageByAlias(name); !ok {
			return fmt.Errorf("code.languages: no language is called %q", name)
		}
	}
	return checkGlobs(c.Exclude)
}

// maxCode bounds a file of code: what is longer is data.
const maxCode = 8 << 20

func (c *Code) wants(rel string) bool {
	if len(c.Include) > 0 && !named(c.Include, rel) || matchAny(c.Exclude, rel) {
		return false
	}
	names := enry.GetLanguagesByFilename(rel, nil, nil)
	if len(names) == 0 {
		names = enry.GetLanguagesByExtension(rel, nil, nil)
	}
	return len(names) == 0 && path.Ext(rel) == "" || slices.ContainsFunc(names, c.reads)
}

// reads reports whether files of a language are read.
func (c *Code) reads(language string) bool {
	if len(c.Languages) == 0 {
		return enry.GetLanguageType(language) == enry.Programming
	}
	return slices.ContainsFunc(c.Languages, func(name string) bool {
		l, ok := enry.GetLanguageByAlias(name)
		return ok && l == language
	})
}

// read reads the task's files.
func (c *Code) read(r *reader) error {
	for _, p := range r.task.Files {
		if p.Size > maxCode {
			if err := r.reject(p, 0, 0, fmt.Sprintf("file of %d bytes: data rather than code, of which a file has at most %d", p.Size, maxCode), nil); err != nil {
				return err
			}
			continue
		}
		b, ok, err := r.whole(p)
		if err != nil {
			return err
		}
		if !ok || enry.IsBinary(b) || len(bytes.TrimSpace(b)) == 0 {
			continue
		}
		language := enry.GetLanguage(path.Base(p.Name), b)
		if !c.reads(language) || enry.IsGenerated(p.Name, b) {
			continue
		}
		if at := invalid(b); at >= 0 {
			if err := r.reject(p, int64(at), int64(bytes.Count(b[:at], newline)+1), "not UTF-8 text", b[at:]); err != nil {
				return err
			}
			continue
		}
		src := r.source(p)
		if tag := spdxTag(b); r.license == "" && tag != "" {
			src.License = tag
		}
		src.Length, src.Row = int64(len(b)), 1
		meta := dataset.Meta{"language": language, "lines": strconv.Itoa(bytes.Count(b, newline))}
		if err := r.giveText(string(bytes.TrimPrefix(b, mark)), src, meta); err != nil {
			return err
		}
	}
	return nil
}

// named reports whether a file is one that patterns name: those with a slash by its path below the root, others by its name.
func named(globs []string, rel string) bool {
	return slices.ContainsFunc(globs, func(g string) bool {
		if strings.Contains(g, "/") {
			return matchAny([]string{g}, rel)
		}
		return matchAny([]string{g}, path.Base(rel))
	})
}
