package dedup

import (
	"strings"

	"github.com/zeebo/xxh3"
)

// A span is bytes of a text.
type span struct{ from, to int }

// A block is a paragraph or a line: its bytes, and where the next one may begin.
type block struct{ from, to, next int }

// blocks knows the paragraphs, or the lines, that were there.
type blocks struct {
	o    Exact
	cut  func(text string, yield func(block))
	seen map[xxh3.Uint128]struct{}
}

func newBlocks(o Exact, cut func(string, func(block))) *blocks {
	return &blocks{o, cut, map[xxh3.Uint128]struct{}{}}
}

// repeated are the blocks of a text that were there before, each with what parts it from the next one.
func (b *blocks) repeated(text string) (spans []span) {
	b.cut(text, func(at block) {
		h, ok := b.o.block(text[at.from:at.to])
		if !ok {
			return
		}
		if _, again := b.seen[h]; again {
			spans = append(spans, span{at.from, at.next})
		}
		b.seen[h] = struct{}{}
	})
	return spans
}

// block returns the hash by which a paragraph or a line is compared; ok is false for one of too few words.
func (o Exact) block(text string) (h xxh3.Uint128, ok bool) {
	part := strings.TrimSpace(text)
	if !hasWords(part, o.MinWords) {
		return h, false
	}
	if o.Normalize {
		return xxh3.Hash128(folded([]byte(part))), true
	}
	return xxh3.HashString128(part), true
}

func hasWords(s string, n int) bool {
	for range strings.FieldsSeq(s) {
		if n--; n == 0 {
			return true
		}
	}
	return false
}

// cutLines yields the lines that are not empty.
func cutLines(text string, yield func(block)) {
	for at := 0; at < len(text); {
		next := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		if strings.TrimSpace(text[at:next]) != "" {
			yield(block{at, next, next})
		}
		at = next
	}
}

// cutParagraphs yields the runs of lines that are not empty; what follows one, up to the next one, is empty lines.
func cutParagraphs(text string, yield func(block)) {
	var open *block
	cutLines(text, func(line block) {
		switch {
		case open == nil:
			open = &line
		case line.from == open.to:
			open.to = line.to
		default:
			open.next = line.from
			yield(*open)
			open = &line
		}
	})
	if open != nil {
		open.next = len(text)
		yield(*open)
	}
}
