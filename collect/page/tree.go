package page

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	maxDepth = 256       // of elements; what is deeper becomes a sibling
	maxNodes = 2_000_000 // of a page
)

// ErrTooMuch means that a page has more elements than are read.
var ErrTooMuch = errors.New("the page has too many elements")

// A node is an element, or text where tag is 0. The children of a node follow it.
type node struct {
	tag    atom.Atom
	parent int32
	depth  int32
	end    int32  // the first node after all below this one
	names  string // class, id, role and itemprop, in lower case
	text   []byte // of a text node

	chars int // of the text below, white space apart
	links int // of them, in links
	skip  bool
}

// A tree is a page as elements. It is simpler than a browser's: tags close what they must, and nothing is moved, so that building it
// takes linear time and no recursion.
type tree struct {
	nodes []node
	open  []int32 // elements not closed yet

	title  string
	lang   string
	hidden int // open elements down to the one whose content is not text, or 0
	nested int // elements of its name that are open in it
}

// unread are elements without text of the page.
var unread = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Noscript: true, atom.Template: true, atom.Svg: true, atom.Math: true, atom.Iframe: true, atom.Object: true,
	atom.Select: true, atom.Button: true, atom.Textarea: true, atom.Canvas: true, atom.Audio: true, atom.Video: true, atom.Head: true, atom.Dialog: true,
	atom.Datalist: true, atom.Label: true,
}

// inHead are the elements of a head; any other ends it.
var inHead = map[atom.Atom]bool{
	atom.Title: true, atom.Meta: true, atom.Link: true, atom.Script: true, atom.Style: true, atom.Base: true, atom.Noscript: true, atom.Template: true,
}

// holders are the elements a paragraph outside of them does not end in.
var holders = []atom.Atom{atom.Div, atom.Td, atom.Article, atom.Section, atom.Blockquote, atom.Li}

// void are elements that have no content. Source: HTML, §13.1.2.
var void = map[atom.Atom]bool{
	atom.Area: true, atom.Base: true, atom.Br: true, atom.Col: true, atom.Embed: true, atom.Hr: true, atom.Img: true, atom.Input: true, atom.Link: true,
	atom.Meta: true, atom.Param: true, atom.Source: true, atom.Track: true, atom.Wbr: true, atom.Keygen: true, atom.Frame: true,
}

// blocks are elements that stand on lines of their own.
var blocks = map[atom.Atom]bool{
	atom.Address: true, atom.Article: true, atom.Aside: true, atom.Blockquote: true, atom.Body: true, atom.Center: true, atom.Dd: true, atom.Details: true, atom.Div: true, atom.Dl: true,
	atom.Dt: true, atom.Fieldset: true, atom.Figcaption: true, atom.Figure: true, atom.Footer: true, atom.Form: true, atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true,
	atom.H5: true, atom.H6: true, atom.Header: true, atom.Hgroup: true, atom.Hr: true, atom.Html: true, atom.Li: true, atom.Main: true, atom.Menu: true, atom.Nav: true, atom.Ol: true,
	atom.P: true, atom.Pre: true, atom.Section: true, atom.Summary: true, atom.Table: true, atom.Tbody: true, atom.Td: true, atom.Tfoot: true, atom.Th: true, atom.Thead: true,
	atom.Tr: true, atom.Ul: true,
}

// ends tells which open elements a start tag closes, up to the elements that hold them. Source: HTML, §13.1.2.4.
var ends = map[atom.Atom]struct{ close, within []atom.Atom }{
	atom.Li:     {[]atom.Atom{atom.Li}, []atom.Atom{atom.Ul, atom.Ol, atom.Menu}},
	atom.Dt:     {[]atom.Atom{atom.Dt, atom.Dd}, []atom.Atom{atom.Dl}},
	atom.Dd:     {[]atom.Atom{atom.Dt, atom.Dd}, []atom.Atom{atom.Dl}},
	atom.Tr:     {[]atom.Atom{atom.Tr}, []atom.Atom{atom.Table}},
	atom.Td:     {[]atom.Atom{atom.Td, atom.Th}, []atom.Atom{atom.Tr, atom.Table}},
	atom.Th:     {[]atom.Atom{atom.Td, atom.Th}, []atom.Atom{atom.Tr, atom.Table}},
	atom.Tbody:  {[]atom.Atom{atom.Tbody, atom.Thead}, []atom.Atom{atom.Table}},
	atom.A:      {[]atom.Atom{atom.A}, []atom.Atom{atom.Td, atom.Th, atom.Table}},
	atom.Option: {[]atom.Atom{atom.Option}, []atom.Atom{atom.Select}},
}

// parse builds the tree of a page in UTF-8.
func parse(page []byte) (*tree, error) {
	t := &tree{nodes: []node{{tag: atom.Html}}, open: []int32{0}}
	z := html.NewTokenizer(bytes.NewReader(page))
	z.SetMaxBuf(len(page) + 1)
	for {
		switch z.Next() {
		case html.ErrorToken:
			if err := z.Err(); err != io.EOF {
				return nil, fmt.Errorf("html: %w", err)
			}
			t.closeTo(0)
			t.nodes[0].end = int32(len(t.nodes))
			t.count()
			return t, nil
		case html.TextToken:
			t.addText(z)
		case html.StartTagToken, html.SelfClosingTagToken:
			t.start(z)
		case html.EndTagToken:
			name, _ := z.TagName()
			t.stop(tagOf(name))
		}
		if len(t.nodes) > maxNodes {
			return nil, fmt.Errorf("%w: more than %d", ErrTooMuch, maxNodes)
		}
	}
}

