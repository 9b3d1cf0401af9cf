package jinja

import (
	"fmt"
	"strings"
	"unicode"
)

// Kinds of tokens.
const (
	end    = iota // of the template
	data          // text between tags
	open          // {{ or {%
	closed        // }} or %}
	name
	integral // number
	decimal
	quote // string literal, without quotes
	symbol
)

type token struct {
	kind int
	s    string
	at   int // offset in bytes
}

// A lexer parts a template into tokens, with trim_blocks and lstrip_blocks on.
type lexer struct {
	s      string
	at     int
	out    []token
	fresh  bool // what came before ended a line, so that blanks before a tag start one
	shaved bool // white space from here on goes: the tag before ended in -
}

// lex returns the tokens of a template.
func lex(s string) (tokens []token, err error) {
	defer caught(&err)
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	l := &lexer{s: strings.TrimSuffix(s, "\n"), fresh: true}
	for l.at < len(l.s) {
		l.text()
	}
	return append(l.out, token{kind: end, at: len(l.s)}), nil
}

func (l *lexer) fail(at int, format string, args ...any) {
	fail("offset %d: %s", at, fmt.Sprintf(format, args...))
}

func (l *lexer) add(kind int, s string, at int) { l.out = append(l.out, token{kind, s, at}) }

// text reads up to the next tag, and that tag.
func (l *lexer) text() {
	from, at := l.at, l.at
	for at < len(l.s) && !(l.s[at] == '{' && at+1 < len(l.s) && strings.IndexByte("{%#", l.s[at+1]) >= 0) {
		at++
	}
	body := l.s[from:at]
	if l.shaved {
		body = strings.TrimLeftFunc(body, unicode.IsSpace)
	}
	l.shaved = false
	if at == len(l.s) {
		l.emit(body, from)
		l.at = at
		return
	}
	kind, sign := l.s[at+1], byte(0)
	l.at = at + 2
	if l.at < len(l.s) && (l.s[l.at] == '-' || l.s[l.at] == '+') {
		sign = l.s[l.at]
		l.at++
	}
	l.emit(l.before(body, kind, sign), from)
	switch {
	case kind == '#':
		n := strings.Index(l.s[l.at:], "#}")
		if n < 0 {
			l.fail(at, "a comment without #}")
		}
		l.at += n
		l.after(l.s[l.at-1], '#', l.at+2)
	case kind == '%' && l.raw():
	default:
		l.add(open, l.s[at:at+2], at)
		l.inside(kind)
	}
}

func (l *lexer) emit(s string, at int) {
	if s != "" {
		l.add(data, s, at)
	}
}

// before is the text before a tag: shaved for -, and for a block that stands alone on its line without its indentation.
func (l *lexer) before(body string, kind, sign byte) string {
	if sign == '-' {
		return strings.TrimRightFunc(body, unicode.IsSpace)
	}
	if sign == '+' || kind == '{' {
		return body
	}
	i := strings.LastIndexByte(body, '\n') + 1
	if (i > 0 || l.fresh) && strings.TrimFunc(body[i:], unicode.IsSpace) == "" {
		return body[:i]
	}
	return body
}

// after goes on at at, behind a tag that ended in sign.
func (l *lexer) after(sign, kind byte, at int) {
	l.at, l.fresh = at, false
	switch {
	case sign == '-':
		l.shaved = true
		rest := strings.TrimLeftFunc(l.s[at:], unicode.IsSpace)
		l.fresh = len(rest) < len(l.s)-at && l.s[len(l.s)-len(rest)-1] == '\n'
	case sign != '+' && kind != '{' && strings.HasPrefix(l.s[at:], "\n"): // trim_blocks
		l.at++
		l.fresh = true
	}
}

// raw reads a raw block, if one begins here.
func (l *lexer) raw() bool {
	rest := strings.TrimLeftFunc(l.s[l.at:], unicode.IsSpace)
	if !strings.HasPrefix(rest, "raw") {
		return false
	}
	tag := strings.TrimLeftFunc(rest[3:], unicode.IsSpace)
	n := strings.Index(tag, "%}")
	if n < 0 || strings.Trim(tag[:n], "-+") != "" {
		return false
	}
	sign := byte(0)
	if n > 0 {
		sign = tag[0]
	}
	l.after(sign, '{', len(l.s)-len(tag)+n+2) // its newline stays
	from := l.at
	for at := l.at; ; at += 2 {
		n := strings.Index(l.s[at:], "{%")
		if n < 0 {
			l.fail(from, "raw without endraw")
		}
		at += n
		inner := l.s[at+2:]
		stop := strings.Index(inner, "%}")
		if stop < 0 || strings.TrimFunc(strings.Trim(inner[:stop], "-+"), unicode.IsSpace) != "endraw" {
			continue
		}
		body := l.s[from:at]
		if l.shaved {
			body = strings.TrimLeftFunc(body, unicode.IsSpace)
		}
		l.shaved = false
		l.emit(l.before(body, '%', inner[0]), from)
		l.after(inner[stop-1], '%', at+2+stop+2)
		return true
	}
}

