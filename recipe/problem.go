package recipe

import (
	"fmt"
	"strings"
)

// A Problem is one thing that is wrong with a recipe, and where.
type Problem struct {
	File   string `json:"file"` // or the --set it came by
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Key    string `json:"key,omitempty"` // such as tune.train.lr
	What   string `json:"what"`          // with what would be right
}

func (p Problem) String() string {
	where := fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	if p.Key == "" {
		return where + ": " + p.What
	}
	return where + ": " + p.Key + ": " + p.What
}

// Problems is all that is wrong with a recipe, in the order of the file. It is never empty where it is an error.
type Problems []Problem

// Error gives a line for each.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// maxProblems bounds what one look at a recipe reports.
const maxProblems = 25

// problems collects what is wrong.
type problems struct{ all Problems }

func (p *problems) add(n *node, key, format string, args ...any) {
	if len(p.all) < maxProblems {
		p.all = append(p.all, Problem{File: n.file, Line: n.line, Column: n.column, Key: key, What: fmt.Sprintf(format, args...)})
	}
}

// err is nil while nothing is wrong.
func (p *problems) err() error {
	if len(p.all) == 0 {
		return nil
	}
	return p.all
}

// nearest returns the one of names that is most like name, or "" if none is.
func nearest(name string, names []string) string {
	best, least := "", 1+len(name)/3
	for _, n := range names {
		if d := distance(name, n); d <= least {
			best, least = n, d-1
		}
	}
	return best
}

// distance counts the letters to change, add or leave out to make b of a (Levenshtein 1966).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
