package repair

import (
	"strings"
	"unicode/utf8"
)

// Bounds: how often text is taken to have been misread, and how much of a line is looked at as one.
const (
	maxLayers  = 12
	maxDepth   = 3       // runs within runs
	maxSegment = 1 << 20 // bytes
)

// mojibake finds UTF-8 that was read as a single-byte encoding, line by line, until nothing more is found: damage comes in
// layers, and lines of one text have been through different things. Control characters of Latin-1 that are left are read
// as Windows-1252, which they nearly always are.
//
// A line is touched only if it has a sequence that no sound text has (see [isBad]). If all of it can be read back by one
// encoding, it is; else the runs of characters in it that look like UTF-8 are, each by itself. The method is ftfy's.
func mojibake(text string) []change {
	var all []change
	for start := 0; start < len(text); {
		end := segment(text, start)
		if part := text[start:end]; isBad(part) {
			for _, c := range unmix(part, 0) {
				all = append(all, change{c.start + start, c.end + start, c.new})
			}
		}
		start = end
	}
	return all
}

// segment returns where the line that starts at start ends, or the part of a line that is very long.
func segment(text string, start int) int {
	end := len(text)
	if n := strings.IndexByte(text[start:], '\n'); n >= 0 {
		end = start + n + 1
	}
	if end-start <= maxSegment {
		return end
	}
	end = start + maxSegment
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return end
}

// unmix returns the changes that make text sound; depth is how many runs it lies in.
func unmix(text string, depth int) []change {
	var all []change
	for range maxLayers {
		found := layer(text, depth)
		if len(found) == 0 {
			break
		}
		all = compose(text, all, found)
		text = apply(text, found)
	}
	return all
}

// layer returns the changes that take one layer of damage away, or nil.
func layer(text string, depth int) []change {
	if !isBad(text) {
		return nil
	}
	for _, e := range encodings {
		if found, ok := e.decode(text); ok {
			return found // it may be nothing: all of it was read right
		}
	}
	if depth < maxDepth {
		if found := runs(text, depth); len(found) > 0 {
			return found
		}
	}
	return c1(text)
}

// runs decodes the runs of characters in text that look like UTF-8, as far as they are bad by themselves.
func runs(text string, depth int) (found []change) {
	before := rune(-1)
	for i := 0; i < len(text); {
		n := 0
		if before < 0 || clue(before)&followsOnly == 0 {
			n = run(text[i:])
		}
		if n == 0 {
			before, n = utf8.DecodeRuneInString(text[i:])
			i += n
			continue
		}
		if part := text[i : i+n]; n < len(text) && isBad(part) {
			for _, c := range unmix(part, depth+1) {
				found = append(found, change{c.start + i, c.end + i, c.new})
			}
		}
		before, _ = utf8.DecodeLastRuneInString(text[i : i+n])
		i += n
	}
	return found
}

// run returns the length of the sequences at the start of text that look like UTF-8.
func run(text string) (length int) {
	for length < len(text) {
		r, n := utf8.DecodeRuneInString(text[length:])
		c, whole := clue(r), 0
		for want, starts := range [...]uint8{1: startsTwo, 2: startsThree, 3: startsFour} {
			if c&starts != 0 && whole == 0 {
				if m := later(text[length+n:], want); m > 0 {
					whole = n + m
				}
			}
		}
		if whole == 0 {
			break
		}
		length += whole
	}
	return length
}

// later returns the length of the so many characters at the start of text, if all may be later bytes, or 0.
func later(text string, count int) (length int) {
	for range count {
		r, n := utf8.DecodeRuneInString(text[length:])
		if n == 0 || clue(r)&follows == 0 {
			return 0
		}
		length += n
	}
	return length
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
		if w := windowsControl(r); w != 0 {
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