// inside reads the tokens of a tag and its end. Delimiters within brackets are part of the expression.
func (l *lexer) inside(kind byte) {
	ending := map[byte]string{'{': "}}", '%': "%}"}[kind]
	depth, start := 0, l.at
	for {
		l.at += len(l.s[l.at:]) - len(strings.TrimLeftFunc(l.s[l.at:], unicode.IsSpace))
		rest := l.s[l.at:]
		if rest == "" {
			l.fail(start, "a tag without %s", ending)
		}
		if depth == 0 {
			sign := byte(0)
			if (rest[0] == '-' || rest[0] == '+' && kind == '%') && strings.HasPrefix(rest[1:], ending) {
				sign = rest[0]
				rest = rest[1:]
			}
			if strings.HasPrefix(rest, ending) {
				l.add(closed, ending, l.at)
				l.after(sign, kind, len(l.s)-len(rest)+2)
				return
			}
			rest = l.s[l.at:]
		}
		l.token(rest)
		switch l.out[len(l.out)-1].s {
		case "(", "[", "{":
			if l.out[len(l.out)-1].kind == symbol {
				depth++
			}
		case ")", "]", "}":
			if l.out[len(l.out)-1].kind == symbol {
				depth--
			}
		}
	}
}

// token reads one token of an expression.
func (l *lexer) token(rest string) {
	at := l.at
	c := rune(rest[0])
	if c >= 0x80 {
		c = []rune(rest[:min(len(rest), 4)])[0]
	}
	switch {
	case c == '_' || unicode.IsLetter(c):
		n := strings.IndexFunc(rest, func(c rune) bool { return c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) })
		if n < 0 {
			n = len(rest)
		}
		l.add(name, rest[:n], at)
		l.at += n
	case c >= '0' && c <= '9':
		l.number(rest)
	case c == '\'' || c == '"':
		s, n := quoted(rest)
		if n == 0 {
			l.fail(at, "a string without its end")
		}
		l.add(quote, s, at)
		l.at += n
	default:
		n := 1
		for _, two := range []string{"==", "!=", "<=", ">=", "//", "**"} {
			if strings.HasPrefix(rest, two) {
				n = 2
			}
		}
		if n == 1 && !strings.ContainsRune("=<>+-*/%~|.,:()[]{}", c) {
			l.fail(at, "unexpected %q", c)
		}
		l.add(symbol, rest[:n], at)
		l.at += n
	}
}

func (l *lexer) number(s string) {
	digits := func(i int) int {
		for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '_' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9') {
			i++
		}
		return i
	}
	n, kind := digits(0), integral
	previous := len(l.out) > 0 && l.out[len(l.out)-1].kind == symbol && l.out[len(l.out)-1].s == "."
	if n+1 < len(s) && s[n] == '.' && s[n+1] >= '0' && s[n+1] <= '9' && !previous {
		n, kind = digits(n+1), decimal
	}
	if n+1 < len(s) && (s[n] == 'e' || s[n] == 'E') && !previous {
		m := n + 1
		if m+1 < len(s) && (s[m] == '+' || s[m] == '-') {
			m++
		}
		if e := digits(m); e > m {
			n, kind = e, decimal
		}
	}
	l.add(kind, strings.ReplaceAll(s[:n], "_", ""), l.at)
	l.at += n
}

// quoted reads a string literal and returns its value and length, 0 for one without an end.
func quoted(s string) (string, int) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == s[0]:
			return b.String(), i + 1
		case c == '\\' && i+1 < len(s):
			i++
			if n := escape(&b, s[i:]); n > 0 {
				i += n - 1
			} else {
				b.WriteByte('\\')
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", 0
}

// escape writes what an escape sequence stands for, without its backslash, and returns its length, 0 if it is none.
func escape(b *strings.Builder, s string) int {
	if i := strings.IndexByte(`abfnrtv\'"`, s[0]); i >= 0 {
		b.WriteByte("\a\b\f\n\r\t\v\\'\""[i])
		return 1
	}
	n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	if s[0] == '\n' {
		return 1
	}
	if n == 0 || len(s) <= n {
		return 0
	}
	c := rune(0)
	for _, d := range []byte(s[1 : n+1]) {
		v := strings.IndexByte("0123456789abcdef", d|0x20)
		if v < 0 {
			return 0
		}
		c = c<<4 | rune(v)
	}
	b.WriteRune(c)
	return n + 1
}
