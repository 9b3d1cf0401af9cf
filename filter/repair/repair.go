// Package repair undoes what broken software did to a text: UTF-8 read in a wrong encoding, HTML entities left in,
// foreign line endings, control characters, decomposed letters. It changes nothing that may have been meant.
//
// The kinds of damage, their order and the care about false alarms follow ftfy (Speer 2019, doi:10.5281/zenodo.2591652);
// the decision what is mojibake follows its version 6, see badness.go. Lines with sound text only are passed over fast.
package repair

import (
	"html"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"temper/dataset"
)

// The rules, in the order in which they are applied.
const (
	RuleMojibake    = "fix_text.mojibake"     // UTF-8 that was read as a single-byte encoding, once or more
	RuleEntities    = "fix_text.entities"     // HTML entities in text without tags
	RuleLineEndings = "fix_text.line_endings" // \r\n, \r, U+2028 and U+2029 become \n
	RuleControl     = "fix_text.control"      // control and zero-width characters go; joiners stay
	RuleTypography  = "fix_text.typography"   // if asked for: quotes, ligatures and wide forms become plain
	RuleInvisible   = "fix_text.invisible"    // if asked for: what else is not seen goes, see invisible.go
	RuleNFC         = "fix_text.nfc"          // letters and accents are composed (Unicode's form NFC)
	RuleNFKC        = "fix_text.nfkc"         // if asked for, instead: what is compatible becomes one, too (form NFKC)
)

// Rules are all rules, in order.
var Rules = []string{RuleEntities, RuleMojibake, RuleTypography, RuleLineEndings, RuleControl, RuleInvisible, RuleNFC, RuleNFKC}

// maxRounds bounds how often the rules are applied in turn: an entity may hide mojibake, and so on.
const maxRounds = 4

// Options sets what is repaired. The zero value repairs everything that is damage.
type Options struct {
	Plain     bool `json:"plain,omitempty" doc:"make quotes straight, ligatures letters and wide forms ordinary, as ftfy does"`
	Invisible bool `json:"invisible,omitempty" doc:"remove what else is not seen: soft hyphens, marks of direction, tags, joiners where no script needs them"`
	NoNFC     bool `json:"no_nfc,omitempty" doc:"leave accents as they are, do not compose them (NFC)"`
	NFKC      bool `json:"nfkc,omitempty" doc:"make what is compatible one: ligatures, superscripts, wide and circled forms, spaces (NFKC)"`
}

// Edits returns what to change in text, as [dataset.Apply] takes it, or nil if nothing is wrong. What it repaired it
// leaves alone the second time, if text is valid UTF-8 as all records are: in other text what is left may join to new characters.
func Edits(text string, o Options) []dataset.Edit {
	if clean(text) {
		return nil
	}
	passes := o.passes()
	var edits []dataset.Edit
	needed := scan(text, o)
	for range maxRounds {
		before := len(edits)
		for _, p := range passes {
			if needed&p.need == 0 || before > 0 && edits[len(edits)-1].Rule == p.rule {
				continue
			}
			found := p.find(text)
			if len(found) == 0 {
				continue
			}
			for _, c := range found {
				edits = append(edits, dataset.Edit{Rule: p.rule, Start: c.start, End: c.end, Old: text[c.start:c.end], New: c.new})
			}
			text = apply(text, found)
			needed = scan(text, o)
		}
		if len(edits) == before {
			break
		}
	}
	return edits
}

// A pass finds what one rule changes, in texts that need it.
type pass struct {
	rule string
	need int
	find func(string) []change
}

// passes returns the rules that are asked for, in order.
func (o Options) passes() []pass {
	all := []pass{{RuleEntities, needEntities, entities}, {RuleMojibake, needMojibake, mojibake}}
	if o.Plain {
		all = append(all, pass{RuleTypography, needTypography, typography})
	}
	all = append(all, pass{RuleLineEndings, needLineEndings, lineEndings}, pass{RuleControl, needControl, control})
	if o.Invisible {
		all = append(all, pass{RuleInvisible, needInvisible, hidden})
	}
	switch {
	case o.NFKC:
		all = append(all, pass{RuleNFKC, needNFC, func(text string) []change { return normal(text, norm.NFKC) }})
	case !o.NoNFC:
		all = append(all, pass{RuleNFC, needNFC, func(text string) []change { return normal(text, norm.NFC) }})
	}
	return all
}

// A change replaces text[start:end] by new.
type change struct {
	start, end int
	new        string
}

