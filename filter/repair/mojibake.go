package repair

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLayers bounds how often text is taken to have been misread.
const maxLayers = 6

// mojibake finds UTF-8 that was read as a single-byte encoding, until nothing more is found: damage comes in layers.
// Each layer is one encoding. Then what is left of C1 controls is read as Windows-1252, which it nearly always is.
//
// A sequence is a run of characters that, as bytes of the encoding, are the UTF-8 of one character. Most such runs
// cannot be meant ("Ã©" in a word), some can ("Ê…" at the end of one). So each is graded by itself, see grade.go;
// only a strong one is proof, and a weak one follows the strong ones of its word.
func mojibake(text string) []change {
	var all []change
	for range maxLayers {
		found := layer(text)
		if len(found) == 0 {
			break
		}
		all = compose(text, all, found)
		text = apply(text, found)
	}
	if found := c1(text); len(found) > 0 {
		all = compose(text, all, found)
	}
	return all
}

// A sequence is text[start:end], which may have been the character char.
type sequence struct {
	start, end int
	runes      int
	char       rune
	grade      grade
}

// layer returns the changes of the encoding that explains most of the text.
func layer(text string) []change {
	suspects := suspicious(text)
	if suspects == 0 {
		return nil
	}
	var best []change
	most := 0
	for i, e := range encodings {
		if suspects&(1<<i) == 0 {
			continue
		}
		seqs := e.sequences(text)
		e.judge(text, seqs)
		changes, covered := accepted(text, seqs, e.western && damaged(text, seqs))
		if covered > most {
			best, most = changes, covered
		}
	}
	return best
}

// suspicious returns the encodings in which some character of text could begin a sequence with the next.
func suspicious(text string) uint8 {
	var found, before uint8
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf && text[i] != ' ' {
			before = 0
			for i++; i < len(text) && text[i] < utf8.RuneSelf; i++ {
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		found |= before & follow(r)
		before = lead(r)
		i += n
	}
	return found
}

// sequences returns all sequences of text, in order, not yet graded.
func (e *encoding) sequences(text string) []sequence {
	var out []sequence
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		s := e.sequence(text, i)
		if s.end == 0 {
			_, n := utf8.DecodeRuneInString(text[i:])
			i += n
			continue
		}
		out = append(out, s)
		i = s.end
	}
	return out
}

// sequence returns the sequence that starts at i; its end is 0 if there is none.
func (e *encoding) sequence(text string, i int) sequence {
	var b [4]byte
	r, n := utf8.DecodeRuneInString(text[i:])
	b[0] = e.byteOf(r)
	want := 0
	switch {
	case b[0] >= 0xC2 && b[0] <= 0xDF:
		want = 2
	case b[0] >= 0xE0 && b[0] <= 0xEF:
		want = 3
	case b[0] >= 0xF0 && b[0] <= 0xF4:
		want = 4
	default:
		return sequence{}
	}
	end, lossy := i+n, false
	for k := 1; k < want; k++ {
		r, n := utf8.DecodeRuneInString(text[end:])
		b[k] = e.byteOf(r)
		if r == ' ' && e.spaced(text, end, b[0], k == want-1) {
			b[k] = 0xA0
		}
		if r == utf8.RuneError && n < 3 {
			return sequence{}
		}
		end += n
		if b[k] == lossyByte {
			lossy = true
			want = k + 1
			break
		}
		if b[k] < 0x80 || b[k] > 0xBF {
			return sequence{}
		}
	}
	char := utf8.RuneError
	if !lossy {
		if char, n = utf8.DecodeRune(b[:want]); n != want {
			return sequence{}
		}
	}
	return sequence{start: i, end: end, runes: want, char: char}
}

