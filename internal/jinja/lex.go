package jinja

import (
	"fmt"
	"strings"
	"unicode"
)

// A lexer parts a template into text and the insides of tags.
type lexer struct {
	s    string
	at   int
	trim bool // the tag before said -, so that white space after it goes
	line bool // the tag before was a block, so that one newline after it goes (trim_blocks)
}

// next returns the text up to the next tag, the kind of that tag ('%', '{' or 0 at the end) and what is inside.
func (l *lexer) next() (text string, kind byte, inside string, err error) {
	from := l.at
	for {
		i := strings.IndexByte(l.s[l.at:], '{')
		if i < 0 || l.at+i+1 >= len(l.s) {
			text = l.clean(l.s[from:])
			l.at = len(l.s)
			return text, 0, "", nil
		}
		l.at += i
		if c := l.s[l.at+1]; c == '%' || c == '{' || c == '#' {
			kind = c
			break
		}
		l.at++
	}
	text = l.s[from:l.at]
	start := l.at
	l.at += 2
	closing := map[byte]string{'%': "%}", '{': "}}", '#': "#}"}[kind]
	end := closed(l.s[l.at:], closing, kind != '#')
	if end < 0 {
		return "", 0, "", fmt.Errorf("offset %d: %s without %s: %w", start, l.s[start:start+2], closing, ErrTemplate)
	}
	inside = l.s[l.at : l.at+end]
	l.at += end + 2
	text = l.clean(text)
	if strings.HasPrefix(inside, "-") {
		text, inside = strings.TrimRightFunc(text, unicode.IsSpace), inside[1:]
	} else if kind != '{' { // lstrip_blocks
		if i := strings.LastIndexByte(text, '\n'); strings.Trim(text[i+1:], " \t") == "" && (i >= 0 || start == from && from == 0 || from == 0) {
			text = text[:i+1]
		}
	}
	l.line = kind != '{'
	if strings.HasSuffix(inside, "-") {
		l.trim, inside = true, inside[:len(inside)-1]
	}
	return text, kind, strings.TrimSpace(inside), nil
}

// clean takes off what the tag before asked for.
func (l *lexer) clean(text string) string {
	if l.trim {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
	} else if l.line {
		text = strings.TrimPrefix(text, "\n")
	}
	l.trim, l.line = false, false
	return text
}

// closed finds closing in s outside quotes.
func closed(s, closing string, quotes bool) int {
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case quotes && (c == '\'' || c == '"'):
			quote = c
		case strings.HasPrefix(s[i:], closing):
			return i
		}
	}
	return -1
}

// token kinds of expressions.
const (
	end = iota
	name
	number
	text
	symbol
)

type token struct {
	kind int
	s    string
}

// tokens parts an expression.
func tokens(s string) ([]token, error) {
	var out []token
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			i++
		case c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			j := i
			for j < len(s) && (s[j] == '_' || unicode.IsLetter(rune(s[j])) || unicode.IsDigit(rune(s[j]))) {
				j++
			}
			out = append(out, token{name, s[i:j]})
			i = j
		case c >= '0' && c <= '9':
			j := i
			for j < len(s) && s[j] >= '0' && s[j] <= '9' {
				j++
			}
			out = append(out, token{number, s[i:j]})
			i = j
		case c == '\'' || c == '"':
			v, n, err := quoted(s[i:])
			if err != nil {
				return nil, err
			}
			out = append(out, token{text, v})
			i += n
		default:
			n := 1
			if i+1 < len(s) && strings.Contains("== != <= >= // **", s[i:i+2]) && s[i+1] != ' ' && c != ' ' {
				n = 2
			}
			if !strings.ContainsRune("=!<>+-*/%~|.,:()[]{}", rune(c)) {
				return nil, fmt.Errorf("unexpected %q in %q: %w", c, s, ErrTemplate)
			}
			out = append(out, token{symbol, s[i : i+n]})
			i += n
		}
	}
	return append(out, token{}), nil
}

// quoted reads a string literal and returns its value and length.
func quoted(s string) (string, int, error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == s[0]:
			return b.String(), i + 1, nil
		case c == '\\' && i+1 < len(s):
			i++
			switch s[i] {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case 'r':
				b.WriteByte('\r')
			case '\\', '\'', '"':
				b.WriteByte(s[i])
			default:
				b.WriteByte('\\')
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, fmt.Errorf("a string without its end in %q: %w", s, ErrTemplate)
}
