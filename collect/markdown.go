package collect

import (
	"bytes"
	"strings"

	"temper/dataset"
)

func (m *Markdown) read(r *reader) error { return r.sections(headings) }

// headings cuts Markdown at its ATX headings (CommonMark 0.31, §4.2) outside fenced code (§4.5). Meta has the title, and the path of
// titles down to it. A heading with nothing below it is in the paths of those after it, and no section of its own.
func headings(b []byte) []section {
	var out []section
	var titles [6]string
	open, body := section{}, 0 // body is where the text after the heading starts
	fence := ""
	end := func(at int) {
		if len(bytes.TrimSpace(b[body:at])) > 0 {
			open.to = at
			out = append(out, open)
		}
	}
	for at, raw := range lines(b) {
		line := string(bytes.TrimRight(raw, "\r\n"))
		if at == 0 {
			line = strings.TrimPrefix(line, string(mark))
		}
		text := strings.TrimLeft(line, " ")
		if len(line)-len(text) > 3 { // indented code
			continue
		}
		switch ticks := fenceOf(text); {
		case fence != "":
			if strings.HasPrefix(ticks, fence) && strings.Trim(text[len(ticks):], " \t") == "" {
				fence = ""
			}
		case ticks != "":
			fence = ticks
		default:
			if level, title := heading(text); level > 0 {
				end(at)
				titles[level-1] = title
				clear(titles[level:])
				open = section{from: at, meta: dataset.Meta{"title": title, "path": joined(titles[:level])}}
				body = at + len(raw)
			}
		}
	}
	end(len(b))
	return out
}

// fenceOf is the run of backticks or tildes that opens or closes fenced code, or "". Backticks after it make it inline code.
func fenceOf(line string) string {
	for _, c := range []string{"`", "~"} {
		rest := strings.TrimLeft(line, c)
		if n := len(line) - len(rest); n >= 3 && (c == "~" || !strings.Contains(rest, c)) {
			return line[:n]
		}
	}
	return ""
}

// heading is the level and text of an ATX heading, or 0.
func heading(line string) (level int, title string) {
	level = len(line) - len(strings.TrimLeft(line, "#"))
	if level == 0 || level > 6 || len(line) > level && line[level] != ' ' && line[level] != '\t' {
		return 0, ""
	}
	title = strings.Trim(line[level:], " \t")
	if t := strings.TrimRight(title, "#"); t == "" || strings.HasSuffix(t, " ") || strings.HasSuffix(t, "\t") {
		title = strings.TrimRight(t, " \t")
	}
	return level, title
}

// joined is a path of titles.
func joined(titles []string) string {
	var parts []string
	for _, t := range titles {
		if t != "" {
			parts = append(parts, t)
		}
	}
	return strings.Join(parts, " > ")
}