// spaced reports whether the space at i may be the no-break space of a sequence, made plain on the way: between two
// sequences, or after the Ã that begins an à.
func (e *encoding) spaced(text string, i int, first byte, last bool) bool {
	r, _ := utf8.DecodeRuneInString(text[i+1:])
	if !last {
		return e.byteOf(r) >= 0x80 && e.byteOf(r) <= 0xBF
	}
	return first == 0xC3 && e.western || e.byteOf(r) >= 0xC2
}

// damaged reports whether all of text was read wrong, as far as it shows: two sequences are strong, and no accented
// Latin letter stands outside one.
func damaged(text string, seqs []sequence) bool {
	found := 0
	for _, s := range seqs {
		if s.grade == strong {
			found++
		}
	}
	if found < 2 {
		return false
	}
	at := 0
	for _, s := range append(seqs[:len(seqs):len(seqs)], sequence{start: len(text)}) {
		for _, r := range text[at:s.start] {
			if r >= 'À' && r < 0x0250 && r != '×' && r != '÷' {
				return false
			}
		}
		at = s.end
	}
	return true
}

// accepted returns the changes for the sequences to decode, and how many characters they replace. Where all of the
// text is damaged, weak ones need no strong one in their word.
func accepted(text string, seqs []sequence, all bool) (out []change, covered int) {
	for i := 0; i < len(seqs); {
		j, proof := i+1, all || seqs[i].grade == strong
		for j < len(seqs) && !strings.ContainsAny(text[seqs[j-1].end:seqs[j].start], " \t\r\n") {
			proof = proof || seqs[j].grade == strong
			j++
		}
		for _, s := range seqs[i:j] {
			if s.grade == strong || proof && s.grade == weak {
				out = append(out, replacement(text, s))
				covered += s.runes
			}
		}
		i = j
	}
	return out, covered
}

// replacement decodes s. An à keeps the space that stood for its second byte, for it was at the end of a word.
func replacement(text string, s sequence) change {
	if s.char == 'à' && strings.HasSuffix(text[s.start:s.end], " ") && !strings.HasPrefix(text[s.end:], " ") {
		return change{s.start, s.end, "à "}
	}
	return change{s.start, s.end, string(s.char)}
}

// c1 finds control characters that Windows-1252 would have shown.
func c1(text string) []change {
	var out []change
	for i := 0; i < len(text); i++ {
		n := strings.IndexByte(text[i:], 0xC2)
		if n < 0 {
			break
		}
		i += n
		r, _ := utf8.DecodeRuneInString(text[i:])
		if w := windows(r); w != 0 {
			out = append(out, change{i, i + 2, string(w)})
		}
	}
	return out
}

// compose returns the changes that do what first and then second do; second is about mid, the text after first.
func compose(mid string, first, second []change) []change {
	var out []change
	i, shift := 0, 0 // of first, those before i are in out; shift is how far they moved mid
	for j := 0; j < len(second); {
		for i < len(first) && first[i].start+shift+len(first[i].new) <= second[j].start {
			shift += len(first[i].new) - (first[i].end - first[i].start)
			out = append(out, first[i])
			i++
		}
		lo, hi, from, moved := second[j].start, second[j].end, j, shift
		for {
			if i < len(first) && first[i].start+moved < hi {
				lo = min(lo, first[i].start+moved)
				hi = max(hi, first[i].start+moved+len(first[i].new))
				moved += len(first[i].new) - (first[i].end - first[i].start)
				i++
			} else if j < len(second) && second[j].start < hi {
				hi = max(hi, second[j].end)
				j++
			} else {
				break
			}
		}
		var inner []change
		for _, c := range second[from:j] {
			inner = append(inner, change{c.start - lo, c.end - lo, c.new})
		}
		out = append(out, change{lo - shift, hi - moved, apply(mid[lo:hi], inner)})
		shift = moved
	}
	return append(out, first[i:]...)
}

// isLower and isUpper are about letters only; U+FFFD and what lies outside the text are none.
func isLower(r rune) bool { return unicode.IsLower(r) }
func isUpper(r rune) bool { return unicode.IsUpper(r) }