// apply returns text with changes, which are sorted and do not overlap.
func apply(text string, changes []change) string {
	var b strings.Builder
	at := 0
	for _, c := range changes {
		b.WriteString(text[at:c.start])
		b.WriteString(c.new)
		at = c.end
	}
	b.WriteString(text[at:])
	return b.String()
}

// maxEntity is the longest entity looked at, in bytes: &CounterClockwiseContourIntegral; has 33.
const maxEntity = 40

// entities finds HTML entities that end in a semicolon, unless the text has tags: then it is source, not damage. What
// was escaped more than once is unescaped wholly.
func entities(text string) []change {
	if strings.IndexByte(text, '<') >= 0 {
		return nil
	}
	var out []change
	for i := 0; i < len(text); i++ {
		n := strings.IndexByte(text[i:], '&')
		if n < 0 {
			break
		}
		i += n
		end, value := i+1, "&"
		for value == "&" {
			n, v := entity(text[end:])
			if n == 0 {
				break
			}
			end, value = end+n, v
		}
		if end > i+1 {
			out = append(out, change{i, end, value})
			i = end - 1
		}
	}
	return out
}

// entity returns the length and the value of the entity whose & stands before text; 0 if it is none.
func entity(text string) (int, string) {
	for i := 0; i < len(text) && i < maxEntity; i++ {
		c := text[i]
		if c == ';' {
			whole := "&" + text[:i+1]
			v := html.UnescapeString(whole)
			if v != ";" && strings.HasSuffix(v, ";") { // unknown, or known only by a shorter name
				return 0, ""
			}
			return i + 1, v
		}
		if c != '#' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
	}
	return 0, ""
}

// lineEndings finds the ends of lines that are not \n.
func lineEndings(text string) []change {
	var out []change
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\r':
			if i+1 < len(text) && text[i+1] == '\n' {
				out = append(out, change{i, i + 1, ""})
			} else {
				out = append(out, change{i, i + 1, "\n"})
			}
		case 0xE2:
			if strings.HasPrefix(text[i:], "\u2028") || strings.HasPrefix(text[i:], "\u2029") {
				out = append(out, change{i, i + 3, "\n"})
			}
		}
	}
	return out
}

// control finds characters that show nothing and steer nothing in plain text: C0 but tab and newline, DEL, byte order
// marks, zero-width spaces, interlinear annotation, and the whole of a terminal's sequences for colours (ESC [ 1 m). Joiners (U+200C, U+200D) spell words and emoji, and stay. The C1
// range is the mojibake rule's.
func control(text string) []change {
	var out []change
	for i := 0; i < len(text); {
		n := invisible(text[i:])
		if n == 0 {
			i++
			continue
		}
		if k := len(out) - 1; k >= 0 && out[k].end == i {
			out[k].end += n
		} else {
			out = append(out, change{i, i + n, ""})
		}
		i += n
	}
	return out
}

// invisible returns the length of the character to remove at the start of text, or 0.
func invisible(text string) int {
	c := text[0]
	switch {
	case c == 0x1B:
		return max(1, escape(text))
	case c < 0x20:
		if c == '\n' || c == '\t' || c == '\r' {
			return 0
		}
		return 1
	case c == 0x7F:
		return 1
	case c != 0xE2 && c != 0xEF:
		return 0
	}
	r, n := utf8.DecodeRuneInString(text)
	if r == 0x200B || r == 0x2060 || r == 0xFEFF || r >= 0x206A && r <= 0x206F || r >= 0xFFF9 && r <= 0xFFFB {
		return n
	}
	return 0
}

// escape returns the length of the terminal's sequence at the start of text, ESC [ digits and semicolons, a letter, or 0.
func escape(text string) int {
	if len(text) < 3 || text[1] != '[' {
		return 0
	}
	for i := 2; i < len(text) && i < 32; i++ {
		switch c := text[i]; {
		case c >= '0' && c <= '9' || c == ';':
		case 'a' <= c|0x20 && c|0x20 <= 'z':
			return i + 1
		default:
			return 0
		}
	}
	return 0
}

// normal finds what is not in a form of Unicode's.
func normal(text string, form norm.Form) []change {
	var out []change
	for i := 0; i < len(text); {
		i += form.QuickSpanString(text[i:])
		if i >= len(text) {
			break
		}
		n := form.NextBoundaryInString(text[i:], true)
		if n <= 0 {
			break
		}
		if s := form.String(text[i : i+n]); s != text[i:i+n] {
			out = append(out, change{i, i + n, s})
		}
		i += n
	}
	return out
}
