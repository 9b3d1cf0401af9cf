// Package page takes the main text out of web pages: what a reader came for, without menus, lists of links, comments and notices.
//
// The method is ours, of known parts. A page becomes a tree of elements; elements whose tag or name says that they hold something
// else are left out, unless most of the page's text is in them; the others' paragraphs vote for the elements around them, as in
// Arc90's Readability (2009); and of the winner the blocks that are not mostly links (Kohlschütter et al. 2010, "Boilerplate
// detection using shallow text features", on link density) are its text. The work is linear in the page, whatever is in it.
package page

import (
	"bytes"
	"strings"

	"golang.org/x/net/html/atom"
)

// A Page is the text of a web page.
type Page struct {
	Title    string
	Language string // as the page says, a BCP 47 tag, or ""
	Text     string // the main text, a paragraph a line, or ""
}

// Read takes the text out of a page in UTF-8. The error is ErrTooMuch.
func Read(html []byte) (Page, error) {
	t, err := parse(html)
	if err != nil {
		return Page{}, err
	}
	t.prune()
	return Page{Title: t.title, Language: t.lang, Text: t.render(t.main())}, nil
}

// prune marks the elements that are left out, and counts what is left.
func (t *tree) prune() {
	all := t.nodes[0].chars - t.nodes[0].links
	keep := t.kept()
	for i := 1; i < len(t.nodes); i++ {
		n := &t.nodes[i]
		if n.skip {
			i = int(n.end) - 1
			continue
		}
		if n.tag == 0 || unpruned[n.tag] || keep[i] {
			continue
		}
		if pruned[n.tag] || 10*(n.chars-n.links) < 4*all && isAside(n.names) {
			n.skip = true
			i = int(n.end) - 1
		}
	}
	for i := range t.nodes {
		t.nodes[i].chars, t.nodes[i].links = 0, 0
	}
	t.count()
}

// kept are the elements around what is named the main text, and around quotations, such as posts that a text cites.
func (t *tree) kept() []bool {
	keep := make([]bool, len(t.nodes))
	for i := len(t.nodes) - 1; i > 0; i-- {
		n := &t.nodes[i]
		body := n.tag != 0 && n.chars-n.links >= 200 && isBody(n.names)
		if body || n.tag == atom.Blockquote && n.chars > 0 && !strings.Contains(n.names, "comment") {
			for at := i; at > 0 && !keep[at] && (body || !strings.Contains(t.nodes[at].names, "comment")); at = int(t.nodes[at].parent) {
				keep[at] = true
			}
		}
	}
	return keep
}

// main is the element that holds the main text: the one its paragraphs vote for, or one above it that holds far more of them.
func (t *tree) main() int {
	score, good := t.vote()
	best := 0
	for i := range t.nodes {
		if score[i] == 0 {
			continue
		}
		if isBody(t.nodes[i].names) {
			score[i] *= 3
		}
		score[i] *= 1 - t.density(i)
		if score[i] > score[best] {
			best = i
		}
	}
	for at := best; at > 0; {
		at = int(t.nodes[at].parent)
		if 2*good[at] > 3*good[best] {
			best = at
		}
	}
	return best
}

// vote gives every text's characters to the elements around its block: all to the nearest, a half and a quarter to the next two.
// Good are the characters of paragraphs below an element.
func (t *tree) vote() (score []float64, good []int) {
	score, good = make([]float64, len(t.nodes)), make([]int, len(t.nodes))
	for i := 1; i < len(t.nodes); i++ {
		n := &t.nodes[i]
		if n.skip {
			i = int(n.end) - 1
			continue
		}
		if n.tag != 0 || n.chars < 20 {
			continue
		}
		b := t.block(i)
		if t.density(b) > 0.5 {
			continue
		}
		at, votes := t.nodes[b].parent, float64(n.chars)
		switch tag := t.nodes[b].tag; {
		case tag == atom.P || tag == atom.Blockquote || tag == atom.Pre:
			if n.chars >= 40 {
				good[b] += n.chars
			}
		case holds[tag]: // text that is in no paragraph
			at = int32(b)
		case tag != atom.Td:
			votes *= 0.3
		}
		for range 3 {
			score[at] += votes
			if at == 0 {
				break
			}
			at, votes = t.nodes[at].parent, votes/2
		}
	}
	for i := len(good) - 1; i > 0; i-- {
		good[t.nodes[i].parent] += good[i]
	}
	return score, good
}

// holds are the blocks that hold others, but may have text of their own.
var holds = map[atom.Atom]bool{atom.Div: true, atom.Section: true, atom.Article: true, atom.Body: true, atom.Main: true}

// block is the innermost block around a node.
func (t *tree) block(i int) int {
	for i > 0 && !blocks[t.nodes[i].tag] {
		i = int(t.nodes[i].parent)
	}
	return i
}

// density is the share of an element's text that is in links.
func (t *tree) density(i int) float64 {
	n := &t.nodes[i]
	if n.chars == 0 {
		return 0
	}
	return float64(n.links) / float64(n.chars)
}

// render is the text of an element, a block a line.
func (t *tree) render(root int) string {
	var out, line strings.Builder
	in := -1 // the block of the line
	flush := func() {
		text := strings.Join(strings.Fields(line.String()), " ")
		line.Reset()
		if text == "" || isNotice(text) || t.isTitle(in, text) {
			return
		}
		if out.Len() > 0 {
			out.WriteByte('\n')
		}
		out.WriteString(text)
	}
	for i := root; i < int(t.nodes[root].end); i++ {
		n := &t.nodes[i]
		if n.skip || i > root && blocks[n.tag] && t.boring(i) {
			i = int(n.end) - 1
			continue
		}
		switch {
		case n.tag == atom.Br:
			line.WriteByte('\n')
		case n.tag == 0:
			if b := t.block(i); b != in {
				flush()
				in = b
			}
			line.Write(bytes.ReplaceAll(n.text, []byte{0}, nil))
		}
	}
	flush()
	return out.String()
}

// boring reports whether a block is mostly links.
func (t *tree) boring(i int) bool {
	n := &t.nodes[i]
	switch n.tag {
	case atom.P, atom.Li, atom.Dd, atom.Td:
		return n.links > 0 && n.chars-n.links < 15 && n.chars < 200
	case atom.Tr, atom.Tbody, atom.Table:
		return false
	}
	return n.chars > 0 && t.density(i) > 0.6
}

// isTitle reports whether a heading says the page's title again.
func (t *tree) isTitle(i int, text string) bool {
	if i < 0 || t.title == "" {
		return false
	}
	if tag := t.nodes[i].tag; tag != atom.H1 && tag != atom.H2 {
		return false
	}
	return t.nodes[i].tag == atom.H1 || strings.Contains(strings.ToLower(t.title), strings.ToLower(text))
}
