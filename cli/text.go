package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// The widths of text for people: narrower is not legible, wider is not read.
const (
	narrowest = 80
	usual     = 100 // where nobody watches a terminal
	widest    = 120
)

// lineWidth is how wide lines on w should be at most, in columns.
func lineWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !terminal(w) {
		return usual
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return usual
	}
	return min(widest, max(narrowest, columns))
}

// printable shows control characters, which could steer a terminal, as what they are; line ends and tabs stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20:
			return 0x2400 + r // ␛ for escape
		case r == 0x7f:
			return 0x2421
		case unicode.Is(unicode.Bidi_Control, r), unicode.IsControl(r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// runeWidth is how many columns a terminal gives r: two for East Asian wide ones, none for combining marks.
func runeWidth(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cellWidth is how many columns a terminal gives s.
func cellWidth(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// wrap breaks text in lines of at most columns columns, at spaces where it can. Lines keep their indentation; a blank line at an end
// goes. It is nil for a text of nothing.
func wrap(text string, columns int) []string {
	text = strings.Trim(strings.ReplaceAll(printable(text), "\t", "    "), "\n ")
	if text == "" {
		return nil
	}
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, wrapLine(strings.TrimRight(line, " "), columns)...)
	}
	return lines
}

// wrapLine breaks one line; what goes on is indented as it was.
func wrapLine(line string, columns int) []string {
	body := strings.TrimLeft(line, " ")
	indent := line[:min(len(line)-len(body), columns/2)]
	room := columns - len(indent)
	var lines []string
	for cellWidth(body) > room {
		end, space, used := 0, -1, 0
		for i, r := range body {
			if used += runeWidth(r); used > room && i > 0 {
				if r == ' ' {
					space = i // the line is full and a word ends here
				}
				break
			}
			if r == ' ' {
				space = i
			}
			end = i + len(string(r))
		}
		if space > 0 {
			end = space
		}
		lines = append(lines, indent+strings.TrimRight(body[:end], " "))
		body = strings.TrimLeft(body[end:], " ")
	}
	return append(lines, indent+body)
}

// sideBySide sets two texts in two columns that take columns together, below their heads.
func sideBySide(w io.Writer, columns int, heads, texts [2]string) {
	half := (columns - 3) / 2
	a, b := wrap(texts[0], half), wrap(texts[1], half)
	line := func(l, r string) {
		pad := strings.Repeat(" ", max(0, half-cellWidth(l)))
		fmt.Fprintln(w, strings.TrimRight("  "+l+pad+" │ "+r, " "))
	}
	line(heads[0], heads[1])
	fmt.Fprintln(w, "  "+strings.Repeat("─", half+1)+"┼"+strings.Repeat("─", half+1))
	for i := range max(len(a), len(b), 1) {
		l, r := "", ""
		if i < len(a) {
			l = a[i]
		}
		if i < len(b) {
			r = b[i]
		}
		line(l, r)
	}
}
