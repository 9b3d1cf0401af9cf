package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// lookahead matches any expression with look-ahead and look-behind, many times slower than a scanner.
type lookahead struct{ expr *regexp2.Regexp }

// maxExpr is the longest expression taken, in bytes.
const maxExpr = 1 << 14

// newLookahead compiles an expression. One that repeats a repetition or a choice is refused: matching it can take exponential time.
func newLookahead(expr string) (lookahead, error) {
	if len(expr) > maxExpr {
		return lookahead{}, fmt.Errorf("an expression of %d bytes; at most %d: %w", len(expr), maxExpr, ErrUnsupported)
	}
	if nested(expr) {
		return lookahead{}, fmt.Errorf("expression %q repeats a repetition or a choice: %w", expr, ErrUnsupported)
	}
	// .NET's name for Greek letters and its like are not used by tokenizers; possessive marks change only the speed.
	x, err := regexp2.Compile(strings.NewReplacer("?+", "?", "++", "+", "*+", "*").Replace(expr), regexp2.None)
	if err != nil {
		return lookahead{}, fmt.Errorf("expression %q: %w: %w", expr, err, ErrUnsupported)
	}
	return lookahead{x}, nil
}

// matches walks over text beside the matches, which count in characters.
func (l lookahead) matches(text string, found func(from, to int)) {
	at, chars := 0, 0
	forward := func(to int) int {
		for ; chars < to && at < len(text); chars++ {
			_, n := utf8.DecodeRuneInString(text[at:])
			at += n
		}
		return at
	}
	m, err := l.expr.FindStringMatch(text) // the errors are timeouts, and none is set
	for err == nil && m != nil {
		from := forward(m.Index)
		found(from, forward(m.Index+m.Length))
		m, err = l.expr.FindNextMatch(m)
	}
}

// nested reports whether an expression repeats without bound a group that holds such a repetition, or a choice: both can match
// one text in exponentially many ways.
func nested(expr string) bool {
	var open []bool // whether each open group holds one
	inner := false  // whether the group just closed did
	for i := 0; i < len(expr); i++ {
		repeat := expr[i] == '*' || expr[i] == '+' || expr[i] == '{' && unbounded(expr[i:])
		if repeat && inner {
			return true
		}
		if expr[i] != '?' || i == 0 || expr[i-1] != ')' {
			inner = false
		}
		switch {
		case expr[i] == '\\':
			i++
		case expr[i] == '[':
			i = classEnd(expr, i)
		case expr[i] == '(':
			open = append(open, false)
		case expr[i] == ')' && len(open) > 0:
			last := len(open) - 1
			inner = open[last]
			if open = open[:last]; inner && last > 0 {
				open[last-1] = true
			}
		case (repeat || expr[i] == '|') && len(open) > 0:
			open[len(open)-1] = true
		}
	}
	return false
}

// unbounded reports whether {n,} begins s.
func unbounded(s string) bool {
	end := strings.IndexByte(s, '}')
	return end > 0 && s[end-1] == ','
}

// classEnd is the place of the ] that ends the class at expr[i].
func classEnd(expr string, i int) int {
	i++
	if i < len(expr) && expr[i] == '^' {
		i++
	}
	if i < len(expr) && expr[i] == ']' {
		i++
	}
	for ; i < len(expr) && expr[i] != ']'; i++ {
		if expr[i] == '\\' {
			i++
		}
	}
	return i
}