// tagOf names an element; those HTML does not have get a number beyond those it has.
func tagOf(name []byte) atom.Atom {
	if a := atom.Lookup(name); a != 0 {
		return a
	}
	h := uint32(2166136261) // FNV-1a
	for _, b := range name {
		h = (h ^ uint32(b)) * 16777619
	}
	return atom.Atom(h | 1<<31)
}

// top is the innermost open element.
func (t *tree) top() int32 { return t.open[len(t.open)-1] }

func (t *tree) addText(z *html.Tokenizer) {
	if t.hidden > 0 {
		if t.nodes[t.top()].tag == atom.Title && t.title == "" {
			t.title = strings.Join(strings.Fields(string(z.Text())), " ")
		}
		return
	}
	text := z.Text()
	if len(text) == 0 {
		return
	}
	t.nodes = append(t.nodes, node{parent: t.top(), depth: int32(len(t.open)), text: bytes.Clone(text), end: int32(len(t.nodes) + 1)})
}

// start opens an element.
func (t *tree) start(z *html.Tokenizer) {
	raw, more := z.TagName()
	tag := tagOf(raw)
	n := node{tag: tag}
	hidden := false
	for more {
		var key, val []byte
		key, val, more = z.TagAttr()
		switch string(key) {
		case "class", "id", "role", "itemprop":
			n.names += " " + string(bytes.ToLower(val[:min(len(val), 512)]))
		case "hidden":
			hidden = true
		case "aria-hidden":
			hidden = hidden || string(val) == "true"
		case "style":
			hidden = hidden || bytes.Contains(val, []byte("display:none")) || bytes.Contains(val, []byte("display: none"))
		case "lang":
			if tag == atom.Html && t.lang == "" {
				t.lang = strings.ToValidUTF8(string(val[:min(len(val), 35)]), "")
			}
		}
	}
	if tag == atom.Html {
		t.nodes[0].names += n.names
		return
	}
	if t.hidden > 0 && t.nodes[t.open[t.hidden-1]].tag == atom.Head && !inHead[tag] { // its end tag may be missing
		t.closeTo(t.hidden - 1)
	}
	if t.hidden > 0 {
		if tag == t.nodes[t.top()].tag && !void[tag] {
			t.nested++
		}
		if tag != atom.Title {
			return
		}
	}
	if e, ok := ends[tag]; ok {
		t.closeWithin(e.close, e.within)
	}
	if blocks[tag] {
		t.closeWithin([]atom.Atom{atom.P}, holders)
	}
	n.parent, n.depth, n.skip = t.top(), int32(len(t.open)), hidden
	at := int32(len(t.nodes))
	n.end = at + 1
	t.nodes = append(t.nodes, n)
	if void[tag] || len(t.open) >= maxDepth {
		return
	}
	t.open = append(t.open, at)
	if (unread[tag] || tag == atom.Title) && t.hidden == 0 {
		t.hidden, t.nested = len(t.open), 0
	}
}

// stop closes the innermost open element of a name, and those within it; nothing, if it is not open.
func (t *tree) stop(tag atom.Atom) {
	if t.hidden > 0 && t.nodes[t.top()].tag != tag {
		return
	}
	if t.hidden > 0 && t.nested > 0 {
		t.nested--
		return
	}
	for i := len(t.open) - 1; i > 0; i-- {
		if t.nodes[t.open[i]].tag == tag {
			t.closeTo(i)
			return
		}
		if cells := t.nodes[t.open[i]].tag; (cells == atom.Td || cells == atom.Th) && tag != atom.Tr && tag != atom.Table && tag != atom.Tbody {
			return // what was opened outside a cell is not closed in it
		}
	}
}

// closeTo closes elements until n are open.
func (t *tree) closeTo(n int) {
	n = max(n, 1)
	for len(t.open) > n {
		t.nodes[t.top()].end = int32(len(t.nodes))
		t.open = t.open[:len(t.open)-1]
	}
	if t.hidden > len(t.open) {
		t.hidden = 0
	}
}

// closeWithin closes the innermost open element of some names, if it is not outside one of the others.
func (t *tree) closeWithin(names, outer []atom.Atom) {
	for i := len(t.open) - 1; i > 0; i-- {
		tag := t.nodes[t.open[i]].tag
		for _, n := range names {
			if tag == n {
				t.closeTo(i)
				return
			}
		}
		for _, o := range outer {
			if tag == o {
				return
			}
		}
	}
}

// count fills in the characters below each node.
func (t *tree) count() {
	for i := len(t.nodes) - 1; i > 0; i-- {
		n := &t.nodes[i]
		if n.skip {
			continue
		}
		if n.tag == 0 {
			n.chars = 0
			for _, b := range n.text {
				if b > ' ' && b&0xc0 != 0x80 {
					n.chars++
				}
			}
		}
		if n.tag == atom.A {
			n.links = n.chars
		}
		p := &t.nodes[n.parent]
		p.chars += n.chars
		p.links += n.links
	}
}
