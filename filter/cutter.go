package filter

import (
	"strings"

	"temper/dataset"
)

// A cutter makes the edits that leave some lines of a text: kept ones stand each on its own line, without empty lines
// between them and without the spaces around them.
type cutter struct {
	text  string
	rule  string
	edits []dataset.Edit
	kept  bool // a line was kept
	end   int  // of the last kept line
}

// keep keeps the line text[start:end].
func (c *cutter) keep(start, end int) {
	between := "\n"
	if !c.kept {
		between = ""
	}
	c.replace(c.end, start, between)
	c.kept, c.end = true, end
}

// remove takes a span out of the line that was kept last; spans come in order.
func (c *cutter) remove(start, end int) { c.replace(start, end, "") }

// done returns the edits.
func (c *cutter) done() []dataset.Edit {
	c.replace(c.end, len(c.text), "")
	return c.edits
}

func (c *cutter) replace(start, end int, by string) {
	if c.text[start:end] == by {
		return
	}
	// A span that ends the line touches what comes after it: one edit.
	if n := len(c.edits) - 1; n >= 0 && c.edits[n].End == start {
		e := &c.edits[n]
		e.End, e.Old, e.New = end, c.text[e.Start:end], e.New+by
		return
	}
	c.edits = append(c.edits, dataset.Edit{Rule: c.rule, Start: start, End: end, Old: c.text[start:end], New: by})
}

// own gives the edits texts of their own, so that they do not keep a whole large text in memory.
func own(edits []dataset.Edit) []dataset.Edit {
	for i := range edits {
		edits[i].Old = strings.Clone(edits[i].Old)
	}
	return edits
}
